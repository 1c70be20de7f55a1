"""Publishing, rolling back, pausing: what is live changes here and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from accounts.models import AuditEvent, Tenant, User
from integrations.models import IntegrationAction, IntegrationDefinition, UserIntegration
from tests.workflows.documents_examples import order, small
from workflows import documents, publishing
from workflows.engine.document import Document, Trigger, digest
from workflows.engine.kinds import STEP_KINDS
from workflows.engine.steps import RUNNABLE_TYPES
from workflows.errors import NothingPublished
from workflows.models import Deployment, LiveTrigger, WorkflowTemplate, WorkflowVersion

SCHEDULED = Trigger("nightly", "schedule", config={"cron": "30 2 * * *", "time_zone": "UTC"})


@pytest.fixture
def draft(alice: User, workspace: Tenant) -> WorkflowTemplate:
    """A webhook that needs no connection."""
    return documents.create(workspace, small(), by=alice)


@pytest.fixture
def chat(db: None) -> IntegrationDefinition:
    """An integration that needs a connection."""
    chat = IntegrationDefinition.objects.create(name="chat", display_name="Chat", auth_type="BEARER")
    schema = {
        "type": "object",
        "properties": {"channel": {"type": "string"}, "text": {"type": "string"}, "silent": {}},
    }
    IntegrationAction.objects.create(
        integration=chat, name="send_message", display_name="Send message", input_schema=schema
    )
    return chat


def connection_of(
    user: User, workspace: Tenant, chat: IntegrationDefinition, **fields: Any
) -> UserIntegration:
    return UserIntegration.objects.create(
        tenant=workspace,
        user=user,
        integration=chat,
        name=f"Chat of {user.shown_name}",
        auth_type="BEARER",
        **fields,
    )


def live(template: WorkflowTemplate, key: str) -> LiveTrigger:
    return LiveTrigger.objects.get(template=template, key=key)


def with_triggers(*triggers: Trigger) -> Document:
    return replace(small(), triggers=triggers)


def test_publishing_makes_a_version_and_lets_it_run(draft: WorkflowTemplate, alice: User) -> None:
    version = publishing.publish(draft, by=alice, note="First")

    deployment = Deployment.objects.get(template=draft)
    assert (version.version_number, version.change_description, version.digest) == (
        1,
        "First",
        digest(small()),
    )
    assert (deployment.version, deployment.is_active, deployment.published_by) == (version, True, alice)
    assert draft.status == "PUBLISHED"
    assert live(draft, "call").deployment == deployment
    assert AuditEvent.objects.filter(verb="workflow.published", target_id=str(draft.pk)).exists()


def test_publishing_again_counts_on_and_keeps_the_old_version(draft: WorkflowTemplate, alice: User) -> None:
    first = publishing.publish(draft, by=alice)
    documents.save(draft, replace(small(), name="Changed"), by=alice)

    second = publishing.publish(draft, by=alice)

    first.refresh_from_db()
    assert (first.version_number, second.version_number) == (1, 2)
    assert (first.workflow_data["name"], second.workflow_data["name"]) == ("Small one", "Changed")
    assert (first.is_active, second.is_active) == (False, True)


def test_a_faulty_draft_is_not_published(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, replace(small(), triggers=()), by=alice)

    with pytest.raises(publishing.NotPublishable) as refusal:
        publishing.publish(draft, by=alice)

    assert any("has no trigger" in fault.message for fault in refusal.value.faults)
    assert not WorkflowVersion.objects.filter(template=draft).exists()


def test_an_empty_slot_stops_publishing_in_words(
    alice: User, workspace: Tenant, chat: IntegrationDefinition
) -> None:
    template = documents.create(workspace, order(), by=alice)

    faults = publishing.problems(template, order(), by=alice)

    assert [f.message for f in faults if f.path == "connections.sales_chat"] == [
        'No connection to Chat is chosen (slot "sales_chat"). Choose one, or connect Chat.'
    ]
    assert [f.step for f in faults if f.path == "connections.sales_chat"] == ["alert"]


def test_connections_are_frozen_at_publish(
    alice: User, workspace: Tenant, chat: IntegrationDefinition
) -> None:
    first, second = connection_of(alice, workspace, chat), connection_of(alice, workspace, chat)
    template = documents.create(workspace, order(), by=alice, bindings={"sales_chat": first.pk})
    publishing.publish(template, by=alice)

    documents.bind(template, {"sales_chat": second.pk}, by=alice)

    assert Deployment.objects.get(template=template).bindings == {"sales_chat": str(first.pk)}


def test_somebody_elses_private_connection_is_refused_at_publish(
    alice: User, bob: User, workspace: Tenant, chat: IntegrationDefinition
) -> None:
    private = connection_of(alice, workspace, chat)
    template = documents.create(workspace, order(), by=alice, bindings={"sales_chat": private.pk})

    with pytest.raises(publishing.NotPublishable, match="is private to another person"):
        publishing.publish(template, by=bob)


def test_the_webhooks_address_survives_edits_and_publishing(draft: WorkflowTemplate, alice: User) -> None:
    token = live(draft, "call").token

    publishing.publish(draft, by=alice)
    publishing.publish(draft, by=alice)

    assert live(draft, "call").token == token


def test_deleting_the_trigger_in_the_draft_leaves_what_is_live(draft: WorkflowTemplate, alice: User) -> None:
    publishing.publish(draft, by=alice)
    documents.save(draft, with_triggers(SCHEDULED), by=alice)

    assert live(draft, "call").deployment is not None
    assert not live(draft, "call").is_off


def test_publishing_without_the_trigger_switches_it_off_and_the_key_brings_it_back(
    draft: WorkflowTemplate, alice: User
) -> None:
    publishing.publish(draft, by=alice)
    token = live(draft, "call").token
    documents.save(draft, with_triggers(SCHEDULED), by=alice)

    publishing.publish(draft, by=alice)
    off = live(draft, "call")
    documents.save(draft, small(), by=alice)
    publishing.publish(draft, by=alice)
    on = live(draft, "call")

    assert (off.is_off, off.deployment, off.token) == (True, None, token)
    assert (on.is_off, on.deployment is None, on.token) == (False, False, token)
    assert live(draft, "nightly").is_off


def test_a_disabled_trigger_is_not_live(draft: WorkflowTemplate, alice: User) -> None:
    publishing.publish(draft, by=alice)
    documents.save(draft, with_triggers(replace(small().triggers[0], enabled=False), SCHEDULED), by=alice)

    publishing.publish(draft, by=alice)

    assert live(draft, "call").is_off


# --- schedules ------------------------------------------------------------------------------------


@travel("2026-03-01T12:00:00Z", tick=False)
def test_a_schedule_gets_its_first_fire_when_it_is_published(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, with_triggers(SCHEDULED), by=alice)

    publishing.publish(draft, by=alice)

    assert live(draft, "nightly").next_fire_at == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    assert live(draft, "nightly").token is None


def test_publishing_again_does_not_lose_a_fire_that_is_due(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, with_triggers(SCHEDULED), by=alice)
    with travel("2026-03-01T12:00:00Z", tick=False):
        publishing.publish(draft, by=alice)
    documents.save(draft, replace(with_triggers(SCHEDULED), name="Changed"), by=alice)

    with travel("2026-03-02T02:30:05Z", tick=False):
        publishing.publish(draft, by=alice)

    assert live(draft, "nightly").next_fire_at == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


def test_a_changed_schedule_is_counted_anew(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, with_triggers(SCHEDULED), by=alice)
    other = replace(SCHEDULED, config={**SCHEDULED.config, "cron": "0 6 * * *"})
    with travel("2026-03-01T12:00:00Z", tick=False):
        publishing.publish(draft, by=alice)
        documents.save(draft, with_triggers(other), by=alice)
        publishing.publish(draft, by=alice)

    assert live(draft, "nightly").next_fire_at == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["61 * * * *", "0 0 30 2 *", "nonsense"])
def test_a_schedule_that_cannot_fire_is_refused_in_words(
    draft: WorkflowTemplate, alice: User, cron: str
) -> None:
    bad = replace(SCHEDULED, config={"cron": cron})
    documents.save(draft, with_triggers(bad), by=alice)

    with pytest.raises(publishing.NotPublishable) as refusal:
        publishing.publish(draft, by=alice)

    assert refusal.value.faults[0].path.startswith("triggers.nightly.config")


# --- rolling back ---------------------------------------------------------------------------------


def test_rolling_back_makes_a_new_version_and_leaves_the_draft(draft: WorkflowTemplate, alice: User) -> None:
    first = publishing.publish(draft, by=alice)
    changed = replace(small(), name="Changed")
    documents.save(draft, changed, by=alice)
    publishing.publish(draft, by=alice)

    rolled = publishing.roll_back(draft, first, by=alice)

    assert (rolled.version_number, rolled.is_rollback_version, rolled.rollback_of) == (3, True, 1)
    assert rolled.workflow_data == first.workflow_data
    assert rolled.is_active
    assert documents.load_draft(draft) == changed


def test_rolling_back_keeps_a_trigger_that_is_only_in_the_draft_recording(
    draft: WorkflowTemplate, alice: User
) -> None:
    first = publishing.publish(draft, by=alice)
    documents.save(draft, with_triggers(*small().triggers, Trigger("second", "webhook")), by=alice)

    publishing.roll_back(draft, first, by=alice)

    assert not live(draft, "second").is_off
    assert live(draft, "second").deployment is None


# --- pausing --------------------------------------------------------------------------------------


def test_pause_and_resume_switch_the_deployment(draft: WorkflowTemplate, alice: User) -> None:
    publishing.publish(draft, by=alice)

    publishing.pause(draft, alice)
    paused = Deployment.objects.get(template=draft).is_active
    publishing.resume(draft, alice)

    assert (paused, Deployment.objects.get(template=draft).is_active) == (False, True)
    assert set(AuditEvent.objects.filter(target_id=str(draft.pk)).values_list("verb", flat=True)) >= {
        "workflow.paused",
        "workflow.resumed",
    }


def test_resuming_leaves_out_what_a_schedule_missed_meanwhile(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, with_triggers(SCHEDULED), by=alice)
    with travel("2026-03-01T12:00:00Z", tick=False) as clock:
        publishing.publish(draft, by=alice)
        publishing.pause(draft, alice)
        clock.shift(timedelta(days=3))
        publishing.resume(draft, alice)

    assert live(draft, "nightly").next_fire_at == datetime(2026, 3, 5, 2, 30, tzinfo=UTC)


def test_resuming_what_was_never_published_is_refused(draft: WorkflowTemplate, alice: User) -> None:
    with pytest.raises(NothingPublished, match="has no published version yet"):
        publishing.resume(draft, alice)


def test_a_deprecated_workflow_stays_deprecated_when_published_again(
    draft: WorkflowTemplate, alice: User
) -> None:
    publishing.publish(draft, by=alice)
    WorkflowTemplate.objects.filter(pk=draft.pk).update(status="DEPRECATED")

    publishing.publish(draft, by=alice)

    draft.refresh_from_db()
    assert draft.status == "DEPRECATED"


# --- what changed ---------------------------------------------------------------------------------


def test_changes_are_told_in_sentences() -> None:
    old = order()
    steps = {step.key: step for step in old.steps}
    new = replace(
        old,
        name="Other name",
        triggers=old.triggers[:1],
        steps=(
            steps["big"],
            replace(steps["alert"], input={**steps["alert"].input, "text": "Hi"}, retry=None),
            *(steps[key] for key in ("items", "reserve", "thank", "tell_me", "log")),
        ),
    )

    assert publishing.changes(old, new) == [
        'Renamed the workflow to "Other name".',
        "Removed trigger Nightly.",
        "Removed note Memo.",
        "Changed Text and retries of Alert sales team.",
    ]


def test_the_first_version_is_told_as_such() -> None:
    assert publishing.changes(None, small()) == ["First version, with 1 step."]


def test_a_step_of_any_type_but_notes_runs() -> None:
    assert set(STEP_KINDS) - RUNNABLE_TYPES == {"note"}

"""Rows ↔ document: nothing lost, ids kept, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.workflows.documents_examples import order, small
from workflows import documents
from workflows.engine.document import Document, DocumentError, Step, Trigger, digest, dump, load
from workflows.errors import ConnectionRefused, DraftConflict
from workflows.models import (
    ConnectionSlot,
    DraftRevision,
    LiveTrigger,
    WorkflowStep,
    WorkflowTemplate,
    WorkflowTrigger,
)


@pytest.fixture
def draft(alice: User, workspace: Tenant) -> WorkflowTemplate:
    return documents.create(workspace, order(), by=alice)


def make_connection(workspace: Tenant, user: User, slug: str = "chat", **fields: Any) -> UserIntegration:
    definition, _ = IntegrationDefinition.objects.get_or_create(
        name=slug, defaults={"display_name": slug.capitalize(), "auth_type": "BEARER"}
    )
    name = fields.pop("name", f"{slug} of {user.shown_name}")
    return UserIntegration.objects.create(
        tenant=workspace, user=user, integration=definition, name=name, auth_type="BEARER", **fields
    )


def renamed(document: Document, key: str, name: str) -> Document:
    steps = tuple(replace(step, name=name) if step.key == key else step for step in document.steps)
    return replace(document, steps=steps)


def test_draft_gives_back_the_document_it_was_made_of(draft: WorkflowTemplate) -> None:
    loaded = documents.load_draft(draft)

    assert loaded == order()
    assert digest(loaded) == digest(order())


def test_rows_hold_what_the_specification_names(draft: WorkflowTemplate) -> None:
    alert = draft.steps.get(key="alert")
    nightly = draft.triggers.get(key="nightly")

    assert (alert.type, alert.integration, alert.action, alert.connection) == (
        "ACTION",
        "chat",
        "send_message",
        "sales_chat",
    )
    assert alert.retry_policy == {"attempts": 4, "backoff_s": 2.5}
    assert (alert.next_steps, alert.on_error_steps) == (["items"], ["tell_me"])
    assert (nightly.type, nightly.cron_expression, nightly.time_zone) == (
        "SCHEDULED",
        "30 2 * * *",
        "Europe/Paris",
    )


def test_saving_keeps_row_ids_by_key(draft: WorkflowTemplate, alice: User) -> None:
    before = dict(draft.steps.values_list("key", "pk"))

    documents.save(draft, renamed(order(), "alert", "Shout"), by=alice)

    assert dict(draft.steps.values_list("key", "pk")) == before
    assert draft.steps.get(key="alert").name == "Shout"


def test_order_of_steps_is_kept_when_they_change_places(draft: WorkflowTemplate, alice: User) -> None:
    turned = replace(order(), steps=order().steps[::-1])

    documents.save(draft, turned, by=alice)

    assert [step.key for step in documents.load_draft(draft).steps] == [step.key for step in turned.steps]


def test_true_and_one_are_different_values(draft: WorkflowTemplate, alice: User) -> None:
    document = order()
    steps = tuple(
        replace(s, input={**s.input, "silent": 0}) if s.key == "alert" else s for s in document.steps
    )

    documents.save(draft, replace(document, steps=steps), by=alice)

    assert documents.load_draft(draft).steps[1].input["silent"] is not False


def test_saving_with_an_old_version_is_a_conflict_and_changes_nothing(
    draft: WorkflowTemplate, alice: User
) -> None:
    mine = renamed(order(), "alert", "Mine")
    documents.save(draft, renamed(order(), "alert", "Theirs"), by=alice, expected_version=1)

    with pytest.raises(DraftConflict) as conflict:
        documents.save(draft, mine, by=alice, expected_version=1)

    assert (conflict.value.expected, conflict.value.current) == (1, 2)
    assert draft.steps.get(key="alert").name == "Theirs"


def test_saving_what_is_there_already_writes_nothing(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, order(), by=alice, label="nothing")

    draft.refresh_from_db()
    assert draft.draft_version == 1
    assert not DraftRevision.objects.filter(template=draft).exists()


def test_statements_do_not_grow_with_steps(alice: User, workspace: Tenant) -> None:
    counts = []
    for size in (3, 30):
        steps = tuple(
            Step(
                f"s{n}",
                "delay",
                config={"minutes": n + 1},
                next={"main": (f"s{n + 1}",)} if n + 1 < size else {},
            )
            for n in range(size)
        )
        document = Document(
            f"size-{size}", steps=steps, start=("s0",), triggers=(Trigger("call", "webhook"),)
        )
        template = documents.create(workspace, document, by=alice)
        changed = replace(document, steps=tuple(replace(s, name=f"{s.name}!", next={}) for s in steps))
        with CaptureQueriesContext(connection) as queries:
            documents.save(template, changed, by=alice)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[1] <= 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: replace(d, start=("nowhere",)), None),
        (lambda d: renamed(d, "alert", "x" * 201), "201 characters long; at most 200 fit"),
        (
            lambda d: replace(
                d, steps=(*d.steps[:1], replace(d.steps[1], next={"main": ("nowhere",)}), *d.steps[2:])
            ),
            'leads to "nowhere", which is not a step',
        ),
        (lambda d: replace(d, steps=(*d.steps, d.steps[0])), "big"),
    ],
    ids=["start is checked at publishing", "too long a name", "dangling link", "key twice"],
)
def test_what_rows_cannot_hold_is_refused_in_words(
    draft: WorkflowTemplate, alice: User, change: Any, words: str | None
) -> None:
    if words is None:
        documents.save(draft, change(order()), by=alice)
        assert documents.load_draft(draft).start == ("nowhere",)
        return

    with pytest.raises(DocumentError) as refusal:
        documents.save(draft, change(order()), by=alice)

    assert words in str(refusal.value)
    assert documents.load_draft(draft) == order()


def test_a_taken_key_gets_a_number(draft: WorkflowTemplate, alice: User, workspace: Tenant) -> None:
    second = documents.create(workspace, order(), by=alice)
    third = documents.create(workspace, order(), by=alice)

    assert [second.template_id, third.template_id] == ["order-follow-up-2", "order-follow-up-3"]


def test_changing_the_key_to_a_taken_one_is_refused(
    draft: WorkflowTemplate, alice: User, workspace: Tenant
) -> None:
    other = documents.create(workspace, small(), by=alice)

    with pytest.raises(DocumentError, match='has the key "order-follow-up"'):
        documents.save(other, replace(small(), key="order-follow-up"), by=alice)


# --- undo and redo --------------------------------------------------------------------------------


def test_undo_and_redo_walk_the_changes(draft: WorkflowTemplate, alice: User) -> None:
    one, two = renamed(order(), "alert", "One"), renamed(order(), "alert", "Two")
    documents.save(draft, one, by=alice, label="first")
    documents.save(draft, two, by=alice, label="second")

    assert documents.undo(draft, by=alice) == "second"
    assert documents.load_draft(draft) == one
    assert documents.labels(draft) == ("first", "second")
    assert documents.undo(draft, by=alice) == "first"
    assert documents.load_draft(draft) == order()
    assert documents.undo(draft, by=alice) is None
    assert documents.redo(draft, by=alice) == "first"
    assert documents.redo(draft, by=alice) == "second"
    assert documents.load_draft(draft) == two
    assert documents.redo(draft, by=alice) is None


def test_a_change_after_undo_drops_what_was_undone(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, renamed(order(), "alert", "One"), by=alice, label="first")
    documents.undo(draft, by=alice)

    documents.save(draft, renamed(order(), "alert", "Other"), by=alice, label="other")

    assert documents.labels(draft) == ("other", None)


def test_revisions_are_capped(draft: WorkflowTemplate, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.documents.history.MAX_DRAFT_REVISIONS", 3)
    for number in range(6):
        documents.save(draft, renamed(order(), "alert", f"Name {number}"), by=alice, label=str(number))

    assert sorted(DraftRevision.objects.values_list("patch__label", flat=True)) == ["3", "4", "5"]
    assert [documents.undo(draft, by=alice) for _ in range(4)] == ["5", "4", "3", None]


# --- addresses ------------------------------------------------------------------------------------


def test_a_webhook_gets_its_address_at_the_first_save(draft: WorkflowTemplate) -> None:
    live = LiveTrigger.objects.get(template=draft)

    assert (live.key, live.type, live.deployment) == ("order", "WEBHOOK", None)
    assert len(live.token or "") >= 24
    assert live.webhook_url
    assert live.webhook_url.endswith(f"/hooks/{live.token}")


def test_the_address_survives_deleting_and_restoring_the_trigger(
    draft: WorkflowTemplate, alice: User
) -> None:
    token = LiveTrigger.objects.get(template=draft).token

    documents.save(draft, replace(order(), triggers=order().triggers[1:]), by=alice)
    documents.save(draft, order(), by=alice)

    assert LiveTrigger.objects.get(template=draft).token == token


# --- connections ----------------------------------------------------------------------------------


def test_slots_keep_their_connection_by_key(draft: WorkflowTemplate, alice: User, workspace: Tenant) -> None:
    chat = make_connection(workspace, alice)
    documents.bind(draft, {"sales_chat": chat.pk}, by=alice)

    documents.save(draft, renamed(order(), "alert", "Shout"), by=alice)

    assert documents.bindings_of(draft) == {"sales_chat": str(chat.pk)}


def test_undo_brings_the_connection_of_a_slot_back(
    draft: WorkflowTemplate, alice: User, workspace: Tenant
) -> None:
    chat = make_connection(workspace, alice)
    documents.bind(draft, {"sales_chat": chat.pk}, by=alice)
    without = replace(
        order(), connections={}, steps=tuple(replace(s, connection=None) for s in order().steps)
    )
    documents.save(draft, without, by=alice)

    documents.undo(draft, by=alice)

    assert documents.bindings_of(draft) == {"sales_chat": str(chat.pk)}


def test_binding_somebody_elses_private_connection_is_refused(
    draft: WorkflowTemplate, alice: User, bob: User, workspace: Tenant
) -> None:
    private = make_connection(workspace, alice, name="Alice's chat")

    with pytest.raises(ConnectionRefused, match='"Alice\'s chat" is private to another person'):
        documents.save(draft, order(), by=bob, bindings={"sales_chat": private.pk})

    assert documents.bindings_of(draft) == {}


def test_a_shared_connection_may_be_bound_by_others(
    draft: WorkflowTemplate, alice: User, bob: User, workspace: Tenant
) -> None:
    shared = make_connection(workspace, alice, sharing="WORKSPACE")

    documents.bind(draft, {"sales_chat": shared.pk}, by=bob)

    assert ConnectionSlot.objects.get(template=draft).user_integration == shared


@pytest.mark.parametrize("what", ["other app", "other workspace", "nonsense", "unknown slot"])
def test_a_connection_that_does_not_fit_is_refused(
    what: str, draft: WorkflowTemplate, alice: User, charlie: User, workspace: Tenant
) -> None:
    elsewhere = charlie.memberships.get().tenant
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "other app": lambda: {"sales_chat": make_connection(workspace, alice, slug="mailer").pk},
        "other workspace": lambda: {
            "sales_chat": make_connection(elsewhere, charlie, sharing="WORKSPACE").pk
        },
        "nonsense": lambda: {"sales_chat": "not-an-id"},
        "unknown slot": lambda: {"nowhere": make_connection(workspace, alice).pk},
    }
    bindings = makers[what]()

    with pytest.raises(ConnectionRefused):
        documents.bind(draft, bindings, by=alice)

    assert documents.bindings_of(draft) == {}


# --- loading what was typed elsewhere -------------------------------------------------------------


def test_an_incomplete_draft_can_be_saved_and_loaded(alice: User, workspace: Tenant) -> None:
    started = load(
        {"format": "automate/1", "key": "new", "steps": [{"key": "a", "type": "action"}], "start": "a"},
        complete=False,
    )

    template = documents.create(workspace, started, by=alice)

    assert documents.load_draft(template) == started
    assert any("has no `integration`" in fault.message for fault in documents.check_draft(template))


def test_rows_go_with_their_keys(draft: WorkflowTemplate, alice: User) -> None:
    documents.save(draft, replace(small(), key="order-follow-up"), by=alice)

    assert list(WorkflowStep.objects.filter(template=draft).values_list("key", flat=True)) == ["shape"]
    assert list(WorkflowTrigger.objects.filter(template=draft).values_list("key", flat=True)) == ["call"]
    assert dump(documents.load_draft(draft))["name"] == "Small one"

"""The builder in a client: saving steps, choosing connections, triggers and samples."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, base_in, event_of, step_of, text_of, words_of
from workflows import documents
from workflows.models import Sample, WorkflowTemplate

# --- saving a step --------------------------------------------------------------------------------


def test_a_step_is_saved_and_shown_again(as_alice: Client, draft: WorkflowTemplate) -> None:
    url = f"/workflows/{draft.pk}/steps/say/"
    base = base_in(as_alice.get(url, headers=HX))

    response = as_alice.post(
        url, {"tab": "setup", "base": base, "input.text": "Hi\r\nyou", "input.loud": "true"}, headers=HX
    )

    assert response.status_code == 200
    assert step_of(draft, "say").input == {"text": "Hi\nyou", "loud": True}
    assert base_in(response) != base


def test_a_step_is_saved_without_scripts(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.post(f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "input.text": "Hi"})

    assert response.status_code == 302
    assert step_of(draft, "say").input == {"text": "Hi"}


def test_saving_while_typing_leaves_the_fields_alone(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "_auto": "1", "input.text": "Hi"}, headers=HX
    )

    html = text_of(response)
    assert 'name="input.text"' not in html
    assert 'id="part-base"' in html
    assert 'id="part-problems"' in html
    assert 'id="outline"' in html


def test_what_cannot_be_read_comes_back_as_it_was_typed(
    as_alice: Client, draft: WorkflowTemplate, chat: IntegrationDefinition
) -> None:
    chat.actions.filter(name="send").update(
        input_schema={"properties": {"count": {"type": "integer", "title": "Count"}}}
    )

    response = as_alice.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "input.count": "many"}, headers=HX
    )

    assert response.status_code == 422
    assert response["HX-Retarget"] == "#panel"
    assert "&quot;many&quot; is not a whole number." in text_of(response)
    assert 'value="many"' in text_of(response)


def test_two_people_on_one_step_see_both_sides(
    as_alice: Client, as_bob: Client, draft: WorkflowTemplate
) -> None:
    url = f"/workflows/{draft.pk}/steps/say/"
    base = base_in(as_alice.get(url, headers=HX))
    as_bob.post(url, {"tab": "setup", "base": base, "input.text": "Bob's words"}, headers=HX)

    conflict = as_alice.post(url, {"tab": "setup", "base": base, "input.text": "Alice's words"}, headers=HX)
    kept = step_of(draft, "say").input["text"]
    again = text_of(conflict).split('name="base" value="', 1)[1].split('"', 1)[0]
    resolved = as_alice.post(url, {"tab": "setup", "base": again, "input.text": "Alice's words"}, headers=HX)

    assert conflict.status_code == 409
    said = re.sub(r"</?(?:ins|del)>", "", text_of(conflict))
    for words in ("Bob Brown", "Alice&#x27;s words", "Bob&#x27;s words", "Keep mine"):
        assert words in said
    assert (kept, resolved.status_code) == ("Bob's words", 200)
    assert step_of(draft, "say").input["text"] == "Alice's words"


def test_two_people_on_two_steps_do_not_meet(
    as_alice: Client, as_bob: Client, draft: WorkflowTemplate
) -> None:
    base = base_in(as_alice.get(f"/workflows/{draft.pk}/steps/say/", headers=HX))
    as_bob.post(
        f"/workflows/{draft.pk}/edit/",
        {"command": "insert", "type": "delay", "source": "shape", "port": "main"},
    )

    response = as_alice.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "base": base, "input.text": "Mine"}, headers=HX
    )

    assert response.status_code == 200
    assert step_of(draft, "say").input["text"] == "Mine"
    assert step_of(draft, "wait").next == {"main": ("say",)}


def test_saving_a_deleted_step_is_refused_in_words(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("delete", key="shape")

    assert (
        as_alice.post(f"/workflows/{draft.pk}/steps/shape/", {"tab": "setup"}, headers=HX).status_code == 404
    )


def test_json_of_a_step_is_checked_and_saved(as_alice: Client, draft: WorkflowTemplate) -> None:
    url = f"/workflows/{draft.pk}/steps/say/"

    bad = as_alice.post(url, {"tab": "json", "_json": '{"type": "action", "nonsense": 1}'}, headers=HX)
    good = as_alice.post(
        url,
        {
            "tab": "json",
            "_json": '{"name": "Say", "type": "action", "integration": "chat", "action": "send", "effect": "safe"}',
        },
        headers=HX,
    )

    assert (bad.status_code, good.status_code) == (422, 200)
    assert "nonsense" in text_of(bad)
    assert step_of(draft, "say").config == {"effect": "safe"}


def test_another_action_is_shown_before_it_is_saved(as_alice: Client, draft: WorkflowTemplate) -> None:
    shown = words_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/form/?action=list_rooms", headers=HX))
    before = step_of(draft, "say").action
    as_alice.post(f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "action": "list_rooms"}, headers=HX)

    assert '<option value="list_rooms" selected>' in shown
    assert (before, step_of(draft, "say").action) == ("send", "list_rooms")


# --- connections ----------------------------------------------------------------------------------


def test_choosing_a_connection_fills_the_slot(
    as_alice: Client, draft: WorkflowTemplate, mine: UserIntegration
) -> None:
    as_alice.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "_connection": str(mine.pk)}, headers=HX
    )

    assert documents.bindings_of(draft) == {"chat": str(mine.pk)}


def test_another_connection_for_one_of_two_steps_makes_a_slot_of_its_own(
    as_alice: Client,
    edit: Act,
    draft: WorkflowTemplate,
    alice: User,
    workspace: Tenant,
    mine: UserIntegration,
    chat: IntegrationDefinition,
) -> None:
    documents.bind(draft, {"chat": mine.pk}, by=alice)
    edit("duplicate", key="say")
    other = UserIntegration.objects.create(
        tenant=workspace, user=alice, integration=chat, name="Other", auth_type="BEARER"
    )

    as_alice.post(
        f"/workflows/{draft.pk}/steps/say_2/", {"tab": "setup", "_connection": str(other.pk)}, headers=HX
    )

    assert documents.bindings_of(draft) == {"chat": str(mine.pk), "chat_2": str(other.pk)}
    assert (step_of(draft, "say").connection, step_of(draft, "say_2").connection) == ("chat", "chat_2")


def test_somebody_elses_private_connection_is_neither_shown_nor_taken(
    as_bob: Client, draft: WorkflowTemplate, mine: UserIntegration
) -> None:
    page = text_of(as_bob.get(f"/workflows/{draft.pk}/build/?step=say"))
    response = as_bob.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "_connection": str(mine.pk)}, headers=HX
    )

    assert "My chat" not in page
    assert response.status_code == 422
    assert "private to another person" in event_of(response, "toast")["text"]
    assert documents.bindings_of(draft) == {}


# --- triggers and samples -------------------------------------------------------------------------


def test_a_schedule_is_chosen_and_told_in_words_in_its_zone(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("add_trigger", type="schedule")

    typed = {"tab": "setup", "when.kind": "weekly", "when.time": "08:30", "when.days.shown": "1",
             "when.days.1": "on", "when.days.4": "on", "when.zone": "lisbon"}  # fmt: skip
    response = as_alice.post(f"/workflows/{draft.pk}/triggers/schedule/", typed, headers=HX)

    html = text_of(response)
    assert "At 08:30 on Mondays and Thursdays, Europe/Lisbon" in html
    assert html.count("<li><time") == 5
    assert documents.load_draft(draft).triggers[1].config == {
        "cron": "30 8 * * 1,4",
        "time_zone": "Europe/Lisbon",
    }
    dialog = text_of(as_alice.get(f"/workflows/{draft.pk}/publish/", headers=HX))
    assert "It starts at 08:30 on Mondays and Thursdays, Europe/Lisbon time." in dialog


def test_a_schedule_that_makes_no_sense_is_said_so(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("add_trigger", type="schedule")

    response = as_alice.post(
        f"/workflows/{draft.pk}/triggers/schedule/",
        {"tab": "setup", "when.kind": "", "when.cron": "61 * * * *"},
        headers=HX,
    )

    assert response.status_code == 200
    assert "result is-bad" in text_of(response)


def test_a_webhook_that_wants_a_proof_gets_a_slot_for_the_secret(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    response = as_alice.post(
        f"/workflows/{draft.pk}/triggers/call/", {"tab": "setup", "auth.type": "hmac"}, headers=HX
    )

    document = documents.load_draft(draft)
    assert response.status_code == 200
    assert document.triggers[0].config["auth"] == {"type": "hmac", "connection": "http"}
    assert document.connections["http"].integration == "http"


def test_a_typed_sample_is_what_later_steps_see(as_alice: Client, draft: WorkflowTemplate) -> None:
    as_alice.post(
        f"/workflows/{draft.pk}/triggers/call/sample/",
        {"body": '{"name": "Typed", "big": false}'},
        headers=HX,
    )

    page = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/data/", headers=HX))

    assert "Typed" in page
    assert "Mia" not in page


def test_a_pinned_sample_outlives_newer_ones(
    as_alice: Client, draft: WorkflowTemplate, workspace: Tenant
) -> None:
    url = f"/workflows/{draft.pk}/triggers/call/sample/"
    as_alice.post(url, {"do": "pin"}, headers=HX)
    Sample.objects.create(
        tenant=workspace,
        template=draft,
        trigger_key="call",
        data={"body": {"name": "Newer"}},
        source="REQUEST",
    )

    pinned = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/data/", headers=HX))
    as_alice.post(url, {"do": "unpin"}, headers=HX)
    loose = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/data/", headers=HX))

    assert ("Mia" in pinned, "Newer" in pinned) == (True, False)
    assert "Newer" in loose


@pytest.mark.parametrize("body", ["{", '{"a": NaN}', "x" * 300_000])
def test_a_bad_sample_comes_back_with_words(as_alice: Client, draft: WorkflowTemplate, body: str) -> None:
    response = as_alice.post(f"/workflows/{draft.pk}/triggers/call/sample/", {"body": body}, headers=HX)

    assert response.status_code == 422
    assert Sample.objects.count() == 1


# --- what is wrong, in words ----------------------------------------------------------------------


def test_faults_name_steps_as_people_know_them(as_alice: Client, draft: WorkflowTemplate) -> None:
    """By number and title, not by the keys of the document."""
    url = f"/workflows/{draft.pk}/steps/say/"
    as_alice.post(
        url, {"tab": "setup", "base": base_in(as_alice.get(url, headers=HX)), "input.text": ""}, headers=HX
    )

    shown = words_of(as_alice.get(f"/workflows/{draft.pk}/build/?step=say"))

    assert "“4. Say it”: “Message” is missing." in shown
    assert "`say`" not in shown


def test_a_bad_schedule_is_told_once(as_alice: Client, draft: WorkflowTemplate) -> None:
    as_alice.post(f"/workflows/{draft.pk}/edit/", {"command": "add_trigger", "type": "schedule"}, headers=HX)
    url = f"/workflows/{draft.pk}/triggers/schedule/"
    as_alice.post(url, {"tab": "setup", "when.kind": "", "when.cron": "99 * * * *"}, headers=HX)

    page = as_alice.get(f"/workflows/{draft.pk}/build/").content.decode()

    problems = page.partition('id="problem-list"')[2].partition("</div>")[0]
    assert problems.count("minute field") == 1

"""Names in place of the ids that were chosen from a service's list."""

from __future__ import annotations

from django.test import Client

from accounts.models import User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.workflows.builder.pages import HX, step_of, text_of, words_of
from workflows import documents
from workflows.builder import labels
from workflows.builder.room import Room
from workflows.models import WorkflowTemplate

SCHEMA = {
    "properties": {
        "text": {"type": "string", "x-options": {"action": "list_rooms", "value": "id", "label": "name"}}
    }
}


def test_a_chosen_id_is_shown_by_its_name_to_those_who_may_use_the_connection(
    as_alice: Client,
    as_bob: Client,
    alice: User,
    draft: WorkflowTemplate,
    chat: IntegrationDefinition,
    mine: UserIntegration,
) -> None:
    chat.actions.filter(name="send").update(input_schema=SCHEMA)
    documents.bind(draft, {"chat": mine.pk}, by=alice)
    url = f"/workflows/{draft.pk}/steps/say/"
    as_alice.post(url, {"tab": "setup", "input.text": "C1"}, headers=HX)
    room = Room(draft, alice)

    before = text_of(as_alice.get(url, headers=HX))
    labels.remember(room, room.step("say"), "text", [("C1", "#sales"), ("C2", "#ops")])
    after = words_of(as_alice.get(url, headers=HX))
    elsewhere = text_of(as_bob.get(url, headers=HX))
    as_alice.post(
        url, {"tab": "setup", "input.text": "C1", "input.text.data": "{{ trigger.body.room }}"}, headers=HX
    )

    assert "#sales" not in before
    assert '<option value="C1" selected>#sales</option>' in after
    assert "#sales" not in elsewhere
    assert step_of(draft, "say").input == {"text": "{{ trigger.body.room }}"}

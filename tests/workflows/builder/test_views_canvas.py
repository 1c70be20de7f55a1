"""The canvas as pages: who sees it, what is drawn, copying, pasting, and two people at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, event_of, step_of, text_of, words_of
from workflows import documents
from workflows.builder.commands import apply
from workflows.models import WorkflowTemplate


@pytest.fixture
def wide(as_alice: Client) -> Client:
    as_alice.cookies["screen"] = "wide"
    return as_alice


def build(client: Client, draft: WorkflowTemplate) -> Any:
    return client.get(f"/workflows/{draft.pk}/build/")


def theirs(draft: WorkflowTemplate, by: User, command: str, **args: str) -> None:
    """What somebody else does meanwhile."""
    draft.refresh_from_db()
    change = apply(documents.load_draft(draft), command, args, documents.catalogue_for(draft.tenant))
    documents.save(draft, change.document, by=by, label=change.label)


# --- which view -----------------------------------------------------------------------------------


def test_without_a_script_the_outline_is_the_view(as_alice: Client, draft: WorkflowTemplate) -> None:
    page = text_of(build(as_alice, draft))

    assert 'id="canvas"' not in page
    assert "outline-item" in page


def test_a_wide_screen_shows_the_canvas_with_every_card_line_and_plus(
    wide: Client, draft: WorkflowTemplate
) -> None:
    page = text_of(build(wide, draft))

    assert 'data-mode="auto"' in page
    for id in ("trigger:call", "big", "shape", "say"):
        assert f'id="node-{id}"' in page
    assert 'data-from="big" data-port="else" data-to="say"' in page
    assert 'id="add-big-yes-shape"' in page
    assert " style=" not in page


def test_a_choice_is_remembered_for_the_person_and_on_a_phone_for_the_phone(
    wide: Client, draft: WorkflowTemplate, alice: User
) -> None:
    answer = wide.post("/steps-view/", {"view": "free", "next": f"/workflows/{draft.pk}/build/?step=say"})
    assert answer["Location"] == f"/workflows/{draft.pk}/build/?step=say"
    assert 'data-mode="free"' in text_of(build(wide, draft))

    wide.cookies["screen"] = "narrow"
    assert 'id="canvas"' not in text_of(build(wide, draft))
    wide.post("/steps-view/", {"view": "auto"})
    assert 'data-mode="auto"' in text_of(build(wide, draft))

    alice.refresh_from_db()
    assert alice.steps_view == "free"


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_choosing_a_view_leads_nowhere_else(wide: Client, where: str) -> None:
    answer = wide.post("/steps-view/", {"view": "sideways", "next": where})

    assert answer["Location"] == "/"


def test_a_draft_without_a_trigger_asks_for_one(wide: Client, draft: WorkflowTemplate, edit: Act) -> None:
    edit("delete_trigger", key="call")

    page = words_of(build(wide, draft))

    assert "Choose what starts it" in page
    assert 'id="node-start:"' in page


# --- copy and paste -------------------------------------------------------------------------------


def test_steps_are_copied_as_text(as_alice: Client, draft: WorkflowTemplate) -> None:
    answer = as_alice.get(f"/workflows/{draft.pk}/copy/?as=text&keys=shape,say")

    assert answer["Content-Type"].startswith("text/plain")
    assert text_of(answer).startswith("format: automate/1\nconnections:")
    assert "key: big" not in text_of(answer)
    assert "key: big" in text_of(as_alice.get(f"/workflows/{draft.pk}/copy/", headers=HX))


def test_text_can_be_pasted_by_a_form_alone(as_alice: Client, draft: WorkflowTemplate, edit: Act) -> None:
    dialog = words_of(as_alice.get(f"/workflows/{draft.pk}/paste/?at=say", headers=HX))
    assert 'name="at" value="say"' in dialog
    assert "They go behind 4. Say it." in dialog

    edit("paste", plain=True, at="say", text="format: automate/1\nsteps: [{key: end, type: stop}]")

    assert step_of(draft, "say").next == {"main": ("end",)}


# --- two people -----------------------------------------------------------------------------------


def test_what_concerns_another_step_is_done_and_says_what_the_other_did(
    edit: Act, draft: WorkflowTemplate, bob: User
) -> None:
    seen = str(draft.draft_version)
    theirs(draft, bob, "rename", key="shape", name="Form it")

    answer = edit("toggle", key="say", version=seen)

    assert answer.status_code == 200
    assert "Renamed step Shape to Form it." in event_of(answer, "toast")["text"]
    assert not step_of(draft, "say").enabled


def test_a_command_on_what_somebody_else_changed_asks_first(
    edit: Act, draft: WorkflowTemplate, bob: User
) -> None:
    seen = str(draft.draft_version)
    theirs(draft, bob, "rename", key="say", name="Shout it")

    answer = edit("delete", key="say", version=seen)

    assert (answer.status_code, answer["HX-Retarget"]) == (409, "#dialog")
    words = words_of(answer)
    assert f"{bob.shown_name} changed this workflow" in words
    assert "Renamed step Say it to Shout it." in words
    assert step_of(draft, "say").name == "Shout it"

    assert edit("delete", key="say", version=seen, force="1").status_code == 200
    assert "say" not in {step.key for step in documents.load_draft(draft).steps}


def test_a_plus_whose_line_somebody_else_moved_asks_first(
    edit: Act, draft: WorkflowTemplate, bob: User
) -> None:
    seen = str(draft.draft_version)
    theirs(draft, bob, "insert", type="delay", source="shape", port="main")

    answer = edit("insert", type="delay", source="shape", port="main", version=seen)

    assert answer.status_code == 409
    assert "Added step Wait." in words_of(answer)


def test_what_one_did_oneself_is_no_conflict(edit: Act, draft: WorkflowTemplate, alice: User) -> None:
    seen = str(draft.draft_version)
    theirs(draft, alice, "rename", key="say", name="Shout it")

    answer = edit("delete", key="say", version=seen)

    assert answer.status_code == 200
    assert "changed this workflow" not in event_of(answer, "toast")["text"]


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_a_version_that_is_none_counts_for_nothing(edit: Act, draft: WorkflowTemplate, version: str) -> None:
    assert edit("toggle", key="say", version=version).status_code == 200

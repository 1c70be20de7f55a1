"""The builder in a client: its page, who may open it, commands, and the list of steps to add."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.factories import add_member, make_user
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, event_of, step_of, text_of
from workflows import documents
from workflows.models import WorkflowTemplate

# --- the page -------------------------------------------------------------------------------------


def test_the_page_shows_every_step_and_where_one_can_be_added(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    page = text_of(as_alice.get(f"/workflows/{draft.pk}/build/"))

    for words in ("A call", "Big?", "Shape", "Say it", "Chat · Send message", "Otherwise"):
        assert words in page
    assert f"/workflows/{draft.pk}/add/?before=say" in page
    assert 'style="' not in page
    assert "<script>" not in page


def test_a_card_opens_the_panel_and_its_address_the_whole_page(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    url = f"/workflows/{draft.pk}/build/?step=say"

    panel = text_of(as_alice.get(url, headers={**HX, "HX-Target": "panel"}))
    page = text_of(as_alice.get(url))

    assert "<html" not in panel
    assert 'name="input.text"' in panel
    assert panel.strip()[:200] in page.replace("\n    ", "\n") or 'name="input.text"' in page
    assert 'data-panel="open"' in page


def test_closing_the_panel_gives_nothing(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.get(f"/workflows/{draft.pk}/build/", headers={**HX, "HX-Target": "panel"})

    assert text_of(response) == ""
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("tab", ["setup", "test", "errors", "json"])
def test_every_tab_of_a_step_can_be_opened(as_alice: Client, draft: WorkflowTemplate, tab: str) -> None:
    for step in documents.load_draft(draft).steps:
        assert as_alice.get(f"/workflows/{draft.pk}/build/?step={step.key}&tab={tab}").status_code == 200


@pytest.mark.parametrize("tab", ["setup", "sample", "json"])
def test_every_tab_of_a_trigger_can_be_opened(as_alice: Client, draft: WorkflowTemplate, tab: str) -> None:
    page = text_of(as_alice.get(f"/workflows/{draft.pk}/build/?trigger=call&tab={tab}"))

    assert "/hooks/" in page or tab == "json"


def test_more_steps_cost_no_more_statements(as_alice: Client, alice: User, workspace: Tenant) -> None:
    counts = []
    for size in (5, 50):
        steps = [
            {
                "key": f"s{n}",
                "type": "delay",
                "config": {"minutes": 1},
                **({"next": f"s{n + 1}"} if n < size - 1 else {}),
            }
            for n in range(size)
        ]
        data = {
            "format": "automate/1",
            "key": f"w{size}",
            "triggers": [{"key": "t", "type": "manual"}],
            "start": "s0",
            "steps": steps,
        }
        from workflows.engine.document import load

        template = documents.create(workspace, load(data), by=alice)
        as_alice.get(f"/workflows/{template.pk}/build/?step=s1")
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(f"/workflows/{template.pk}/build/?step=s1")
        counts.append(len(queries))

    assert counts[0] == counts[1]


# --- who may --------------------------------------------------------------------------------------

PAGES = [
    "build/", "add/", "publish/", "test-run/", "triggers/call/", "steps/say/", "steps/say/form/", "steps/say/move/",
    "steps/say/connect/", "steps/say/data/", "steps/say/options/text/",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_strangers_see_nothing_and_learn_nothing(
    as_charlie: Client, draft: WorkflowTemplate, page: str
) -> None:
    there = as_charlie.get(f"/workflows/{draft.pk}/{page}")
    nowhere = as_charlie.get(f"/workflows/01900000-0000-7000-8000-000000000000/{page}")

    assert (there.status_code, nowhere.status_code) == (404, 404)


@pytest.mark.parametrize(
    "page",
    [
        "edit/",
        "publish/",
        "test-run/",
        "steps/say/",
        "steps/say/test/",
        "triggers/call/",
        "triggers/call/sample/",
    ],
)
def test_strangers_change_nothing(as_charlie: Client, draft: WorkflowTemplate, page: str) -> None:
    before = documents.load_draft(draft)

    response = as_charlie.post(f"/workflows/{draft.pk}/{page}", {"command": "delete", "key": "say"})

    assert response.status_code == 404
    assert documents.load_draft(draft) == before


def test_a_viewer_may_not_build(draft: WorkflowTemplate, workspace: Tenant) -> None:
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    client = Client()
    client.force_login(viewer)

    assert client.get(f"/workflows/{draft.pk}/build/").status_code == 403
    assert client.post(f"/workflows/{draft.pk}/edit/", {"command": "delete", "key": "say"}).status_code == 403


# --- commands -------------------------------------------------------------------------------------


def test_a_command_answers_with_the_outline_the_bar_and_a_way_back(
    edit: Act, draft: WorkflowTemplate
) -> None:
    response = edit("delete", key="shape")

    assert 'id="outline"' in text_of(response)
    assert 'id="bar-state"' in text_of(response)
    toast = event_of(response, "toast")
    assert toast["text"] == "Deleted Shape."
    assert toast["undo"] == f"/workflows/{draft.pk}/edit/?command=undo"


def test_undo_from_the_toast_and_redo(edit: Act, as_alice: Client, draft: WorkflowTemplate) -> None:
    edit("delete", key="shape")

    as_alice.post(f"/workflows/{draft.pk}/edit/?command=undo", headers=HX)
    undone = {step.key for step in documents.load_draft(draft).steps}
    edit("redo")

    assert "shape" in undone
    assert "shape" not in {step.key for step in documents.load_draft(draft).steps}


def test_adding_a_step_opens_it(edit: Act, draft: WorkflowTemplate) -> None:
    response = edit("insert", type="action", integration="chat", action="send", source="say", port="main")

    assert response["HX-Push-Url"] == f"/workflows/{draft.pk}/build/?step=send"
    assert 'data-open-part="send"' in text_of(response)


def test_without_scripts_a_command_leads_back_to_the_page(edit: Act, draft: WorkflowTemplate) -> None:
    response = edit("insert", plain=True, type="delay", source="say", port="main")

    assert response.status_code == 302
    assert response.url == f"/workflows/{draft.pk}/build/?step=wait"
    assert step_of(draft, "say").next == {"main": ("wait",)}


def test_a_refused_command_says_why_and_changes_nothing(edit: Act, draft: WorkflowTemplate) -> None:
    before = documents.load_draft(draft)

    response = edit("link", source="say", port="main", target="big")

    assert response.status_code == 422
    assert response["HX-Reswap"] == "none"
    assert "circle" in event_of(response, "toast")["text"]
    assert documents.load_draft(draft) == before


def test_a_new_slot_takes_the_only_connection_there_is(
    edit: Act, draft: WorkflowTemplate, alice: User, workspace: Tenant, chat: IntegrationDefinition
) -> None:
    documents.save(draft, documents.load_draft(draft), by=alice)
    edit("delete", key="say")
    only = UserIntegration.objects.create(
        tenant=workspace, user=alice, integration=chat, name="Mine", auth_type="BEARER"
    )

    edit("insert", type="action", integration="chat", action="send", source="shape", port="main")

    assert documents.bindings_of(draft) == {"chat": str(only.pk)}


def test_the_workflow_is_renamed_in_place(edit: Act, draft: WorkflowTemplate) -> None:
    response = edit("rename", what="workflow", name="Welcome people")

    draft.refresh_from_db()
    assert draft.name == "Welcome people"
    assert "Welcome people</h1>" in text_of(response)


# --- the list of steps to add ---------------------------------------------------------------------


def test_the_palette_finds_actions_of_all_apps(as_alice: Client, draft: WorkflowTemplate) -> None:
    found = text_of(
        as_alice.get(
            f"/workflows/{draft.pk}/add/?source=say&port=main&q=rooms", headers={**HX, "HX-Target": "palette"}
        )
    )

    assert "List rooms" in found
    assert 'name="source" value="say"' in found
    assert "Send message" not in found


def test_the_palette_is_a_page_without_scripts(as_alice: Client, draft: WorkflowTemplate) -> None:
    page = text_of(as_alice.get(f"/workflows/{draft.pk}/add/?before=say"))

    assert "<html" in page
    assert "Condition" in page
    assert "2 actions" in page


def test_apps_of_other_workspaces_are_not_offered(
    as_alice: Client, draft: WorkflowTemplate, charlie: User
) -> None:
    theirs = charlie.memberships.get().tenant
    own = IntegrationDefinition.objects.create(name="secretapp", display_name="Secret app", tenant=theirs)
    own.actions.create(name="go", display_name="Go secretly")

    page = text_of(as_alice.get(f"/workflows/{draft.pk}/add/?q=secret"))

    assert "Go secretly" not in page


def test_only_what_runs_is_offered(as_alice: Client, draft: WorkflowTemplate) -> None:
    from workflows.builder import palette
    from workflows.engine.steps import RUNNABLE_TYPES

    page = text_of(as_alice.get(f"/workflows/{draft.pk}/add/"))

    for kind, (title, _) in palette.FLOW_WORDS.items():
        assert (f'name="type" value="{kind}"' in page) == (kind in RUNNABLE_TYPES or kind == "note"), title

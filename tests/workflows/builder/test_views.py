"""The builder's pages and fragments: with HTMX and, everything, with forms alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.factories import add_member, make_user
from tests.workflows.builder.conftest import Act
from workflows import documents, publishing
from workflows.engine.document import Step
from workflows.models import Deployment, Sample, WorkflowExecution, WorkflowTemplate, WorkflowVersion

HX = {"HX-Request": "true"}


def step_of(draft: WorkflowTemplate, key: str) -> Step:
    return next(step for step in documents.load_draft(draft).steps if step.key == key)


def text_of(response: Any) -> str:
    return response.content.decode()


def words_of(response: Any) -> str:
    """The page with every run of blanks as one."""
    return " ".join(text_of(response).split())


def event_of(response: Any, name: str) -> Any:
    return json.loads(response["HX-Trigger"])[name]


def base_in(response: Any) -> str:
    """The fingerprint a form was shown with."""
    return text_of(response).split('id="part-base"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


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
    for words in ("Bob Brown", "Alice&#x27;s words", "Bob&#x27;s words", "Keep mine"):
        assert words in text_of(conflict)
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


@pytest.fixture
def mine(alice: User, workspace: Tenant, chat: IntegrationDefinition) -> UserIntegration:
    return UserIntegration.objects.create(
        tenant=workspace, user=alice, integration=chat, name="My chat", auth_type="BEARER"
    )


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


def test_a_schedule_is_chosen_by_a_button_and_told_in_words(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("add_trigger", type="schedule")

    response = as_alice.post(
        f"/workflows/{draft.pk}/triggers/schedule/", {"tab": "setup", "_do": "cron:0 9 * * 1"}, headers=HX
    )

    html = text_of(response)
    assert "Monday" in html
    assert html.count("<li><time") == 5
    assert documents.load_draft(draft).triggers[1].config == {"cron": "0 9 * * 1"}


def test_a_schedule_that_makes_no_sense_is_said_so(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("add_trigger", type="schedule")

    response = as_alice.post(
        f"/workflows/{draft.pk}/triggers/schedule/", {"tab": "setup", "config.cron": "61 * * * *"}, headers=HX
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


# --- picker, preview, test ------------------------------------------------------------------------


def test_the_picker_shows_earlier_steps_with_values(as_alice: Client, draft: WorkflowTemplate) -> None:
    html = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/data/", headers=HX))

    assert 'data-insert="{{ trigger.body.name }}"' in html
    assert 'data-insert="{{ trigger.body.lines | map(&quot;sku&quot;) }}"' in html
    assert 'data-insert="{{ steps.shape.greeting }}"' in html
    assert "Hello Mia" in html
    assert "steps.say" not in html


def test_the_picker_searches_names_and_values(as_alice: Client, draft: WorkflowTemplate) -> None:
    url = f"/workflows/{draft.pk}/steps/say/data/"

    by_value = text_of(as_alice.get(f"{url}?q=B2", headers=HX))
    nothing = text_of(as_alice.get(f"{url}?q=zebra", headers=HX))

    assert "trigger.body.lines[1].sku" in by_value
    assert "trigger.body.name" not in by_value
    assert "No field or value holds" in nothing


def test_functions_and_variables_have_tabs(
    as_alice: Client, draft: WorkflowTemplate, workspace: Tenant
) -> None:
    workspace.variables.create(key="KEY", value="c1pher", type="SECRET", is_encrypted=True)
    workspace.variables.create(key="PLACE", value='"Bern"', type="STRING")
    url = f"/workflows/{draft.pk}/steps/say/data/"

    functions = text_of(as_alice.get(f"{url}?tab=functions&q=upper", headers=HX))
    variables = text_of(as_alice.get(f"{url}?tab=variables", headers=HX))

    assert "upper(" in functions
    assert "{{ vars.PLACE }}" in variables
    assert "Bern" in variables
    assert "c1pher" not in variables


def test_a_preview_shows_the_result_or_the_error_in_words(as_alice: Client, draft: WorkflowTemplate) -> None:
    url = f"/workflows/{draft.pk}/steps/say/preview/"

    good = text_of(
        as_alice.post(
            url, {"_field": "input.text", "input.text": "Dear {{ trigger.body.name | upper }}"}, headers=HX
        )
    )
    bad = text_of(
        as_alice.post(url, {"_field": "input.text", "input.text": "{{ trigger.body.nome }}"}, headers=HX)
    )
    plain = text_of(as_alice.post(url, {"_field": "input.text", "input.text": "Hello"}, headers=HX))

    assert "Dear MIA" in good
    assert "nome" in bad
    assert "is-bad" in bad
    assert "result" not in plain


def test_markup_in_data_stays_text(as_alice: Client, draft: WorkflowTemplate) -> None:
    as_alice.post(
        f"/workflows/{draft.pk}/triggers/call/sample/",
        {"body": '{"name": "<img src=x onerror=alert(1)>"}'},
        headers=HX,
    )

    pages = [
        text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/data/", headers=HX)),
        text_of(as_alice.get(f"/workflows/{draft.pk}/build/?trigger=call&tab=sample")),
        text_of(as_alice.get(f"/workflows/{draft.pk}/build/?step=shape")),
    ]

    assert all("<img src=x" not in page for page in pages)


def test_testing_a_step_shows_what_it_gives_and_keeps_it(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.post(f"/workflows/{draft.pk}/steps/shape/test/", headers={**HX, "HX-Target": "test"})

    assert "Hello Mia" in text_of(response)
    assert "Succeeded" in text_of(response)
    assert Sample.objects.get(step_key="shape").data == {"greeting": "Hello Mia"}


def test_a_step_that_fails_in_its_test_says_why(as_alice: Client, edit: Act, draft: WorkflowTemplate) -> None:
    as_alice.post(f"/workflows/{draft.pk}/triggers/call/sample/", {"body": "{}"}, headers=HX)

    response = as_alice.post(f"/workflows/{draft.pk}/steps/shape/test/", headers={**HX, "HX-Target": "test"})

    assert "Failed" in text_of(response)
    assert "name" in text_of(response)


def test_testing_with_somebody_elses_private_connection_is_refused(
    as_bob: Client, draft: WorkflowTemplate, alice: User, mine: UserIntegration
) -> None:
    documents.bind(draft, {"chat": mine.pk}, by=alice)

    response = as_bob.post(f"/workflows/{draft.pk}/steps/say/test/", headers={**HX, "HX-Target": "test"})

    assert "private to another person" in text_of(response)


# --- test run and publishing ----------------------------------------------------------------------


def test_a_test_run_starts_with_the_sample_and_leads_to_the_run(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    edit("delete", key="say")

    shown = text_of(as_alice.get(f"/workflows/{draft.pk}/test-run/", headers=HX))
    response = as_alice.post(
        f"/workflows/{draft.pk}/test-run/", {"trigger": "call", "body": '{"name": "Ada", "big": true}'}
    )

    run = WorkflowExecution.objects.get(template=draft)
    assert run.input is not None
    assert "Mia" in shown
    assert response["Location"] == f"/runs/{run.pk}/"
    assert (run.is_test, run.input["body"]["name"], run.trigger_type) == (True, "Ada", "WEBHOOK")


def test_a_test_run_with_bad_data_is_refused_in_words(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.post(
        f"/workflows/{draft.pk}/test-run/", {"trigger": "call", "body": "{nonsense"}, headers=HX
    )

    assert response.status_code == 422
    assert "{nonsense" in text_of(response)
    assert not WorkflowExecution.objects.exists()


def test_the_publish_dialog_says_what_stands_in_the_way_and_what_changed(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    html = text_of(as_alice.get(f"/workflows/{draft.pk}/publish/", headers=HX))

    assert "This cannot be published yet" in html
    assert "No connection to Chat is chosen" in html
    assert "First version, with 3 steps." in html
    assert f"/workflows/{draft.pk}/build/?step=say" in html


def test_publishing_takes_the_note_and_says_so(as_alice: Client, edit: Act, draft: WorkflowTemplate) -> None:
    edit("delete", key="say")

    response = as_alice.post(f"/workflows/{draft.pk}/publish/", {"note": "First try"}, headers=HX)

    version = WorkflowVersion.objects.get(template=draft)
    assert (version.version_number, version.change_description) == (1, "First try")
    assert "Version 1 is live" in words_of(response)
    assert "It starts" in words_of(response)
    assert "Live v1" in words_of(response)
    assert Deployment.objects.get(template=draft).is_active


def test_publishing_what_is_faulty_shows_the_dialog_again(as_alice: Client, draft: WorkflowTemplate) -> None:
    response = as_alice.post(f"/workflows/{draft.pk}/publish/", {"note": "Please"}, headers=HX)

    assert response.status_code == 422
    assert not WorkflowVersion.objects.exists()


def test_what_changed_since_the_live_version_is_listed_by_the_fields_titles(
    as_alice: Client, draft: WorkflowTemplate, alice: User, mine: UserIntegration
) -> None:
    documents.bind(draft, {"chat": mine.pk}, by=alice)
    publishing.publish(draft, by=alice)
    as_alice.post(
        f"/workflows/{draft.pk}/steps/say/", {"tab": "setup", "input.text": "New words"}, headers=HX
    )

    html = text_of(as_alice.get(f"/workflows/{draft.pk}/publish/", headers=HX))

    assert "Changed Message of Say it." in html
    assert "Changed since version 1" in html


def test_operators_may_not_publish(draft: WorkflowTemplate, workspace: Tenant) -> None:
    operator = make_user()
    add_member(workspace, operator, "operator")
    client = Client()
    client.force_login(operator)

    assert client.post(f"/workflows/{draft.pk}/publish/").status_code == 403


# --- lines and places -----------------------------------------------------------------------------


def test_the_move_dialog_leaves_out_the_steps_own_branches(as_alice: Client, draft: WorkflowTemplate) -> None:
    html = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/big/move/", headers=HX))

    assert "After 4. Say it" in html
    assert "Shape" not in html


def test_the_connect_dialog_shows_lines_in_and_out(as_alice: Client, draft: WorkflowTemplate) -> None:
    html = text_of(as_alice.get(f"/workflows/{draft.pk}/steps/say/connect/", headers=HX))

    assert "Otherwise of Big?" in html
    assert "3. Shape" in html
    assert 'name="command" value="unlink"' in html

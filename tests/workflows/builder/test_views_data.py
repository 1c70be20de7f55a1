"""The builder in a client: picker, previews, tests, publishing, lines."""

from __future__ import annotations

from django.test import Client

from accounts.models import Tenant, User
from integrations.models import UserIntegration
from tests.factories import add_member, make_user
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, text_of, words_of
from workflows import documents, publishing
from workflows.models import Deployment, Sample, WorkflowExecution, WorkflowTemplate, WorkflowVersion

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


def test_a_preview_of_rows_and_conditions_has_a_line_for_each(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    url = f"/workflows/{draft.pk}/steps/say/preview/"
    rows = {
        "step.input.k.0": "who",
        "step.input.v.0": "{{ trigger.body.name }}",
        "step.input.v.1": "{{ gone.x }}",
    }
    condition = {
        "c.mode": "all", "c.left.0": "{{ trigger.body.name }}", "c.op.0": "starts_with", "c.right.0": "M",
        "c.g.0.mode": "none", "c.g.0.left.0": "{{ trigger.body.big }}", "c.g.0.op.0": "is_true",
    }  # fmt: skip

    named = words_of(as_alice.post(url, {"_field": "step.input", "_kind": "rows", **rows}, headers=HX))
    judged = words_of(as_alice.post(url, {"_field": "c", "_kind": "condition", **condition}, headers=HX))

    assert "who:" in named
    assert "Mia" in named
    assert "gone" in named
    assert "Mia starts with M" in judged
    assert 'data-row-kinds="text,boolean"' in judged
    assert "This does not hold with the sample data." in judged


def test_the_editor_is_told_how_paths_are_called(as_alice: Client, draft: WorkflowTemplate) -> None:
    url = f"/workflows/{draft.pk}/steps/say/data/"

    known = as_alice.get(f"{url}?as=json", headers=HX).json()
    items = text_of(as_alice.get(f"{url}?list=trigger.body.lines&from=1", headers=HX))

    roots = {root["path"]: root for root in known["roots"]}
    assert (roots["trigger"]["n"], roots["trigger"]["name"]) == (1, "A call")
    assert "<svg" in roots["trigger"]["tile"]
    assert roots["steps.shape"]["shape"]["f"]["greeting"] == {"t": "text", "v": "Hello Mia"}
    assert known["later"] == {"say": "4. Say it"}
    assert any(one["name"] == "upper" for one in known["functions"])
    assert 'data-insert="{{ trigger.body.lines[1].sku }}"' in items
    assert as_alice.get(f"{url}?list=trigger.body.lines&from=x", headers=HX).status_code == 404


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

"""The page of one run: who sees it, and what it says of its steps."""

from __future__ import annotations

import pytest
from django.urls import reverse

from automate.lib.ids import uuid7
from tests.workflows.runs.conftest import make_value, workflow
from tests.workflows.views.run_pages import address, states
from workflows.models import WorkflowAccess, WorkflowExecution


@pytest.mark.parametrize("name", ["run-detail", "run-live"])
def test_strangers_get_404(as_charlie, run, name):
    assert as_charlie.get(address(run(workflow(make_value("a"))), name)).status_code == 404


def test_data_of_a_step_is_404_for_strangers(as_charlie, run):
    execution = run(workflow(make_value("a")))

    assert as_charlie.get(address(execution, "run-step", "a")).status_code == 404
    assert as_charlie.get(address(execution, "run-data", "a", "output")).status_code == 404


def test_anonymous_people_are_asked_to_sign_in(client, run):
    answer = client.get(address(run(workflow(make_value("a")))))

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_a_workflow_shared_with_others_hides_its_runs(as_bob, alice, run):
    execution = run(workflow(make_value("a")))
    WorkflowAccess.objects.create(tenant=execution.tenant, template=execution.template, user=alice)

    assert as_bob.get(address(execution)).status_code == 404


def test_unknown_runs_are_404(as_alice):
    assert as_alice.get(reverse("workflows:run-detail", args=[uuid7()])).status_code == 404


def test_viewers_see_the_run_and_no_buttons(as_bob, viewer, run):
    page = as_bob.get(address(run(workflow(make_value("a", done="{{ trigger.nothing }}")))))

    assert page.status_code == 200
    assert not any(page.context["deeds"][deed] for deed in ("stop", "again", "resume"))
    assert "/retry" not in page.content.decode()
    assert "/build/" not in page.content.decode()


def test_steps_show_what_became_of_them(as_alice, run):
    branch = {
        "key": "big", "type": "condition", "cases": [{"key": "yes", "when": "{{ trigger.body > 5 }}"}],
        "next": {"yes": ["a"], "else": ["b"]},
    }  # fmt: skip
    execution = run(workflow(branch, make_value("a"), make_value("b")), body=9)

    page = as_alice.get(address(execution))

    assert states(page) == {"go": "COMPLETED", "big": "COMPLETED", "a": "COMPLETED", "b": "SKIPPED"}


def test_paths_that_were_taken_stand_out(as_alice, run):
    branch = {
        "key": "big", "type": "condition", "cases": [{"key": "yes", "when": "{{ trigger.body > 5 }}"}],
        "next": {"yes": ["a"], "else": ["b"]},
    }  # fmt: skip
    execution = run(workflow(branch, make_value("a"), make_value("b")), body=1)

    items = as_alice.get(address(execution)).context["items"]
    tones = {branch.label: branch.tone for item in items for branch in item.branches}

    assert tones == {"Yes": "idle", "Otherwise": "ok"}


def test_steps_are_drawn_as_they_were_in_the_runs_version(as_alice, alice, run):
    from workflows import documents
    from workflows.engine.document import load

    execution = run(workflow(make_value("a")))
    documents.save(execution.template, load(workflow(make_value("quite_another"))), by=alice)

    assert set(states(as_alice.get(address(execution)))) == {"go", "a"}


def test_a_failed_run_opens_where_it_failed(as_alice, run):
    execution = run(workflow(make_value("a", "b"), make_value("b", v="{{ steps.a.nothing }}")))

    page = as_alice.get(address(execution))

    assert page.context["panel"].title == "3. B"
    assert page.context["headline"].title == "Failed at 3. B"
    assert "nothing" in page.context["headline"].text
    assert "expression" in page.context["headline"].advice


def test_a_run_that_failed_in_a_loop_opens_the_failed_item(as_alice, run):
    data = workflow(
        {"key": "items", "type": "loop", "over": "{{ trigger.body }}", "as": "n", "next": {"each": ["half"]}},
        make_value("half", v="{{ 12 / n }}"),
    )

    page = as_alice.get(address(run(data, body=[1, 0, 2])))

    assert page.context["headline"].title == "Failed at 3. Half, item 2"
    assert page.context["room"].where == "items[1].half"


def test_a_run_that_succeeded_shows_its_output(as_alice, run):
    panel = as_alice.get(address(run(workflow(make_value("a", v=17))))).context["panel"]

    assert [(part.title, part.value) for part in panel.sections] == [("Output", {"v": 17})]


def test_error_paths_mark_a_run_that_succeeded(as_alice, run):
    failing = make_value("a", v="{{ trigger.nothing }}") | {"on_error": "b"}

    page = as_alice.get(address(run(workflow(failing, make_value("b")))))

    assert page.context["status"] == "HAD_ERRORS"
    assert page.context["headline"].title == "Succeeded with errors"


def test_data_is_escaped(as_alice, run):
    execution = run(workflow(make_value("a", v="{{ trigger.body }}")), body="<script>alert(1)</script>")

    page = as_alice.get(address(execution, "run-step", "a")).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_moments_are_in_the_readers_zone(as_alice, alice, run):
    execution = run(workflow(make_value("a")))
    WorkflowExecution.objects.filter(pk=execution.pk).update(started_at="2026-06-01T12:00:00+00:00")
    alice.time_zone = "Asia/Tokyo"
    alice.save()

    assert "1 Jun 2026, 21:00:00" in as_alice.get(address(execution)).content.decode()

"""Run now: what is published, started by a person on its Runs page; and deeds that leave the open step open."""

from __future__ import annotations

from django.urls import reverse

from tests.workflows.runs.conftest import make_value, start, workflow
from tests.workflows.views.run_pages import HTMX, address
from workflows.models import WorkflowExecution
from workflows.publishing import pause

SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}


def run_url(template):
    return reverse("workflows:workflow-run", args=[template.pk])


def test_what_is_published_is_run_by_hand(as_alice, deploy, alice):
    data = workflow(make_value("a"))
    template = deploy(
        {**data, "triggers": [{"key": "go", "type": "manual", "config": {"input_schema": SCHEMA}}]}
    ).template
    url = run_url(template)

    shown = as_alice.get(reverse("workflows:workflow-runs", args=[template.pk]))
    dialog = as_alice.get(url, headers=HTMX)
    refused = as_alice.post(url, {"body": '{"name": 5}'}, headers=HTMX)
    done = as_alice.post(url, {"body": '{"name": "Ada"}'})

    run = WorkflowExecution.objects.get()
    assert url in shown.content.decode()
    assert '"name": null' in dialog.context["body"]
    assert (refused.status_code, "`input.name` does not fit" in refused.content.decode()) == (422, True)
    assert (done.url, run.input["body"], run.started_by, run.trigger_type) == (
        address(run), {"name": "Ada"}, alice.pk, "MANUAL"
    )  # fmt: skip


def test_a_paused_workflow_is_not_run_and_its_page_says_how_to_go_on(as_alice, deploy, alice):
    template = deploy(workflow(make_value("a"))).template
    pause(template, alice)

    shown = as_alice.get(reverse("workflows:workflow-runs", args=[template.pk])).content.decode()
    refused = as_alice.post(run_url(template), {"body": "{}"}, headers=HTMX)

    assert "This workflow is paused" in shown
    assert run_url(template) not in shown
    assert (refused.status_code, WorkflowExecution.objects.count()) == (409, 0)


def test_stopping_a_run_leaves_the_open_step_open(as_alice, deploy):
    execution = WorkflowExecution.objects.get(
        pk=start(deploy(workflow(make_value("a", "b"), make_value("b"))))
    )
    here = "http://testserver" + address(execution, "run-step", "b") + "?tab=log"

    said = as_alice.post(address(execution, "run-stop"), headers={**HTMX, "HX-Current-URL": here})

    assert (said.context["panel"].title, said.context["panel"].tab) == ("3. B", "log")

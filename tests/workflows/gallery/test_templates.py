"""Every shipped template is right, and those that need no account run on their own samples."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from accounts.models import Tenant, User
from automate.lib import clock
from integrations.manifest import CATALOGUE
from integrations.sync import sync_catalogue
from workflows import gallery
from workflows.documents import catalogue_for, load_draft, save
from workflows.engine.checks import check
from workflows.engine.document import Document, dump, load
from workflows.models import Deployment, Sample, StepExecution, WorkflowExecution, WorkflowTemplateLibrary
from workflows.publishing import publish
from workflows.runs.drain import Engine
from workflows.runs.start import start_run
from workflows.views.template_asks import SIMPLE, questions
from workflows.views.template_cards import canvas_of
from workflows.views.template_story import story_of


@pytest.fixture
def offered(db: None, tmp_path: Path) -> None:
    """The templates as rows, and the one integration that those without an account use."""
    shutil.copy(CATALOGUE / "http.yaml", tmp_path)
    sync_catalogue(tmp_path)
    gallery.sync_gallery()


def entry_of(slug: str) -> WorkflowTemplateLibrary:
    return WorkflowTemplateLibrary.objects.get(tenant=None, slug=slug)


@pytest.fixture
def run_template(
    transactional_db: None, offered: None, alice: User, workspace: Tenant
) -> Callable[..., WorkflowExecution]:
    """Use a template, publish it, start it with its own sample (or another body), and work until it has ended."""

    def go(
        slug: str, body: Any = None, change: Callable[[dict[str, Any]], None] | None = None
    ) -> WorkflowExecution:
        template = gallery.use(entry_of(slug), workspace, by=alice)
        if change is not None:
            data = dump(load_draft(template))
            change(data)
            save(template, load(data), by=alice)
        publish(template, by=alice)
        deployment = Deployment.objects.get(template=template)
        trigger = load_draft(template).triggers[0]
        sample = Sample.objects.filter(template=template, trigger_key=trigger.key).first()
        given: dict[str, Any] = (
            dict(sample.data or {})
            if sample
            else {"type": trigger.type, "key": trigger.key, "at": clock.now().isoformat()}
        )
        if body is not None:
            given["body"] = body
        result = start_run(deployment=deployment, trigger=given, trigger_type=trigger.type.upper())
        Engine(slots=8, lease_s=30).drain()
        assert result.execution_id is not None
        return WorkflowExecution.objects.get(pk=result.execution_id)

    return go


def answer_of(execution: WorkflowExecution) -> Any:
    """What the last respond step of the run says to the caller."""
    said = StepExecution.objects.filter(execution=execution, step_type="RESPOND", step_status="COMPLETED")
    return said.get().output


def set_in(step: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    """A change of a document: other values in the transform step of that key."""

    def change(data: dict[str, Any]) -> None:
        for part in data["steps"]:
            if part["key"] == step:
                part["config"]["set"].update(values)

    return change


def test_shipped_templates_are_right_but_for_open_connections_and_can_be_told_and_asked_for(
    workspace: Tenant,
) -> None:
    sync_catalogue()

    found = {
        entry.slug: [
            f"{fault.path}: {fault.message}" for fault in check(entry.document, catalogue_for(workspace))
        ]
        for entry in gallery.shipped()
    }

    assert {slug: faults for slug, faults in found.items() if faults} == {}
    catalogue = catalogue_for(workspace)
    for entry in gallery.shipped():
        assert all(line.text and line.title for line in story_of(entry.document, catalogue)), entry.slug
        asked = questions(entry.document, entry.asks, catalogue)
        assert {question.spec.kind for question in asked} <= SIMPLE, entry.slug
        assert canvas_of(entry.document, catalogue).nodes


def test_shipped_templates_tell_what_they_are_for() -> None:
    for entry in gallery.shipped():
        document: Document = entry.document
        assert document.name
        assert 40 <= len(document.description) <= 160, entry.slug
        assert all(step.name and step.name != step.key for step in document.steps)
        webhooks = {trigger.key for trigger in document.triggers if trigger.type == "webhook"}
        assert webhooks == set(entry.samples)


def test_there_are_enough_templates() -> None:
    assert len(gallery.shipped()) >= 24
    assert sum(not entry.required_integrations for entry in gallery.shipped()) >= 9


def test_syncing_twice_changes_nothing_and_keeps_the_uses(
    offered: None, alice: User, workspace: Tenant
) -> None:
    gallery.use(entry_of("api-endpoint"), workspace, by=alice)

    gallery.sync_gallery()

    assert WorkflowTemplateLibrary.objects.count() == len(gallery.shipped())
    assert entry_of("api-endpoint").uses == 1


def test_endpoint_answers_with_tax_and_total(run_template: Callable[..., WorkflowExecution]) -> None:
    execution = run_template("api-endpoint")

    assert execution.status == "COMPLETED"
    assert answer_of(execution)["json"] == {"country": "DE", "net": 250, "tax": 47.5, "total": 297.5}


def test_big_order_takes_the_priority_way(run_template: Callable[..., WorkflowExecution]) -> None:
    said = answer_of(run_template("order-by-value"))["json"]

    assert (said["order"], said["handling"], said["discount"]) == ("10482", "priority", 62.45)


def test_small_order_takes_the_standard_way(run_template: Callable[..., WorkflowExecution]) -> None:
    said = answer_of(run_template("order-by-value", {"number": "7", "total": 20}))["json"]

    assert (said["order"], said["handling"], said["discount"]) == ("7", "standard", 0)


def test_list_is_worked_through_and_added_up(run_template: Callable[..., WorkflowExecution]) -> None:
    said = answer_of(run_template("list-summary"))["json"]

    assert said["totals"] == {"lines": 3, "pieces": 7, "total": 878.6, "dearest": 420}
    assert [line["sku"] for line in said["lines"]] == ["NW-CHAIR-04", "NW-DESK-01", "NW-LAMP-11"]


@pytest.mark.parametrize(
    ("status", "text", "ends_as", "says"),
    [
        (200, "Example of a page", "COMPLETED", None),
        (200, "Nothing to see", "FAILED", "no longer shows “Example”"),
        (503, "Example", "FAILED", "answers with status 503"),
    ],
)
def test_uptime_check_fails_when_the_page_does(
    run_template: Callable[..., WorkflowExecution],
    httpserver: HTTPServer,
    status: int,
    text: str,
    ends_as: str,
    says: str | None,
) -> None:
    httpserver.expect_request("/", method="GET").respond_with_data(text, status=status)

    execution = run_template("uptime-check", change=set_in("page", url=httpserver.url_for("/")))

    assert execution.status == ends_as
    assert says is None or says in str(execution.error)


def test_call_is_passed_on_in_the_other_shape(
    run_template: Callable[..., WorkflowExecution], httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/take", method="POST").respond_with_json({"ok": True}, status=201)

    execution = run_template("forward-with-retry", change=set_in("shape", target=httpserver.url_for("/take")))

    assert answer_of(execution)["json"] == {"passed_on": True, "status": 201}
    sent = httpserver.log[0][0].get_json()
    assert (sent["kind"], sent["amount"]) == ("invoice.paid", 129.9)


def test_call_that_cannot_be_passed_on_says_so(
    run_template: Callable[..., WorkflowExecution], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/take").respond_with_json({"error": "no"}, status=400)

    execution = run_template("forward-with-retry", change=set_in("shape", target=httpserver.url_for("/take")))

    said = answer_of(execution)
    assert said["status"] == 502
    assert said["json"]["passed_on"] is False


def test_published_schedule_of_the_uptime_check_fires_in_five_minutes(
    run_template: Callable[..., WorkflowExecution], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data("Example")
    before = clock.now()

    execution = run_template("uptime-check", change=set_in("page", url=httpserver.url_for("/")))

    due = execution.template.live_triggers.get().next_fire_at
    assert due is not None
    assert before < due <= clock.now() + timedelta(minutes=5)

"""The admin of workflows: every page opens, shows no secret, and asks the database no more for more rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Tenant, User
from tests.workflows.full_house import CANARY, SCRIPT, make_house, make_run
from workflows.models import (
    ActiveRun,
    Blob,
    ConnectionSlot,
    Deployment,
    DueWipe,
    EngineSwitch,
    Mark,
    RunEvent,
    RunText,
    StepExecution,
    StepLink,
    TriggerReceipt,
    UncountedRun,
    UsedStep,
    WaitNotice,
    WaitToken,
    WorkflowAccess,
    WorkflowCounter,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTemplateLibrary,
    WorkflowVariable,
    WorkflowVersion,
)  # fmt: skip

ON_OTHER_PAGES = {ConnectionSlot, StepLink, WorkflowAccess, WorkflowCounter}
NOBODYS_BUSINESS = {Mark, UncountedRun, UsedStep}  # how far the counting of runs is; what somebody added last
MODELS = [
    model
    for model in apps.get_app_config("workflows").get_models()
    if model not in ON_OTHER_PAGES | NOBODYS_BUSINESS
]
WRITABLE = {WorkflowTemplateLibrary, EngineSwitch}
ONLY_ONE = {EngineSwitch}
DELETABLE = {WorkflowTemplateLibrary, WorkflowTemplate, WorkflowVariable}


@pytest.fixture
def as_staff(alice: User) -> Client:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return signed_in(alice)


@pytest.fixture
def house(alice: User, workspace: Tenant) -> WorkflowTemplate:
    return make_house(workspace, alice)


@pytest.fixture
def queries(as_staff: Client) -> Callable[[str], int]:
    """How many a page costs once everything that is kept between requests is there."""

    def count(address: str) -> int:
        as_staff.get(address)
        with CaptureQueriesContext(connection) as asked:
            assert as_staff.get(address).status_code == 200
        return len(asked)

    return count


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(model, page: str, *args) -> str:
    return reverse(f"admin:workflows_{model._meta.model_name}_{page}", args=args)


def act(client: Client, model, action: str, *rows):
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = client.post(url(model, "changelist"), chosen, follow=True)
    return [str(message) for message in answer.context["messages"]]


def assert_decent(answer) -> None:
    text = answer.content.decode()
    assert answer.status_code == 200
    assert CANARY not in text
    assert SCRIPT not in text
    assert not any(
        value in text
        for value in WorkflowVariable.objects.filter(is_encrypted=True).values_list("value", flat=True)
    )


def test_every_model_has_its_page():
    assert {model for model in MODELS if not admin.site.is_registered(model)} == set()


def test_lists_and_rows_open_and_show_nothing_secret(as_staff, house):
    for model in MODELS:
        rows = list(model._default_manager.all())
        assert rows, model

        assert_decent(as_staff.get(url(model, "changelist")))
        for row in rows:
            assert_decent(as_staff.get(url(model, "change", row.pk)))


def test_searching_for_words_works(as_staff, house):
    for model in MODELS:
        assert_decent(as_staff.get(url(model, "changelist"), {"q": "order 'x"}))


def test_an_id_is_found_where_ids_are_looked_for(as_staff, house):
    run = WorkflowExecution.objects.get(status="RUNNING")
    ends = {
        ActiveRun: 1,
        Blob: 1,
        DueWipe: 1,
        RunEvent: 1,
        RunText: 1,
        StepExecution: 2,
        TriggerReceipt: 1,
        WaitNotice: 1,
        WaitToken: 1,
        WorkflowExecution: 1,
    }

    for model in MODELS:
        found = as_staff.get(url(model, "changelist"), {"q": str(run.pk)})

        assert found.context["cl"].result_count == ends.get(model, 0), model


def test_every_filter_works(as_staff, house):
    for model in MODELS:
        shown = as_staff.get(url(model, "changelist")).context["cl"]
        offers = {list(offered.choices(shown))[-1]["query_string"] for offered in shown.filter_specs}

        for query in offers:
            assert_decent(as_staff.get(url(model, "changelist") + query))


def test_old_rows_are_left_out_by_age(as_staff, house):
    run = make_run(house, 8, "COMPLETED")
    WorkflowExecution.objects.exclude(pk=run.pk).delete()
    WorkflowExecution.objects.filter(pk=run.pk).update(id=uuid.UUID(int=1))

    counted = [
        as_staff.get(url(WorkflowExecution, "changelist"), {"since_h": hours}) for hours in ("", "720")
    ]

    assert [answer.context["cl"].result_count for answer in counted] == [1, 0]


def test_more_rows_cost_no_more_queries(as_staff, house, alice, workspace, queries):
    first = {model: queries(url(model, "changelist")) for model in MODELS}
    for _ in range(2):
        make_house(workspace, alice, runs=3)

    assert {model: queries(url(model, "changelist")) for model in MODELS} == first


def test_nothing_is_added_or_changed_by_hand(as_staff, house):
    for model in MODELS:
        row = model._default_manager.all()[0]
        own = model in WRITABLE

        assert as_staff.get(url(model, "add")).status_code == (
            200 if own and model not in ONLY_ONE else 403
        ), model
        assert (b'name="_save"' in as_staff.get(url(model, "change", row.pk)).content) == own, model
        deletes = as_staff.get(url(model, "delete", row.pk)).status_code
        assert deletes == (200 if model in DELETABLE else 403), model


def test_a_runs_page_costs_the_same_for_more_steps(as_staff, house, queries):
    run = WorkflowExecution.objects.filter(status="FAILED")[0]
    address = url(WorkflowExecution, "change", run.pk)
    first = queries(address)
    common = {"tenant": run.tenant, "execution": run, "step_id": "reserve", "step_status": "COMPLETED"}
    StepExecution.objects.bulk_create(
        StepExecution(path=f"items[{n}].reserve", **common) for n in range(250)
    )  # fmt: skip

    assert queries(address) == first
    text = as_staff.get(address).content.decode()
    assert "items[150].reserve" in text
    assert "items[249].reserve" not in text


def test_a_workflows_page_costs_the_same_for_more_parts(as_staff, house, alice, workspace, queries):
    address = url(WorkflowTemplate, "change", house.pk)
    first = queries(address)
    for n in range(5):
        step = house.steps.create(tenant=workspace, key=f"more_{n}", type="TRANSFORM")
        house.links.create(tenant=workspace, source_step=step, target=house.steps.first())
        house.access.create(tenant=workspace, user=alice, level="VIEW")
        environment = workspace.environments.create(name=f"Stage {n}")
        version = house.versions.create(tenant=workspace, version_number=10 + n, workflow_data={})
        house.deployments.create(tenant=workspace, environment=environment, version=version)
        house.live_triggers.create(tenant=workspace, environment=environment, key="order", type="WEBHOOK")

    assert queries(address) == first


def test_a_run_shows_its_steps_and_what_it_did(as_staff, house):
    run = WorkflowExecution.objects.filter(status="FAILED")[0]

    text = as_staff.get(url(WorkflowExecution, "change", run.pk)).content.decode()

    step = run.steps.get(path="alert")
    assert url(StepExecution, "change", step.pk) in text
    assert "It broke: &lt;script&gt;" in text
    assert url(WorkflowTemplate, "change", house.pk) in text


def test_encrypted_values_are_named_so(as_staff, house):
    step = StepExecution.objects.filter(is_encrypted=True)[0]
    secret = WorkflowVariable.objects.get(type="SECRET")

    assert "encrypted" in as_staff.get(url(StepExecution, "change", step.pk)).content.decode()
    assert "encrypted" in as_staff.get(url(WorkflowVariable, "change", secret.pk)).content.decode()


def test_a_run_whose_deployment_is_gone_still_opens(as_staff, house):
    run = WorkflowExecution.objects.filter(status="FAILED")[0]
    Deployment.objects.all().delete()

    assert as_staff.get(url(WorkflowExecution, "change", run.pk)).status_code == 200


def test_runs_are_stopped_and_it_is_noted(as_staff, house, workspace):
    run = make_run(house, 7, "WAITING")
    ActiveRun.objects.create(execution=run, tenant=workspace, workflow=house, state="WAITING")
    ended = WorkflowExecution.objects.filter(status="FAILED")[0]

    assert act(as_staff, WorkflowExecution, "stop", run, ended) == ["Stopped: 1 of 2."]

    run.refresh_from_db()
    assert run.status == "CANCELLED"
    assert workspace.audit_events.filter(verb="execution.cancelled", target_id=str(run.pk)).exists()


def test_the_queue_stops_runs_too(as_staff, house):
    active = ActiveRun.objects.get()

    act(as_staff, ActiveRun, "stop", active)

    assert ActiveRun.objects.get().cancel_requested


def test_runs_are_repeated_and_refusals_are_told(as_staff, house):
    ended = WorkflowExecution.objects.filter(status="FAILED")[0]
    busy = WorkflowExecution.objects.get(status="RUNNING")

    said = act(as_staff, WorkflowExecution, "retry_failed", ended, busy)

    assert "Queued again: 1 of 2." in said
    assert any("has not ended yet" in message for message in said)
    again = WorkflowExecution.objects.get(retry_of=ended)
    assert set(again.steps.values_list("path", flat=True)) == {"big"}


def test_pausing_and_resuming_go_through_the_product(as_staff, house, workspace):
    act(as_staff, WorkflowTemplate, "pause", house)
    assert not Deployment.objects.get().is_active

    act(as_staff, WorkflowTemplate, "resume", house)

    assert Deployment.objects.get().is_active
    assert workspace.audit_events.filter(verb__in=["workflow.paused", "workflow.resumed"]).count() == 2


def test_archiving_and_bringing_back(as_staff, house):
    act(as_staff, WorkflowTemplate, "archive", house)
    assert WorkflowTemplate.objects.get().status == "ARCHIVED"

    act(as_staff, WorkflowTemplate, "bring_back", house)

    assert WorkflowTemplate.objects.get().status == "PUBLISHED"


def test_a_workflow_is_deleted_with_everything(as_staff, house, workspace):
    asked = as_staff.get(url(WorkflowTemplate, "delete", house.pk))
    assert "3 runs" in asked.content.decode()

    answer = as_staff.post(url(WorkflowTemplate, "delete", house.pk), {"post": "yes"})

    assert answer.status_code == 302
    for model in (WorkflowTemplate, WorkflowVersion, WorkflowExecution, StepExecution, RunEvent):
        assert not model.objects.exists()
    assert workspace.audit_events.filter(verb="workflow.deleted").exists()


def test_several_workflows_are_deleted_from_the_list(as_staff, house, alice, workspace):
    other = make_house(workspace, alice, runs=0)
    chosen = {"action": "delete_selected", "_selected_action": [str(house.pk), str(other.pk)]}

    as_staff.post(url(WorkflowTemplate, "changelist"), {**chosen, "post": "yes"})

    assert not WorkflowTemplate.objects.exists()
    assert not WorkflowExecution.objects.exists()


def test_deleting_a_variable_is_noted(as_staff, house, workspace):
    plain = WorkflowVariable.objects.get(type="STRING")

    as_staff.post(url(WorkflowVariable, "delete", plain.pk), {"post": "yes"})

    assert workspace.audit_events.filter(verb="variable.deleted", target_id=str(plain.pk)).exists()


def test_who_may_only_look_can_do_nothing(bob, house):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(
        Permission.objects.filter(content_type__app_label="workflows", codename__startswith="view_")
    )
    client = signed_in(bob)
    active = ActiveRun.objects.get()

    assert client.get(url(WorkflowExecution, "changelist")).status_code == 200
    act(client, WorkflowExecution, "stop", active)
    act(client, WorkflowTemplate, "pause", house)

    assert not ActiveRun.objects.get().cancel_requested
    assert Deployment.objects.get().is_active
    assert client.get(url(WorkflowTemplate, "delete", house.pk)).status_code == 403


def test_people_without_staff_rights_see_nothing(as_bob, house):
    assert as_bob.get(url(WorkflowExecution, "changelist")).status_code == 302


LIBRARY = {
    "name": "Forward", "slug": "forward", "order": "0", "category": "Sales", "samples": "{}", "is_published": "on",
}  # fmt: skip
DOCUMENT = """{"format": "automate/1", "key": "forward", "name": "Forward", "triggers": [{"key": "go", "type":
 "webhook"}], "start": "a", "steps": [{"key": "a", "type": "transform", "config": {"set": {"x": 1}}}]}"""


def test_a_workspace_gets_a_template_of_its_own(as_staff, workspace):
    form = {**LIBRARY, "tenant": str(workspace.pk), "template_data": DOCUMENT}

    answer = as_staff.post(url(WorkflowTemplateLibrary, "add"), form)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = WorkflowTemplateLibrary.objects.get()
    assert row.source_apps == ["webhook"]
    assert row.template_data["steps"][0]["key"] == "a"


def test_a_template_with_a_wrong_document_is_refused_with_the_place(as_staff, workspace):
    wrong = DOCUMENT.replace('"start": "a"', '"start": "nowhere"').replace("transform", "magic")
    form = {**LIBRARY, "tenant": str(workspace.pk), "template_data": wrong}

    answer = as_staff.post(url(WorkflowTemplateLibrary, "add"), form)

    assert "steps" in str(answer.context["adminform"].form.errors["template_data"])


def test_templates_for_everybody_are_files(as_staff, workspace):
    shipped = WorkflowTemplateLibrary.objects.create(slug="shipped", name="Shipped", template_data={})
    own = WorkflowTemplateLibrary.objects.create(slug="own", name="Own", template_data={}, tenant=workspace)

    act(as_staff, WorkflowTemplateLibrary, "withdraw", shipped, own)
    answer = as_staff.post(url(WorkflowTemplateLibrary, "add"), {**LIBRARY, "template_data": DOCUMENT})

    assert "Choose a workspace" in str(answer.context["adminform"].form.errors["tenant"])
    assert b'name="_save"' not in as_staff.get(url(WorkflowTemplateLibrary, "change", shipped.pk)).content
    published = dict(WorkflowTemplateLibrary.objects.values_list("slug", "is_published"))
    assert published == {"shipped": True, "own": False}


def test_the_engine_switch_stops_claims_and_says_who_turned_it(as_staff, house, alice):
    as_staff.post(url(EngineSwitch, "change", 1), {"is_draining": "on"})

    switch = EngineSwitch.objects.get()
    assert (switch.is_draining, switch.changed_by) == (True, str(alice))

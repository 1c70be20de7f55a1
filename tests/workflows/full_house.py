"""A workflow with at least one row in every table that belongs to workflows, planted with things nobody may see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db.models import Model

from accounts.models import Tenant, User
from automate.lib import clock
from automate.lib.ids import uuid7
from integrations.models import IntegrationAction, IntegrationDefinition, UserIntegration
from tests.workflows.documents_examples import ORDER
from workflows import documents
from workflows.engine.document import Document, load
from workflows.models import (
    ActiveRun,
    Blob,
    Deployment,
    DueWipe,
    EngineSwitch,
    Favourite,
    LiveTrigger,
    RunEvent,
    RunHour,
    RunText,
    Sample,
    SeenItem,
    StepExecution,
    StepState,
    TriggerReceipt,
    TriggerSubscription,
    WaitNotice,
    WaitToken,
    WorkerLease,
    WorkflowAccess,
    WorkflowCounter,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTemplateLibrary,
    WorkflowVariable,
)  # fmt: skip
from workflows.publishing import publish
from workflows.runs.secret_values import conceal

CANARY = "canary-7f3a"  # in every text that must not be shown
SCRIPT = "<script>alert(1)</script>"  # in texts and data that people give


def make_chat() -> IntegrationDefinition:
    chat, is_new = IntegrationDefinition.objects.get_or_create(
        name="chat", defaults={"display_name": "Chat", "auth_type": "BEARER"}
    )
    if is_new:
        texts = ("channel", "text", "silent")
        schema = {"type": "object", "properties": {name: {} for name in texts}}
        IntegrationAction.objects.create(
            integration=chat, name="send_message", display_name="Send message", input_schema=schema
        )
    return chat


def make_house(tenant: Tenant, user: User, *, runs: int = 2) -> WorkflowTemplate:
    """The published order example in this workspace, its own connection, `runs` ended runs and one under way."""
    document = load(ORDER.replace("nightly, type", f"nightly, name: '{SCRIPT}', type"))
    folder = tenant.folders.create(name=f"Sales {uuid7()}")
    template = documents.create(tenant, document, by=user, folder=folder, tags=["sales"])
    connection = UserIntegration.objects.create(
        tenant=tenant, user=user, integration=make_chat(), name="Own chat", auth_type="BEARER",
        credentials=CANARY, workflow=template,
    )  # fmt: skip
    documents.bind(template, {"sales_chat": str(connection.pk)}, by=user)
    documents.save(template, _described(template), by=user, label="Described")
    publish(template, by=user, note="First")
    LiveTrigger.objects.filter(template=template, key="order").update(
        token=f"{CANARY}-{template.pk}", subscription={"id": 7, "signing_secret": CANARY}
    )
    for number in range(1, runs + 1):
        make_run(template, number, WorkflowExecution.Status.FAILED)
    under_way = make_run(template, runs + 1, WorkflowExecution.Status.RUNNING)
    _queue(under_way)
    _surround(template, user, under_way)
    _share(tenant)
    EngineSwitch.objects.get_or_create(pk=1)
    return template


def make_run(template: WorkflowTemplate, number: int, status: str) -> WorkflowExecution:
    """A run with two steps, of which one holds an encrypted output."""
    deployment = Deployment.objects.get(template=template)
    live = LiveTrigger.objects.get(template=template, key="order")
    now = clock.now()
    call = {"body": {"html": SCRIPT}, "headers": {"authorization": CANARY}, "path": f"/hooks/{live.token}"}
    run = WorkflowExecution.objects.create(
        tenant=template.tenant, template=template, version=deployment.version, deployment=deployment, number=number,
        live_trigger=live, trigger_type="WEBHOOK", status=status, is_failed=status == "FAILED", input=call,
        error={"message": f"It broke: {SCRIPT}", "code": "error", "step": "alert"}, started_at=now, created_at=now,
    )  # fmt: skip
    common: dict[str, Any] = {"tenant": template.tenant, "execution": run, "started_at": now}
    StepExecution.objects.create(
        path="big", step_id="big", step_name="Over 500 EUR?", step_type="CONDITION", step_status="COMPLETED",
        output={"ports": ["high"]}, request_log=[{"headers": {"X-Api-Key": CANARY}}], **common,
    )  # fmt: skip
    StepExecution.objects.create(
        path="alert", step_id="alert", step_name=SCRIPT, step_type="ACTION", step_status="FAILED",
        is_encrypted=True, output=CANARY, error={"message": SCRIPT}, attempts=[{"message": "first"}], **common,
    )  # fmt: skip
    return run


def _described(template: WorkflowTemplate) -> Document:
    return replace(documents.load_draft(template), description=f"Tell sales. {SCRIPT}")


def _queue(run: WorkflowExecution) -> None:
    lease = WorkerLease.objects.create(id=f"host-1-{uuid7()}", beat_at=clock.now())
    ActiveRun.objects.create(
        execution=run, tenant=run.tenant, workflow=run.template, state="RUNNING", worker=lease.pk, attempt=1,
        run_at=clock.now(), progress={"items": {"state": "RUNNING"}}, cursor={"waits": {}},
    )  # fmt: skip


def _surround(template: WorkflowTemplate, user: User, run: WorkflowExecution) -> None:
    tenant = template.tenant
    own: dict[str, Any] = {"tenant": tenant, "template": template}
    live = LiveTrigger.objects.get(template=template, key="order")
    TriggerReceipt.objects.create(
        tenant=tenant, live_trigger=live, dedup_key="order-1", body_hash="ab" * 32, execution_id=run.pk
    )
    RunEvent.objects.create(**own, kind="DUPLICATE", message=f"Came twice {SCRIPT}", execution_id=run.pk)
    RunText.objects.create(execution=run, tenant=tenant, words="order")
    Sample.objects.create(**own, trigger_key="order", source="REQUEST", data={"name": SCRIPT})
    Favourite.objects.create(**own, user=user)
    TriggerSubscription.objects.create(
        tenant=tenant, live_trigger=live, integration="github", event="push", url="https://example.com/hooks/x",
        digest="ef" * 32, secret=CANARY, stored=CANARY,
    )  # fmt: skip
    SeenItem.objects.create(**own, step_key="big", digest="0" * 32)
    RunHour.objects.create(**own, hour=480_000, runs=2, failed=1, succeeded=1)
    StepState.objects.create(**own, key="last_seen", value={"id": 7})
    WorkflowAccess.objects.create(**own, user=user, level="EDIT")
    WorkflowCounter.objects.update_or_create(
        template=template, defaults={"tenant": tenant, "last_number": run.number or 0}
    )
    WaitToken.objects.create(
        tenant=tenant, execution_id=run.pk, path="approve", kind="APPROVAL", token_hash=f"{CANARY}-{run.pk}"
    )
    WaitNotice.objects.create(
        tenant=tenant, execution_id=run.pk, path="approve", to="boss@example.com", error=f"refused {SCRIPT}"
    )
    Blob.objects.create(
        tenant=tenant, execution_id=run.pk, name=f"{SCRIPT}.pdf", size_bytes=11, sha256="cd" * 32,
        data=CANARY.encode(),
    )  # fmt: skip
    DueWipe.objects.create(tenant=tenant, execution_id=run.pk, due_at=run.created_at)


def _share(tenant: Tenant) -> None:
    """What belongs to the workspace, not to the workflow."""
    secret = WorkflowVariable(tenant=tenant, key=f"S_{uuid7().hex}", type="SECRET")
    conceal(secret, CANARY)
    secret.save(force_insert=True)
    WorkflowVariable.objects.create(tenant=tenant, key=f"V_{uuid7().hex}", value="plain")
    WorkflowTemplateLibrary.objects.create(
        tenant=tenant, slug=f"mine-{uuid7()}", name=f"Mine {SCRIPT}", template_data={"key": "x"}
    )


def counts() -> dict[type[Model], int]:
    """Rows by model of the package, and the connections."""
    models: list[type[Model]] = [*apps.get_app_config("workflows").get_models(), UserIntegration]
    return {model: model._default_manager.count() for model in models}

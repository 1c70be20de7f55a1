"""Alice's workspace with MARK in every text people can give, and everybody who comes to look at it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.test import Client

from accounts import members
from accounts.models import Membership, Tenant, User
from accounts.permissions import builtin_role, permissions_of
from accounts.tokens import create_token
from automate.lib import clock
from integrations.models import IntegrationAction, IntegrationDefinition, UserIntegration
from tests.factories import add_member, make_user, make_workspace
from workflows import documents
from workflows.engine.document import load
from workflows.models import (
    ActiveRun,
    Deployment,
    LiveTrigger,
    RunEvent,
    Sample,
    StepExecution,
    StepState,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTemplateLibrary,
    WorkflowVariable,
)  # fmt: skip
from workflows.publishing import publish
from workflows.runs.secret_values import conceal

MARK: Final = "zq7Marker"
SLUG: Final = "zq7marker"  # MARK where only lower case may stand

DOCUMENT: Final[dict[str, Any]] = {
    "format": "automate/1", "key": SLUG, "name": f"Orders {MARK}", "description": f"About {MARK}",
    "settings": {"input_schema": {"type": "object", "description": MARK}},
    "connections": {SLUG: {"integration": SLUG}},
    "triggers": [{"key": "call", "name": f"Call {MARK}", "type": "webhook"}],
    "start": "shape",
    "steps": [
        {"key": "shape", "name": f"Shape {MARK}", "type": "transform", "notes": f"Note {MARK}",
         "config": {"set": {SLUG: MARK}}, "next": "tell"},
        {"key": "tell", "name": f"Tell {MARK}", "type": "action", "integration": SLUG, "action": SLUG,
         "connection": SLUG, "input": {"text": MARK}},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """`ids`: alice's objects by what an address names; `values`: the other words of addresses."""

    tenant: Tenant
    ids: dict[str, uuid.UUID]
    values: dict[str, Any]
    people: dict[str, User]
    charlies: Tenant

    def client(self, who: str) -> Client:
        client = Client(raise_request_exception=True)
        if who in self.people:
            client.force_login(self.people[who])
        return client

    def may(self, who: str, need: str) -> bool:
        """By the role alone; "" needs none."""
        membership = Membership.objects.get(tenant=self.tenant, user=self.people[who])
        return not need or need in permissions_of(membership.role)


def make_world() -> World:
    alice = make_user("alice@example.com", name=f"Alice {MARK}")
    tenant = make_workspace(alice, f"Northwind {MARK}")
    people = {
        "alice": alice,
        **{name: make_user(f"{name}@example.com") for name in ("bob", "vera", "dora", "charlie")},
    }
    mine = add_member(tenant, people["bob"], "editor")
    add_member(tenant, people["vera"], "viewer")
    add_member(tenant, people["dora"], "owner")
    charlies = make_workspace(people["charlie"], "Contoso")
    owner = Membership.objects.get(tenant=tenant, user=alice)
    invitation, _ = members.invite(owner, f"{SLUG}@example.com", builtin_role("viewer"))
    connection = _connected(tenant, people["bob"])
    template = _workflow(tenant, alice, connection)
    run = _run(template, "FAILED")
    _run(template, "RUNNING")
    variable = _workspace_things(tenant)
    token, _ = create_token(alice, tenant, f"Token {MARK}")
    ids = {
        "workflow": template.pk, "run": run.pk, "variable": variable.pk, "connection": connection.pk,
        "membership": mine.pk, "invitation": invitation.pk, "token": token.pk,
    }  # fmt: skip
    values = {
        "slug": SLUG,
        "key": "shape",
        "path": "shape",
        "name": "output",
        "number": 1,
        "request_id": uuid.uuid4(),
    }
    User.objects.filter(pk=people["dora"].pk).update(is_active=False)
    return World(tenant, ids, values, people, charlies)


def _connected(tenant: Tenant, user: User) -> UserIntegration:
    integration = IntegrationDefinition.objects.create(
        tenant=tenant, name=SLUG, display_name=f"App {MARK}", description=MARK, auth_type="BEARER",
        category=MARK, suite=MARK, auth_config=[{"type": "bearer"}], base_url="https://marker.invalid",
    )  # fmt: skip
    IntegrationAction.objects.create(
        integration=integration, name=SLUG, display_name=f"Do {MARK}", description=MARK, method="GET", endpoint="/",
        input_schema={"type": "object", "properties": {"text": {"type": "string", "title": MARK}}},
    )  # fmt: skip
    return UserIntegration.objects.create(
        tenant=tenant, user=user, integration=integration, name=f"Key {MARK}", auth_type="BEARER",
        account_label=MARK, public_values={"site": MARK}, last_error=MARK, sharing="WORKSPACE",
    )  # fmt: skip


def _workflow(tenant: Tenant, user: User, connection: UserIntegration) -> WorkflowTemplate:
    folder = tenant.folders.create(name=f"Folder {MARK}")
    template = documents.create(tenant, load(DOCUMENT), by=user, folder=folder, tags=[SLUG])
    documents.bind(template, {SLUG: connection.pk}, by=user)
    publish(template, by=user, note=f"Because {MARK}")
    own: dict[str, Any] = {"tenant": tenant, "template": template}
    Sample.objects.create(**own, trigger_key="call", source="REQUEST", data={"body": {SLUG: MARK}})
    StepState.objects.create(**own, key=f"last {MARK}", value=MARK)
    Sample.objects.create(**own, step_key="shape", source="TEST", data={SLUG: MARK})
    RunEvent.objects.create(**own, kind="DUPLICATE", message=f"Came twice {MARK}", trigger_key="call")
    LiveTrigger.objects.filter(template=template).update(last_error=MARK)
    return template


def _run(template: WorkflowTemplate, status: str) -> WorkflowExecution:
    deployment, now = Deployment.objects.get(template=template), clock.now()
    failed = status == "FAILED"
    problem = {"message": f"It broke: {MARK}", "code": "error", "step": "tell"}
    run = WorkflowExecution.objects.create(
        tenant=template.tenant, template=template, version=deployment.version, deployment=deployment,
        number=1 if failed else 2, trigger_type="WEBHOOK", status=status, is_failed=failed,
        input={"type": "webhook", "key": "call", "body": {SLUG: MARK}}, output={SLUG: MARK}, error=problem,
        started_at=now, completed_at=now if failed else None,
    )  # fmt: skip
    common: dict[str, Any] = {"tenant": template.tenant, "execution": run, "started_at": now}
    StepExecution.objects.create(
        path="shape", step_id="shape", step_name=f"Shape {MARK}", step_type="TRANSFORM", step_status="COMPLETED",
        input={SLUG: MARK}, output={SLUG: MARK}, **common,
    )  # fmt: skip
    if failed:
        StepExecution.objects.create(
            path="tell", step_id="tell", step_name=f"Tell {MARK}", step_type="ACTION", step_status="FAILED",
            input={"text": MARK}, error=problem, request_log=[{"url": MARK}], attempts=[{"message": MARK}], **common,
        )  # fmt: skip
    else:
        ActiveRun.objects.create(execution=run, tenant=template.tenant, workflow=template)
    return run


def _workspace_things(tenant: Tenant) -> WorkflowVariable:
    secret = WorkflowVariable(tenant=tenant, key=f"{SLUG}_secret", type="SECRET")
    conceal(secret, MARK)
    secret.save(force_insert=True)
    WorkflowTemplateLibrary.objects.create(
        tenant=tenant, slug=SLUG, name=f"Template {MARK}", description=MARK, category=MARK, template_data=DOCUMENT,
    )  # fmt: skip
    tenant.groups.create(name=f"Group {MARK}")
    tenant.roles.create(name=f"Role {MARK}", permissions=[])
    return WorkflowVariable.objects.create(tenant=tenant, key=SLUG, value=f'"{MARK}"')

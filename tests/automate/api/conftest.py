"""Clients that speak JSON with a token of the cast."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import Tenant, User
from accounts.tokens import create_token
from tests.factories import add_member, make_user
from workflows import documents
from workflows.engine.document import load
from workflows.models import WorkflowTemplate

_numbers = itertools.count(1)


class ApiClient:
    """`api.get("/workflows")`, `api.post("/workflows", {…})`: bodies as JSON, answers as Django gives them."""

    def __init__(self, user: User, tenant: Tenant, scope: str = "write") -> None:
        self.token = create_token(user, tenant, "test", scope)[1]
        self.client = Client()

    def send(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", **extra.pop("headers", {})}
        kind = extra.pop("content_type", "application/json")
        return self.client.generic(
            method, f"/api/v1{path}", data, content_type=kind, headers=headers, **extra
        )

    def get(self, path: str, **extra: Any) -> Any:
        return self.send("GET", path, **extra)

    def post(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self.send("POST", path, body, **extra)

    def put(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self.send("PUT", path, body, **extra)

    def patch(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self.send("PATCH", path, body, **extra)

    def delete(self, path: str, **extra: Any) -> Any:
        return self.send("DELETE", path, **extra)


@pytest.fixture
def api(alice: User, workspace: Tenant) -> ApiClient:
    """Alice's token with the scope `write`."""
    return ApiClient(alice, workspace)


@pytest.fixture
def admin_api(alice: User, workspace: Tenant) -> ApiClient:
    return ApiClient(alice, workspace, "admin")


@pytest.fixture
def stranger_api(charlie: User, workspace: Tenant) -> ApiClient:
    """Charlie's token, of his own workspace."""
    return ApiClient(charlie, charlie.memberships.get().tenant, "admin")


@pytest.fixture
def viewer_api(workspace: Tenant) -> ApiClient:
    """A member who may only look, with a token that could do everything."""
    viewer = make_user("vera@example.com")
    add_member(workspace, viewer, "viewer")
    return ApiClient(viewer, workspace, "admin")


def a_document(**changes: Any) -> dict[str, Any]:
    """Complete and publishable, started by hand."""
    return {
        "format": "automate/1",
        "key": f"made-{next(_numbers)}",
        "name": "Made",
        "triggers": [{"key": "start", "type": "manual"}, {"key": "call", "type": "webhook"}],
        "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"got": "{{ trigger.body }}"}}}],
        **changes,
    }


@pytest.fixture
def workflow(alice: User, workspace: Tenant) -> WorkflowTemplate:
    """A draft of alice's."""
    return documents.create(workspace, load(a_document()), by=alice)

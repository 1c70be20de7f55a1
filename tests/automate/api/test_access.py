"""Who may do what: every operation of the API for every kind of token."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from accounts.models import ApiToken
from automate.api import api as the_api
from automate.lib import clock
from tests.automate.api.conftest import ApiClient, a_document
from tests.database import undone
from tests.factories import add_member, make_user
from workflows.models import WorkflowAccess, WorkflowExecution, WorkflowTemplate

pytestmark = [pytest.mark.django_db]

# (method, path, body): every operation; {w} a workflow, {e} a run, {r} a request, {x} anything else. Which scope each one needs.
OPERATIONS: list[tuple[str, str, Any, str]] = [
    ("GET", "/workflows", None, "read"),
    ("POST", "/workflows", a_document(), "write"),
    ("GET", "/workflows/{w}", None, "read"),
    ("PUT", "/workflows/{w}", a_document(), "write"),
    ("PATCH", "/workflows/{w}", {"tags": ["x"]}, "write"),
    ("DELETE", "/workflows/{w}", None, "write"),
    ("POST", "/workflows/{w}/publish", {}, "write"),
    ("GET", "/workflows/{w}/versions", None, "read"),
    ("GET", "/workflows/{w}/versions/1", None, "read"),
    ("GET", "/workflows/{w}/executions", None, "read"),
    ("POST", "/workflows/{w}/execute", {"input": {}}, "run"),
    ("GET", "/workflows/{w}/events", None, "read"),
    ("GET", "/workflows/{w}/requests", None, "read"),
    ("GET", "/workflows/{w}/requests/{r}", None, "read"),
    ("POST", "/workflows/{w}/requests/{r}/replay", {}, "run"),
    ("POST", "/executions/retry", {}, "run"),
    ("GET", "/executions", None, "read"),
    ("GET", "/executions/{e}", None, "read"),
    ("GET", "/executions/{e}/events", None, "read"),
    ("POST", "/executions/{e}/cancel", None, "run"),
    ("POST", "/executions/{e}/retry", {}, "run"),
    ("POST", "/executions/{e}/answer", {"step": "a", "answer": "done"}, "run"),
    ("GET", "/integration-types", None, "read"),
    ("POST", "/integration-types", {}, "write"),
    ("GET", "/integration-types/{x}", None, "read"),
    ("GET", "/integrations", None, "read"),
    ("POST", "/integrations", {"integration": "x", "auth_type": "BEARER"}, "write"),
    ("POST", "/integrations/test", {"integration": "x", "auth_type": "BEARER"}, "write"),
    ("GET", "/integrations/{x}", None, "read"),
    ("PATCH", "/integrations/{x}", {"name": "x"}, "write"),
    ("DELETE", "/integrations/{x}", None, "write"),
    ("POST", "/integrations/{x}/test", None, "write"),
    ("GET", "/variables", None, "read"),
    ("POST", "/variables", {"key": "A", "value": "x"}, "write"),
    ("GET", "/variables/{x}", None, "read"),
    ("PATCH", "/variables/{x}", {"value": "x"}, "write"),
    ("DELETE", "/variables/{x}", None, "write"),
    ("GET", "/library", None, "read"),
    ("GET", "/library/{x}", None, "read"),
    ("POST", "/library/{x}/use", None, "write"),
]
CHANGES = [operation for operation in OPERATIONS if operation[3] != "read"]


@pytest.fixture
def published(api, workflow) -> WorkflowTemplate:
    api.post(f"/workflows/{workflow.pk}/publish")
    return workflow


@pytest.fixture
def run(api, published) -> str:
    return api.post(f"/workflows/{published.pk}/execute", {"input": {}}).json()["id"]


def filled(path, workflow, run) -> str:
    return path.format(w=workflow.pk, e=run, x=uuid.uuid4(), r=uuid.uuid4())


def test_every_operation_is_in_the_matrix():
    listed = set()
    for pattern in the_api.urls[0]:
        if isinstance(pattern, URLPattern) and pattern.name not in (
            "openapi-json",
            "openapi-view",
            "api-root",
            "unknown",
        ):
            listed.add("/" + str(pattern.pattern))
    covered = {path for _method, path, _body, _scope in OPERATIONS}
    shapes = {
        path.replace("{w}", "<uuidstr:id>")
        .replace("{e}", "<uuidstr:id>")
        .replace("{x}", "<uuidstr:id>")
        .replace("{r}", "<uuidstr:request_id>")
        for path in covered
    }

    assert listed == {path.replace("/versions/1", "/versions/<int:number>") for path in shapes}


def test_without_a_valid_token_nothing_is_said(published, run):
    tokens: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer nope"},
        {"Authorization": "Basic x"},
        {"Authorization": "Bearer \u00fc"},
    )
    client, said = Client(), set()

    for method, path, _body, _scope in OPERATIONS:
        for headers in tokens:
            answer = client.generic(method, "/api/v1" + filled(path, published, run), headers=headers)
            said.add((answer.status_code, answer["WWW-Authenticate"], answer.content))

    assert len(said) == 1
    assert said.pop()[:2] == (401, "Bearer")


def test_a_read_token_changes_nothing(alice, workspace, published, run):
    reader = ApiClient(alice, workspace, "read")

    for method, path, body, _scope in CHANGES:
        answer = reader.send(method, filled(path, published, run), body)

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope"), path


def test_a_run_token_runs_and_changes_nothing_else(alice, workspace, published, run):
    runner = ApiClient(alice, workspace, "run")

    for method, path, body, scope in CHANGES:
        with undone():
            answer = runner.send(method, filled(path, published, run), body)

        assert (answer.status_code == 403) == (scope == "write"), (method, path)


def test_a_viewer_changes_nothing_whatever_the_token(viewer_api, published, run):
    for method, path, body, _scope in CHANGES:
        answer = viewer_api.send(method, filled(path, published, run), body)

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), path


def test_foreign_looks_like_unknown(stranger_api, published, run):
    for method, path, body, _scope in OPERATIONS:
        if "{w}" in path or "{e}" in path:
            foreign = stranger_api.send(method, filled(path, published, run), body)
            unknown = stranger_api.send(
                method, path.format(w=uuid.uuid4(), e=uuid.uuid4(), r=uuid.uuid4()), body
            )

            assert (foreign.status_code, foreign.content) == (404, unknown.content), path
            assert unknown.status_code == 404


@pytest.mark.parametrize("path", ["/workflows", "/executions", "/integrations", "/variables"])
def test_lists_hold_nothing_of_others(stranger_api, api, published, run, path):
    api.post("/variables", {"key": "OURS", "value": "x"})

    assert stranger_api.get(path).json() == {"items": [], "next": None}


def test_a_token_opens_one_workspace_even_for_a_person_in_two(alice, workspace, charlie, stranger_api):
    add_member(charlie.memberships.get().tenant, alice, "owner")
    made = stranger_api.post("/workflows", a_document()).json()["id"]

    assert ApiClient(alice, workspace, "admin").get(f"/workflows/{made}").status_code == 404


def test_workflow_shared_with_others_only_is_not_there(workspace, published, alice, bob):
    other = make_user("otto@example.com")
    add_member(workspace, other, "editor")
    WorkflowAccess.objects.create(
        tenant=workspace, template=published, user=other, level=WorkflowAccess.Level.VIEW
    )
    bobs, others = ApiClient(bob, workspace), ApiClient(other, workspace)

    assert bobs.get(f"/workflows/{published.pk}").status_code == 404
    assert bobs.get("/workflows").json()["items"] == []
    assert bobs.get("/executions").json()["items"] == []
    assert others.get(f"/workflows/{published.pk}").status_code == 200
    assert others.post(f"/workflows/{published.pk}/publish").status_code == 403


def test_expired_and_deactivated_tokens_are_refused(api, alice):
    ApiToken.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert api.get("/workflows").status_code == 401

    ApiToken.objects.update(expires_at=None)
    assert api.get("/workflows").status_code == 200
    alice.is_active = False
    alice.save()
    assert api.get("/workflows").status_code == 401


def test_a_session_is_no_token(as_alice, published):
    assert as_alice.get(f"/api/v1/workflows/{published.pk}").status_code == 401


def test_answers_set_no_cookie(api, published, run):
    assert not api.get(f"/executions/{run}").cookies
    assert WorkflowExecution.objects.count() == 1

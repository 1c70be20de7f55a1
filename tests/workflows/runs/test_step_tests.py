"""Testing one step: what it shows and keeps as a sample holds no secret."""

from __future__ import annotations

import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import Tenant, User
from integrations.sync import sync_catalogue
from workflows import documents
from workflows.engine.document import load
from workflows.models import Sample, WorkflowTemplate, WorkflowVariable
from workflows.runs.secret_values import conceal
from workflows.runs.steps_test import run_one_step

SECRET = "s3cr3t/value+987"


@pytest.fixture
def asking(alice: User, workspace: Tenant, httpserver: HTTPServer) -> WorkflowTemplate:
    """A draft that sends a secret variable to a service that quotes everything back."""

    def quote(request: Request) -> Response:
        return Response(
            json.dumps({"path": request.full_path, "key": request.headers["x-key"]}),
            mimetype="application/json",
        )

    httpserver.expect_request("/echo").respond_with_handler(quote)
    sync_catalogue()
    row = WorkflowVariable(tenant=workspace, key="API_KEY", type="SECRET")
    conceal(row, SECRET)
    row.save(force_insert=True)
    document = {
        "format": "automate/1", "key": "ask", "name": "Ask", "start": "ask", "triggers": [{"key": "go", "type": "manual"}],
        "steps": [{"key": "ask", "type": "action", "integration": "http", "action": "request", "input": {
            "url": httpserver.url_for("/echo"), "query": {"k": "{{ vars.API_KEY }}", "plain": "shown"},
            "headers": {"x-key": "{{ vars.API_KEY }}"}}}],
    }  # fmt: skip
    return documents.create(workspace, load(document), by=alice)


def test_a_secret_variable_is_shown_nowhere(asking: WorkflowTemplate, alice: User) -> None:
    result = run_one_step(asking, "ask", by=alice, sample_scope={"trigger": {}, "steps": {}})

    assert result["status"] == "COMPLETED", result["error"]
    assert result["output"]["body"]["key"] == "••••"
    assert "plain=shown" in result["output"]["body"]["path"]
    assert result["input"]["query"] == {"k": "••••", "plain": "shown"}
    kept = Sample.objects.get(template=asking, step_key="ask")
    for shown in (result, kept.data):
        text = json.dumps(shown)
        assert SECRET not in text
        assert "s3cr3t%2F" not in text

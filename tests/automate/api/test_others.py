"""Runs, connections, integration types, variables, library, and the description of the API itself."""

from __future__ import annotations

import pytest
from django.test import Client

from integrations.models import IntegrationDefinition, UserIntegration
from tests.automate.api.conftest import a_document
from tests.workflows.ingress.conftest import data_of
from workflows.models import (
    ActiveRun,
    StepExecution,
    WorkflowExecution,
    WorkflowTemplateLibrary,
    WorkflowVariable,
)

pytestmark = [pytest.mark.django_db]

MANIFEST = {
    "slug": "parcel",
    "name": "Parcel",
    "category": "shipping",
    "description": "Ships things.",
    "docs_url": "https://parcel.example/docs",
    "version": 1,
    "connections": [{"type": "bearer", "fields": [{"key": "token", "label": "Token", "type": "secret", "help": "From settings."}]}],
    "http": {"base_url": "https://parcel.example/api"},
    "actions": [
        {"name": "ship", "display_name": "Ship", "method": "POST", "path": "/ship",
         "input": {"type": "object", "properties": {"to": {"type": "string", "title": "To"}}},
         "send": {"json": {"to": "{{ input.to }}"}}, "sample": {"id": 1}},
    ],
}  # fmt: skip


@pytest.fixture
def run(api, workflow) -> WorkflowExecution:
    api.post(f"/workflows/{workflow.pk}/publish")
    started = api.post(f"/workflows/{workflow.pk}/execute", {"input": {"a": 1}}).json()["id"]
    return WorkflowExecution.objects.get(pk=started)


def test_run_shows_its_steps_and_hides_secret_outputs(api, run, workspace):
    own = {
        "tenant": workspace,
        "execution": run,
        "step_id": "shape",
        "step_name": "Shape",
        "step_type": "TRANSFORM",
    }
    StepExecution.objects.create(path="shape", step_status="COMPLETED", output={"a": 1}, **own)
    StepExecution.objects.create(
        path="secret", step_status="COMPLETED", output="ciphertext", is_encrypted=True, **own
    )

    shape = api.get(f"/executions/{run.pk}").json()

    assert [step["path"] for step in shape["steps"]] == ["shape", "secret"]
    assert (shape["steps"][0]["step_id"], shape["steps"][0]["output"]) == ("shape", {"a": 1})
    assert "ciphertext" not in str(shape)


def test_cancel_once(api, run):
    assert api.post(f"/executions/{run.pk}/cancel").json()["status"] == "CANCELLED"
    assert api.post(f"/executions/{run.pk}/cancel").status_code == 409


def test_retry_is_a_new_run(api, run):
    assert api.post(f"/executions/{run.pk}/retry").status_code == 409
    api.post(f"/executions/{run.pk}/cancel")

    answer = api.post(
        f"/executions/{run.pk}/retry", {"from": "start", "version": "newest", "input": {"a": 2}}
    )

    assert answer.status_code == 202
    again = WorkflowExecution.objects.get(pk=answer.json()["id"])
    assert (again.retry_of_id, data_of(again)["body"]) == (run.pk, {"a": 2})


def test_answer_to_a_run_that_asks_nothing_is_409(api, run):
    for answer in ("done", "approve"):
        got = api.post(f"/executions/{run.pk}/answer", {"step": "shape", "answer": answer})

        assert got.status_code == 409


def test_events_say_only_what_is_new(api, run):
    ActiveRun.objects.filter(pk=run.pk).update(seq=3, progress={"shape": {"state": "RUNNING"}})

    first = api.get(f"/executions/{run.pk}/events").json()

    assert (first["seq"], first["status"]) == (3, "PENDING")
    assert first["progress"] == {"shape": {"state": "RUNNING"}}
    assert api.get(f"/executions/{run.pk}/events?seq=3").status_code == 204


def test_runs_can_be_asked_for_by_status(api, run):
    assert len(api.get("/executions?status=PENDING").json()["items"]) == 1
    assert api.get("/executions?status=FAILED").json()["items"] == []
    assert api.get("/executions?status=odd").status_code == 422


def test_variables_come_and_go(api):
    made = api.post("/variables", {"key": "LIMIT", "type": "NUMBER", "value": 5}).json()
    assert (made["key"], made["value"]) == ("LIMIT", 5)

    assert api.patch(f"/variables/{made['id']}", {"value": 2**70}).json()["value"] == 2**70
    assert api.patch(f"/variables/{made['id']}", {"value": "x"}).status_code == 422
    assert api.post("/variables", {"key": "LIMIT", "value": "x"}).status_code == 409
    assert api.delete(f"/variables/{made['id']}").status_code == 204
    assert api.get("/variables").json()["items"] == []


def test_secret_variable_is_written_and_never_read(api):
    made = api.post("/variables", {"key": "TOKEN", "type": "SECRET", "value": "hunter2-hunter2"})

    assert made.status_code == 201
    assert "hunter2" not in made.content.decode() + api.get("/variables").content.decode()
    assert "hunter2" not in WorkflowVariable.objects.get().value


@pytest.mark.parametrize("value", [True, 1, None, [], {}])
def test_text_variables_take_text(api, value):
    assert api.post("/variables", {"key": "A", "value": value}).status_code == 422


def test_own_integration_type_can_be_added_and_connected(api, workspace):
    made = api.post("/integration-types", MANIFEST)
    assert made.status_code == 201, made.content
    assert made.json()["actions"][0]["name"] == "ship"
    assert api.post("/integration-types", MANIFEST).status_code == 409
    assert IntegrationDefinition.objects.get(name="parcel").tenant == workspace

    body = {
        "integration": "parcel",
        "auth_type": "BEARER",
        "name": "Ours",
        "credentials": {"token": "tok-123456789"},
    }
    connection = api.post("/integrations", body)

    assert connection.status_code == 201, connection.content
    assert "tok-123456789" not in connection.content.decode() + api.get("/integrations").content.decode()
    assert "tok-123456789" not in UserIntegration.objects.get().credentials
    changed = api.patch(
        f"/integrations/{connection.json()['id']}", {"name": "Theirs", "sharing": "WORKSPACE"}
    )
    assert (changed.json()["name"], changed.json()["sharing"]) == ("Theirs", "WORKSPACE")
    assert api.delete(f"/integrations/{connection.json()['id']}").status_code == 204


def test_connection_faults_name_the_field(api):
    api.post("/integration-types", MANIFEST)
    body = {"integration": "parcel", "auth_type": "BEARER", "credentials": {"nope": "x"}}

    assert api.post("/integrations", body).json()["error"]["where"] == "credentials.nope"
    assert api.post("/integrations", {**body, "auth_type": "BASIC"}).status_code == 422
    assert (
        api.post("/integrations", {**body, "integration": "none"}).json()["error"]["where"] == "integration"
    )
    assert api.post("/integrations/test", {**body, "auth_type": "BASIC"}).status_code == 422


def test_slots_are_bound_by_patch(api):
    api.post("/integration-types", MANIFEST)
    step = {
        "key": "ship",
        "type": "action",
        "integration": "parcel",
        "action": "ship",
        "connection": "post",
        "input": {"to": "x"},
    }
    document = a_document(connections={"post": {"integration": "parcel"}}, steps=[step], start="ship")
    made = api.post("/workflows", document).json()["id"]
    assert api.post(f"/workflows/{made}/publish").json()["error"]["code"] == "not_publishable"
    body = {"integration": "parcel", "auth_type": "BEARER", "credentials": {"token": "tok-123456789"}}
    connection = api.post("/integrations", body).json()["id"]

    assert api.patch(f"/workflows/{made}", {"connections": {"post": connection}}).status_code == 200

    assert api.post(f"/workflows/{made}/publish").json()["version"] == 1
    assert api.patch(f"/workflows/{made}", {"connections": {"nope": connection}}).status_code == 422


def test_bad_manifests_are_422(api):
    for manifest in (
        {},
        {**MANIFEST, "slug": "Not A Slug"},
        {**MANIFEST, "actions": 1},
        {**MANIFEST, "odd": 1},
    ):
        answer = api.post("/integration-types", manifest)

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_manifest")


def test_library_entries_become_workflows(api):
    entry = WorkflowTemplateLibrary.objects.create(
        slug="hello", name="Hello", template_data=a_document(key="hello")
    )
    WorkflowTemplateLibrary.objects.create(slug="hidden", name="Hidden", template_data={}, is_published=False)

    assert [item["slug"] for item in api.get("/library").json()["items"]] == ["hello"]
    assert api.get(f"/library/{entry.pk}").json()["document"]["key"] == "hello"
    assert api.post(f"/library/{entry.pk}/use").json()["key"] == "hello"


def test_openapi_describes_every_operation():
    answer = Client().get("/api/v1/openapi.json")

    schema = answer.json()
    assert answer.status_code == 200
    assert {"post", "get"} <= set(schema["paths"]["/api/v1/workflows"])
    assert schema["paths"]["/api/v1/workflows/{id}/execute"]["post"]["security"]
    assert schema["components"]["securitySchemes"]


def test_docs_page_loads_nothing_inline_or_from_elsewhere():
    answer = Client().get("/api/v1/docs")

    html = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert html.count("<script src=") == html.count("<script")
    assert "http" not in html.replace("http-equiv", "")


def test_schema_of_documents_is_served():
    answer = Client().get("/schema/automate-1.json")

    assert answer.status_code == 200
    assert answer.json()["$defs"]

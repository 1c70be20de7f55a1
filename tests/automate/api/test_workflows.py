from __future__ import annotations

import pytest

from tests.automate.api.conftest import a_document
from tests.workflows.ingress.conftest import data_of
from workflows.engine.document import dump_yaml, load
from workflows.models import WorkflowExecution, WorkflowTemplate

pytestmark = [pytest.mark.django_db]


def test_post_document_makes_a_workflow(api):
    answer = api.post("/workflows", a_document(key="orders", name="Orders"))

    assert answer.status_code == 201
    made = answer.json()
    assert (made["key"], made["name"], made["status"]) == ("orders", "Orders", "DRAFT")
    assert (made["is_active"], made["version"], made["draft_version"]) == (False, None, 1)
    assert made["document"]["steps"][0]["key"] == "shape"
    assert [(t["key"], t["type"]) for t in made["triggers"]] == [("start", "manual"), ("call", "webhook")]
    assert "/hooks/" in made["triggers"][1]["webhook_url"]


def test_post_yaml_is_the_same_as_json(api):
    answer = api.post("/workflows", dump_yaml(load(a_document(key="yam"))), content_type="application/yaml")

    assert answer.status_code == 201
    assert answer.json()["key"] == "yam"


def test_a_taken_key_makes_a_copy(api):
    keys = [api.post("/workflows", a_document(key="twice")).json()["key"] for _ in range(2)]

    assert keys == ["twice", "twice-2"]


def test_get_gives_back_the_document(api, workflow):
    got = api.get(f"/workflows/{workflow.pk}").json()

    assert (
        api.put(f"/workflows/{workflow.pk}", got["document"]).json()["draft_version"] == got["draft_version"]
    )


def test_put_replaces_the_draft(api, workflow):
    document = a_document(key=workflow.template_id, name="Renamed")

    answer = api.put(f"/workflows/{workflow.pk}", document, headers={"If-Match": "1"})

    assert (answer.status_code, answer.json()["name"], answer.json()["draft_version"]) == (200, "Renamed", 2)


def test_put_from_an_older_draft_is_409(api, workflow):
    api.put(f"/workflows/{workflow.pk}", a_document(key=workflow.template_id, name="First"))

    answer = api.put(f"/workflows/{workflow.pk}", a_document(name="Second"), headers={"If-Match": '"1"'})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"
    assert WorkflowTemplate.objects.get().name == "First"


def test_patch_changes_what_is_given(api, workflow):
    answer = api.patch(f"/workflows/{workflow.pk}", {"name": "New", "tags": ["a", "b"], "folder": "Sales"})

    assert answer.status_code == 200
    shape = answer.json()
    assert (shape["name"], shape["tags"], shape["folder"]) == ("New", ["a", "b"], "Sales")
    assert shape["document"]["name"] == "New"


@pytest.mark.parametrize("field", ["status", "is_public", "tenant", "created_by", "draft_version", "id"])
def test_patch_refuses_fields_it_does_not_know(api, workflow, field):
    answer = api.patch(f"/workflows/{workflow.pk}", {field: "x"})

    assert answer.status_code == 422
    assert field in answer.json()["error"]["where"]


def test_publish_pause_and_resume(api, workflow):
    published = api.post(f"/workflows/{workflow.pk}/publish", {"note": "first"})
    assert published.status_code == 200
    assert (published.json()["version"], published.json()["is_active"], published.json()["status"]) == (
        1,
        True,
        "PUBLISHED",
    )

    assert api.patch(f"/workflows/{workflow.pk}", {"is_active": False}).json()["is_active"] is False
    assert api.patch(f"/workflows/{workflow.pk}", {"is_active": True}).json()["is_active"] is True

    versions = api.get(f"/workflows/{workflow.pk}/versions").json()["items"]
    assert [(v["version_number"], v["change_description"]) for v in versions] == [(1, "first")]
    assert api.get(f"/workflows/{workflow.pk}/versions/1").json()["document"]["key"] == workflow.template_id
    assert api.get(f"/workflows/{workflow.pk}/versions/9").status_code == 404


def test_execute_needs_something_published(api, workflow):
    answer = api.post(f"/workflows/{workflow.pk}/execute", {"input": {}})

    assert answer.status_code == 409
    assert "Publish it first" in answer.json()["error"]["message"]


def test_execute_starts_a_run(api, workflow):
    api.post(f"/workflows/{workflow.pk}/publish")

    answer = api.post(f"/workflows/{workflow.pk}/execute", {"input": {"n": 2**70}})

    assert answer.status_code == 202
    run = api.get(f"/executions/{answer.json()['id']}").json()
    assert (run["status"], run["workflow"], run["steps"]) == ("PENDING", str(workflow.pk), [])
    assert run["input"]["body"] == {"n": 2**70}
    assert run["input"]["type"] == "manual"
    assert [item["id"] for item in api.get(f"/workflows/{workflow.pk}/executions").json()["items"]] == [
        run["id"]
    ]


def test_execute_may_stand_in_for_another_trigger(api, workflow):
    api.post(f"/workflows/{workflow.pk}/publish")

    answer = api.post(f"/workflows/{workflow.pk}/execute", {"input": 1, "trigger": "call"})

    trigger = data_of(WorkflowExecution.objects.get(pk=answer.json()["id"]))
    assert (trigger["type"], trigger["key"], trigger["body"], trigger["query"]) == ("webhook", "call", 1, {})
    assert api.post(f"/workflows/{workflow.pk}/execute", {"trigger": "nope"}).status_code == 422


def test_execute_with_the_same_key_starts_once(api, workflow):
    api.post(f"/workflows/{workflow.pk}/publish")
    again = {"headers": {"Idempotency-Key": "k1"}}

    first, second = (
        api.post(f"/workflows/{workflow.pk}/execute", {"input": {"a": 1}}, **again) for _ in range(2)
    )
    other = api.post(
        f"/workflows/{workflow.pk}/execute", {"input": {"a": 2}}, headers={"Idempotency-Key": "k1"}
    )

    assert first.json()["id"] == second.json()["id"]
    assert other.status_code == 409
    assert WorkflowExecution.objects.count() == 1


def test_execute_checks_the_input_schema(api, alice):
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    made = api.post("/workflows", a_document(settings={"input_schema": schema})).json()
    api.post(f"/workflows/{made['id']}/publish")

    answer = api.post(f"/workflows/{made['id']}/execute", {"input": {"n": "x"}})

    assert answer.status_code == 422
    assert answer.json()["error"]["where"] == "input.n"


def test_delete_removes_the_workflow(api, workflow):
    assert api.delete(f"/workflows/{workflow.pk}").status_code == 204
    assert api.get(f"/workflows/{workflow.pk}").status_code == 404


def test_list_pages_through_everything_once(api):
    made = [api.post("/workflows", a_document()).json()["id"] for _ in range(5)]

    seen, cursor = [], None
    while True:
        got = api.get(f"/workflows?limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        seen += [item["id"] for item in got["items"]]
        cursor = got["next"]
        if not cursor:
            break

    assert seen == made[::-1]


def test_list_of_20_costs_no_more_queries_than_of_10(api, django_assert_max_num_queries):
    for _ in range(10):
        api.post("/workflows", a_document())
    with django_assert_max_num_queries(8):
        api.get("/workflows")
    for _ in range(10):
        api.post("/workflows", a_document())
    with django_assert_max_num_queries(8):
        assert len(api.get("/workflows").json()["items"]) == 20

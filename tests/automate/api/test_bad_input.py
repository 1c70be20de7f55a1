"""Whatever is sent: a 4xx in the one shape, a sentence, never a traceback."""

from __future__ import annotations

import uuid

import pytest

from tests.automate.api.conftest import a_document

pytestmark = [pytest.mark.django_db]


def assert_error(answer, status, code=None):
    assert answer.status_code == status, answer.content[:300]
    assert answer["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert set(error) <= {"code", "message", "where", "faults"}
    assert error["message"].endswith((".", "`", ")")), error["message"]
    if code:
        assert error["code"] == code
    return error


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a": NaN}', b'{"a": 1e400}', b'{"a":1,"a":2}', b"\xff\xfe{\x00}\x00", b'"\\ud800"', b'{"a":"\\u0000"}',
     b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}", b"\x00", b"\x80"],
)  # fmt: skip
def test_malformed_json_is_400(api, body):
    assert_error(api.post("/workflows", body), 400, "unreadable")


@pytest.mark.parametrize(
    "body", [b"a: [", b"a: 1\na: 2", b"? {a: b}\n: c", b"!!python/object:os.system x", b"a: *b", b"\xff"]
)
def test_malformed_yaml_is_400(api, body):
    assert_error(api.post("/workflows", body, content_type="application/yaml"), 400, "unreadable")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_document_must_be_an_object(api, body):
    assert_error(api.post("/workflows", body), 422)


def test_no_body_is_422(api):
    assert_error(api.post("/workflows", b""), 422)


def test_other_types_of_body_are_415(api):
    assert_error(api.post("/workflows", b"<a/>", content_type="application/xml"), 415, "unsupported")
    assert_error(api.post("/workflows", b"{}", headers={"Content-Encoding": "gzip"}), 415)


def test_oversized_body_is_413(api):
    assert_error(api.post("/workflows", b" " * (5 * 1024 * 1024)), 413, "too_large")


def test_cyclic_document_names_its_path(api):
    steps = [
        {"key": "a", "type": "transform", "config": {"set": {}}, "next": "b"},
        {"key": "b", "type": "transform", "config": {"set": {}}, "next": "a"},
    ]

    error = assert_error(api.post("/workflows", a_document(start="a", steps=steps)), 422, "invalid_document")

    assert error["faults"]
    assert any("a" in fault["message"] and "b" in fault["message"] for fault in error["faults"])


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "nowhere"},
        {"steps": [{"key": "x", "type": "unknown"}]},
        {"steps": "none"},
        {"key": "NOT A KEY"},
        {"format": "automate/9"},
        {"steps": [{"key": "x", "type": "action", "integration": "nope", "action": "nope"}], "start": "x"},
        {"triggers": [{"key": "t", "type": "schedule", "config": {"cron": "61 * * * *"}}]},
        {
            "triggers": [
                {"key": "t", "type": "schedule", "config": {"cron": "0 9 * * *", "time_zone": "Mars/Base"}}
            ]
        },
        {"layout": []},
    ],
)
def test_faulty_documents_are_422_with_a_place(api, changes):
    error = assert_error(api.post("/workflows", a_document(**changes)), 422, "invalid_document")

    assert error["where"] is not None


def test_older_form_is_accepted_or_explained(api):
    older = {
        "name": "Old",
        "nodes": [
            {"id": "n1", "type": "action", "integration_id": "i1", "task": "send_message", "params": {}}
        ],
        "connections": [],
    }

    answer = api.post("/workflows", older)

    assert answer.status_code in (201, 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=!!", "cursor=AAAA"])
def test_bad_paging_is_422(api, query):
    assert_error(api.get(f"/workflows?{query}"), 422, "invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nope",
        "/workflows/",
        "/workflows/1",
        "/workflows/x/execute",
        "/workflows/%00",
        "/executions/../x",
    ],
)
def test_unknown_addresses_are_404_in_json(api, path):
    assert_error(api.get(path), 404, "not_found")


def test_other_methods_are_405_in_json(api):
    answer = api.send("DELETE", "/workflows")

    assert_error(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "\u0661", '"'])
def test_bad_if_match_is_422(api, workflow, value):
    headers = {"If-Match": value}
    assert_error(api.put(f"/workflows/{workflow.pk}", a_document(), headers=headers), 422, "invalid")


def test_unknown_ids_are_404(api):
    for path in (
        "/workflows",
        "/executions",
        "/integrations",
        "/integration-types",
        "/variables",
        "/library",
    ):
        assert_error(api.get(f"{path}/{uuid.uuid4()}"), 404)


def test_data_from_outside_may_not_name_a_stored_file(api, workflow):
    api.post(f"/workflows/{workflow.pk}/publish")

    answer = api.post(f"/workflows/{workflow.pk}/execute", {"input": {"x": [{"$file": str(uuid.uuid4())}]}})

    assert_error(answer, 422, "invalid_input")

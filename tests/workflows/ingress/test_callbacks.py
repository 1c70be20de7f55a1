"""`/callbacks/<token>`: what a service may send to end a wait, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.workflows.runs.conftest import let_time_pass, start, steps_of, workflow
from tests.workflows.runs.waits.conftest import token_of
from workflows import documents
from workflows.engine.document import load
from workflows.models import Blob, Deployment, WorkflowExecution
from workflows.publishing import publish
from workflows.runs.cancel import cancel
from workflows.runs.tokens import secret_of

JSON = "application/json"
PROOFS: list[dict[str, str]] = [{}, {"X-Secret": "guess"}, {"X-Secret": "s3cret-s3cret"}]


@pytest.fixture
def wait(engine, deploy):
    """A run that waits for a call, and the address for it."""

    def go(**config: Any) -> tuple[WorkflowExecution, str]:
        run_id = start(deploy(workflow({"key": "wait", "type": "callback", "config": config})))
        engine.drain()
        return WorkflowExecution.objects.get(pk=run_id), f"/callbacks/{secret_of(token_of(run_id).pk)}"

    return go


@pytest.fixture
def service() -> Client:
    return Client(enforce_csrf_checks=True)


def output_of(engine, run: WorkflowExecution) -> Any:
    engine.drain()
    return steps_of(run)["wait"].output


def test_json_that_is_posted_is_the_output(wait, engine, service):
    run, url = wait()

    answer = service.post(url, '{"paid": true, "amount": 12.5}', content_type=JSON)

    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert output_of(engine, run) == {"paid": True, "amount": 12.5}


def test_it_takes_one_call_and_says_so_to_the_second(wait, engine, service):
    run, url = wait()
    service.post(url, '"first"', content_type=JSON)

    second = service.post(url, '"second"', content_type=JSON)
    assert output_of(engine, run) == "first"
    third = service.post(url, '"third"', content_type=JSON)

    assert [second.status_code, third.status_code] == [409, 409]
    assert second.json()["error"]["code"] == "already_answered"


def test_a_scanner_that_follows_the_link_ends_nothing(wait, engine, service):
    run, url = wait()

    for answer in (service.get(url), service.head(url), service.options(url)):
        assert answer.status_code == 405
        assert answer["Allow"] == "POST"

    engine.drain()
    run.refresh_from_db()
    assert run.status == "WAITING"


def test_a_get_counts_where_the_step_says_so_and_gives_its_query(wait, engine, service):
    run, url = wait(methods=["GET", "POST"])

    assert service.get(f"{url}?ok=1&tag=a&tag=b").status_code == 200

    assert output_of(engine, run) == {"ok": "1", "tag": ["a", "b"]}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", JSON, 400),
        ('{"a": 1, "a": 2}', JSON, 400),
        ('{"$file": "x"}', JSON, 400),
        ('{"n": NaN}', JSON, 400),
        ("x" * 1_048_577, "text/plain", 413),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_run_waits_on(wait, engine, service, body, kind, status):
    run, url = wait()

    refused = service.post(url, body, content_type=kind)

    assert refused.status_code == status
    assert service.post(url, "fine", content_type="text/plain").status_code == 200
    assert output_of(engine, run) == "fine"


def test_a_file_is_kept_with_the_run(wait, engine, service):
    run, url = wait()

    service.post(url, b"\x89PNG", content_type="image/png")

    value = output_of(engine, run)
    assert value["mime"] == "image/png"
    assert Blob.objects.get(pk=value["$file"]).execution_id == run.pk


def test_an_address_that_nobody_waits_at_is_not_there(service, db):
    assert service.post(f"/callbacks/{'x' * 43}", "{}", content_type=JSON).status_code == 404
    assert service.post("/callbacks/x", "{}", content_type=JSON).status_code == 404


def test_a_call_that_comes_too_late_is_told_so(wait, engine, service, alice):
    late, late_url = wait(timeout_s=60)
    let_time_pass(late.pk)
    engine.drain()
    late_answer = service.post(late_url, "1", content_type=JSON)

    assert (late_answer.status_code, late_answer.json()["error"]["code"]) == (410, "gone")


def test_a_call_for_a_stopped_run_is_told_so(wait, service, alice):
    run, url = wait()
    cancel(run, by=alice)

    answer = service.post(url, "1", content_type=JSON)

    assert answer.status_code == 410
    assert "was stopped" in answer.json()["error"]["message"]


def test_a_step_that_asks_for_proof_takes_none_without(engine, service, alice, workspace, secret):
    rule = {"type": "header", "connection": "proof", "header": "X-Secret"}
    step = {"key": "wait", "type": "callback", "config": {"auth": rule}}
    data = load(workflow(step, connections={"proof": {"integration": "secret"}}))
    template = documents.create(workspace, data, by=alice, bindings={"proof": secret.pk})
    publish(template, by=alice)
    run_id = start(Deployment.objects.get(template=template))
    engine.drain()
    url = f"/callbacks/{secret_of(token_of(run_id).pk)}"

    sent = [service.post(url, "1", content_type=JSON, headers=headers).status_code for headers in PROOFS]

    assert sent == [401, 401, 200]

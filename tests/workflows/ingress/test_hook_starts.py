"""One delivery, one run: de-duplication, proofs, files, answers of runs, and a database that is away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, connections
from django.test import Client

from integrations.models import UserIntegration
from tests.workflows.ingress.conftest import data_of, document, live_trigger
from workflows import documents
from workflows.engine.document import load
from workflows.ingress import answers
from workflows.models import ActiveRun, Blob, StepExecution, TriggerReceipt, WorkflowExecution
from workflows.publishing import publish

pytestmark = [pytest.mark.django_db]


def call(client, live, body=None, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(f"/hooks/{live.token}", data, content_type="application/json", headers=headers)


# --- de-duplication -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Shopify-Event-Id", "ce-id"]
)
def test_repeated_delivery_gets_the_same_answer(caller, hook, header):
    answers_ = [call(caller, hook, {"a": 1}, **{header: "d-1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers_] == [202, 202]
    assert answers_[0].content == answers_[1].content
    assert WorkflowExecution.objects.count() == 1


def test_same_key_with_another_body_is_409(caller, hook):
    call(caller, hook, {"a": 1}, **{"Idempotency-Key": "k"})

    assert call(caller, hook, {"a": 2}, **{"Idempotency-Key": "k"}).status_code == 409
    assert WorkflowExecution.objects.count() == 1


def test_keys_of_one_hook_say_nothing_about_another(caller, make_hook):
    first, second = make_hook(), make_hook()

    for live in (first, second):
        call(caller, live, {}, **{"Idempotency-Key": "k"})

    assert WorkflowExecution.objects.count() == 2


def test_without_a_key_each_call_is_a_run(caller, hook):
    for _ in range(2):
        call(caller, hook, {"a": 1})

    assert WorkflowExecution.objects.count() == 2


def test_dedup_expression_decides(caller, make_hook):
    live = make_hook({"dedup": "{{ trigger.body.event.id }}"})

    for headers in ({}, {"Idempotency-Key": "x"}):
        call(caller, live, {"event": {"id": 7}}, **headers)
    call(caller, live, {"event": {"id": 8}})
    missing = call(caller, live, {"odd": 1})

    assert WorkflowExecution.objects.count() == 2
    assert missing.status_code == 400
    assert "event" in missing.json()["error"]["message"]


def test_very_long_keys_are_kept_as_their_hash(caller, hook):
    for _ in range(2):
        call(caller, hook, {}, **{"Idempotency-Key": "k" * 5000})

    assert len(TriggerReceipt.objects.get().dedup_key) <= 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite's tests live in memory, where threads cannot wait for each other.",
)
def test_twenty_parallel_deliveries_start_one_run(hook):
    seen: list[tuple[int, bytes]] = []

    def deliver() -> None:
        try:
            answer = call(Client(), hook, {"a": 1}, **{"Idempotency-Key": "same"})
            seen.append((answer.status_code, answer.content))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 20
    assert len(set(seen)) == 1
    assert WorkflowExecution.objects.count() == 1


# --- who is calling -------------------------------------------------------------------------------


@pytest.fixture
def signed_hook(alice, workspace, secret):
    """Takes only calls signed with the secret in `X-Sig`."""

    def make(*, published: bool = True, **auth):
        rule = {"type": "hmac", "connection": "proof", "header": "X-Sig", **auth}
        data = {**document({"auth": rule}), "connections": {"proof": {"integration": "secret"}}}
        template = documents.create(workspace, load(data), by=alice, bindings={"proof": secret.pk})
        if published:
            publish(template, by=alice)
        return live_trigger(template)

    return make


def signature(body: bytes) -> str:
    return hmac.new(b"s3cret-s3cret", body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("published", [True, False])
def test_only_signed_calls_are_let_in(caller, signed_hook, published):
    live = signed_hook(published=published)

    assert call(caller, live, b"{}", **{"X-Sig": signature(b"{}")}).status_code == 202
    for headers in ({}, {"X-Sig": signature(b"{} ")}, {"X-Sig": "x"}):
        assert call(caller, live, b"{}", **headers).status_code == 401


def test_proof_comes_before_the_body_is_read(caller, signed_hook):
    assert call(caller, signed_hook(), b"{broken").status_code == 401


def test_signed_but_unreadable_is_400(caller, signed_hook):
    assert call(caller, signed_hook(), b"{broken", **{"X-Sig": signature(b"{broken")}).status_code == 400


def test_refused_call_does_not_burn_the_delivery_id(caller, signed_hook):
    live = signed_hook()
    call(caller, live, b"{}", **{"Idempotency-Key": "k", "X-Sig": "wrong"})

    assert call(caller, live, b"{}", **{"Idempotency-Key": "k", "X-Sig": signature(b"{}")}).status_code == 202


def test_signature_is_no_part_of_the_run(caller, signed_hook):
    call(caller, signed_hook(), b"{}", **{"X-Sig": signature(b"{}")})

    assert "x-sig" not in data_of(WorkflowExecution.objects.get())["headers"]


def test_basic_challenge_and_removed_secret(caller, signed_hook, secret):
    live = signed_hook(type="basic")
    answer = call(caller, live, b"{}", Authorization="Basic " + base64.b64encode(b"a:b").decode())
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="webhook"')

    live = signed_hook()
    UserIntegration.objects.filter(pk=secret.pk).update(is_active=False)
    assert call(caller, live, b"{}", **{"X-Sig": signature(b"{}")}).status_code == 401


# --- files ----------------------------------------------------------------------------------------


def test_uploads_become_file_values(caller, hook):
    photo = SimpleUploadedFile("tea.png", b"\x89PNG", content_type="image/png")

    answer = caller.post(f"/hooks/{hook.token}", {"title": "Tea", "photo": photo})

    execution = WorkflowExecution.objects.get(pk=answer.json()["execution"])
    blob = Blob.objects.get()
    assert data_of(execution)["body"] == {"title": "Tea"}
    assert data_of(execution)["files"]["photo"] == {
        "$file": str(blob.pk), "name": "tea.png", "mime": "image/png", "size": 4,
        "sha256": hashlib.sha256(b"\x89PNG").hexdigest(),
    }  # fmt: skip
    assert (bytes(blob.data), blob.execution_id, blob.tenant_id) == (b"\x89PNG", execution.pk, hook.tenant_id)


def test_other_bodies_are_one_file(caller, hook):
    caller.post(f"/hooks/{hook.token}", b"\0\1\2", content_type="application/zip")

    assert data_of(WorkflowExecution.objects.get())["body"]["$file"] == str(Blob.objects.get().pk)


def test_repeated_upload_is_stored_once(caller, hook):
    for _ in range(2):
        caller.post(
            f"/hooks/{hook.token}", b"\0", content_type="application/zip", headers={"Idempotency-Key": "k"}
        )

    assert Blob.objects.count() == 1


# --- answers of runs ------------------------------------------------------------------------------


@pytest.fixture
def ends_with(monkeypatch):
    """`ends_with(status=…, output=…)`: what becomes of the next run while its caller waits."""

    def arrange(respond=None, **changes) -> None:
        def run_meanwhile(_pause_s: float) -> None:
            execution = WorkflowExecution.objects.get()
            if respond is not None:
                own = {"tenant_id": execution.tenant_id, "step_id": "answer", "step_name": "Answer"}
                StepExecution.objects.create(
                    execution=execution,
                    path="answer",
                    step_type="RESPOND",
                    step_status="COMPLETED",
                    output=respond,
                    **own,
                )
            WorkflowExecution.objects.filter(pk=execution.pk).update(**changes)
            ActiveRun.objects.all().delete()

        monkeypatch.setattr(time, "sleep", run_meanwhile)

    return arrange


def test_when_done_gives_the_output(caller, make_hook, ends_with):
    ends_with(status="COMPLETED", output={"total": 3})

    answer = call(caller, make_hook({"respond": "when_done"}), {})

    assert (answer.status_code, answer.json()) == (200, {"total": 3})


def test_when_done_gives_the_error(caller, make_hook, ends_with):
    ends_with(status="FAILED", error={"message": "No tea.", "code": "empty", "step": "brew"})

    answer = call(caller, make_hook({"respond": "when_done"}), {})

    assert answer.status_code == 500
    assert answer.json() == {"error": {"message": "No tea.", "code": "empty", "step": "brew"}}


def test_when_done_gives_up_after_its_deadline(caller, make_hook, monkeypatch):
    monkeypatch.setattr(answers, "DEADLINE_S", 0.05)
    started = time.monotonic()

    answer = call(caller, make_hook({"respond": "when_done"}), {})

    assert answer.status_code == 202
    assert answer.json()["execution"] == str(WorkflowExecution.objects.get().pk)
    assert time.monotonic() - started < 2


def test_a_run_that_needs_a_person_is_not_waited_for(caller, make_hook, ends_with):
    ends_with(status="NEEDS_ATTENTION")

    assert call(caller, make_hook({"respond": "when_done"}), {}).status_code == 202


@pytest.fixture
def step_hook(make_hook):
    steps = [{"key": "answer", "type": "respond", "config": {"json": {}}}]
    return make_hook({"respond": "step"}, steps=steps)


def test_respond_step_answers_before_the_run_has_ended(caller, step_hook, ends_with):
    ends_with(respond={"status": 201, "headers": {"X-Tea": "green", "Location": "/x"}, "json": {"ok": True}})

    answer = call(caller, step_hook, {})

    assert (answer.status_code, answer.json(), answer["X-Tea"]) == (201, {"ok": True}, "green")
    assert WorkflowExecution.objects.get().status == "PENDING"


def test_html_answers_are_locked_away(caller, step_hook, ends_with):
    ends_with(respond={"html": "<script>alert(document.cookie)</script>", "headers": {
        "Set-Cookie": "session=x", "Content-Security-Policy": "default-src *", "Clear-Site-Data": "*", "X-Bad": "a\r\nSet-Cookie: b",
        "X-Accel-Redirect": "/etc/passwd", "Strict-Transport-Security": "max-age=0"}})  # fmt: skip

    answer = call(caller, step_hook, {})

    assert answer["Content-Type"].startswith("text/html")
    assert answer["Content-Security-Policy"] == "sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    for name in ("Set-Cookie", "Clear-Site-Data", "X-Bad", "X-Accel-Redirect", "Strict-Transport-Security"):
        assert name not in answer


@pytest.mark.parametrize("kind", ["application/javascript", "text/css", "text/ecmascript"])
def test_answers_are_never_code_for_our_pages(caller, step_hook, ends_with, kind):
    ends_with(respond={"text": "alert(1)", "headers": {"Content-Type": kind}})

    assert call(caller, step_hook, {})["Content-Type"] == "text/plain; charset=utf-8"


def test_run_without_its_respond_step_answers_with_its_end(caller, step_hook, ends_with):
    ends_with(status="COMPLETED", output=None)

    answer = call(caller, step_hook, {})

    assert (answer.status_code, answer.json()) == (200, None)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"status": 99},
        {"status": "x"},
        {"status": 204, "text": "x"},
        {"json": None},
        {"file": {"$file": "x"}},
    ],
)
def test_odd_answers_do_no_harm(caller, step_hook, ends_with, said):
    ends_with(respond=said)

    assert call(caller, step_hook, {}).status_code in (200, 204)


# --- a database that is away ----------------------------------------------------------------------


class _Away:
    def __call__(self, execute, sql, params, many, context):
        raise OperationalError("server closed the connection unexpectedly")


def test_database_away_is_503_with_a_time_to_come_back(caller, hook, caplog):
    with connection.execute_wrapper(_Away()):
        answer = call(caller, hook, {})

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "server closed" not in answer.content.decode()
    assert hook.token not in caplog.text


def test_database_going_away_at_the_commit_starts_nothing(caller, hook):
    def fail(execute, sql, params, many, context):
        if "INSERT" in sql:
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        assert call(caller, hook, {}).status_code == 503
    assert not WorkflowExecution.objects.exists()

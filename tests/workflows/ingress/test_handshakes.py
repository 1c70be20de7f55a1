"""How services ask whether an address is ours: each of the four ways, with the right words and no others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json

import pytest
from django.test import Client
from werkzeug import Request, Response

from integrations.connections import forget_everything
from integrations.manifest import from_data
from integrations.sync import write_definition
from tests.workflows.triggers.test_subscriptions import connect, document
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, TriggerSubscription, WorkflowExecution
from workflows.publishing import publish
from workflows.triggers import errands, hook_secrets

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


@pytest.fixture
def listen(alice, workspace, httpserver):
    """`listen(handshake, verify)`: the live trigger of a service that subscribes us and shakes hands that way."""

    def make(handshake, verify=None):
        slug = f"shaky{next(_numbers)}"
        trigger = {
            "name": "changed", "display_name": "Changed", "type": "webhook", "handshake": handshake,
            "verify": verify or {"scheme": "hmac", "secret": "s", "header": "X-Sig"},
            "subscribe": {"request": {"method": "POST", "path": "/subscribe", "send": {"json": {
                "url": "{{ hook.url }}", "secret": "{{ hook.secret }}"}}}, "store": {"id": "{{ body.id }}"}},
            "unsubscribe": {"method": "DELETE", "path": "/subscribe/{{ stored.id }}"}, "dedup": "{{ item.id }}",
            "events": "{{ body.events | default([body]) }}",
        }  # fmt: skip
        data = {
            "slug": slug, "name": "Shaky", "category": "test", "docs_url": "https://x.example", "triggers": [trigger],
            "connections": [{"type": "bearer"}], "http": {"base_url": httpserver.url_for("")},
        }  # fmt: skip
        definition = write_definition(from_data(data), digest=slug)
        forget_everything()
        connection = connect(workspace, alice, definition)
        template = documents.create(
            workspace, load(document(slug, "changed", {})), by=alice, bindings={"app": str(connection.pk)}
        )
        publish(template, by=alice)
        return LiveTrigger.objects.get(template=template)

    return make


def secret_of(live):
    return hook_secrets.unseal(TriggerSubscription.objects.get(live_trigger=live), "secret")


def signed(live, body, secret=None):
    raw = json.dumps(body).encode()
    signature = hmac.new((secret or secret_of(live)).encode(), raw, hashlib.sha256).hexdigest()
    return Client().post(
        f"/hooks/{live.token}", raw, content_type="application/json", headers={"X-Sig": signature}
    )


def test_echo_json(listen):
    live = listen({"kind": "echo_json", "field": "challenge"})

    assert signed(live, {"challenge": "abc"}).json() == {"challenge": "abc"}
    assert signed(live, {"challenge": "abc"}, secret="guessed").status_code == 401
    assert not WorkflowExecution.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_echo_query(listen, method):
    live = listen({"kind": "echo_query", "field": "validationToken"})

    answer = getattr(Client(), method)(f"/hooks/{live.token}?validationToken=%3Cb%3Ehi%3C/b%3E")

    assert (answer.status_code, answer.content) == (200, b"<b>hi</b>")
    assert answer["Content-Type"].startswith("text/plain")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_hmac_challenge_in_the_query(listen):
    live = listen({"kind": "hmac_challenge", "field": "crc_token"})

    answer = Client().get(f"/hooks/{live.token}?crc_token=abc").json()

    expected = base64.b64encode(hmac.new(secret_of(live).encode(), b"abc", hashlib.sha256).digest()).decode()
    assert answer == {"response_token": f"sha256={expected}"}


def test_hmac_challenge_in_the_body(listen):
    live = listen({"kind": "hmac_challenge", "field": "payload.plainToken"})

    answer = signed(live, {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}).json()

    assert answer == {
        "plainToken": "abc",
        "encryptedToken": hmac.new(secret_of(live).encode(), b"abc", hashlib.sha256).hexdigest(),
    }


def test_hmac_challenge_answers_in_the_manifest_s_words(listen):
    live = listen(
        {"kind": "hmac_challenge", "field": "c", "answer": {"said": "{{ challenge }}", "mac": "{{ hex }}"}}
    )

    assert Client().get(f"/hooks/{live.token}?c=abc").json()["said"] == "abc"


def test_echo_header_takes_the_service_s_secret_while_we_subscribe_and_never_again(listen):
    live = listen({"kind": "echo_header", "field": "X-Hook-Secret"})

    TriggerSubscription.objects.update(next_try_at=None)  # the call comes in while ours is under way
    answer = Client().post(f"/hooks/{live.token}", headers={"X-Hook-Secret": "theirs"})
    assert (answer.status_code, answer["X-Hook-Secret"]) == (200, "theirs")
    assert secret_of(live) == "theirs"
    TriggerSubscription.objects.update(state="ACTIVE")

    late = Client().post(f"/hooks/{live.token}", headers={"X-Hook-Secret": "mallory"})

    assert late.status_code == 401
    assert secret_of(live) == "theirs"
    assert signed(live, {"id": 1}, secret="theirs").status_code == 202


def test_a_batch_starts_a_run_for_each_event_and_twice_none(listen):
    live = listen(None)
    batch = {"events": [{"id": 1}, {"id": 2}, {"id": 1}]}

    first, second = signed(live, batch).json(), signed(live, batch).json()

    assert WorkflowExecution.objects.count() == 2
    assert set(first["executions"]) == set(second["executions"])


def test_a_subscription_is_renewed_before_it_ends(listen, httpserver):
    live = listen(None)
    calls = []

    def subscribe(request: Request) -> Response:
        calls.append(json.loads(request.data)["url"])
        return Response(json.dumps({"id": len(calls)}), content_type="application/json")

    httpserver.expect_request("/subscribe", method="POST").respond_with_handler(subscribe)
    httpserver.expect_request("/subscribe/1", method="DELETE").respond_with_data("", status=204)
    errands.run_due()
    row = TriggerSubscription.objects.get()
    assert errands.run_due() == 0

    TriggerSubscription.objects.update(next_try_at=row.created_at)
    assert errands.run_due() == 1

    row.refresh_from_db()
    assert calls == [live.webhook_url] * 2
    assert (hook_secrets.stored_of(row), row.state) == ({"id": 2}, "ACTIVE")
    assert [request.method for request, _ in httpserver.log] == ["POST", "POST", "DELETE"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", "application/json"), (b"\xff", "application/json"), (b"[1]", "application/json")],
)
def test_what_cannot_be_read_is_refused_after_the_proof(listen, body, kind):
    live = listen({"kind": "echo_json", "field": "challenge"})
    signature = hmac.new(secret_of(live).encode(), body, hashlib.sha256).hexdigest()

    answer = Client().post(f"/hooks/{live.token}", body, content_type=kind, headers={"X-Sig": signature})

    assert answer.status_code == 400
    assert Client().post(f"/hooks/{live.token}", body, content_type=kind).status_code == 401

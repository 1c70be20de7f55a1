"""Services that call us: told so at publishing, told to stop at pausing; a call counts only when it proves itself."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import timedelta

import pytest
from django.test import Client
from werkzeug import Request, Response

from automate.lib import clock
from integrations.connections import forget_everything
from integrations.connections.vault import seal_credentials
from integrations.manifest import shipped
from integrations.models import UserIntegration
from integrations.sync import write_definition
from workflows import documents, keeping
from workflows.engine.document import load
from workflows.models import LiveTrigger, RunEvent, Sample, TriggerSubscription, WorkflowExecution
from workflows.publishing import NotPublishable, pause, publish, resume
from workflows.triggers import errands

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


def connect(workspace, user, definition, auth_type="BEARER", values=None, **fields):
    row = UserIntegration(
        tenant=workspace, user=user, integration=definition, name="Mine", auth_type=auth_type, **fields
    )
    row.credentials = seal_credentials(row, values or {"token": "made-up-token"})
    row.save(force_insert=True)
    return row


class GitHub:
    """The hooks of one repository, as its API keeps them."""

    def __init__(self, server, settings):
        self.calls: list[tuple[str, str, dict]] = []
        self.hooks: dict[int, dict] = {}
        self.refuses = False
        settings.AUTOMATE_CONNECTOR_BASE_URLS = {"github": server.url_for("").rstrip("/")}
        server.expect_request("/repos/acme/shop/hooks").respond_with_handler(self.create)
        for number in range(1, 9):
            server.expect_request(f"/repos/acme/shop/hooks/{number}").respond_with_handler(self.delete)

    def create(self, request: Request) -> Response:
        body = json.loads(request.data)
        self.calls.append((request.method, request.path, body))
        if self.refuses:
            return Response('{"message": "Validation Failed"}', 422, content_type="application/json")
        number = len(self.calls)
        self.hooks[number] = body
        return Response(json.dumps({"id": number}), 201, content_type="application/json")

    def delete(self, request: Request) -> Response:
        self.calls.append((request.method, request.path, {}))
        found = self.hooks.pop(int(request.path.rpartition("/")[2]), None)
        return Response(status=204 if found else 404)

    @property
    def secret(self) -> str:
        [hook] = self.hooks.values()
        return hook["config"]["secret"]


@pytest.fixture
def github(db, httpserver, settings):
    write_definition(shipped("github"), digest="github")
    forget_everything()
    return GitHub(httpserver, settings)


@pytest.fixture
def listen(alice, workspace, github):
    """`listen(event)`: the live trigger of a published workflow that waits for an event of acme/shop."""
    from integrations.models import IntegrationDefinition

    connection = connect(workspace, alice, IntegrationDefinition.objects.get(name="github"))

    def make(event="issue_opened", **given):
        template = documents.create(
            workspace,
            load(document("github", event, {"repository": "acme/shop", **given})),
            by=alice,
            bindings={"app": str(connection.pk)},
        )
        publish(template, by=alice)
        return LiveTrigger.objects.get(template=template)

    return make


def document(integration, event, given):
    trigger = {
        "key": "heard", "type": "event", "integration": integration, "event": event, "connection": "app",
        "config": {"input": given},
    }  # fmt: skip
    return {
        "format": "automate/1", "key": f"listening-{next(_numbers)}", "connections": {"app": {"integration": integration}},
        "triggers": [trigger], "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": 1}}}],
    }  # fmt: skip


def deliver(live, body, *, secret, event="issues", delivery="d1", **headers):
    raw = json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    given = {
        "X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": f"sha256={signature}", **headers
    }  # fmt: skip
    return Client().post(f"/hooks/{live.token}", raw, content_type="application/json", headers=given)


OPENED = {"action": "opened", "issue": {"number": 7}}


def test_publishing_subscribes_with_a_secret_of_its_own(listen, github):
    live = listen()
    row = TriggerSubscription.objects.get()
    assert (row.state, github.calls) == ("WANTED", [])

    assert errands.run_due() == 1

    row.refresh_from_db()
    assert (row.state, row.next_try_at, row.last_error) == ("ACTIVE", None, "")
    [(_, _, body)] = github.calls
    assert body["events"] == ["issues"]
    assert body["config"]["url"] == live.webhook_url
    assert len(body["config"]["secret"]) > 40
    assert body["config"]["secret"] not in row.secret + row.stored


def test_an_event_starts_one_run_however_often_it_comes(listen, github):
    live = listen()
    errands.run_due()

    first, second = (deliver(live, OPENED, secret=github.secret) for _ in range(2))

    run = WorkflowExecution.objects.get()
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json() == {"executions": [str(run.pk)]}
    assert run.trigger_type == "EVENT"
    assert run.input["body"] == OPENED
    assert run.input["headers"]["x-github-event"] == "issues"
    assert not [name for name in run.input["headers"] if "signature" in name]


def test_a_call_that_proves_nothing_starts_nothing_and_is_told(listen, github):
    live = listen()
    errands.run_due()

    answer = deliver(live, OPENED, secret="guessed")

    assert answer.status_code == 401
    assert not WorkflowExecution.objects.exists()
    assert "signature does not match" in RunEvent.objects.get(kind="REJECTED").message
    assert deliver(live, OPENED, secret=github.secret).status_code == 202  # the refused call burnt nothing


def test_an_event_nobody_waits_for_is_left_out_with_a_reason(listen, github):
    live = listen("pull_request", action="closed")
    errands.run_due()

    answers = [
        deliver(live, {"action": "opened"}, secret=github.secret, event="pull_request"),
        deliver(live, {"action": "closed"}, secret=github.secret, event="pull_request", delivery="d2"),
    ]

    assert [len(answer.json()["executions"]) for answer in answers] == [0, 1]
    assert RunEvent.objects.filter(kind="FILTERED").count() == 1


def test_pausing_ends_it_and_resuming_begins_anew(listen, github, alice):
    live = listen()
    errands.run_due()
    former = github.secret
    pause(live.template, alice)

    errands.run_due()
    assert (github.hooks, TriggerSubscription.objects.count()) == ({}, 0)
    resume(live.template, alice)
    errands.run_due()

    assert github.secret != former
    assert [method for method, _, _ in github.calls] == ["POST", "DELETE", "POST"]


def test_another_input_ends_the_former_before_it_subscribes(listen, github, alice):
    live = listen("push", branch="main")
    errands.run_due()
    data = document("github", "push", {"repository": "acme/shop", "branch": "next"})
    data["key"] = live.template.template_id
    documents.save(live.template, load(data), by=alice)
    publish(live.template, by=alice)

    for _ in range(3):
        errands.run_due()
        TriggerSubscription.objects.filter(state="WANTED").update(next_try_at=clock.now())
    errands.run_due()

    assert [method for method, _, _ in github.calls] == ["POST", "DELETE", "POST"]
    assert len(github.hooks) == 1


def test_publishing_again_leaves_the_subscription_alone(listen, github, alice):
    live = listen()
    errands.run_due()

    publish(live.template, by=alice)

    assert errands.run_due() == 0
    assert len(github.calls) == 1


def test_a_refusal_is_tried_again_and_shown(listen, github):
    live = listen()
    github.refuses = True

    for _ in range(3):
        TriggerSubscription.objects.update(next_try_at=clock.now())
        errands.run_due()

    row = TriggerSubscription.objects.get()
    assert row.tries == 3
    assert row.next_try_at > clock.now() + timedelta(seconds=100)
    live.refresh_from_db()
    assert live.last_error == "GitHub refused: Validation Failed."
    assert "could not be told to call us, 3 times" in RunEvent.objects.get(kind="TROUBLE").message
    github.refuses = False
    row.next_try_at = clock.now()
    row.save()
    errands.run_due()
    live.refresh_from_db()
    assert live.last_error == ""
    assert RunEvent.objects.filter(kind="RECOVERED").exists()


def test_deleting_the_workflow_tells_the_service(listen, github, alice):
    live = listen()
    errands.run_due()

    keeping.delete(live.template, by=alice)

    assert (github.hooks, TriggerSubscription.objects.count()) == ({}, 0)


def test_two_schedulers_subscribe_once(listen, github):
    listen()
    row = TriggerSubscription.objects.get()

    assert errands._claim_and_do(row) is True
    assert errands._claim_and_do(row) is False

    assert len(github.calls) == 1


def test_a_call_while_paused_is_kept_as_a_sample(listen, github, alice):
    live = listen()
    errands.run_due()
    secret = github.secret
    pause(live.template, alice)

    answer = deliver(live, OPENED, secret=secret)

    assert (answer.status_code, answer.json()) == (202, {"executions": []})
    assert Sample.objects.get(trigger_key="heard").data["body"] == OPENED
    assert RunEvent.objects.filter(kind="RECORDED").count() == 1


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete"])
def test_other_methods_start_nothing(listen, github, method):
    live = listen()

    assert getattr(Client(), method)(f"/hooks/{live.token}").status_code == 405


# --- one address for all users of an app: Slack ---------------------------------------------------

SIGNING = "slack-signing-secret"


@pytest.fixture
def slack(db, settings):
    settings.AUTOMATE_OAUTH_CLIENTS = {
        "slack": {"client_id": "1", "client_secret": "2", "signing_secret": SIGNING}
    }
    definition = write_definition(shipped("slack"), digest="slack")
    forget_everything()
    return definition


@pytest.fixture
def hear(slack):
    def make(workspace, user, team="T1", auth_type="OAUTH2", values=None, **given):
        connection = connect(
            workspace, user, slack, auth_type, values or {"access_token": "xoxb-made-up"},
            public_values={"team": {"id": team, "name": "Acme"}},
        )  # fmt: skip
        data = load(document("slack", "new_message", given))
        template = documents.create(workspace, data, by=user, bindings={"app": str(connection.pk)})
        publish(template, by=user)
        return LiveTrigger.objects.get(template=template)

    return make


def say(text="hi", team="T1", path="/hooks/apps/slack", secret=SIGNING, event_id="Ev1", **more):
    event = {"type": "message", "channel": "C1", "user": "U1", "text": text, **more}
    return post_to_slack_hook(
        {"type": "event_callback", "team_id": team, "event_id": event_id, "event": event}, path, secret
    )


def post_to_slack_hook(body, path="/hooks/apps/slack", secret=SIGNING):
    raw, stamp = json.dumps(body).encode(), str(int(clock.now().timestamp()))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
    return Client().post(path, raw, content_type="application/json", headers=headers)


def test_an_app_s_event_reaches_everybody_of_that_account_and_nobody_else(hear, alice, workspace, charlie):
    mine = hear(workspace, alice)
    other = hear(charlie.memberships.get().tenant, charlie, team="T2")
    deaf = hear(workspace, alice, channel="C9")

    assert say().json() == {"ok": True}
    say()

    run = WorkflowExecution.objects.get()
    assert run.live_trigger_id == mine.pk
    assert run.input["body"]["text"] == "hi"
    say(team="T2", event_id="Ev2")
    assert {run.live_trigger_id for run in WorkflowExecution.objects.all()} == {mine.pk, other.pk}
    assert deaf.route == mine.route == "slack:T1"


def test_the_challenge_is_answered_only_when_it_is_signed(slack):
    body = {"type": "url_verification", "challenge": "abc"}

    assert post_to_slack_hook(body).json() == {"challenge": "abc"}
    assert post_to_slack_hook(body, secret="guessed").status_code == 401


def test_a_token_of_somebody_s_own_app_hears_nothing_of_ours(hear, alice, workspace):
    """Else a member with a token of his own could read what our app is told."""
    live = hear(workspace, alice, auth_type="BEARER", values={"token": "xoxb-own", "signing_secret": "own"})

    say()

    assert live.route == ""
    assert not WorkflowExecution.objects.exists()


def test_somebody_s_own_app_calls_the_trigger_s_own_address(hear, alice, workspace):
    live = hear(workspace, alice, auth_type="BEARER", values={"token": "xoxb-own", "signing_secret": "own"})
    path = f"/hooks/{live.token}"

    assert post_to_slack_hook({"challenge": "x"}, path, "own").json() == {"challenge": "x"}
    assert say(path=path, secret=SIGNING).status_code == 401
    assert len(say(path=path, secret="own").json()["executions"]) == 1


def test_without_a_secret_a_trigger_cannot_be_published(hear, alice, workspace, settings):
    settings.AUTOMATE_OAUTH_CLIENTS = {}

    with pytest.raises(NotPublishable, match="There is no signing_secret"):
        hear(workspace, alice)


def test_an_app_that_is_not_registered_has_no_address(slack, settings):
    assert Client().post("/hooks/apps/nowhere").status_code == 404
    assert Client().post("/hooks/apps/github").status_code == 404
    settings.AUTOMATE_OAUTH_CLIENTS = {}
    assert say().status_code == 401


def test_a_paused_workflow_hears_nothing(hear, alice, workspace):
    live = hear(workspace, alice)
    pause(live.template, alice)

    say()

    assert not WorkflowExecution.objects.exists()


def test_an_event_without_a_part_somebody_needs_holds_up_nobody(hear, alice, workspace):
    hear(workspace, alice)

    assert post_to_slack_hook({"type": "app_rate_limited", "team_id": "T1"}).json() == {"ok": True}

    assert not WorkflowExecution.objects.exists()
    assert "It started nothing." in RunEvent.objects.get(kind="FILTERED").message


def test_jira_is_told_with_a_secret_that_its_calls_are_checked_by(alice, workspace, httpserver, settings):
    definition = write_definition(shipped("jira"), digest="jira")
    forget_everything()
    settings.AUTOMATE_CONNECTOR_BASE_URLS = {"jira": httpserver.url_for("").rstrip("/")}
    address = "/rest/webhooks/1.0/webhook"
    httpserver.expect_request(address, method="POST").respond_with_json({"self": f"https://x{address}/72"})
    httpserver.expect_request(f"{address}/72", method="DELETE").respond_with_data("", status=204)
    values = {"site": "acme", "username": "a@example.com", "password": "made-up-token"}
    connection = connect(workspace, alice, definition, "BASIC", values)
    data = document("jira", "issue_event", {"events": ["jira:issue_created"]})
    template = documents.create(workspace, load(data), by=alice, bindings={"app": str(connection.pk)})
    publish(template, by=alice)
    live = LiveTrigger.objects.get(template=template)
    errands.run_due()
    sent = httpserver.log[0][0].get_json()
    raw = b'{"webhookEvent": "jira:issue_created"}'
    signature = hmac.new(sent["secret"].encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature": f"sha256={signature}", "X-Atlassian-Webhook-Identifier": "1"}

    answer = Client().post(f"/hooks/{live.token}", raw, content_type="application/json", headers=headers)

    assert len(answer.json()["executions"]) == 1
    assert sent["url"] == live.webhook_url
    pause(template, alice)
    errands.run_due()
    assert httpserver.log[-1][0].path == f"{address}/72"
    assert not TriggerSubscription.objects.exists()

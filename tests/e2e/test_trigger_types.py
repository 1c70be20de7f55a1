"""Each type of trigger, set in its panel, published, and seen to start a run, or refusing to and saying so.

The product's clock runs twenty times as fast here: what looks every ten seconds looks twice a second.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.desk import SOON_MS, Desk, Flow, patiently, send, sitting_at
from tests.support.chromium import CHROMIUM
from tests.support.mailbox import Mailbox, mail
from tests.support.product import Product

RATE = 20
ZONE = "Pacific/Auckland"
SAID: dict[str, Any] = {
    "start": "shape", "steps": [{"key": "shape", "name": "Shape", "type": "transform", "config": {"set": {"got": "{{ trigger.body }}"}}}]
}  # fmt: skip


class Services:
    """A feed, and the hooks of one GitHub repository."""

    def __init__(self, server: HTTPServer) -> None:
        self.server, self.posts, self.hooks = server, ["Old news"], dict[int, dict[str, Any]]()
        self.looks = 0
        server.expect_request("/feed.xml").respond_with_handler(self.feed)
        server.expect_request("/repos/acme/shop/hooks").respond_with_handler(self.subscribe)
        server.expect_request("/repos/acme/shop/hooks/1").respond_with_handler(self.unsubscribe)

    def feed(self, _: Request) -> Response:
        self.looks += 1
        items = "".join(
            f"<item><title>{post}</title><guid>{post}</guid></item>" for post in reversed(self.posts)
        )
        return Response(
            f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>", content_type="text/xml"
        )

    def subscribe(self, request: Request) -> Response:
        self.hooks[1] = json.loads(request.data)
        return Response('{"id": 1}', 201, content_type="application/json")

    def unsubscribe(self, _: Request) -> Response:
        self.hooks.pop(1, None)
        return Response(status=204)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with HTTPServer() as server:
        yield Services(server)


@pytest.fixture(scope="module")
def office(browser: Browser, services: Services) -> Iterator[Desk]:
    if not CHROMIUM:
        pytest.skip("There is no Chromium on this machine, so no browser can be driven.")
    settings = {
        "DEBUG": "true", "AUTOMATE_CLOCK": f"rate={RATE},start={time.time()}",
        "AUTOMATE_CONNECTOR_BASE_URLS": json.dumps({"github": services.server.url_for("").rstrip("/")}),
    }  # fmt: skip
    with Product("sqlite", settings=settings) as running, sitting_at(browser, running) as desk:
        yield desk


@pytest.fixture
def desk(office: Desk) -> Iterator[Desk]:
    office.complaints.clear()
    yield office
    assert office.complaints == [], office.complaints


def flow_of(desk: Desk, key: str, trigger: dict[str, Any], **connections: str) -> Flow:
    """A workflow with this one trigger; slots are called by their app."""
    slots = {slot: {"integration": slot} for slot in connections}
    document = {
        **SAID,
        "key": key,
        "name": key.capitalize(),
        "triggers": [{"key": "go", **trigger}],
        "connections": slots,
    }
    return desk.bring(document, **connections)


def sees_run(desk: Desk, flow: Flow, how: str, count: int = 1) -> dict[str, Any]:
    """The newest run, on its page; what it began with."""
    run = desk.newest(flow, count)[0]["id"]
    desk.open(run)
    desk.sees("Succeeded")
    expect(desk.page.locator(".run-facts")).to_contain_text(how)
    found: dict[str, Any] = desk.run(run)["input"]
    return found


def test_by_hand_and_by_webhook_with_each_kind_of_answer(desk: Desk) -> None:
    page = desk.page
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1}},
    }
    by_hand = flow_of(desk, "by-hand", {"type": "manual", "config": {"input_schema": schema}})
    desk.publish(by_hand)
    page.goto(f"{by_hand.url}/runs/")
    page.get_by_role("link", name="Run now").click()
    page.locator("dialog[open] textarea").fill('{"name": ""}')
    page.locator("dialog[open]").get_by_role("button", name="Run now").click()
    expect(page.locator("dialog[open] .error")).to_contain_text(
        "`input.name` does not fit the workflow's input"
    )
    desk.shot("trigger-run-now")
    page.locator("dialog[open] textarea").fill('{"name": "Ada"}')
    page.locator("dialog[open]").get_by_role("button", name="Run now").click()
    page.wait_for_url("**/runs/*/")
    desk.sees("Succeeded")
    assert sees_run(desk, by_hand, "By hand")["body"] == {"name": "Ada"}

    shape = {**SAID["steps"][0], "next": "answer"}
    answer = {
        "key": "answer",
        "name": "Answer",
        "type": "respond",
        "config": {"status": 418, "json": {"tea": "{{ trigger.body.n }}"}},
    }
    hook = desk.bring(
        {
            "key": "hook",
            "triggers": [{"key": "go", "type": "webhook"}],
            "start": "shape",
            "steps": [shape, answer],
        }
    )
    for respond, said in (
        ("step", {"tea": 1}),
        ("when_done", {"status": 418, "headers": {}, "json": {"tea": 1}}),
        ("immediately", None),
    ):
        desk.fill_in(hook, "trigger=go", config__respond=respond)
        desk.publish(hook)
        got = send(hook.hook, {"n": 1})
        assert list(got) == ["execution"] if said is None else got == said, (respond, got)
    desk.shot("trigger-webhook-published")
    assert sees_run(desk, hook, "Webhook", 3)["method"] == "POST"


def test_a_schedule_fires_in_its_zone_and_another_every_so_often(desk: Desk) -> None:
    timed = flow_of(desk, "timed", {"type": "schedule", "config": {"cron": "0 0 1 1 *"}})
    often = flow_of(desk, "often", {"type": "schedule", "config": {"every_s": 3600}})
    desk.fill_in(often, "trigger=go", when__n="1", when__unit="60")
    desk.shot("trigger-every")
    desk.publish(often)
    assert sees_run(desk, often, "Schedule")["type"] == "schedule"

    hour = datetime.fromisoformat(desk.newest(often)[0]["created_at"]).astimezone(ZoneInfo(ZONE)).hour
    hours = [hour, (hour + 1) % 24]  # of that zone: in any other one it is hours away
    panel = desk.fill_in(timed, "trigger=go", when__cron=f"* {hours[0]},{hours[1]} * * *", when__zone=ZONE)
    expect(panel).to_contain_text("Next starts")
    desk.shot("trigger-schedule")
    desk.publish(timed)
    due = datetime.fromisoformat(sees_run(desk, timed, "Schedule")["scheduled_at"])
    assert due.astimezone(ZoneInfo(ZONE)).hour in hours
    for flow in (often, timed):
        desk.product.api("PATCH", f"/workflows/{flow.id}", {"is_active": False})


@pytest.fixture
def table() -> Iterator[tuple[str, str]]:
    """A PostgreSQL database and a table with one row."""
    database, name = os.environ.get("DATABASE_URL"), f"orders_{time.time_ns()}"
    if not database:
        pytest.skip("There is no PostgreSQL in this run of the tests whose table could be watched.")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {name} (id serial PRIMARY KEY, who text)")
        connection.execute(f"INSERT INTO {name} (who) VALUES ('Ada')")
        yield database, name
        connection.execute(f"DROP TABLE {name}")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    running = Mailbox().start()
    yield running
    running.stop()


def polling(app: str, event: str, **input: str) -> dict[str, Any]:
    slot = {} if app == "rss" else {"connection": app}
    return {"type": "polling", "integration": app, "event": event, "config": {"input": input}, **slot}


def test_a_feed_a_table_and_a_mailbox_are_watched(
    desk: Desk, services: Services, table: tuple[str, str], mailbox: Mailbox
) -> None:
    feed = flow_of(desk, "feed", polling("rss", "new_item", url="http://127.0.0.1:9/"))
    desk.fill_in(feed, "trigger=go", input__url=services.server.url_for("/feed.xml"), config__every_s="10")
    rows = flow_of(desk, "rows", polling("sql", "new_row", table="other", column="id"),
                   sql=desk.connect("sql", "DSN", dsn=table[0]))  # fmt: skip
    wanted = {"input__table": table[1], "config__every_s": "10", "config__first_poll": "all"}
    desk.fill_in(rows, "trigger=go", **wanted)
    desk.shot("trigger-table")
    mails = flow_of(desk, "mails", {"type": "email", "integration": "imap", "event": "new_mail", "connection": "imap"},
                    imap=desk.connect("imap", "BASIC", **mailbox.values))  # fmt: skip
    desk.fill_in(mails, "trigger=go", config__every_s="10", config__folder="INBOX")
    for flow in (mails, feed, rows):
        desk.publish(flow)

    assert sees_run(desk, rows, "New data in an app")["body"]["who"] == "Ada"
    for _ in patiently("a look at the feed"):
        if services.looks:
            break
    services.posts.append("We have news")
    assert sees_run(desk, feed, "New data in an app")["body"]["title"] == "We have news"
    mailbox.deliver(mail("An order", "Two chairs."))
    assert sees_run(desk, mails, "E-mail")["body"]["subject"] == "An order"
    desk.shot("trigger-mail-run")
    desk.page.goto(f"{mails.url}/build/?trigger=go")
    expect(desk.page.locator("#panel")).to_contain_text("Looks every 10 seconds.")
    expect(desk.page.locator("#panel")).to_contain_text("My imap")
    desk.shot("trigger-mail")
    for flow in (feed, rows, mails):
        desk.product.api("PATCH", f"/workflows/{flow.id}", {"is_active": False})


def test_an_app_is_told_to_call_us_and_only_signed_calls_start_a_run(desk: Desk, services: Services) -> None:
    page = desk.page
    trigger = {
        "type": "event",
        "integration": "github",
        "event": "issue_opened",
        "connection": "github",
        "config": {"input": {"repository": "nobody/knows"}},
    }
    flow = flow_of(desk, "issues", trigger, github=desk.connect("github", "BEARER", token="made-up-token"))
    desk.fill_in(flow, "trigger=go", input__repository="acme/shop")
    desk.publish(flow)
    for _ in patiently("a subscription"):
        if services.hooks:
            break
    config = services.hooks[1]["config"]
    for _ in patiently("what the panel says of it"):
        page.goto(f"{flow.url}/build/?trigger=go")
        if "The service calls us when something happens." in page.locator("#panel").inner_text():
            break
    desk.shot("trigger-event")
    body = json.dumps({"action": "opened", "issue": {"number": 7, "title": "It rains in"}}).encode()

    def deliver(secret: str, delivery: str) -> Any:
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return send(config["url"], body, **headers)

    assert deliver("somebody else's", "d1")["error"]["code"]
    assert len(deliver(config["secret"], "d2")["executions"]) == 1
    assert sees_run(desk, flow, "Event in an app")["body"]["issue"]["number"] == 7
    page.goto(f"{flow.url}/events/?kind=REJECTED")
    expect(page.locator("#events .event-rows li")).to_have_count(1)
    expect(page.locator("#events")).to_contain_text("signature")
    desk.shot("trigger-refused")
    desk.product.api("PATCH", f"/workflows/{flow.id}", {"is_active": False})
    for _ in patiently("the end of the subscription"):
        if not services.hooks:
            break


def test_the_failure_of_one_workflow_starts_another(desk: Desk) -> None:
    stop = {
        "key": "end",
        "name": "Nothing in stock",
        "type": "stop",
        "config": {"as": "failed", "message": "The shelf is empty."},
    }
    failing, other = (
        desk.bring(
            {
                "key": key,
                "name": key,
                "triggers": [{"key": "go", "type": "webhook"}],
                "start": "end",
                "steps": [stop],
            }
        )
        for key in ("stock", "elsewhere")
    )
    watcher = flow_of(desk, "watcher", {"type": "failure"})
    desk.fill_in(watcher, "trigger=go", **{f"config__workflows__{failing.key}": "on"})
    desk.shot("trigger-failure")
    for flow in (watcher, failing, other):
        desk.publish(flow)
    desk.call(other)
    run = desk.call(failing)
    body = sees_run(desk, watcher, "A workflow failed")["body"]
    assert (body["error"]["message"], body["run"]["id"]) == ("The shelf is empty.", run)
    assert len(desk.newest(watcher)) == 1
    desk.open(desk.newest(watcher)[0]["id"], "trigger")
    expect(desk.page.locator("#panel")).to_contain_text("The shelf is empty.", timeout=SOON_MS)
    desk.shot("trigger-failure-run")

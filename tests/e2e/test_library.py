"""Templates in a browser: set up with a connection and a question, published from one's own, and workflows brought in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.desk import Desk, sitting_at
from tests.support.chromium import CHROMIUM
from tests.support.product import Product

DIGEST: dict[str, Any] = {
    "format": "automate/1", "key": "digest", "name": "Morning digest", "description": "Says good morning.",
    "triggers": [{"key": "call", "name": "Asked for", "type": "webhook"}], "start": "words",
    "steps": [{"key": "words", "name": "What it says", "type": "transform",
               "config": {"set": {"greeting": "Good morning", "to": "everybody"}}}],
}  # fmt: skip
FOREIGN = """\
format: automate/1
key: shout
name: Shout it out
connections:
  chat: {integration: slack}
triggers: [{key: call, type: webhook}]
start: say
steps:
  - key: say
    type: action
    integration: slack
    action: send_message
    connexion: chat
    input: {channel: C42, text: "{{ trigger.body.text }}"}
"""


class Slack:
    """A stand-in: two channels, and what was posted."""

    def __init__(self, server: HTTPServer) -> None:
        self.server, self.posted = server, list[dict[str, Any]]()
        server.expect_request("/auth.test").respond_with_json(
            {"ok": True, "team": "Northwind", "team_id": "T1"}
        )
        channels = [{"id": "C42", "name": "leads"}, {"id": "C43", "name": "news"}]
        server.expect_request("/conversations.list").respond_with_json({"ok": True, "channels": channels})
        server.expect_request("/chat.postMessage").respond_with_handler(self.post)
        server.expect_request("/flow.yaml").respond_with_data(FOREIGN.replace("connexion", "connection"))

    def post(self, request: Request) -> Response:
        self.posted.append(json.loads(request.data))
        return Response('{"ok": true, "ts": "1", "channel": "C42"}', content_type="application/json")


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    with HTTPServer() as server:
        yield Slack(server)


@pytest.fixture(scope="module")
def office(browser: Browser, slack: Slack) -> Iterator[Desk]:
    if not CHROMIUM:
        pytest.skip("There is no Chromium on this machine, so no browser can be driven.")
    base = json.dumps({"slack": slack.server.url_for("").rstrip("/")})
    settings = {"AUTOMATE_CONNECTOR_BASE_URLS": base}
    with Product("sqlite", settings=settings) as running, sitting_at(browser, running) as desk:
        yield desk


@pytest.fixture
def desk(office: Desk) -> Iterator[Desk]:
    office.complaints.clear()
    yield office
    assert office.complaints == [], office.complaints


def space(desk: Desk) -> str:
    desk.page.goto("/")
    return str(desk.page.locator("a[href^='/w/'][href$='/templates/']").first.get_attribute("href"))


def test_template_is_found_set_up_with_a_new_connection_and_tried(desk: Desk, slack: Slack) -> None:
    page = desk.page
    page.goto(space(desk))
    desk.shot("library")
    page.get_by_role("searchbox").fill("leads")
    card = page.locator("article").filter(has_text="Tell sales about new leads")
    expect(page.locator("article")).to_have_count(1)
    card.get_by_role("link", name="Tell sales").first.click()
    expect(page.get_by_text("Starts when its web address is called.")).to_be_visible()
    desk.shot("library-detail")
    page.get_by_role("link", name="Use template").click()

    page.get_by_role("link", name="Connect Slack").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Bot token").fill("xoxb-1-2-abcdefgh")
    dialog.get_by_role("button", name="Save connection").click()
    page.wait_for_url(re.compile("connection="))
    expect(page.locator(".options input").first).to_be_checked()
    page.get_by_role("button", name="Choose from a list").click()
    expect(page.get_by_role("combobox", name="Where to post")).to_be_visible()
    page.get_by_label("Where to post").select_option(label="leads")
    desk.shot("library-set-up")
    page.get_by_role("button", name="Make the workflow").last.click()

    expect(page.locator("dialog[open] textarea")).to_have_value(re.compile("ines@duarte.example"))
    desk.shot("library-try")
    page.locator("dialog[open] button[type=submit]").last.click()
    page.wait_for_url("**/runs/**")
    desk.sees("Succeeded")
    assert slack.posted[-1]["channel"] == "C42"


def test_own_workflow_is_published_with_a_question_and_used(desk: Desk) -> None:
    page = desk.page
    flow = desk.bring(DIGEST)
    templates = space(desk)
    page.goto(templates)
    page.get_by_role("link", name="Publish a workflow").click()
    page.locator("dialog[open]").get_by_role("link", name="Morning digest").click()
    page.get_by_label("Category").fill("Office life")
    page.get_by_role("checkbox", name="Greeting").check()
    page.get_by_role("textbox", name="The question for Greeting").fill("How shall it greet?")
    desk.shot("library-publish")
    page.get_by_role("button", name="Publish to the library").click()
    expect(page.locator("#toasts")).to_contain_text("is in the library")
    desk.shot("library-own")

    page.goto(f"{templates}?cat=workspace")
    page.locator("article").get_by_role("link", name="Use template").click()
    page.get_by_label("How shall it greet?").fill("Ahoy")
    page.get_by_role("button", name="Make the workflow").last.click()
    page.wait_for_url("**/build/?try=1")
    page.goto(f"{page.url.split('?')[0]}?step=words")
    expect(page.locator("#panel")).to_contain_text("Ahoy")
    assert flow.id not in page.url


def test_pasted_workflow_is_mended_mapped_and_complete(desk: Desk, slack: Slack) -> None:
    page = desk.page
    if not desk.product.api("GET", "/integrations")["items"]:
        desk.connect("slack", "BEARER", token="xoxb-1-2-abcdefgh")
    page.goto(space(desk).replace("/templates/", "/workflows/import/"))
    page.get_by_label("Or its text").fill(FOREIGN)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_label("What is wrong")).to_contain_text("Line 13")
    box = page.get_by_label("Or its text")
    expect(box).to_have_value(FOREIGN.strip("\n") + "\n")
    desk.shot("import-faults")
    box.fill(FOREIGN.replace("connexion", "connection"))
    page.get_by_role("button", name="Import").click()

    page.wait_for_url("**/set-up/")
    desk.shot("import-set-up")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Use these").click()
    page.wait_for_url("**/build/")
    expect(page.locator("#problems")).not_to_contain_text("1")

    page.goto(space(desk).replace("/templates/", "/workflows/import/"))
    page.get_by_label("Or its web address").fill(slack.server.url_for("/flow.yaml"))
    page.get_by_role("button", name="Import").click()
    page.wait_for_url("**/set-up/")
    expect(page.locator("#toasts")).to_contain_text("this copy is called shout-2")


def test_without_scripts_everything_can_be_asked_and_answered(desk: Desk, browser: Browser) -> None:
    state = desk.page.context.storage_state()
    context = browser.new_context(
        java_script_enabled=False,
        storage_state=state,
        base_url=desk.product.url,
        viewport={"width": 390, "height": 844},
    )
    page = context.new_page()
    page.goto(f"{space(desk)}failures-by-mail/use/")
    page.get_by_label("Who is told").fill("nobody")
    page.get_by_role("button", name="Make the workflow").last.click()
    expect(page.get_by_text("is not an e-mail address")).to_be_visible()
    page.get_by_label("Who is told").fill("ops@acme.example")
    page.get_by_role("button", name="Make the workflow").last.click()

    page.wait_for_url("**/build/")
    expect(page.get_by_role("heading", name="Send a mail when a workflow fails", exact=True)).to_be_visible()
    context.close()

"""Workflows that wait for people and services: the mail, the page behind its link on a phone, and the run that goes on."""

from __future__ import annotations

import json
import re
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.support.chromium import CHROMIUM
from tests.support.product import OWNER, Product, Published

APPROVAL: dict[str, Any] = {
    "format": "automate/1", "key": "pay-invoice", "name": "Pay invoice", "start": "ask",
    "triggers": [{"key": "invoice", "type": "webhook"}],
    "steps": [
        {"key": "ask", "name": "Pay this invoice?", "type": "approval", "next": {"approved": "pay", "rejected": "refuse"},
         "config": {"assignees": ["boss@example.com", OWNER], "timeout_s": 86_400,
                    "message": "{{ trigger.body.supplier }} wants {{ trigger.body.total }} EUR.\n\nIt is for the new printers.",
                    "fields": {"type": "object", "required": ["cost_centre"], "x-order": ["cost_centre", "urgent"], "properties": {
                        "cost_centre": {"type": "integer", "title": "Cost centre", "description": "Four digits."},
                        "urgent": {"type": "boolean", "title": "Pay today"}}}}},
        {"key": "pay", "name": "Pay", "type": "transform",
         "config": {"set": {"paid": "{{ trigger.body.total }}", "from": "{{ steps.ask.answers.cost_centre }}"}}},
        {"key": "refuse", "name": "Refuse", "type": "transform", "config": {"set": {"paid": 0}}},
    ],
}  # fmt: skip
CALLBACK: dict[str, Any] = {
    "format": "automate/1", "key": "wait-for-bank", "name": "Wait for the bank", "start": "order",
    "triggers": [{"key": "go", "type": "webhook"}],
    "steps": [
        {"key": "order", "name": "Order", "type": "transform", "next": "wait",
         "config": {"set": {"call_back": "{{ callback_url('wait') }}"}}},
        {"key": "wait", "name": "The bank calls", "type": "callback", "config": {"timeout_s": 3600}, "next": "done"},
        {"key": "done", "name": "Done", "type": "transform", "config": {"set": {"state": "{{ steps.wait.state }}"}}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def outbox() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="automate-mails-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def posting(outbox: Path) -> Iterator[Product]:
    """An installation that sends mails, into files."""
    if not CHROMIUM:
        pytest.skip("There is no Chromium on this machine, so no browser can be driven.")
    with Product("sqlite", settings={"EMAIL_URL": f"filemail:///{outbox}"}) as running:
        yield running


@pytest.fixture
def desk(browser: Browser, posting: Product) -> Iterator[Page]:
    """The owner, signed in at a desk."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=posting.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(OWNER)
    page.locator("input[name=password]").fill("a long enough secret 4711")
    page.locator("main button[type=submit]").first.click()
    expect(page).to_have_title(re.compile("Home"))
    yield page
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Somebody without an account, on a phone whose browser finds nothing to complain about."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page, complaints = context.new_page(), list[str]()

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    page.on("console", hear)
    yield page
    context.close()
    assert complaints == []


def link_mailed_to(outbox: Path, person: str, within_s: float = 20.0) -> str:
    """The link in the newest mail to this person."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        for file in sorted(outbox.iterdir(), reverse=True):
            text = file.read_text()
            for mail in text.split("-" * 79):
                found = re.search(r"http\S+/approvals/[\w-]+", mail)
                if f"To: {person}" in mail and found:
                    return found[0]
        time.sleep(0.1)
    raise AssertionError(f"No mail with a link came to {person}.")


def hook_of(published: Published) -> str:
    return next(iter(published.hooks.values()))


def call(url: str, body: Any, method: str = "POST") -> Any:
    data = json.dumps(body).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def open_answer(desk: Page) -> None:
    """The panel may show the step already: what is typed before it has come anew is lost."""
    with desk.expect_response(lambda answer: "/steps/ask/" in answer.url):
        desk.locator(".run-waiting a:has-text('Answer')").click()
    desk.wait_for_timeout(300)


def test_an_approval_is_mailed_opened_on_a_phone_and_the_run_goes_on(
    posting: Product, outbox: Path, desk: Page, phone: Page
) -> None:
    for mail in outbox.iterdir():  # of the other tests
        mail.unlink()
    published = posting.publish(APPROVAL)
    run = call(hook_of(published), {"supplier": "Papyrus & Sons", "total": 1250})["execution"]
    link = link_mailed_to(outbox, "boss@example.com")

    desk.goto(f"/runs/{run}/")
    expect(desk.locator("text=Your answer is needed").first).to_be_visible()
    desk.goto("/")
    expect(desk.locator("#attention .row-title:has-text('Pay this invoice?')").first).to_be_visible()

    phone.goto(link)
    expect(phone.locator("h1")).to_have_text("Pay this invoice?")
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    phone.locator("button:has-text('Approve')").tap()
    expect(phone.locator("text=Waiting")).to_have_count(0)  # the browser itself asks for the cost centre
    phone.locator("input[name='f-cost_centre']").fill("4711")
    phone.locator("textarea[name=comment]").fill("Go ahead")
    phone.locator("button:has-text('Approve')").tap()
    expect(phone.locator("text=You approved this")).to_be_visible()

    desk.goto(f"/runs/{run}/")
    expect(desk.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    assert posting.api("GET", f"/executions/{run}")["output"] == {"paid": 1250, "from": 4711}
    phone.goto(link)
    expect(phone.locator("text=You approved this")).to_be_visible()


def test_who_is_asked_answers_on_the_page_of_the_run(posting: Product, desk: Page) -> None:
    published = posting.publish({**APPROVAL, "key": "pay-again"})
    run = call(hook_of(published), {"supplier": "Papyrus & Sons", "total": 90})["execution"]

    desk.goto(f"/runs/{run}/")
    expect(desk.locator("text=Your answer is needed").first).to_be_visible(timeout=20_000)
    open_answer(desk)
    desk.locator(".run-answering textarea[name=comment]").fill("Too much")
    desk.locator(".run-answering button:has-text('Reject')").click()

    expect(desk.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    assert posting.api("GET", f"/executions/{run}")["output"] == {"paid": 0}


def test_a_service_calls_back_and_the_run_goes_on(posting: Product, desk: Page) -> None:
    published = posting.publish(CALLBACK)
    run = call(hook_of(published), {})["execution"]
    desk.goto(f"/runs/{run}/")
    expect(desk.locator("text=Waiting for a call").first).to_be_visible(timeout=20_000)
    steps = posting.api("GET", f"/executions/{run}")["steps"]
    address = next(step["output"]["call_back"] for step in steps if step["step_id"] == "order")

    assert call(address, {"state": "booked"}) == {"status": "received"}

    expect(desk.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    assert posting.api("GET", f"/executions/{run}")["output"] == {"state": "booked"}


def test_the_panel_offers_every_field_and_a_test_run_asks_only_the_one_who_tests(
    posting: Product, desk: Page
) -> None:
    published = posting.publish({**APPROVAL, "key": "pay-tested", "name": "Pay tested"})
    desk.goto(f"/workflows/{published.id}/build/?step=ask")
    panel = desk.locator("#panel")
    for label in (
        "Who may answer",
        "What they read",
        "Who must approve",
        "Wait for an answer at most",
        "What they fill in",
    ):
        expect(panel.get_by_text(label, exact=False).first).to_be_visible()
    panel.get_by_text("More options").first.click()
    for label in ("How they hear of it", "Remind them once after", "Also tell a channel"):
        expect(panel.get_by_text(label, exact=False).first).to_be_visible()

    desk.goto(f"/workflows/{published.id}/test-run/")
    desk.locator("textarea[name=body]").fill('{"supplier": "A", "total": 5}')
    desk.locator("button:has-text('Run it')").click()
    desk.wait_for_url("**/runs/**")
    expect(desk.locator("text=Your answer is needed").first).to_be_visible(timeout=20_000)
    open_answer(desk)
    expect(desk.locator(".run-asked li")).to_have_count(1)
    desk.locator(".run-answering input[name='f-cost_centre']").fill("1")
    desk.locator(".run-answering button:has-text('Approve')").click()
    expect(desk.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)

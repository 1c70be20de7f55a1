"""What people do about a run that went wrong, and answers of the server that come after they have moved on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.desk import SOON_MS, Desk, patiently, send, sitting_at
from tests.support.product import Product

GONE_AFTER_S = 5.0  # a service that hangs lets go by itself, so that no test has to wait for it


@pytest.fixture(scope="module")
def office(browser: Browser, product: Product) -> Iterator[Desk]:
    with sitting_at(browser, product) as desk:
        yield desk


@pytest.fixture
def desk(office: Desk) -> Iterator[Desk]:
    office.complaints.clear()
    yield office
    assert office.complaints == [], office.complaints


class Till:
    """A service that takes money: `mood` is `ok`, `down` (an error), or `hangs` (takes it and does not answer)."""

    def __init__(self, server: HTTPServer) -> None:
        self.mood, self.url, self.taken = "ok", server.url_for("/charge"), 0
        server.expect_request("/charge").respond_with_handler(self.charge)

    def charge(self, _: Request) -> Response:
        self.taken += 1
        give_up = time.monotonic() + GONE_AFTER_S
        while self.mood == "hangs" and time.monotonic() < give_up:
            time.sleep(0.02)
        text = json.dumps({"id": self.taken} if self.mood == "ok" else {"message": "The till is closed."})
        return Response(text, 200 if self.mood == "ok" else 500, content_type="application/json")


@pytest.fixture
def till(httpserver: HTTPServer) -> Till:
    return Till(httpserver)


def shop(till: Till) -> dict[str, Any]:
    return {
        "key": "shop", "name": "Sell", "start": "prepare", "triggers": [{"key": "order", "name": "Order", "type": "webhook"}],
        "steps": [
            {"key": "prepare", "name": "Prepare", "type": "transform", "next": "charge",
             "config": {"set": {"amount": "{{ trigger.body.total * 100 }}"}}},
            {"key": "charge", "name": "Charge", "type": "action", "integration": "http", "action": "request", "next": "receipt",
             "timeout_s": 0.5, "input": {"method": "POST", "url": till.url, "json": {"cents": "{{ steps.prepare.amount }}"}}},
            {"key": "receipt", "name": "Receipt", "type": "transform",
             "config": {"set": {"paid": "{{ steps.prepare.amount }}", "charge": "{{ steps.charge.body | default(steps.charge) }}"}}},
        ],
    }  # fmt: skip


def more(page: Page, item: str) -> None:
    page.get_by_role("button", name="More ways to run it again").click()
    page.locator("#retry-menu").get_by_text(item).click()


def test_a_failed_run_is_retried_from_the_step_from_the_start_and_on_the_newest_version(
    desk: Desk, till: Till
) -> None:
    page, flow = desk.page, desk.bring(shop(till))
    desk.publish(flow)
    till.mood = "down"
    failed = desk.call(flow, {"total": 5})
    desk.open(failed)
    desk.sees("Failed")
    expect(page.locator("#run-steps")).to_contain_text("Failed at 3. Charge")
    expect(page.locator("#run-steps")).to_contain_text("The till is closed.")
    desk.shot("after-failed")

    till.mood = "ok"
    page.get_by_role("button", name="Retry from failed step").click()
    desk.sees("Succeeded")
    desk.open(again := page.url.rstrip("/").split("/")[-1].split("?")[0], "prepare", tab="log")
    expect(page.locator("#panel")).to_contain_text("Taken over from an earlier run; it was not run again.")
    desk.shot("after-taken-over")
    desk.open(again)
    page.get_by_role("button", name="Run again").click()
    desk.sees("Succeeded")
    expect(page.locator(".run-facts")).to_contain_text("Retry")
    assert till.taken == 3

    desk.fill_in(flow, "step=prepare", config__set__v__0="{{ trigger.body.total * 1000 }}")
    desk.publish(flow)
    desk.open(failed)
    page.get_by_role("button", name="More ways to run it again").click()
    desk.shot("after-menu")
    page.keyboard.press("Escape")
    more(page, "Run again on v2")
    desk.sees("Succeeded")
    expect(page.locator(".run-facts")).to_contain_text("v2")
    desk.open(page.url.split("/runs/")[1].split("/")[0], "receipt")
    expect(page.locator("#panel")).to_contain_text('"paid": 5000')
    desk.open(failed)
    more(page, "Retry from failed step, on v2")
    desk.sees("Succeeded")
    desk.open(page.url.split("/runs/")[1].split("/")[0], "receipt")
    expect(page.locator("#panel")).to_contain_text(
        '"paid": 500,'
    )  # what the first version had prepared is kept


def test_what_nobody_knows_is_asked_and_each_answer_goes_its_way(desk: Desk, till: Till) -> None:
    page, flow = desk.page, desk.bring(shop(till))
    desk.publish(flow)
    till.mood = "hangs"
    runs = [desk.call(flow, {"total": 5}) for _ in range(3)]
    for run in runs:
        for _ in patiently("a question"):
            if desk.run(run)["status"] == "NEEDS_ATTENTION":
                break
    till.mood = "ok"
    page.goto("/")
    expect(page.locator("#attention")).to_contain_text("Sell")
    desk.shot("after-attention-home")

    desk.open(runs[0])
    desk.sees("Needs attention")
    expect(page.locator(".run-question")).to_contain_text("Did “3. Charge” happen?")
    desk.shot("after-question")
    page.get_by_role("button", name="Send it again").click()
    desk.sees("Succeeded")
    desk.open(runs[1])
    page.locator(".run-question summary").click()
    page.locator(".run-question textarea").fill('{"id": "from the till"}')
    page.get_by_role("button", name="It happened: mark as done").click()
    desk.sees("Succeeded")
    assert desk.output(runs[1], "receipt") == {"paid": 500, "charge": {"id": "from the till"}}
    desk.open(runs[2])
    page.get_by_role("button", name="Treat as failed").click()
    desk.sees("Failed")
    expect(page.locator("#run-steps")).to_contain_text(
        "Look in the service whether it happened before you retry"
    )
    desk.shot("after-treated-as-failed")


def test_a_run_is_a_sample_and_the_draft_runs_up_to_a_step_with_a_pinned_output(
    desk: Desk, till: Till
) -> None:
    page, flow = desk.page, desk.bring(shop(till))
    desk.publish(flow)
    run = desk.call(flow, {"total": 7})
    desk.open(run)
    desk.sees("Succeeded")
    more(page, "data in the builder")
    expect(page.locator("#toasts")).to_contain_text("The builder works with the data of run #1 now.")
    page.goto(f"{flow.url}/build/?step=prepare&tab=test")
    expect(page.locator("#test")).to_contain_text("700")

    page.get_by_text("Pin an output typed by hand").click()
    page.get_by_label("Output as JSON").fill('{"amount": 1}')
    page.get_by_role("button", name="Pin it", exact=True).click()
    expect(page.locator("#panel")).to_contain_text("In test runs this step is not run")
    page.goto(f"{flow.url}/build/?step=charge&tab=test")
    page.get_by_role("link", name="Run up to here").click()
    expect(page.locator("dialog[open]")).to_contain_text("Pinned, so not run: 2. Prepare.")
    page.get_by_role("button", name="Run it").click()
    page.wait_for_url("**/runs/**")
    desk.sees("Succeeded")
    desk.open(tried := page.url.split("/runs/")[1].split("/")[0], show="run")
    expect(page.locator("#panel")).to_contain_text(re.compile(r"Ran as far as\s+3\. Charge"))
    expect(page.locator("#panel")).to_contain_text(re.compile(r"Pinned, not run\s+2\. Prepare"))
    desk.shot("after-up-to")
    desk.open(tried, "prepare")
    expect(page.locator("#panel")).to_contain_text("Pinned output")
    expect(page.locator("#panel")).to_contain_text('"amount": 1')
    desk.open(tried, "receipt")
    expect(page.locator("#panel")).to_contain_text("This step did not run")
    assert till.taken == 2


# --- answers that come too late -------------------------------------------------------------------
TWO_GATES: dict[str, Any] = {
    "key": "gates", "name": "Two gates", "start": "address", "triggers": [{"key": "call", "type": "webhook"}],
    "steps": [
        {"key": "address", "name": "Address", "type": "transform", "next": "first",
         "config": {"set": {"one": "{{ callback_url('first') }}", "two": "{{ callback_url('second') }}"}}},
        {"key": "first", "name": "First gate", "type": "callback", "config": {"timeout_s": 3600}, "next": "second"},
        {"key": "second", "name": "Second gate", "type": "callback", "config": {"timeout_s": 3600}},
    ],
}  # fmt: skip


class Held:
    """Answers to the page's own questions, kept back until they are let go."""

    def __init__(self, page: Page) -> None:
        self.page, self.kept = page, list[tuple[Route, APIResponse]]()

    def keep(self, route: Route) -> None:
        answer = route.fetch()
        if answer.status == 200 and not self.kept:
            self.kept.append((route, answer))
        else:
            route.fulfill(response=answer)

    def wait(self) -> None:
        for _ in patiently("an answer to keep back"):
            self.page.wait_for_timeout(20)
            if self.kept:
                return

    def let_go(self) -> None:
        [(route, answer)] = self.kept
        route.fulfill(response=answer)
        self.page.wait_for_timeout(
            100
        )  # long enough for it to be swapped in, and too short for the next question


def test_a_late_answer_leaves_the_tab_that_was_opened_meanwhile(desk: Desk) -> None:
    page, flow = desk.page, desk.bring(TWO_GATES)
    desk.publish(flow)
    run = desk.call(flow)
    addresses = desk.output(run, "address")
    desk.open(run, "first")
    expect(page.locator("#panel")).to_contain_text("Whoever calls it ends the wait")
    held = Held(page)
    page.route("**/live/**", held.keep)
    send(addresses["one"])
    held.wait()
    with page.expect_response(lambda answer: "tab=log" in answer.url):
        page.locator("#panel .tab", has_text="Log").click()
    expect(page.locator("#panel [aria-current=page]")).to_contain_text("Log")

    held.let_go()

    expect(page.locator("#panel [aria-current=page]")).to_contain_text("Log", timeout=1)
    expect(page.locator(".run-waiting")).to_contain_text(
        "Second gate", timeout=SOON_MS
    )  # and the page goes on by itself
    expect(page.locator("#panel [aria-current=page]")).to_contain_text("Log", timeout=1)
    page.unroute("**/live/**")
    send(addresses["two"])
    desk.sees("Succeeded")


def test_news_leave_what_somebody_is_typing(desk: Desk, till: Till) -> None:
    document = shop(till)
    gates = TWO_GATES["steps"]
    page, flow = (
        desk.page,
        desk.bring({**document, "start": ["prepare", "address"], "steps": [*document["steps"], *gates]}),
    )
    desk.publish(flow)
    till.mood = "hangs"
    run = desk.call(flow, {"total": 1})
    addresses = desk.output(run, "address")
    desk.open(run)
    desk.sees("Needs attention")
    till.mood = "ok"
    page.locator(".run-question summary").click()
    page.locator(".run-question textarea").fill('{"id": 4711}')
    page.locator("#panel-title").click()  # not only the field with the cursor in it

    send(addresses["one"])

    expect(page.locator(".run-waiting")).to_contain_text("Second gate", timeout=SOON_MS)
    expect(page.locator(".run-question textarea")).to_have_value('{"id": 4711}')
    expect(page.locator(".run-question textarea")).to_be_visible()
    page.get_by_role("button", name="It happened: mark as done").click()
    expect(page.locator(".run-question")).to_have_count(0)
    send(addresses["two"])
    desk.sees("Succeeded")
    assert desk.output(run, "receipt")["charge"] == {"id": 4711}

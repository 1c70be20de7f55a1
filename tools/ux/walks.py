"""Clicks, typed fields and seconds of what people do most."""

from __future__ import annotations

import json
import re
import time
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import write_into
from tests.support.product import Product
from tests.support.stage import FAILING, Stage, call, import_and_publish
from tools.ux.table import Table

LIVE_TRIES: Final = 8
SLOW: Final[dict[str, Any]] = {
    "format": "automate/1", "key": "slow", "name": "Takes three seconds", "start": "wait",
    "triggers": [{"key": "call", "type": "webhook"}],
    "steps": [{"key": "wait", "name": "Wait", "type": "delay", "config": {"for": "3s"}}],
}  # fmt: skip


def first_green_run(person: Counted, table: Table) -> None:
    """From the sign-up page to a green run of a template, as somebody new would."""
    page, began = person.page, time.monotonic()
    page.goto("/accounts/signup/")
    person.type("input[name=email]", f"mia-{time.time_ns()}@example.com")
    person.type("input[name=password1]", "four unrelated words here")
    person.click("button[type=submit]")
    person.click("text=Use template")
    page.wait_for_url("**/build/**")
    person.click("header >> text=Publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    page.locator("text=/http:.*hooks/").first.wait_for()
    found = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert found is not None
    person.click("dialog[open] >> a:has-text('runs')")
    page.wait_for_url("**/runs/**")
    body, headers = json.dumps({"net": 100, "country": "DE"}).encode(), {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(found[0], body, headers), timeout=30).close()
    page.locator("text=Succeeded").first.wait_for()
    table.at_most("first green run: clicks", person.clicks, 6)
    table.at_most("first green run: typed fields", person.typed, 2)
    table.at_most("first green run: seconds of a machine", time.monotonic() - began, 60, " s")


def failed_run_to_cause(page: Page, stage: Stage, table: Table) -> None:
    """From Home to the sentence that says why."""
    cause = page.locator(f"main >> text={FAILING['steps'][1]['config']['message']}")
    page.goto(stage.workspace)
    page.locator("#attention a, #attention button").first.wait_for()
    clicks = 0
    while clicks < 4 and not (clicks and cause.count()):
        page.locator("#attention a, #attention button").first.click()
        page.wait_for_load_state()
        page.wait_for_timeout(300)
        clicks += 1
    table.at_most("failed run to its cause: clicks", clicks, 2)


def add_a_step(page: Page, address: str, table: Table) -> None:
    """Between two steps, by the “+” on the line."""
    page.goto(address)
    before, hand = page.locator(".node[data-id]").count(), Counted(page)
    hand.click("#canvas .add >> nth=1")
    hand.click("dialog[open] .palette-item:has-text('Transform')")
    expect(page.locator(".node[data-id]")).to_have_count(before + 1)
    table.at_most("add a step between two: clicks", hand.clicks, 2)


def map_a_field(page: Page, address: str, table: Table) -> None:
    """A value of the trigger into a field of the open step."""
    page.goto(address)
    hand = Counted(page)
    hand.click("#panel .data-editor .cm-content")
    value = "#picker button[data-insert]:has-text('total')"
    page.locator(value).first.wait_for()
    had = page.locator("#panel .ref").count()
    hand.click(value)
    expect(page.locator("#panel .ref")).to_have_count(had + 1)
    table.at_most("map one field: clicks", hand.clicks, 2)


def empty_to_active(page: Page, stage: Stage, table: Table) -> None:
    """Webhook → condition → e-mail, published; the mail server is connected already."""
    page.goto(stage.workspace)
    hand, began = Counted(page), time.monotonic()
    hand.click("text=New workflow")
    hand.type("dialog[open] input[name=name], main input[name=name]", "Big orders")
    hand.click("text=Start empty")
    page.wait_for_url("**/build/**")
    hand.click("#canvas >> text=Choose what starts it")
    hand.click("dialog[open] .palette-item:has-text('Webhook')")
    _add_here(hand, "Condition", "#add-start-main-")
    _write(hand, "cases.0.when.left.0", "{{ trigger.body.total }}")
    _write(hand, "cases.0.when.right.0", "500")
    _add_here(hand, "Transform", "#add-condition-yes-")
    hand.click("header a.btn-primary:has-text('Publish')")
    hand.click("dialog[open] >> button:has-text('Publish')")
    page.locator("text=/http:.*hooks/").first.wait_for()
    table.at_most("webhook, condition, a step, active: clicks", hand.clicks, 16)
    table.at_most("webhook, condition, a step, active: typed fields", hand.typed, 4)
    table.at_most("webhook, condition, a step, active: seconds", time.monotonic() - began, 180, " s")


def _add_here(hand: Counted, offer: str, plus: str) -> None:
    hand.click(plus)
    hand.click(f"dialog[open] .palette-item:has-text('{offer}')")
    hand.page.locator(f"#panel-title:has-text('{offer}')").wait_for()


def _write(hand: Counted, name: str, text: str) -> None:
    hand.typed += 1
    write_into(hand.page, name, text)


def live_status(page: Page, stage: Stage, product: Product, table: Table) -> None:
    """From the end of a run on the server to the word on the open page."""
    _, hook = import_and_publish(page, stage.workspace, SLOW)
    late = []
    for _ in range(LIVE_TRIES):
        run = call(hook, {})
        page.goto(f"{product.url}/runs/{run}/")
        page.locator("text=Succeeded").filter(visible=True).first.wait_for(timeout=30_000)
        seen = time.time()
        ((ended,),) = product.rows().query(
            "SELECT completed_at FROM workflows_workflowexecution WHERE id = %s", uuid.UUID(run).hex
        )
        late.append(seen - datetime.fromisoformat(ended).replace(tzinfo=UTC).timestamp())
    table.at_most("live status, server to screen, the slowest", max(late), 1.5, " s")

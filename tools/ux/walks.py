"""Clicks, typed fields and seconds of what people do most."""

from __future__ import annotations

import json
import re
import time
import urllib.request

from playwright.sync_api import Page

from tests.e2e.conftest import Counted
from tests.support.stage import FAILING, Stage
from tools.ux.table import Table


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
    before = page.locator(".node[data-id]").count()
    page.locator("[data-insert]").nth(1).click()
    page.locator("#palette button, #shelf button, [data-step-kind]").first.wait_for()
    page.locator("button:has-text('Transform'), a:has-text('Transform')").first.click()
    page.wait_for_function(f"document.querySelectorAll('.node[data-id]').length > {before}")
    table.at_most("add a step between two: clicks", 2, 2)

"""A run as people look into it: its data in three views and searched, its failed items, when each step worked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.desk import Desk, Flow, sitting_at
from tests.support.product import Product

SHELVES: dict[str, Any] = {
    "key": "shelves", "name": "Stock check", "start": "shelves", "triggers": [{"key": "call", "type": "webhook"}],
    "steps": [
        {"key": "shelves", "name": "For each shelf", "type": "loop", "over": "{{ trigger.body.shelves }}", "as": "n",
         "on_item_error": "continue", "next": {"each": ["divide"], "done": ["note"]}},
        {"key": "divide", "name": "Divide", "type": "transform", "config": {"set": {"v": "{{ 12 / n }}"}}},
        {"key": "note", "name": "Write it down", "type": "transform",
         "config": {"set": {"lines": "{{ trigger.body.lines }}", "who": "{{ trigger.body.who }}"}}},
    ],
}  # fmt: skip
LINES = [{"sku": "NW-CHAIR", "quantity": 2}, {"sku": "NW-LAMP", "note": "<b>fragile</b>"}]


@pytest.fixture(scope="module")
def desk(browser: Browser, product: Product) -> Iterator[Desk]:
    with sitting_at(browser, product) as sitting:
        yield sitting


@pytest.fixture(scope="module")
def run(desk: Desk) -> str:
    flow: Flow = desk.bring(SHELVES)
    desk.product.api("POST", f"/workflows/{flow.id}/publish", {})
    id = desk.call(flow, {"shelves": [1, 0, 2, 0, 3], "lines": LINES, "who": {"name": "Ines"}})
    desk.open(id)
    desk.sees("Succeeded with errors")
    return id


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    desk.complaints.clear()
    yield desk.page
    assert desk.complaints == []


def test_data_is_a_table_a_tree_or_json_and_can_be_searched(desk: Desk, run: str, page: Page) -> None:
    desk.open(run, "trigger")
    panel = page.locator("#panel")
    expect(panel.locator("pre.json").first).to_contain_text('"NW-CHAIR"')

    panel.get_by_role("link", name="Tree").click()
    expect(panel.locator(".value-tree").first).to_contain_text("2 items")
    panel.get_by_role("link", name="Table").click()
    expect(panel.locator(".data-table th", has_text="shelves")).to_be_visible()
    desk.open(run, "note")  # what was chosen last is remembered
    expect(panel.locator(".data-table").first).to_be_visible()

    panel.get_by_label("Search in the data").press_sequentially("fragile", delay=20)
    expect(panel.locator(".hits mark")).to_have_text(["fragile"])
    expect(panel.locator(".hit-path")).to_have_text("lines[1].note")
    expect(panel.get_by_label("Search in the data")).to_be_focused()
    assert page.locator("b", has_text="fragile").count() == 0
    desk.shot("run-data-found")


def test_failed_items_one_after_the_other_and_when_each_step_worked(desk: Desk, run: str, page: Page) -> None:
    desk.open(run, "shelves")
    title = page.locator("#panel-title")

    page.get_by_role("link", name="Next failed").click()
    expect(title).to_have_text("Item 2")
    page.get_by_role("link", name="Next failed").click()
    expect(title).to_have_text("Item 4")
    page.get_by_role("link", name="Timeline").click()
    row = page.locator(".timeline tr", has_text="Divide")
    expect(row).to_contain_text("5 times, 2 failed")
    desk.shot("run-timeline")
    row.get_by_role("link").click()
    expect(title).to_contain_text("Divide")
    expect(page.locator(".timeline")).to_be_visible()
    page.get_by_role("link", name="Steps").click()
    expect(page.locator("#canvas, .outline").first).to_be_visible()


def test_part_that_fails_says_so_and_comes_when_tried_again(desk: Desk, run: str, page: Page) -> None:
    def fail(route: Route) -> None:
        headers = {"X-Error-Id": "7f2c11aa", "Content-Type": "text/plain"}
        route.fulfill(status=500, headers=headers, body="It was not your fault and it has been noted.")

    desk.open(run)
    page.route("**/steps/**", fail)
    page.locator("#node-note a, [id='node-note']").first.click()
    failed = page.locator("#panel [role=alert]")
    expect(failed).to_contain_text("It was not your fault")
    expect(failed).to_contain_text("7f2c11aa")
    desk.shot("run-part-failed")

    page.unroute("**/steps/**")
    failed.get_by_role("button", name="Try again").click()
    expect(page.locator("#panel-title")).to_contain_text("Write it down")
    desk.complaints.clear()  # the browser logs the answer of 500

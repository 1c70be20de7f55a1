"""The first minutes in an empty workspace, keys, and the bell that rings when a workflow begins to fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.desk import SOON_MS, Desk, sitting_at
from tests.support.product import Product
from tests.support.stage import FAILING, sign_up

RINGS_MS = 40_000  # counted some seconds after the run has ended, asked for with a poll of the page


@pytest.fixture
def desk(browser: Browser, product: Product) -> Iterator[Desk]:
    with sitting_at(browser, product) as sitting:
        yield sitting
        assert sitting.complaints == []


def test_first_steps_fill_themselves_and_can_be_put_away(person: Counted, product: Product) -> None:
    page = person.page
    home = sign_up(page, product.url).workspace
    guide = page.locator("#guide")
    expect(guide).to_contain_text("0 of 5 done")

    page.get_by_role("button", name="Try an example").click()
    page.wait_for_url("**/build/**")
    page.goto(home)
    expect(guide).to_contain_text("1 of 5 done")
    guide.get_by_role("button", name="Hide").click()
    expect(guide).to_have_count(0)
    page.reload()
    expect(page.locator("#attention")).to_be_visible()
    expect(guide).to_have_count(0)
    assert person.complaints == []


def go(page: Page, key: str, title: str) -> None:
    """`g` and a letter, once the scripts of the page are there."""
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press(key)
    expect(page).to_have_title(re.compile(title))


def test_keys_lead_through_the_pages(desk: Desk) -> None:
    page = desk.page
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    for key, title in {
        "r": "Runs",
        "w": "Workflows",
        "i": "Integrations",
        "t": "Templates",
        "h": "Home",
    }.items():
        go(page, key, title)
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page.locator("#dialog dialog:modal")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog:modal")).to_have_count(0)
    go(page, "w", "Workflows")
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.locator("input[name=q]").first).to_be_focused()


def test_bell_rings_on_the_open_page_and_leads_to_the_failed_run(desk: Desk) -> None:
    page = desk.page
    flow = desk.bring({**FAILING, "name": "Report that rings"})
    desk.product.api("POST", f"/workflows/{flow.id}/publish", {})
    page.goto("/")
    bell = page.locator(".side .bell")
    before = bell.get_attribute("data-bell") or ""

    run = desk.call(flow, {"number": "#1"})
    expect(bell).not_to_have_attribute("data-bell", before, timeout=RINGS_MS)
    desk.shot("bell")
    bell.click()
    expect(page.get_by_role("heading", name="Notifications")).to_be_visible()
    unread = page.locator("li.is-unread:has-text('Report that rings')")
    expect(unread).to_have_count(1)
    page.get_by_role("link", name="Report that rings").first.click()

    expect(page).to_have_url(re.compile(rf"/runs/{run}/"), timeout=SOON_MS)
    page.goto("/notifications/")
    expect(page.get_by_role("link", name="Report that rings")).to_have_count(1)
    expect(unread).to_have_count(0)

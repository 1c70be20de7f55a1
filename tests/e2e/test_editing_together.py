"""Two people in one workflow, in two browsers; and what leads both of them: problems, the search for steps, times in words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import card, chain, changed, draft, import_document, lines
from tests.e2e.test_first_minutes import sign_up
from tests.e2e.test_versions import command, shot
from tests.support.product import Product
from tests.support.stage import FOLLOW_UP, PASSWORD


@dataclass
class Pair:
    """Two members of one workspace, each with a browser of their own."""

    ada: Page
    mia: Page
    complaints: list[str]


@pytest.fixture(scope="module")
def people(browser: Browser, product: Product) -> Iterator[Pair]:
    pages: list[Counted] = []
    complaints: list[str] = []
    for _ in range(2):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
        counted = Counted(context.new_page(), complaints=complaints)
        counted.page.on("console", counted.hear)
        counted.page.on("pageerror", lambda error: complaints.append(str(error)))
        pages.append(counted)
    ada, mia = pages
    sign_up(ada)
    join(ada.page, mia.page)
    yield Pair(ada.page, mia.page, complaints)
    for counted in pages:
        counted.page.context.close()


def join(owner: Page, guest: Page) -> None:
    """By an invitation, as people do."""
    space = re.search(r"/w/([\w-]+)/", owner.url)
    assert space is not None
    owner.goto(f"/w/{space[1]}/members/")
    owner.fill("#id_email", f"mia-{uuid.uuid4().hex[:6]}@example.com")
    owner.select_option("#id_role", label="Admin")
    owner.locator("form:has(#id_email) button[type=submit]").click()
    link = owner.locator("code", has_text="/invitations/").inner_text()
    guest.goto(link)
    guest.locator("main a", has_text="Create an account").click()
    guest.fill("input[name=password1]", PASSWORD)
    guest.locator("main button[type=submit]").click()
    guest.locator("main button", has_text="Join").click()
    guest.wait_for_url("**/w/**")


@pytest.fixture
def pair(people: Pair) -> Iterator[Pair]:
    people.complaints.clear()
    yield people
    refusals = "the server responded with a status of 4"  # Chromium reports every refusal as an error
    assert [said for said in people.complaints if refusals not in said] == []


def look_again(page: Page) -> None:
    """Somebody comes back to the window, so it asks at once and not in 20 seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def save(page: Page) -> None:
    before = draft(page)
    page.locator("#panel [data-save]").click()
    changed(page, before)


def test_each_sees_who_else_is_here_and_what_they_changed(pair: Pair) -> None:
    ada, mia = pair.ada, pair.mia
    builder = import_document(ada, {**FOLLOW_UP, "key": "together", "name": "Together"})
    with mia.expect_response("**/here/**"):
        mia.goto(f"{builder}?step=big")
    ada.goto(f"{builder}?step=big")
    expect(ada.locator("#here .avatar")).to_have_attribute(
        "title", re.compile("mia.* has “Over 500 EUR\\?” open")
    )

    mia.locator("#panel [name='cases.0.name']").fill("Expensive")
    save(mia)
    look_again(ada)

    newer = ada.locator("[data-show-newer]")
    expect(newer).to_contain_text(re.compile("mia.* changed this step"))
    shot(ada, "here-newer")
    newer.click()
    expect(ada.locator("#panel [name='cases.0.name']")).to_have_value("Expensive")
    expect(ada.locator(".edge-label", has_text="Expensive")).to_be_visible()
    expect(ada.locator("[data-show-newer]")).to_have_count(0)


def test_nobody_loses_a_change_unseen(pair: Pair) -> None:
    ada, mia = pair.ada, pair.mia
    builder = import_document(ada, {**FOLLOW_UP, "key": "both", "name": "Both at once"})
    for page in (ada, mia):
        page.goto(f"{builder}?step=big")
        expect(page.locator("#panel [name='cases.0.name']")).to_be_visible()
    mia.locator("#panel [name='cases.0.name']").fill("Hers")
    save(mia)

    ada.locator("#panel [name='cases.0.name']").fill("Mine")
    ada.locator("#panel [data-save]").click()
    both = ada.locator(".conflict-table")
    expect(both).to_contain_text("Hers")
    expect(both).to_contain_text("Mine")
    shot(ada, "conflict")
    before = draft(ada)
    ada.locator("#panel button", has_text="Keep mine").click()
    changed(ada, before)
    mia.reload()
    expect(mia.locator("#panel [name='cases.0.name']")).to_have_value("Mine")

    ada.goto(builder)
    mia.goto(f"{builder}?step=log")
    mia.locator("#panel [name='config.set.k.0']").fill("kept")
    save(mia)
    before = draft(ada)
    card(ada, "log").locator("a").focus()
    ada.keyboard.press("Delete")
    dialog = ada.locator("dialog[open]")
    expect(dialog).to_contain_text("Changed Fields of Save order summary.")
    dialog.locator("a", has_text="Show it as it is now").click()
    expect(ada.locator("#outline")).not_to_have_attribute("data-version", str(before))
    expect(card(ada, "log")).to_be_visible()


def test_a_problem_leads_to_its_field_by_keyboard(pair: Pair) -> None:
    page = pair.ada
    builder = import_document(page, chain("lacking", "one"))
    command(
        page, builder, command="insert", type="action", integration="http", action="request", source="one"
    )
    page.goto(builder)
    count = page.locator(".problem-count")
    expect(count).to_contain_text("1 problem")

    count.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#problem-list a").first).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#field-f-input-url").locator("textarea, .cm-content, input").first).to_be_attached()
    page.wait_for_function("document.activeElement?.closest('#field-f-input-url')")
    page.keyboard.type("https://example.com")
    expect(count).to_have_count(0)


def test_a_step_is_found_and_added_by_keyboard(pair: Pair) -> None:
    page = pair.ada
    builder = import_document(page, {**FOLLOW_UP, "key": "search", "name": "Search"})
    page.keyboard.press("/")
    box = page.locator(".palette-search input[type=search]")
    expect(box).to_be_focused()
    page.keyboard.type("notify")
    expect(page.locator("#palette .is-next")).to_contain_text("Send")
    box.fill("hubspot deal")
    expect(page.locator("#palette")).to_contain_text("usually done with an HTTP request")
    page.keyboard.press("ArrowDown")
    before = draft(page)
    page.keyboard.press("Enter")
    changed(page, before)
    assert "log:main>request" in lines(page)

    page.goto(builder)
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(page.locator("#palette h3").first).to_have_text("Used last")
    expect(page.locator("#palette .palette-item").first).to_contain_text("Send a request")
    page.keyboard.type("wait slee")
    before = draft(page)
    page.keyboard.press("Enter")  # at once: the answer is waited for
    changed(page, before)
    assert "request:main>wait" in lines(page)


def test_a_schedule_is_said_in_words_while_it_is_typed(pair: Pair) -> None:
    page = pair.ada
    document = {"format": "automate/1", "key": "clock", "name": "Clock", "start": "note_it",
                "triggers": [{"key": "when", "type": "schedule", "config": {"cron": "*/15 * * * *"}}],
                "steps": [{"key": "note_it", "type": "transform", "config": {"set": {"a": "b"}}}]}  # fmt: skip
    builder = import_document(page, document)
    page.goto(f"{builder}?trigger=when")
    expect(page.locator("#times")).to_contain_text("Every 15 minutes")

    page.select_option("#when-kind", "weekdays")
    page.locator("#when-time").fill("08:30")
    page.locator("[name='when.zone']").fill("lisbon")

    expect(page.locator("#times b")).to_have_text("At 08:30 on weekdays, Europe/Lisbon")
    expect(page.locator("#times li")).to_have_count(5)
    expect(card(page, "trigger:when")).to_contain_text("At 08:30 on weekdays")
    shot(page, "schedule")
    page.locator("header a", has_text="Publish").click()
    expect(page.locator("dialog[open]")).to_contain_text(
        "It starts at 08:30 on weekdays, Europe/Lisbon time."
    )

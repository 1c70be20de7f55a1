"""The canvas of the builder in a real browser: by mouse, by keys, between two workflows, on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import card, chain, changed, draft, drag, focused, import_document, lines, middle
from tests.e2e.test_first_minutes import sign_up
from tests.support.product import Product

BRANCHES = chain("branches", "fetch", "shape") | {
    "start": "big",
    "steps": [
        {"key": "big", "name": "Big?", "type": "condition", "next": {"yes": "alert", "else": "thank"},
         "cases": [{"key": "yes", "name": "Yes", "when": "{{ true }}"}]},
        {"key": "alert", "name": "Alert", "type": "transform", "config": {"set": {"a": "{{ 1 }}"}}, "next": "log"},
        {"key": "thank", "name": "Thank", "type": "transform", "config": {"set": {"a": "{{ 1 }}"}}, "next": "log"},
        {"key": "log", "name": "Log", "type": "transform", "config": {"set": {"a": "{{ 1 }}"}}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def somebody(browser: Browser, product: Product) -> Iterator[Counted]:
    """One person at a desk, signed up once for this file; the clipboard may be used."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=product.url)
    counted = Counted(context.new_page())
    counted.page.on("console", counted.hear)
    counted.page.on("pageerror", lambda error: counted.complaints.append(str(error)))
    sign_up(counted)
    yield counted
    context.close()


@pytest.fixture
def desk(somebody: Counted) -> Iterator[Counted]:
    """Whatever a test does, the browser has nothing to complain of: no error, no violation of the policy."""
    somebody.complaints.clear()
    yield somebody
    refusals = "the server responded with a status of 422"  # Chromium reports every refusal as an error
    assert [said for said in somebody.complaints if refusals not in said] == []


def test_a_step_is_dragged_from_the_list_onto_a_plus(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("drag-in", "one", "two"))
    before = draft(page)
    plus = page.locator("#add-one-main-two")

    drag(page, middle(page.locator(".flow-list .palette-item", has_text="Delay")), middle(plus), drop=False)
    expect(plus).to_have_class(re.compile("is-target"))
    page.mouse.up()

    changed(page, before)
    assert lines(page) == {"trigger:go:main>one", "one:main>wait", "wait:main>two"}
    expect(page.locator("#panel-title")).to_contain_text("Wait")


def test_a_step_is_added_between_two_with_two_clicks(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("two-clicks", "one", "two"))
    before = draft(page)
    desk.clicks = 0

    desk.click("#add-one-main-two")
    desk.click("dialog[open] >> .palette-item:has-text('Filter')")

    changed(page, before)
    assert desk.clicks == 2
    assert {"one:main>filter", "filter:main>two"} <= lines(page)


def test_a_card_is_dragged_to_another_plus_and_its_path_closes(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("move", "one", "two", "three"))
    before = draft(page)
    x, y = middle(card(page, "one"))

    drag(page, (x - 30, y), middle(page.locator("#add-three-main-")))

    changed(page, before)
    assert lines(page) == {"trigger:go:main>two", "two:main>three", "three:main>one"}


def test_ports_are_linked_and_what_is_wrong_is_refused_in_words(desk: Counted) -> None:
    page = desk.page
    import_document(page, BRANCHES)
    before = draft(page)

    drag(page, middle(card(page, "alert").locator(".port-out")), middle(card(page, "thank")))
    changed(page, before)
    assert "alert:main>thank" in lines(page)

    before = draft(page)
    start, end = middle(card(page, "log").locator(".port-out")), middle(card(page, "alert"))
    drag(page, start, end, drop=False)
    expect(card(page, "alert")).to_have_class(re.compile("cannot"))
    page.mouse.up()
    expect(page.locator("#toasts .bad")).to_contain_text("circle")
    assert draft(page) == before
    page.locator("#toasts [data-dismiss]").last.click()

    x, y = middle(card(page, "big").locator(".port-out"))
    drag(page, (x, y), middle(card(page, "log")))
    page.locator("#port-menu >> text=Otherwise").click()
    changed(page, before)
    assert "big:else>log" in lines(page)


def test_a_line_is_clicked_and_cut(desk: Counted) -> None:
    page = desk.page
    import_document(page, BRANCHES)
    before = draft(page)
    at = page.evaluate(
        """() => { const path = document.querySelector('path[data-from="thank"][data-to="log"]');
        const spot = path.getPointAtLength(path.getTotalLength() * 0.5).matrixTransform(path.getScreenCTM());
        return [spot.x, spot.y]; }"""
    )

    page.mouse.click(*at)
    page.locator(".cut").click()

    changed(page, before)
    assert "thank:main>log" not in lines(page)


def test_everything_goes_by_keys_alone(desk: Counted) -> None:
    page = desk.page
    import_document(page, BRANCHES)

    page.locator('[id="node-trigger:go"] a').focus()
    walked = []
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
        walked.append(focused(page))
    assert walked == ["big", "alert", "thank", "log", "alert"]

    before = draft(page)
    page.keyboard.press("+")
    expect(page.locator("dialog[open] input[type=search]")).to_be_focused()
    page.keyboard.type("delay")
    expect(page.locator("dialog[open] .palette-item")).to_have_count(1)
    page.locator("dialog[open] .palette-item").press("Enter")
    changed(page, before)
    assert {"alert:main>wait", "wait:main>log"} <= lines(page)
    assert focused(page) == "wait"

    before = draft(page)
    page.keyboard.press("Control+d")
    changed(page, before)
    assert "wait:main>wait_2" in lines(page)

    before = draft(page)
    page.keyboard.press("Delete")
    changed(page, before)
    assert not any("wait_2" in line for line in lines(page))
    page.locator("#node-wait a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_contain_text("Wait")
    page.locator("#node-wait a").focus()
    page.keyboard.press("m")
    expect(page.locator("dialog[open] h2")).to_have_text("Move Wait")
    page.keyboard.press("Escape")
    assert focused(page) == "wait"


def test_undo_and_redo_survive_a_reload(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("undo", "one", "two"))
    first = lines(page)
    page.locator("#node-two a").focus()
    before = draft(page)
    page.keyboard.press("Delete")
    changed(page, before)
    assert lines(page) == {"trigger:go:main>one"}

    page.reload()
    before = draft(page)
    page.keyboard.press("Control+z")
    changed(page, before)
    assert lines(page) == first
    before = draft(page)
    page.keyboard.press("Control+y")
    changed(page, before)
    assert lines(page) == {"trigger:go:main>one"}


def test_a_card_stays_where_it_was_put_in_free_form(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("free", "one", "two"))
    page.locator("[data-view-switch] button", has_text="Free-form").click()
    expect(page.locator("#canvas[data-mode=free][data-ready]")).to_be_visible()
    before = draft(page)
    x, y = middle(card(page, "two"))

    drag(page, (x - 30, y), (x + 220, y + 60))
    changed(page, before)
    spot = [card(page, "two").get_attribute(f"data-{name}") for name in "xy"]
    page.reload()

    assert [card(page, "two").get_attribute(f"data-{name}") for name in "xy"] == spot
    assert all(int(value or 1) % 8 == 0 for value in spot)
    assert int(spot[0] or 0) > 100
    before = draft(page)
    page.keyboard.press("Control+z")
    changed(page, before)
    assert card(page, "two").get_attribute("data-x") != spot[0]
    page.locator("[data-view-switch] button", has_text="Auto layout").click()
    expect(page.locator("#canvas[data-mode=auto][data-ready]")).to_be_visible()


def test_steps_are_copied_from_one_workflow_into_another(desk: Counted) -> None:
    page = desk.page
    source = chain("source", "one", "two")
    source["steps"][1]["config"]["set"]["a"] = "{{ steps.one.a }}"
    import_document(page, source)
    card(page, "one").click(modifiers=["Shift"])
    card(page, "two").click(modifiers=["Shift"])
    page.locator("#node-one a").focus()
    page.keyboard.press("Control+c")
    expect(page.locator("#toasts")).to_contain_text("Copied")

    import_document(page, chain("target", "one"))
    before = draft(page)
    page.locator("#node-one a").focus()
    page.keyboard.press("Control+v")

    changed(page, before)
    assert lines(page) == {"trigger:go:main>one", "one:main>one_2", "one_2:main>two"}
    page.locator("#node-two a").click()
    expect(page.locator("#panel-title")).to_contain_text("Two")
    expect(page.locator("#panel")).to_contain_text("steps.one_2.a")


def test_steps_are_pasted_without_leave_to_use_the_clipboard(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("pasting", "one"))
    before = draft(page)

    card(page, "one").locator(".step-menu").click()
    page.locator("#step-menu >> text=Paste after").click()
    text = '{"format": "automate/1", "steps": [{"key": "late", "type": "delay", "config": {"minutes": 5}}]}'
    page.locator("dialog[open] textarea").fill(text)
    page.locator("dialog[open] >> button:has-text('Paste')").click()

    changed(page, before)
    assert "one:main>late" in lines(page)


def test_the_menu_of_a_card_switches_off_and_deletes_with_a_way_back(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("menu", "one", "two"))
    before = draft(page)
    card(page, "one").locator(".step-menu").click()
    page.locator("#step-menu >> text=Switch off").click()
    changed(page, before)
    expect(card(page, "one").locator(".step")).to_have_class(re.compile("is-off"))

    before = draft(page)
    card(page, "one").click(button="right")
    page.locator("#step-menu >> text=Delete").click()
    changed(page, before)
    assert lines(page) == {"trigger:go:main>two"}
    page.locator("#toasts [data-undo]").last.click()
    expect(page.locator("#canvas path[data-to]")).to_have_count(2)


def test_a_note_is_added_and_resized(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("notes", "one"))
    before = draft(page)
    page.locator("[popovertarget=canvas-menu]").click()
    page.locator("#canvas-menu >> text=Add a note").click()
    changed(page, before)
    note = page.locator(".node.is-note")
    page.locator("#panel [data-close-panel]").click()
    expect(page.locator("#panel")).to_be_hidden()
    before = draft(page)
    x, y = middle(note.locator("[data-resize]"))
    drag(page, (x, y), (x + 80, y + 40))

    changed(page, before)
    assert int(note.get_attribute("data-w") or 0) > 232


def test_two_people_see_what_the_other_changed(desk: Counted, browser: Browser, product: Product) -> None:
    page = desk.page
    url = import_document(page, chain("together", "one", "two"))
    other = browser.new_context(
        viewport={"width": 1440, "height": 900},
        base_url=product.url,
        storage_state=page.context.storage_state(),
    ).new_page()
    other.goto(url)

    before = draft(page)
    page.locator("#node-two a").focus()
    page.keyboard.press("Control+d")
    changed(page, before)
    before = draft(other)
    other.locator("#node-one a").focus()
    other.keyboard.press("Control+d")
    changed(other, before)

    assert {"one:main>one_2", "one_2:main>two", "two:main>two_2"} <= lines(other)
    other.context.close()


def test_zoom_pan_and_fit(desk: Counted) -> None:
    page = desk.page
    import_document(page, chain("zoom", *(f"s{number}" for number in range(20))))
    percent = page.locator("[data-cv-percent]")
    expect(page.locator(".minimap")).to_be_visible()
    page.mouse.move(700, 500)
    page.keyboard.down("Control")
    for _ in range(30):
        page.mouse.wheel(0, 400)
    expect(percent).to_have_text("20 %")
    expect(page.locator(".minimap")).to_be_hidden()
    for _ in range(30):
        page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(percent).to_have_text("200 %")
    page.locator("[data-cv=full]").click()
    expect(percent).to_have_text("100 %")

    was = middle(card(page, "s0"))
    drag(page, (1350, 300), (1250, 260))
    expect(page.locator("#canvas")).not_to_have_class(re.compile("is-panning"))
    now = middle(card(page, "s0"))
    assert (round(now[0] - was[0]), round(now[1] - was[1])) == (-100, -40)


def test_a_phone_shows_the_outline_and_the_canvas_on_request(
    browser: Browser, product: Product, desk: Counted
) -> None:
    url = import_document(desk.page, chain("phone", "one", "two"))
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, base_url=product.url,
        storage_state=desk.page.context.storage_state(),
    )  # fmt: skip
    page = context.new_page()
    page.goto("/")
    page.goto(url)
    expect(page.locator("#outline .outline-item").first).to_be_visible()
    expect(page.locator("#canvas")).to_have_count(0)

    page.locator("[data-view-switch] button", has_text="Canvas").tap()
    expect(page.locator("#canvas[data-ready]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    desk.page.reload()
    expect(desk.page.locator("#canvas[data-ready]")).to_be_visible()
    context.close()

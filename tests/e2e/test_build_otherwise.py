"""A webhook, a condition, two branches that meet, a loop and an end: built by keyboard alone, by touch on a phone, and without
JavaScript; each is published and run. By mouse: test_build_by_mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import card, changed, draft, focused, lines
from tests.e2e.test_first_minutes import curl, sign_up
from tests.support.product import Product

WANTED = {
    "trigger:webhook:main>condition",
    "condition:yes>transform_data", "condition:else>transform_data_2",
    "transform_data:main>for_each_item", "transform_data_2:main>for_each_item",
    "for_each_item:each>transform_data_3", "for_each_item:done>transform_data_4",
}  # fmt: skip
CONDITION = {"cases.0.when.left.0": "{{ trigger.body.total }}", "cases.0.when.right.0": "{{ 10 }}"}
LOOP = {"config.over": "{{ trigger.body.lines }}"}
DOUBLE = {"config.set.k.0": "double", "config.set.v.0": "{{ item * 2 }}"}
FIELDS = {"condition": CONDITION, "for_each_item": LOOP, "transform_data_3": DOUBLE}
# Where in the outline, what, and the key it gets. The "+" behind the condition is where its branches meet.
STEPS = (
    (".outline-trigger a.add, a.add", "Condition", "condition"),
    ("a.add[href*='source=condition'][href*='port=yes']", "Transform", "transform_data"),
    ("a.add[href*='source=condition'][href*='port=else']", "Transform", "transform_data_2"),
    ("a.add[href*='after=condition']", "Loop", "for_each_item"),
    ("a.add[href*='source=for_each_item'][href*='port=each']", "Transform", "transform_data_3"),
    ("a.add[href*='source=for_each_item'][href*='port=done']", "Transform", "transform_data_4"),
)  # fmt: skip


@pytest.fixture
def phone(browser: Browser, product: Product) -> Iterator[Page]:
    """A small screen that is only touched."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=product.url, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def plain(browser: Browser, product: Product) -> Iterator[Page]:
    """A browser without JavaScript."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=product.url, java_script_enabled=False
    )
    yield context.new_page()
    context.close()


def hook_on(page: Page) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert found is not None
    return found[0]


def runs(page: Page, url: str) -> None:
    """Called with three lines and enough in total: the first branch is taken, and the loop has three items."""
    run = curl(url, {"total": 10, "lines": [1, 2, 3]})["execution"]
    page.goto(f"/runs/{run}/")
    green = page.locator("text=Succeeded").filter(visible=True).first
    for _ in range(40):
        if green.is_visible():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(green).to_be_visible()
    expect(page.locator("[id$='step-for_each_item'] .step-time").first).to_have_text("3 items")
    expect(page.locator("[id$='step-transform_data']").first).to_have_class(re.compile("is-ok"))
    expect(page.locator("[id$='step-transform_data_2']").first).to_have_class(re.compile("is-idle"))


# ---- by keyboard ----

HAS_FOCUS = """(selector) => {
  const at = document.activeElement;
  return Boolean((at?.closest(".data-editor")?.previousElementSibling ?? at)?.matches(selector));
}"""  # a field with pills has its editor behind it


def reach(page: Page, selector: str, most: int = 90) -> None:
    """Press Tab until the focus is on what the selector names."""
    for _ in range(most):
        if page.evaluate(HAS_FOCUS, selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not within {most} presses of Tab; the focus is on {focused(page)}.")


def write(page: Page, fields: dict[str, str]) -> None:
    """Into the fields of the open step, one after the other, and save."""
    before = draft(page)
    for name, value in fields.items():
        reach(page, f"#panel [name='{name}']")
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(value)
    page.keyboard.press("Control+s")
    changed(page, before)


def add_by_keys(page: Page, after: str, offer: str, key: str) -> None:
    """On the canvas: the card with the focus, "+", the first letters, Enter."""
    before = draft(page)
    walk_to(page, after)
    page.keyboard.press("+")
    expect(page.locator("dialog[open] input[type=search]")).to_be_focused()
    page.keyboard.type(offer)
    expect(page.locator(f"dialog[open] .palette-item:has-text('{offer}')").first).to_be_visible()
    page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    changed(page, before)
    expect(card(page, key)).to_be_visible()


def walk_to(page: Page, id: str) -> None:
    """To the canvas with Tab, then with the arrows."""
    reach(page, "#canvas .node a")
    for arrow in ("ArrowUp",) * 8:
        page.keyboard.press(arrow)
    seen: set[str] = set()
    while focused(page) != id:
        here = focused(page)
        for arrow in ("ArrowDown", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(arrow)
            if focused(page) != here and focused(page) not in seen:
                break
        seen.add(here)
        assert len(seen) < 20, f"{id} cannot be reached from {here}."


def test_by_keyboard_alone(person: Counted) -> None:
    page = person.page
    page.goto("/accounts/signup/")
    reach(page, "input[name=email]")
    page.keyboard.type("keys@example.com")
    reach(page, "input[name=password1]")
    page.keyboard.type("four unrelated words here")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("Home"))
    reach(page, "a[href$='/workflows/new/']")
    page.keyboard.press("Enter")
    reach(page, "input[name=name]")
    page.keyboard.press("Control+a")
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    page.wait_for_url("**/build/**")

    reach(page, "#canvas a")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] input[type=search]")).to_be_focused()
    page.keyboard.type("webhook")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    expect(card(page, "trigger:webhook")).to_be_visible()
    add_by_keys(page, "trigger:webhook", "Condition", "condition")
    write(page, CONDITION)
    add_by_keys(page, "condition", "Transform", "transform_data")
    add_by_keys(page, "condition", "Transform", "transform_data_2")
    add_by_keys(page, "transform_data", "Loop", "for_each_item")
    write(page, LOOP)
    walk_to(page, "transform_data_2")
    before = draft(page)
    page.keyboard.press("c")
    reach(page, "dialog[open] select[name=target]")
    page.keyboard.type("4")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    changed(page, before)
    add_by_keys(page, "for_each_item", "Transform", "transform_data_3")
    write(page, DOUBLE)
    add_by_keys(page, "for_each_item", "Transform", "transform_data_4")
    assert lines(page) == WANTED

    reach(page, "header a.btn-primary[href$='/publish/']")
    page.keyboard.press("Enter")
    reach(page, "dialog[open] button[form=publish-form]")
    page.keyboard.press("Enter")
    expect(page.locator("text=/http:.*hooks/").first).to_be_visible()

    runs(page, hook_on(page))
    assert person.complaints == []


# ---- by touch ----


def touched(page: Page, selector: str) -> None:
    page.locator(selector).first.tap()


def add_by_touch(page: Page, plus: str, offer: str) -> None:
    before = draft(page)
    touched(page, plus)
    touched(page, f"dialog[open] .palette-item:has-text('{offer}')")
    changed(page, before)


def fill_by_touch(page: Page, key: str, fields: dict[str, str]) -> None:
    if page.locator(f"#panel [data-open-part={key}]").count() == 0:
        touched(page, f"#step-{key} a")
    expect(page.locator(f"#panel [data-open-part={key}]")).to_be_attached()
    before = draft(page)
    for name, value in fields.items():
        box = page.locator(f"#panel [name='{name}']")
        (box if box.is_visible() else box.locator("xpath=following-sibling::*[1]")).tap()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(value)
    touched(page, "#panel [data-save]")
    changed(page, before)


def close_panel(page: Page) -> None:
    if page.locator("#panel [data-close-panel]").filter(visible=True).count():
        touched(page, "#panel [data-close-panel]")


def test_by_touch_on_a_phone(phone: Page) -> None:
    page = phone
    sign_up(Counted(page))
    page.goto(re.sub(r"(/w/[\w-]+/).*", r"\1workflows/new/", page.url))
    touched(page, "input[name=name]")
    page.keyboard.type(" by touch")
    touched(page, "text=Start empty")
    page.wait_for_url("**/build/**")

    touched(page, "#outline >> text=Choose what starts it")
    touched(page, "dialog[open] >> .palette-item:has-text('Webhook')")
    expect(page.locator("[id='step-webhook']")).to_be_visible()
    for plus, offer, key in STEPS:
        close_panel(page)
        add_by_touch(page, f"#outline {plus}", offer)
        if key in FIELDS:
            fill_by_touch(page, key, FIELDS[key])
    close_panel(page)
    touched(page, "header a.btn-primary:has-text('Publish')")
    touched(page, "dialog[open] >> button:has-text('Publish')")
    expect(page.locator("text=/http:.*hooks/").first).to_be_visible()

    runs(page, hook_on(page))


# ---- without JavaScript ----


def add_by_form(page: Page, plus: str, offer: str) -> None:
    page.locator(plus).first.click()
    page.locator(f".palette-item:has-text('{offer}')").first.click()
    page.wait_for_url("**/build/**")


def fill_by_form(page: Page, key: str, fields: dict[str, str]) -> None:
    if page.locator(f"#panel [data-open-part={key}]").count() == 0:
        page.locator(f"#step-{key} a").first.click()
    for name, value in fields.items():
        page.locator(f"#panel [name='{name}']").fill(value)
    page.locator("#panel [data-save]").click()
    expect(page.locator("#panel [role=alert]")).to_have_count(0)


def test_without_javascript(plain: Page) -> None:
    page = plain
    sign_up(Counted(page))
    page.goto(re.sub(r"(/w/[\w-]+/).*", r"\1workflows/new/", page.url))
    page.locator("input[name=name]").fill("By forms")
    page.locator("text=Start empty").click()
    page.wait_for_url("**/build/**")

    page.locator("#outline >> text=Choose what starts it").click()
    page.locator(".palette-item:has-text('Webhook')").first.click()
    expect(page.locator("[id='step-webhook']")).to_be_visible()
    for plus, offer, key in STEPS:
        add_by_form(page, f"#outline {plus}", offer)
        if key in FIELDS:
            fill_by_form(page, key, FIELDS[key])
    page.locator("header a.btn-primary:has-text('Publish')").click()
    page.locator("main button:has-text('Publish')").last.click()
    expect(page.locator("text=/http:.*hooks/").first).to_be_visible()

    runs(page, hook_on(page))

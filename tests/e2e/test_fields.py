"""The fields of the step panel in a browser: saving while typing, pills, completion, picker, conditions, curl commands."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import import_document, still
from tests.e2e.test_first_minutes import sign_up
from tests.e2e.test_forms_and_samples import SHOTS, shot

LINES = [{"sku": f"SKU-{number}", "price": number} for number in range(1, 24)]
SEEN = {"type": "object", "properties": {
    "customer": {"default": {"name": "Ines Duarte", "since": "2024-05-01", "returning": True}},
    "total": {"default": 1249}, "lines": {"default": LINES},
}}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "format": "automate/1", "key": "fields", "name": "Fields", "start": "big",
    "triggers": [{"key": "order", "name": "New order", "type": "manual", "config": {"input_schema": SEEN}}],
    "steps": [
        {"key": "big", "name": "Big?", "type": "condition", "next": {"yes": "call"}, "cases": [
            {"key": "yes", "name": "Yes", "when": "{{ trigger.body.total > 500 and trigger.body.customer.name == 'Ines Duarte' }}"}]},
        {"key": "call", "name": "Tell them", "type": "action", "integration": "http", "action": "request",
         "input": {"url": "https://api.example.com/", "method": "POST", "text": "Dear {{ trigger.body.customer.name }}"}},
    ],
}  # fmt: skip


def opened(person: Counted, step: str) -> Page:
    """This step's panel, with the editor on its text."""
    sign_up(person)
    builder = import_document(person.page, DOCUMENT)
    person.page.goto(f"{builder}?step={step}")
    expect(person.page.locator("#panel .data-editor").first).to_be_visible()
    return person.page


def paste(page: Page, selector: str, text: str) -> None:
    page.locator(selector).evaluate(
        """(element, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            element.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )


class Held:
    """The saves of a step, kept on the way until they are let go."""

    def __init__(self, page: Page) -> None:
        self.page, self.routes, self.is_open = page, list[Route](), False
        page.route("**/steps/call/", self._hold)

    def _hold(self, route: Route) -> None:
        if route.request.method == "POST" and not self.is_open:
            self.routes.append(route)
        else:
            route.continue_()

    def wait(self) -> None:
        while not self.routes:
            self.page.wait_for_timeout(20)

    def let_go(self) -> None:
        self.is_open = True
        with self.page.expect_response("**/steps/call/"):
            self.routes.pop().continue_()


def test_answer_that_comes_late_never_replaces_what_was_typed_since(person: Counted) -> None:
    page = opened(person, "call")
    text = page.locator("[name='input.text']")

    # somebody saves, and types on before the answer is there: the panel that comes is an old one
    held = Held(page)
    text.fill("first")
    page.locator("[data-save]").click()
    held.wait()
    text.fill("second")
    held.let_go()
    still(page)
    expect(text).to_have_value("second")

    # what was typed is saved before another tab is shown, and is there when one comes back
    page.locator(".panel-tabs >> text=Errors & retries").click()
    expect(page.locator("[name='errors.attempts']")).to_be_visible()
    page.locator(".panel-tabs >> text=Setup").click()
    expect(text).to_have_value("second")

    # a save that is still on its way is waited for; its fingerprint does not get into the form that comes then
    held = Held(page)
    text.fill("third")
    held.wait()
    page.locator(".panel-tabs >> text=Errors & retries").click()
    held.let_go()
    page.locator("[name='errors.attempts']").fill("3")
    with page.expect_response("**/steps/call/") as saved:
        page.locator("[data-save]").click()
    assert saved.value.status == 200
    still(page)
    page.reload()
    expect(page.locator("[name='errors.attempts']")).to_have_value("3")
    page.locator(".panel-tabs >> text=Setup").click()
    expect(text).to_have_value("third")

    # another tab is pressed while the answer to Save is on its way: that answer takes the tab away, and yet it opens
    held = Held(page)
    text.fill("fourth")
    page.locator("[data-save]").click()
    held.wait()
    page.locator(".panel-tabs >> text=Errors & retries").click()
    held.let_go()
    expect(page.locator("[name='errors.attempts']")).to_have_value("3")
    assert person.complaints == []


def test_data_is_put_in_as_pills_by_typing_by_click_and_by_dragging(person: Counted) -> None:
    page = opened(person, "call")
    text, editor = page.locator("[name='input.text']"), page.locator("[data-field='input.text'] .cm-content")
    expect(editor.locator(".ref")).to_contain_text("customer")
    expect(page.get_by_role("textbox", name="Text body")).to_have_count(1)

    # by typing: `{` offers data, by name and by value
    editor.press("Control+End")
    editor.press_sequentially(", {1249")
    offers = page.locator(".data-offer [role=option]")
    expect(offers).to_have_count(1)
    expect(offers).to_contain_text("total")
    still(page)
    shot(page, "fields-offer")
    editor.press("Enter")
    expect(text).to_have_value("Dear {{ trigger.body.customer.name }}, {{ trigger.body.total }}")
    expect(page.locator("[id='preview-f-input-text']")).to_contain_text("Dear Ines Duarte, 1249")

    # one key takes a pill away, and brings it back
    editor.press("Backspace")
    expect(text).to_have_value("Dear {{ trigger.body.customer.name }}, ")
    editor.press("Control+z")
    expect(text).to_have_value("Dear {{ trigger.body.customer.name }}, {{ trigger.body.total }}")

    # by click in the picker: at the cursor, here within a function
    editor.press("Control+a")
    editor.press_sequentially("Hi {{ upper(")
    picker = page.locator("#picker")
    picker.get_by_role("button", name="name Ines Duarte").click()
    editor.press_sequentially(") }}")
    expect(text).to_have_value("Hi {{ upper(trigger.body.customer.name) }}")
    expect(page.locator("[id='preview-f-input-text']")).to_contain_text("Hi INES DUARTE")

    # by dragging into another field
    picker.get_by_role("button", name="since").drag_to(page.locator("[name='input.url']"))
    expect(page.locator("[name='input.url']")).to_have_value(
        re.compile(r"\{\{ trigger\.body\.customer\.since \}\}")
    )

    # what leads nowhere is red, and keeps from publishing
    text.fill("{{ steps.gone.id }} {{ trigger.body.nome }}")
    expect(editor.locator(".ref.is-bad")).to_have_count(2)
    expect(page.locator("#problems")).to_contain_text("1", timeout=10_000)
    shot(page, "fields-red")

    # lists in pages, values found by searching
    picker.locator("summary:has-text('lines')").click()
    picker.get_by_role("button", name="Items 11 to 20").click()
    expect(picker.locator("summary:has-text('item 20')")).to_be_visible()
    picker.get_by_role("searchbox").fill("SKU-22")
    expect(picker.locator("[data-insert='{{ trigger.body.lines[21].sku }}']")).to_be_visible()
    assert SHOTS or person.complaints == [], person.complaints


def test_a_condition_is_built_in_rows_that_say_whether_they_hold(person: Counted) -> None:
    page = opened(person, "big")
    field = page.locator("[data-field='cases.0.when']")
    rows, result = field.locator(".condition-row:visible"), field.locator(".preview")

    # an expression that only compares is read back as rows
    expect(rows).to_have_count(2)
    expect(rows.first.locator("select")).to_have_value("greater_than")
    expect(rows.first.locator("optgroup").first).to_have_attribute("label", "Numbers")
    expect(result).to_contain_text("1249 is greater than 500")
    expect(result).to_contain_text("This holds")

    rows.first.get_by_label("Right side").fill("5000")
    expect(result).to_contain_text("This does not hold")
    field.get_by_label("How the rows are taken together").select_option("any")
    expect(result).to_contain_text("This holds")
    field.locator("summary:has-text('Add a group')").click()
    group = field.locator(".condition-group[open]")
    group.get_by_label("Left side").fill("{{ trigger.body.customer.since }}")
    expect(group.locator("optgroup").first).to_have_attribute("label", "Dates")
    group.get_by_label("Comparison").select_option("after")
    group.get_by_label("Right side").fill("2025-01-01")
    expect(result).to_contain_text("2024-05-01 is after 2025-01-01")
    shot(page, "fields-condition")
    rows.first.get_by_role("button", name="Take out").click()
    expect(result).not_to_contain_text("5000")
    page.locator("[data-save]").click()
    expect(field.locator("summary:has-text('Group 1')")).to_be_visible()
    expect(rows).to_have_count(2)
    expect(rows.first.locator("[name='cases.0.when.right.0']")).to_have_value("Ines Duarte")
    assert SHOTS or person.complaints == [], person.complaints


def test_a_curl_command_pasted_as_the_address_fills_in_the_step(person: Counted) -> None:
    page = opened(person, "call")
    command = "curl -X PUT 'https://api.example.com/orders?page=2' -H 'Authorization: Bearer sk-1' --json '{\"a\": 1}'"

    paste(page, "[name='input.url']", command)

    expect(page.locator("#panel")).to_contain_text("The token in the header Authorization was left out.")
    expect(page.locator("[name='input.url']")).to_have_value("https://api.example.com/orders")
    expect(page.locator("[name='input.method']")).to_have_value("PUT")
    expect(page.locator("[name='input.json']")).to_have_value('{"a": 1}')
    expect(page.locator("[name='input.query.v.0']")).to_have_value("2")
    assert "sk-1" not in page.content()
    shot(page, "fields-curl")
    page.set_viewport_size({"width": 390, "height": 844})
    shot(page, "fields-curl-390")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert SHOTS or person.complaints == [], person.complaints

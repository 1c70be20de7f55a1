"""Versions in a real browser: two of them as one picture, roll back, restore; and trying a draft out before it goes live."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import card, changed, draft, import_document
from tests.e2e.test_first_minutes import sign_up
from tests.support.product import Product
from tests.support.stage import FOLLOW_UP, ORDER

SHOTS = os.environ.get("SHOTS", "")  # a folder for pictures, while developing


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=f"{SHOTS}/{name}.png")


@pytest.fixture(scope="module")
def somebody(browser: Browser, product: Product) -> Iterator[Counted]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    counted = Counted(context.new_page())
    counted.page.on("console", counted.hear)
    counted.page.on("pageerror", lambda error: counted.complaints.append(str(error)))
    sign_up(counted)
    yield counted
    context.close()


@pytest.fixture
def desk(somebody: Counted) -> Iterator[Counted]:
    somebody.complaints.clear()
    yield somebody
    refusals = "the server responded with a status of 4"  # Chromium reports every refusal as an error
    assert [said for said in somebody.complaints if refusals not in said] == []


def command(page: Page, builder: str, **args: str) -> None:
    """One command of the builder, as its pages send it."""
    token = json.loads(page.locator("body").get_attribute("hx-headers") or "{}")["X-CSRFToken"]
    headers = {"X-CSRFToken": token, "Referer": builder, "HX-Request": "true", "HX-Target": "outline"}
    answer = page.request.post(builder.replace("build/", "edit/"), form=dict(args), headers=headers)
    assert answer.status == 200, answer.text()


def publish(page: Page, note: str | None = None) -> str:
    """Publish by the dialog; the note it proposed."""
    page.locator("header a", has_text="Publish").click()
    box = page.locator("#publish-note")
    proposed = box.input_value()
    if note is not None:
        box.fill(note)
    page.locator("dialog[open] button", has_text="Publish").click()
    expect(page.locator("#dialog-title")).to_contain_text("is live")
    return proposed


def made(page: Page, key: str) -> tuple[str, str]:
    """A published workflow; the addresses of its builder and its webhook."""
    builder = import_document(page, {**FOLLOW_UP, "key": key, "name": f"Orders {key}"})
    publish(page)
    hook = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert hook is not None
    return builder, hook[0]


def test_two_versions_are_one_picture_with_their_fields_side_by_side(desk: Counted, browser: Browser) -> None:
    page = desk.page
    builder, _ = made(page, "picture")
    command(page, builder, command="rename", what="step", key="alert", name="Alert for the whole team")
    command(page, builder, command="insert", type="delay", source="alert", port="main")
    command(page, builder, command="delete", key="log")
    page.goto(builder)

    page.locator(".badge-draft", has_text="Draft, 3 changes since v1").click()

    expect(page.locator("#canvas[data-ready]")).to_be_visible()
    expect(page.locator(".step.is-added")).to_have_count(1)
    expect(card(page, "wait").locator(".step")).to_have_class(re.compile("is-added"))
    expect(card(page, "alert").locator(".step")).to_have_class(re.compile("is-changed"))
    expect(card(page, "log").locator(".step")).to_have_class(re.compile("is-removed"))
    assert page.locator("path[data-from=alert][data-to=wait]").get_attribute("class") == "is-added"
    assert page.locator("path[data-from=alert][data-to=items]").get_attribute("class") == "is-removed"
    shot(page, "compare")
    card(page, "alert").locator("a").click()
    fields = page.locator("#change-alert .diff-fields")
    expect(fields).to_be_in_viewport()
    assert [fields.locator(f"td.{side}").first.inner_text() for side in ("old", "new")] == [
        "Alert for sales",
        "Alert for the whole team",
    ]
    page.locator(".seg-item", has_text="Text").click()
    expect(page.locator(".diff .is-removed", has_text="Save order summary")).to_be_visible()

    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state()
    ).new_page()
    phone.goto(page.url.replace("show=text", "show=picture"))
    expect(phone.locator("#canvas[data-ready]")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    shot(phone, "compare-390")
    phone.context.close()


def test_a_version_is_deprecated_rolled_back_to_and_restored(desk: Counted) -> None:
    page = desk.page
    builder, _ = made(page, "back")
    versions = builder.replace("build/", "versions/")
    command(page, builder, command="delete", key="log")
    page.goto(builder)
    assert publish(page) == "Removed step Save order summary."

    page.goto(versions)
    expect(page.locator("#version-2")).to_contain_text("Removed step Save order summary.")
    page.locator("#version-1 [popovertarget]").click()
    page.locator("#version-menu-1 a", has_text="Deprecate").click()
    page.fill("#deprecate-note", "Writes every order twice.")
    page.locator("dialog[open] button", has_text="Deprecate it").click()
    expect(page.locator("#version-1")).to_contain_text("Deprecated")
    expect(page.locator("#version-1 .version-acts > a", has_text="Roll back")).to_have_count(0)

    page.locator("#version-1 [popovertarget]").click()
    page.locator("#version-menu-1 a", has_text="Roll back anyway").click()
    page.locator("dialog[open] button", has_text="Roll back").click()
    expect(page.locator("#anyway-error")).to_be_visible()
    page.locator("dialog[open] input[name=anyway]").check()
    page.locator("dialog[open] button", has_text="Roll back").click()
    expect(page.locator("#version-3")).to_contain_text("Roll-back to v1")
    shot(page, "versions")

    page.locator("#version-1 [popovertarget]").click()
    page.locator("#version-menu-1 button", has_text="Restore as the draft").click()
    page.wait_for_url("**/build/")
    expect(card(page, "log")).to_be_visible()
    expect(page.locator(".badge-live")).to_contain_text("Live v3")
    before = draft(page)
    page.locator("[data-command-key=undo]").first.click()
    changed(page, before)
    expect(card(page, "log")).to_have_count(0)


def call(hook: str, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(hook, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202


def test_the_next_request_is_caught_and_a_draft_is_tried_with_it(desk: Counted) -> None:
    page = desk.page
    builder, hook = made(page, "try")
    page.goto(builder)
    page.locator("[data-test-run]").click()
    page.locator("dialog[open] a", has_text="Wait for one").click()
    page.locator("#panel a", has_text="Wait for a request").click()
    expect(page.locator("#wait .spinner")).to_be_visible()

    call(hook, ORDER)

    page.locator("#panel button", has_text="Use this request").click(timeout=15_000)
    page.goto(f"{builder}?step=reserve&tab=test")
    page.locator("#test button", has_text="Test this step").click()
    expect(page.locator("#test .json")).to_contain_text("2 x NW-CHAIR-04")
    page.goto(f"{builder}?step=alert&tab=test")
    page.locator("#panel summary", has_text="Pin an output typed by hand").click()
    page.fill("#panel textarea[name=output]", '{"text": "Made up"}')
    page.locator("#panel button", has_text="Pin it").click()
    expect(card(page, "alert").locator(".step-time")).to_have_text("Pinned")
    page.goto(f"{builder}?step=items&tab=test")
    page.locator("#panel a", has_text="Run up to here").click()
    expect(page.locator("dialog[open]")).to_contain_text("Pinned, so not run: 3. Alert for sales")
    expect(page.locator("#run-body")).to_have_value(re.compile("NW-LAMP-11"))
    page.locator("dialog[open] button", has_text="Run it").click()
    page.wait_for_url("**/runs/**")
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    expect(card(page, "alert").locator(".step")).to_have_class(re.compile("is-ok"))
    expect(card(page, "log").locator(".step")).not_to_have_class(re.compile("is-ok"))

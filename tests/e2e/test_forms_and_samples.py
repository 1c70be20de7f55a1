"""Forms on a phone, a request caught live in the builder, and running again: in a real browser."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.test_first_minutes import sign_up
from tests.support.product import Product

FIELDS = {
    "type": "object", "required": ["name"], "x-order": ["name", "size", "start", "about", "cv", "terms"],
    "properties": {
        "name": {"type": "string", "title": "Your name"},
        "size": {"type": "string", "title": "T-shirt", "enum": ["S", "M", "L"]},
        "start": {"type": "string", "format": "date", "title": "First day"},
        "about": {"type": "string", "x-multiline": True, "title": "About you", "description": "Two sentences are enough."},
        "cv": {"type": "object", "x-file": True, "title": "CV", "x-accept": [".pdf"]},
        "terms": {"type": "boolean", "title": "I may be called back"},
    },
}  # fmt: skip
APPLY = {
    "format": "automate/1", "key": "apply", "name": "Applications", "start": "keep",
    "triggers": [{"key": "ask", "name": "Application", "type": "form", "config": {
        "fields": FIELDS, "title": "Apply at Northwind", "description": "It takes two minutes.", "button": "Send it",
        "thanks": "Thank you! We answer within a week."}}],
    "steps": [{"key": "keep", "name": "Keep it", "type": "transform", "config": {"set": {
        "who": "{{ trigger.body.name }}", "file": "{{ trigger.body.cv.name }}"}}}],
}  # fmt: skip
HOOK = {
    "format": "automate/1", "key": "shout", "name": "Shout", "start": "shape",
    "triggers": [{"key": "call", "name": "A call", "type": "webhook"}],
    "steps": [
        {"key": "shape", "name": "Shout", "type": "transform", "config": {"set": {"said": "{{ trigger.body.word | upper }}"}}, "next": "end"},
        {"key": "end", "name": "Enough", "type": "filter", "when": "{{ trigger.body.word != 'no' }}"},
    ],
}  # fmt: skip
# A folder: pictures of each page are put there, for looking at. Taking them makes the browser complain by itself.
SHOTS = os.environ.get("AUTOMATE_SHOTS")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(400)  # colours fade from one theme to the other
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{theme}.png"), full_page=True)
        page.emulate_media(color_scheme="light")


def bring(person: Counted, document: dict[str, Any]) -> tuple[str, str]:
    """Sign up, import and publish it: the workflow's address and that of its trigger."""
    sign_up(person)
    slug = re.search(r"/w/([\w-]+)/", person.page.url)
    assert slug is not None
    person.page.goto(f"/w/{slug[1]}/workflows/import/")
    person.page.locator("textarea").first.fill(json.dumps(document))
    person.page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    person.page.wait_for_url("**/build/**")
    workflow = person.page.url.split("/build/")[0]
    person.click("header >> text=Publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    found = re.compile(r"http://127\.0\.0\.1:\d+/(hooks|forms)/[\w-]+")
    expect(person.page.locator("dialog[open]").get_by_text(found).first).to_be_visible()
    url = found.search(person.page.content())
    assert url is not None
    return workflow, url[0]


def call(url: str, body: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        made: dict[str, Any] = json.load(answer)
    return made


@pytest.fixture
def phone(browser: Browser, product: Product) -> Any:
    """Somebody without an account, on a phone, without scripts."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        base_url=product.url,
        java_script_enabled=False,
        has_touch=True,
    )
    yield context.new_page()
    context.close()


def test_form_filled_on_a_phone_without_scripts_starts_a_run_with_its_file(
    person: Counted, phone: Page, tmp_path: Path
) -> None:
    workflow, form = bring(person, APPLY)
    cv = tmp_path / "cv.pdf"
    cv.write_bytes(b"%PDF-1.4 hello")
    phone.goto(form)
    shot(phone, "form-390")
    assert phone.locator("body").bounding_box()["width"] == 390  # type: ignore[index]
    phone.get_by_label("Your name").fill("Ada Lovelace")
    phone.get_by_label("T-shirt").select_option("M")
    phone.get_by_label("About you").fill("I count.")
    phone.get_by_label("CV").set_input_files(
        tmp_path / "cv.exe" if (tmp_path / "cv.exe").write_bytes(b"MZ") else ""
    )
    phone.get_by_role("button", name="Send it").click()
    expect(phone.get_by_text("Choose a file that ends in .pdf.")).to_be_visible()
    expect(phone.get_by_label("Your name")).to_have_value("Ada Lovelace")
    shot(phone, "form-refused-390")
    phone.get_by_label("CV").set_input_files(cv)
    phone.get_by_role("button", name="Send it").click()
    expect(phone.get_by_text("We answer within a week.")).to_be_visible()
    shot(phone, "form-thanks-390")

    page = person.page
    page.goto(f"{workflow}/runs/")
    page.locator(".run-link").first.click()
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=10_000)
    page.goto(f"{page.url}steps/keep/")
    expect(page.locator("#panel")).to_contain_text("Ada Lovelace")
    expect(page.locator("#panel")).to_contain_text("cv.pdf")
    page.goto(f"{workflow}/build/?trigger=ask")
    shot(page, "form-builder")
    page.locator("button[value='fields:add']").click()
    expect(page.locator("[name='config.fields.label.6']")).to_have_value("Question")
    assert SHOTS or person.complaints == [], person.complaints


def test_request_is_caught_live_in_the_builder_and_used(person: Counted) -> None:
    workflow, hook = bring(person, HOOK)
    page = person.page
    page.goto(f"{workflow}/build/?trigger=call&tab=sample")
    page.get_by_role("link", name="Wait for a request").click()
    expect(page.get_by_text("Waiting for a request")).to_be_visible()
    shot(page, "wait")

    call(hook, {"word": "hello"})

    expect(page.get_by_text("A request came in")).to_be_visible(timeout=10_000)
    shot(page, "caught")
    page.get_by_role("button", name="Use this request").click()
    expect(page.locator("#sample-now")).to_contain_text("Pinned")
    page.goto(f"{workflow}/build/?step=shape&tab=test")
    page.get_by_role("button", name="Test this step").click()
    expect(page.locator("#test")).to_contain_text("HELLO")
    page.get_by_role("button", name="Pin this output").click()
    expect(page.locator("#panel")).to_contain_text("In test runs this step is not run")
    shot(page, "pinned")
    page.get_by_role("link", name="Run up to here").click()
    expect(page.locator("dialog[open]")).to_contain_text("Pinned, so not run")
    shot(page, "run-up-to")
    page.goto(f"{workflow}/requests/")
    expect(page.locator("main")).to_contain_text("hello")
    shot(page, "requests")
    assert SHOTS or person.complaints == [], person.complaints


def test_input_is_edited_and_failed_runs_are_retried_together(person: Counted) -> None:
    broken = {**HOOK, "key": "broken", "name": "Breaks on numbers"}
    workflow, hook = bring(person, broken)
    page = person.page
    for number in range(3):
        call(hook, {"n": number})  # what the first step asks for is not there
    call(hook, {"word": "no"})
    page.goto(f"{workflow}/runs/?status=failed")
    expect(page.locator(".run-link")).to_have_count(3, timeout=15_000)
    shot(page, "runs-failed")

    page.get_by_role("link", name="Retry these runs").click()
    expect(page.locator("dialog[open]")).to_contain_text("3 failed runs")
    shot(page, "bulk-retry")
    page.get_by_role("button", name="Retry 3 runs").click()
    expect(page.get_by_text("3 runs were started again.")).to_be_visible()
    expect(page.locator(".run-link")).to_have_count(6, timeout=15_000)

    page.locator(".run-link").first.click()
    page.get_by_role("button", name="More ways to run it again").click()
    shot(page, "run-menu")
    page.get_by_role("link", name="Edit the input and run again").click()
    page.locator("#input-body").fill('{"word": "hello"}')
    shot(page, "edit-input")
    page.locator("dialog[open]").get_by_role("button", name="Run again").click()
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=15_000)

    page.goto(f"{workflow}/runs/?q=hello")
    expect(page.locator(".run-link")).to_have_count(1, timeout=10_000)
    shot(page, "search")
    page.goto(f"{workflow}/events/")
    expect(page.locator("#events")).to_contain_text("“Enough” ended the branch")
    shot(page, "events")
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("events/", "requests/", "runs/?status=failed"):
        page.goto(f"{workflow}/{path}")
        shot(page, f"phone-{path.split('/')[0]}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert SHOTS or person.complaints == [], person.complaints

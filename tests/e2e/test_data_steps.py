"""Programs, memory and lists in a browser: imported, tried in the builder, run, and looked at."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.e2e.conftest import Counted
from tests.e2e.test_first_minutes import curl, sign_up
from tests.e2e.test_forms_and_samples import shot

PYTHON = "print('orders:', len(input['orders']))\nreturn {'total': sum(o['price'] for o in input['orders'])}"
JAVASCRIPT = "console.log('greeting', input.name);\nreturn {text: `Hello ${input.name}`};"
DOCUMENT = {
    "format": "automate/1", "key": "data", "name": "Data steps", "start": "fresh",
    "triggers": [{"key": "hook", "type": "webhook"}],
    "steps": [
        {"key": "fresh", "name": "Only new orders", "type": "transform", "next": "sums", "config": {
            "items": "{{ trigger.body.orders }}", "ops": [
                {"op": "dedupe", "by": "id", "scope": "workflow"}, {"op": "sort", "by": "price", "desc": True}]}},
        {"key": "sums", "name": "Add up", "type": "code", "next": "greet", "input": {"orders": "{{ steps.fresh }}"},
         "config": {"language": "python", "source": PYTHON}},
        {"key": "greet", "name": "Greet", "type": "code", "next": "count", "input": {"name": "{{ trigger.body.name }}"},
         "config": {"language": "javascript", "source": JAVASCRIPT}},
        {"key": "count", "name": "Count", "type": "state", "next": "table",
         "config": {"increment": {"runs": 1, "turnover": "{{ steps.sums.total }}"}}},
        {"key": "table", "name": "As CSV", "type": "transform", "next": "answer", "config": {
            "items": "{{ steps.fresh }}", "give": "first", "ops": [{"op": "write", "as": "csv", "columns": ["price", "id"]}]}},
        {"key": "answer", "name": "Answer", "type": "transform", "config": {"set": {
            "zebra": "{{ steps.greet.text }}", "count": "{{ steps.count }}", "csv": "{{ steps.table }}"}}},
    ],
}  # fmt: skip


def imported(person: Counted) -> str:
    """The workflow in the builder; its address."""
    sign_up(person)
    slug = re.search(r"/w/([\w-]+)/", person.page.url)
    assert slug is not None
    person.page.goto(f"/w/{slug[1]}/workflows/import/")
    person.page.locator("textarea").first.fill(json.dumps(DOCUMENT))
    person.page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    person.page.wait_for_url("**/build/**")
    return person.page.url.split("?")[0]


def publish(person: Counted) -> str:
    person.click("header >> text=Publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    expect(person.page.locator("text=/http:.*hooks/").first).to_be_visible()
    url = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", person.page.content())
    assert url is not None
    return url[0]


def test_programs_memory_and_lists_run_and_show_what_they_did(person: Counted) -> None:
    page = person.page
    builder = imported(person)
    hook = publish(person)
    orders = [{"id": 1, "price": 5}, {"id": 2, "price": 20}]

    first = curl(hook, {"name": "Mia", "orders": orders})["execution"]
    page.goto(f"/runs/{first}/?show=run")
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    run = curl(hook, {"name": "Mia", "orders": [*orders, {"id": 3, "price": 7}]})["execution"]

    page.goto(f"/runs/{run}/?show=run")
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    page.goto(f"/runs/{run}/steps/sums/?tab=printed")
    expect(page.get_by_text("orders: 1")).to_be_visible()
    shot(page, "data-printed")
    page.goto(f"/runs/{run}/steps/greet/")
    expect(page.locator(".panel-body").get_by_text("Hello Mia")).to_be_visible()
    page.goto(f"/runs/{run}/steps/answer/")
    body = page.locator(".panel-body")
    expect(body).to_contain_text('"turnover": 32')
    expect(body).to_contain_text('"runs": 2')
    expect(body).to_contain_text("price,id")
    shown = body.inner_text()
    assert shown.index('"zebra"') < shown.index('"count"') < shown.index('"csv"')
    shot(page, "data-answer")

    page.goto(builder.replace("/build/", "/memory/"))
    expect(page.get_by_role("cell", name="turnover", exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Only new orders")).to_contain_text("3")
    shot(page, "data-memory")
    page.get_by_role("button", name="Forget turnover").click()
    expect(page.get_by_text("Forgot “turnover”.")).to_be_visible()
    assert person.complaints == []


def test_the_builder_offers_forms_for_programs_memory_and_operations(person: Counted) -> None:
    page = person.page
    builder = imported(person)

    page.goto(f"{builder}?step=greet")
    page.locator("[name='config.source']").fill("console.log('tried');\nreturn [1, 2].map(n => n * 2);")
    shot(page, "data-code")
    page.locator("[data-save]").click()
    page.goto(f"{builder}?step=greet&tab=test")
    page.get_by_role("button", name="Test this step").click()
    expect(page.get_by_label("What the program printed")).to_have_text("tried\n")
    shot(page, "data-test")

    page.goto(f"{builder}?step=count")
    page.get_by_label("What it does").select_option("append")
    expect(page.get_by_label("Keep the newest")).to_be_visible()
    shot(page, "data-state")
    page.goto(f"{builder}?step=fresh")
    page.get_by_label("Operation to add").select_option("aggregate")
    page.locator("[value='ops:add']").click()
    page.get_by_label("Name 1 of Sums").fill("total")
    page.get_by_label("Field 1 of Sums").fill("price")
    page.get_by_label("Operation to add").select_option("format")
    page.locator("[value='ops:add']").click()
    page.get_by_label("Form", exact=True).last.select_option("date")
    expect(page.get_by_label("Pattern")).to_be_visible()
    expect(page.get_by_label("Field 1 of Sums")).to_have_value("price")
    shot(page, "data-transform")
    assert person.complaints == []

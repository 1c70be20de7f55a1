"""A webhook, a condition, two branches, a loop and an end: built by mouse on the canvas, published, and run."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Counted
from tests.e2e.hand import card, changed, draft, drag, fit, lines, middle
from tests.e2e.test_first_minutes import curl, sign_up


def drop(page: Page, offer: str, plus: str) -> None:
    """Drag a step from the list, unfolded or folded, onto a "+"."""
    before = draft(page)
    fit(page)
    item = page.locator(f".fold-item[aria-label='Add {offer}'], .palette-item:has-text('{offer}')")
    drag(page, middle(item.filter(visible=True).first), middle(page.locator(plus)))
    changed(page, before)
    expect(page.locator("#panel-title")).to_be_visible()


def type_into(page: Page, key: str, **fields: str) -> None:
    """Open a step by its card, type, and wait until it is saved."""
    card(page, key).locator("a").click()
    expect(page.locator(f"#panel [data-open-part={key}]")).to_be_attached()
    for name, value in fields.items():
        page.locator(f"#panel [name='{name.replace('__', '.')}']").fill(value)
    before = draft(page)
    page.locator("#panel [data-save]").click()
    changed(page, before)


def test_a_whole_workflow_is_built_by_mouse_published_and_runs(person: Counted) -> None:
    sign_up(person)
    page = person.page
    page.goto(re.sub(r"(/w/[\w-]+/).*", r"\1workflows/new/", page.url))
    page.locator("input[name=name]").fill("By mouse")
    page.locator("text=Start empty").click()
    page.wait_for_url("**/build/**")

    page.locator("#canvas >> text=Choose what starts it").click()
    page.locator("dialog[open] >> .palette-item:has-text('Webhook')").click()
    expect(card(page, "trigger:webhook")).to_be_visible()
    drop(page, "Condition", "#add-start-main-")
    drop(page, "Transform", "#add-condition-yes-")
    drop(page, "Transform", "#add-condition-else-")
    drop(page, "Loop", "#add-transform_data-main-")
    fit(page)
    before = draft(page)
    drag(
        page, middle(card(page, "transform_data_2").locator(".port-out")), middle(card(page, "for_each_item"))
    )
    changed(page, before)
    drop(page, "Transform", "#add-for_each_item-each-")
    drop(page, "Transform", "#add-for_each_item-done-")

    assert lines(page) == {
        "trigger:webhook:main>condition",
        "condition:yes>transform_data", "condition:else>transform_data_2",
        "transform_data:main>for_each_item", "transform_data_2:main>for_each_item",
        "for_each_item:each>transform_data_3", "for_each_item:done>transform_data_4",
    }  # fmt: skip
    type_into(
        page,
        "condition",
        cases__0__when__left__0="{{ trigger.body.total }}",
        cases__0__when__right__0="{{ 10 }}",
    )
    type_into(page, "for_each_item", config__over="{{ trigger.body.lines }}")
    type_into(page, "transform_data_3", config__set__k__0="double", config__set__v__0="{{ item * 2 }}")
    expect(page.locator(".problem-count")).to_have_count(0)

    page.locator("header >> text=Publish").click()
    page.locator("dialog[open] >> button:has-text('Publish')").click()
    address = page.locator("text=/http:.*hooks/").first
    expect(address).to_be_visible()
    url = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert url is not None
    run = curl(url[0], {"total": 10, "lines": [1, 2, 3]})["execution"]

    page.goto(f"/runs/{run}/")
    expect(page.locator("header >> text=Succeeded").first).to_be_visible(timeout=20_000)
    expect(card(page, "for_each_item").locator(".step-time")).to_have_text("3 items")
    expect(card(page, "transform_data").locator(".step")).to_have_class(re.compile("is-ok"))
    expect(card(page, "transform_data_2").locator(".step")).to_have_class(re.compile("is-idle"))
    taken = page.locator("path[data-from=condition][data-port=yes]")
    expect(taken).to_have_class("is-ok")
    assert person.complaints == []

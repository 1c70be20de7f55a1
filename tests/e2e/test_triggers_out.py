"""A trigger that watches a list, from choosing it to the run that a new item starts: in a real browser."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.conftest import Counted
from tests.e2e.hand import import_document
from tests.e2e.test_first_minutes import sign_up

WATCH = {
    "format": "automate/1", "key": "watch-orders", "name": "Watch orders", "start": "shape",
    "triggers": [{"key": "go", "name": "By hand", "type": "manual"}],
    "steps": [{"key": "shape", "name": "Shape", "type": "transform", "config": {"set": {
        "words": "{{ trigger.body.no }} for {{ trigger.body.who }}"}}}],
}  # fmt: skip
SHOTS = os.environ.get("AUTOMATE_SHOTS")  # a folder: pictures of each page are put there, for looking at


def shot(page: Page, name: str) -> None:
    if SHOTS:
        for theme, width in (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of the two words
            page.wait_for_timeout(400)  # colours fade from one theme to the other
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}-{theme}.png"))
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})


def test_a_list_is_watched_from_the_palette_to_the_green_run(person: Counted, httpserver: HTTPServer) -> None:
    orders: list[dict[str, Any]] = [{"no": 1, "who": "Ada"}]
    asked: list[int] = []

    def answer(_: Request) -> Response:
        asked.append(len(orders))
        return Response(json.dumps({"data": {"orders": orders}}), content_type="application/json")

    httpserver.expect_request("/orders").respond_with_handler(answer)
    page = person.page
    sign_up(person)
    builder = import_document(page, WATCH)

    # choose it
    page.locator("[popovertarget=canvas-menu]").last.click()
    page.get_by_role("link", name="Add another trigger").click()
    expect(page.get_by_placeholder("Search triggers")).to_be_visible()
    shot(page, "palette")
    page.get_by_placeholder("Search triggers").fill("json list")
    page.get_by_role("button", name=re.compile("New item in a JSON list")).click()

    # fill it in
    panel = page.locator("#panel")
    panel.get_by_label("Address").fill(f"http://127.0.0.1:{httpserver.port}/orders")
    panel.get_by_label("Where the list is").fill("data.orders")
    panel.get_by_label("What tells items apart").fill("no")
    panel.get_by_label("Every … seconds").fill("10")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_label("Where the list is")).to_have_value("data.orders")
    shot(page, "setup")

    # try it
    panel.get_by_role("link", name="Sample data").click()
    panel.get_by_role("button", name="Fetch sample now").click()
    expect(panel.get_by_text("Found 1 item")).to_be_visible()
    shot(page, "sample")

    # publish it, and let an item appear
    page.goto(builder)
    person.click("header >> text=Publish")
    shot(page, "publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    expect(page.locator("dialog[open] >> a:has-text('runs')").first).to_be_visible()
    page.goto(builder + "?trigger=new_item")
    expect(panel.get_by_text("Looks every 10 seconds.")).to_be_visible()
    shot(page, "live")
    while len(asked) < 2:  # the first look after publishing starts nothing
        page.wait_for_timeout(200)
    orders.append({"no": 2, "who": "Bea"})

    page.goto(builder.replace("/build/", "/runs/"))
    expect(page.locator("text=Succeeded").first).to_be_visible(timeout=30_000)
    shot(page, "runs")
    assert len(page.locator("text=Succeeded").all()) >= 1
    assert person.complaints == []

"""Hands for the canvas: importing a workflow, dragging, pressing, reading what stands where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from playwright.sync_api import Locator, Page, expect

STEPS = 12  # moves of the pointer in one drag; browsers leave out what comes too fast


def import_document(page: Page, document: dict[str, Any]) -> str:
    """A new workflow of this person; the address of its builder."""
    slug = re.search(r"/w/([\w-]+)/", page.url)
    if slug is None:
        page.goto("/")
        slug = re.search(r"/w/([\w-]+)/", page.url)
    assert slug is not None
    page.goto(f"/w/{slug[1]}/workflows/import/")
    page.locator("textarea").first.fill(json.dumps(document))
    page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    page.wait_for_url("**/build/**")
    expect(page.locator("#canvas[data-ready], .outline-region").first).to_be_visible()
    return page.url.split("?")[0]


def chain(key: str, *names: str, **more: Any) -> dict[str, Any]:
    """A document with a manual trigger and these steps one after the other."""
    steps = [
        {
            "key": name,
            "type": "transform",
            "config": {"set": {"a": "{{ 1 }}"}},
            **({"next": after} if after else {}),
        }
        for name, after in zip(names, [*names[1:], ""], strict=True)
    ]
    return {
        "format": "automate/1", "key": key, "name": key, "triggers": [{"key": "go", "type": "manual"}],
        "start": names[0] if names else [], "steps": steps, **more,
    }  # fmt: skip


def card(page: Page, id: str) -> Locator:
    return page.locator(f'[id="node-{id}"]')


def draft(page: Page) -> int:
    return int(page.locator("#outline").get_attribute("data-version") or 0)


def lines(page: Page) -> set[str]:
    """`from:port>to` of every line that is drawn."""
    found: Iterable[str] = page.evaluate(
        "[...document.querySelectorAll('#canvas path[data-to]')]"
        ".map(({dataset: d}) => `${d.from}:${d.port ?? 'main'}>${d.to}`)"
    )
    return set(found)


def middle(of: Locator) -> tuple[float, float]:
    box = of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], *, drop: bool = True) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=STEPS)
    if drop:
        page.mouse.up()


def changed(page: Page, former: int) -> None:
    """Wait until the draft is a newer one than `former`, and drawn."""
    expect(page.locator("#outline")).not_to_have_attribute("data-version", str(former))
    still(page)


def fit(page: Page) -> None:
    """All of it in sight, and drawn there."""
    page.locator("[data-cv=fit]").click()
    still(page)


def still(page: Page) -> None:
    """Wait until what was asked of the canvas is drawn: it moves once per frame."""
    page.evaluate(
        "new Promise((done) => { let n = 4; const next = () => (n-- ? requestAnimationFrame(next) : done()); next(); })"
    )


def focused(page: Page) -> str:
    """The id of the card with the focus, or what else has it."""
    return str(
        page.evaluate(
            "document.activeElement?.closest('.node')?.dataset.id ?? document.activeElement?.tagName ?? ''"
        )
    )


def write_into(page: Page, name: str, text: str) -> None:
    """Into a field of the open step, as somebody types: where pills are shown, their editor has taken the place of the field."""
    box = page.locator(f"#panel [name='{name}']")
    box.evaluate("(box) => box.focus()")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)

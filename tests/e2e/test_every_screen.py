"""Every screen in both themes, on a desk and on a phone: nothing to hear from axe, the console or the CSP, no side scroll."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.support.product import Product
from tests.support.stage import Stage, furnish, sign_up

SIZES = {1440: 900, 390: 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
SPOKEN = {"not-found": 1}  # messages the browser itself logs there: an answer of 404


@pytest.fixture(scope="module")
def stage(browser: Browser, product: Product, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, Path]:
    """A furnished workspace, and the cookies of its owner."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    made = sign_up(page, product.url)
    furnish(page, product.url, made)
    state = tmp_path_factory.mktemp("stage") / "state.json"
    context.storage_state(path=state)
    context.close()
    return made, state


@pytest.fixture(params=[(width, theme) for width in SIZES for theme in ("light", "dark")], ids=str)
def page(request: pytest.FixtureRequest, browser: Browser, stage: tuple[Stage, Path]) -> Iterator[Page]:
    width, theme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]}, color_scheme=theme, storage_state=stage[1]
    )
    yield context.new_page()
    context.close()


def test_no_screen_gives_cause_for_complaint(page: Page, stage: tuple[Stage, Path], product: Product) -> None:
    heard: list[str] = []
    page.on(
        "console",
        lambda message: heard.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: heard.append(str(error)))
    axe, complaints = Axe(), []
    for name, address in stage[0].screens.items():
        heard.clear()
        page.goto(address)
        page.wait_for_timeout(150)  # what htmx loads after the page
        complaints += [f"{name}: console: {text}" for text in heard[SPOKEN.get(name, 0) :]]
        complaints += [f"{name}: axe: {line}" for line in _violations(axe, page)]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            complaints.append(f"{name}: the page scrolls sideways")

    assert complaints == []


def _violations(axe: Axe, page: Page) -> list[str]:
    found = axe.run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} at {node['target']}: {node['html'][:140]}" for one in found for node in one["nodes"][:3]
    ]

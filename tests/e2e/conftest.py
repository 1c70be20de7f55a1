"""The real product in its own processes, and Debian's Chromium in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.support.chromium import CHROMIUM
from tests.support.product import Product


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """One installation on the embedded default, for all browser tests."""
    if not CHROMIUM:
        pytest.skip("There is no Chromium on this machine, so no browser can be driven.")
    with Product("sqlite") as running:
        yield running


@dataclass
class Counted:
    """A page whose clicks and typed fields are counted as a person would count them."""

    page: Page
    clicks: int = 0
    typed: int = 0
    complaints: list[str] = field(default_factory=list)

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.locator(selector).first.click()

    def type(self, selector: str, text: str) -> None:
        self.typed += 1
        self.page.locator(selector).first.fill(text)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def person(browser: Browser, product: Product) -> Iterator[Counted]:
    """Somebody new, at a desk."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    counted = Counted(context.new_page())
    counted.page.on("console", counted.hear)
    counted.page.on("pageerror", lambda error: counted.complaints.append(str(error)))
    yield counted
    context.close()

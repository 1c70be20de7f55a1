"""`python -m tools.screens [name …]`: pictures of the screens, taken from the running product, into docs/screens/."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.support.product import ROOT, Product
from tests.support.stage import furnish, sign_up

FOLDER = ROOT / "docs" / "screens"
SIZES = {"1440": (1440, 900), "390": (390, 844)}


def take(browser: Browser, state: Path, screens: dict[str, str], folder: Path) -> None:
    for name, address in screens.items():
        for size, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme, storage_state=state
                )
                page = context.new_page()
                page.goto(address)
                page.wait_for_timeout(700)
                page.screenshot(path=folder / f"{name}-{size}-{theme}.png")
                context.close()
                sys.stdout.write(f"{name}-{size}-{theme}.png\n")


def main(wanted: list[str], folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with Product("sqlite") as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        stage = sign_up(page, product.url)
        furnish(page, product.url, stage)
        state = product.folder / "state.json"
        context.storage_state(path=state)
        chosen = {name: url for name, url in stage.screens.items() if not wanted or name in wanted}
        take(browser, state, chosen, folder)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])

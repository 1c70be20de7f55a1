"""`python -m tools.screens [name …]`: pictures of the screens, taken from the running product, into docs/screens/."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.product import ROOT, Product
from tests.support.stage import Stage, furnish, sign_up
from workflows.engine import yaml_io

FOLDER = ROOT / "docs" / "screens"
SIZES = {"1440": (1440, 900), "390": (390, 844)}


LIVELY: Final = ("order_by_value", "forward_with_retry", "list_summary", "uptime_check", "api_endpoint")


def enliven(product: Product, stage: Stage) -> None:
    """More workflows, and some weeks of runs."""
    for name in LIVELY:
        text = (ROOT / "workflows" / "gallery" / f"{name}.yaml").read_text()
        document: Any = yaml_io.loads(text)
        words = ("workflow", "import", "-", "--owner", stage.email, "--publish")
        product.manage(*words, given=json.dumps(document["document"]))
    slug = re.search(r"/w/([\w-]+)/", stage.workspace)
    assert slug is not None
    product.manage("shell", "-c", f"from tools.history import fill; fill({slug[1]!r})")


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
        enliven(product, stage)
        state = product.folder / "state.json"
        context.storage_state(path=state)
        chosen = {name: url for name, url in stage.screens.items() if not wanted or name in wanted}
        take(browser, state, chosen, folder)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])

"""`make ux`: what people feel, measured in a real browser against the targets of the design. Exit code 1 if one is missed."""

from __future__ import annotations

import os
import sys

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import Counted
from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.product import Product
from tests.support.stage import furnish, sign_up
from tools.ux import builder, lighthouse, walks
from tools.ux.table import Table
from tools.ux.weight import weigh

MAIN_SCREENS = ("home", "workflows", "builder", "run", "integrations", "templates")
LISTS = ("home", "workflows", "runs", "templates")


def main() -> int:
    table = Table()
    with Product("sqlite") as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        _walk(browser, product, table)
        browser.close()
    return table.exit_code


def _walk(browser: Browser, product: Product, table: Table) -> None:
    newcomer = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    walks.first_green_run(Counted(newcomer.new_page()), table)
    newcomer.close()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    page = context.new_page()
    stage = sign_up(page, product.url)
    furnish(page, product.url, stage)
    walks.failed_run_to_cause(page, stage, table)
    walks.add_a_step(page, stage.builder, table)
    walks.map_a_field(page, f"{stage.builder}?step=alert", table)
    walks.empty_to_active(page, stage, table)
    walks.live_status(page, stage, product, table)
    builder.measure(context, stage, table)
    for name in LISTS:
        weigh(context, name, stage.screens[name], 45, table)
    if not os.environ.get("WITHOUT_LIGHTHOUSE"):
        cookie = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies())
        lighthouse.measure({name: stage.screens[name] for name in MAIN_SCREENS}, cookie, table)


if __name__ == "__main__":
    sys.exit(main())

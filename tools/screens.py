"""`python -m tools.screens`: pictures of the main screens, taken from the running product, into docs/screens/."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.support.product import ROOT, Product

FOLDER = ROOT / "docs" / "screens"
SIZES = {"1440": (1440, 900), "390": (390, 844)}
DOCUMENT = {
    "format": "automate/1",
    "key": "order-follow-up",
    "name": "High-value order follow-up",
    "description": "Tell sales about big orders, thank for the others.",
    "triggers": [{"key": "order", "name": "New order received", "type": "webhook"}],
    "start": "big",
    "steps": [
        {
            "key": "big", "name": "Over 500 EUR?", "type": "condition",
            "cases": [{"key": "high", "name": "Yes", "when": {
                "left": "{{ trigger.body.total }}", "op": "greater_than", "right": 500}}],
            "next": {"high": "alert", "else": "thanks"},
        },
        {
            "key": "alert", "name": "Alert for sales", "type": "transform", "next": "items",
            "config": {"set": {"text": "Order {{ trigger.body.number }}: {{ trigger.body.total }} EUR"}},
        },
        {
            "key": "thanks", "name": "Thank-you note", "type": "transform", "next": "items",
            "config": {"set": {"text": "Thank you, {{ trigger.body.customer.name }}"}},
        },
        {
            "key": "items", "name": "For each line item", "type": "loop", "over": "{{ trigger.body.lines }}",
            "as": "line", "collect": "{{ steps.reserve.label }}", "next": {"each": "reserve", "done": "log"},
        },
        {
            "key": "reserve", "name": "Reserve stock", "type": "transform",
            "config": {"set": {"label": "{{ line.quantity }} x {{ line.sku }}"}},
        },
        {
            "key": "log", "name": "Save order summary", "type": "transform",
            "config": {"set": {"reserved": "{{ steps.items.results | join(', ') }}"}},
        },
    ],
}  # fmt: skip
ORDER = {
    "number": "#10482", "total": 1249, "customer": {"name": "Ines Duarte", "email": "ines@duarte.example"},
    "lines": [{"sku": "NW-CHAIR-04", "quantity": 2}, {"sku": "NW-LAMP-11", "quantity": 1}],
}  # fmt: skip


def sign_up(page: Page, product: Product) -> str:
    """A new person with one published workflow and one run; the workspace's address."""
    page.goto(f"{product.url}/accounts/signup/")
    page.fill("input[name=email]", "ada@northwind.example")
    page.fill("input[name=password1]", "four unrelated words here")
    page.click("button[type=submit]")
    page.wait_for_url("**/w/**")
    return page.url


def publish_and_run(page: Page, workspace: str) -> tuple[str, str]:
    """Import, publish and call the workflow; the addresses of its builder and its run."""
    page.goto(f"{workspace}workflows/import/")
    page.locator("textarea").first.fill(json.dumps(DOCUMENT))
    page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    page.wait_for_url("**/build/**")
    builder = page.url
    page.click("header >> text=Publish")
    page.click("dialog[open] >> button:has-text('Publish')")
    page.locator("text=/http:.*hooks/").first.wait_for()
    found = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert found is not None
    request = urllib.request.Request(
        found[0], json.dumps(ORDER).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        run = json.load(answer)["execution"]
    page.wait_for_timeout(1500)
    return builder, f"{page.url.split('/workflows/')[0]}/runs/{run}/"


def take(browser: Browser, state: Path, screens: dict[str, str]) -> None:
    for name, address in screens.items():
        for size, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme, storage_state=state
                )
                page = context.new_page()
                page.goto(address)
                page.wait_for_timeout(700)
                page.screenshot(path=FOLDER / f"{name}-{size}-{theme}.png")
                context.close()
                sys.stdout.write(f"{name}-{size}-{theme}.png\n")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Product("sqlite") as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        workspace = sign_up(page, product)
        builder, run = publish_and_run(page, workspace)
        state = product.folder / "state.json"
        context.storage_state(path=state)
        take(
            browser,
            state,
            {
                "home": workspace,
                "workflows": f"{workspace}workflows/",
                "builder": f"{builder.split('?')[0]}?step=alert",
                "run": run,
                "integrations": f"{workspace}integrations/",
                "templates": f"{workspace}templates/",
            },
        )
        browser.close()


if __name__ == "__main__":
    main()

"""What a page weighs on its first visit, as it travels compressed."""

from __future__ import annotations

import gzip

from playwright.sync_api import BrowserContext, Response

from tools.ux.table import Table

KB = 1000


def weigh(
    context: BrowserContext,
    name: str,
    address: str,
    code_kb: float,
    table: Table,
    *,
    html_kb: float | None = None,
) -> None:
    """JS and CSS, and with the font all of it, in kB after gzip; the number of requests."""
    state = context.storage_state()
    browser = context.browser
    assert browser is not None
    fresh = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state)
    page, answers = fresh.new_page(), list[Response]()
    page.on("response", answers.append)
    page.goto(address, wait_until="networkidle")
    bodies = {answer.url: _packed(answer) for answer in answers if answer.ok}
    fresh.close()
    code = sum(size for url, size in bodies.items() if url.split("?")[0].endswith((".js", ".css")))
    table.at_most(f"{name}: JS + CSS, gzip", code / KB, code_kb, " kB")
    if html_kb is not None:
        table.at_most(f"{name}: HTML, gzip", bodies[address] / KB, html_kb, " kB")
    else:
        table.at_most(f"{name}: whole first load, gzip", sum(bodies.values()) / KB, 110, " kB")
        table.at_most(f"{name}: requests", len(bodies), 12)


def _packed(answer: Response) -> int:
    body = answer.body()
    return len(body) if answer.url.endswith((".woff2", ".png")) else len(gzip.compress(body, 6))

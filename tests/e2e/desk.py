"""The owner at a desk: workflows are brought in by the API, what is tried is set on its page, and runs are watched there."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.support.product import OWNER, Product

PASSWORD = "a long enough secret 4711"
SOON_MS = 20_000
SHOTS = os.environ.get("AUTOMATE_SHOTS")  # a folder: pictures of each page are put there, for looking at
# It reports every refusal as an error, that the admin's pages name no picture for the tab, and a style of its own that it
# may not give to a line while one types over a pill.
SAID_BY_CHROMIUM = re.compile(r"status of (409|422)|/favicon\.ico|^Applying inline style .*/build/")


@dataclass(frozen=True)
class Flow:
    """A workflow. `hooks`: addresses by trigger."""

    id: str
    key: str
    hooks: dict[str, str]

    @property
    def url(self) -> str:
        return f"/workflows/{self.id}"

    @property
    def hook(self) -> str:
        return next(address for address in self.hooks.values() if address)


@dataclass
class Desk:
    product: Product
    page: Page
    complaints: list[str] = field(default_factory=list)

    # --- workflows -----------------------------------------------------------------------------
    def bring(self, document: dict[str, Any], **connections: str) -> Flow:
        """A draft with a key of its own, its slots filled."""
        key = f"{document.get('key', 'flow')}-{uuid.uuid4().hex[:6]}"
        made = self.product.api("POST", "/workflows", {"format": "automate/1", **document, "key": key})
        if connections:
            self.product.api("PATCH", f"/workflows/{made['id']}", {"connections": connections})
        hooks = {trigger["key"]: trigger["webhook_url"] for trigger in made["triggers"]}
        return Flow(made["id"], key, hooks)

    def connect(self, integration: str, auth_type: str, **credentials: Any) -> str:
        """A connection; its id."""
        body = {
            "integration": integration,
            "auth_type": auth_type,
            "name": f"My {integration}",
            "credentials": credentials,
        }
        made: str = self.product.api("POST", "/integrations", body)["id"]
        return made

    def publish(self, flow: Flow) -> Flow:
        """On the publish page, as it is without the builder around it."""
        self.page.goto(f"{flow.url}/publish/")
        self.page.locator("main button:has-text('Publish')").click()
        self.page.get_by_role("link", name="Watch the runs").wait_for()
        return flow

    def settings(self, flow: Flow, **values: str) -> Flow:
        """On the settings page, and published."""
        self.page.goto(f"{flow.url}/settings/")
        for name, value in values.items():
            put(self.page.locator(f"[name={name}]"), value)
        self.page.locator("main").get_by_role("button", name="Save").first.click()
        expect(self.page.locator("#toasts")).to_contain_text("The settings are saved.")
        return self.publish(flow)

    def fill_in(self, flow: Flow, part: str, **values: str) -> Locator:
        """In the builder's panel of `part`, such as `step=ask&tab=errors`; `__` in a name stands for a dot."""
        self.page.goto(f"{flow.url}/build/?{part}")
        panel = self.page.locator("#panel")
        for name, value in values.items():
            put(panel.locator(f"[name='{name.replace('__', '.')}']"), value)
        with self.page.expect_response(lambda answer: answer.request.method == "POST" and answer.ok):
            panel.locator("[data-save]").click()
        expect(panel.locator(".error:visible")).to_have_count(0)
        return panel

    # --- runs ----------------------------------------------------------------------------------
    def call(self, flow: Flow, body: Any = None) -> str:
        """Start a run by its webhook; its id."""
        said = send(flow.hook, body)
        assert "execution" in said, said
        return str(said["execution"])

    def run(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.product.api("GET", f"/executions/{id}")
        return found

    def newest(self, flow: Flow, count: int = 1) -> list[dict[str, Any]]:
        """Its runs, newest first, once there are so many."""
        for _ in patiently(f"{count} runs of {flow.key}"):
            found: list[dict[str, Any]] = self.product.api("GET", f"/workflows/{flow.id}/executions")["items"]
            if len(found) >= count:
                return found
        raise AssertionError

    def output(self, id: str, step: str) -> Any:
        """What a step of a run gave, once it has."""
        for _ in patiently(f"the output of {step}"):
            found = [row for row in self.run(id)["steps"] if row["step_id"] == step and row["completed_at"]]
            if found:
                return found[0]["output"]

    def open(self, id: str, step: str = "", **query: str) -> Page:
        """The page of a run, or of one of its steps."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"/runs/{id}/" + (f"steps/{step}/" if step else "") + (f"?{words}" if words else ""))
        return self.page

    def sees(self, status: str) -> None:
        """In the bar of the run that is open, sooner or later."""
        expect(self.page.locator("#run-status")).to_contain_text(status, timeout=SOON_MS)

    def shot(self, name: str) -> None:
        if SHOTS:
            for theme, width in (("light", 1440), ("dark", 1440), ("light", 390)):
                self.page.set_viewport_size({"width": width, "height": 900})
                self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of the two words
                self.page.wait_for_timeout(400)  # colours fade from one theme to the other
                self.page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}-{theme}.png"))
            self.page.emulate_media(color_scheme="light")
            self.page.set_viewport_size({"width": 1440, "height": 900})


@contextmanager
def sitting_at(browser: Browser, product: Product) -> Iterator[Desk]:
    """The owner, signed in; whatever a test does, the browser has nothing to complain of."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=product.url)
    desk = Desk(product, context.new_page())

    def hear(message: ConsoleMessage) -> None:
        said = f"{message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not SAID_BY_CHROMIUM.search(said):
            desk.complaints.append(said)

    desk.page.on("console", hear)
    desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    desk.page.goto("/accounts/login/")
    desk.page.fill("input[name=login]", OWNER)
    desk.page.fill("input[name=password]", PASSWORD)
    desk.page.locator("main button[type=submit]").first.click()
    expect(desk.page).to_have_title(re.compile("Home"))
    yield desk
    context.close()


def put(field: Locator, value: str) -> None:
    """Into a field of whatever kind; for a box to be ticked, `on` or `off`."""
    if (
        not field.first.is_visible()
        and (more := field.first.locator("xpath=ancestor::details[not(@open)]")).count()
    ):
        more.locator("summary").first.click()
    if "is-carried" in (field.first.get_attribute("class") or ""):  # the editor of data stands over it
        field.first.locator("xpath=following-sibling::*[1]").locator(".cm-content").click()
        for key in ("ControlOrMeta+a", "Delete"):
            field.page.keyboard.press(key)
        field.page.keyboard.insert_text(value)
        return
    kind = field.first.evaluate("element => element.type")
    if kind == "select-one":
        field.first.select_option(value)
    elif kind == "checkbox":
        field.first.set_checked(value == "on")
    else:
        field.first.fill(value)


def send(url: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
    """The JSON that is answered, also to what is refused."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    given = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    request = urllib.request.Request(url, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


def patiently(what: str, within_s: float = SOON_MS / 1000) -> Iterator[None]:
    """Again and again until the caller leaves. Raises AssertionError when it has taken too long."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        yield
        time.sleep(0.05)
    raise AssertionError(f"After {within_s:g} s there is no sign of {what}.")

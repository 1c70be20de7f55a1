"""Text that wants to be code, typed everywhere: a real browser runs none of it and shows it as text."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Dialog, expect

from tests.e2e.conftest import Counted
from tests.e2e.test_first_minutes import sign_up
from tests.support.product import Product

EVIL: Final = "\"'><img data-evil src=/x onerror=window.evil=1><script data-evil>window.evil=1</script>"
DOCUMENT: Final[dict[str, Any]] = {
    "format": "automate/1", "key": "evil", "name": f"Name {EVIL}", "description": f"About {EVIL}", "start": "shape",
    "triggers": [{"key": "call", "name": f"Call {EVIL}", "type": "webhook"}],
    "steps": [
        {"key": "shape", "name": f"Step {EVIL}", "type": "transform", "notes": f"Note {EVIL}", "next": "end",
         "config": {"set": {f"Field {EVIL}": "{{ trigger.body }}", "header": "{{ trigger.headers }}"}}},
        {"key": "end", "name": f"End {EVIL}", "type": "stop", "config": {"as": "failed", "message": f"Why {EVIL}"}},
    ],
}  # fmt: skip
TEMPLATE: Final = """
from accounts.models import Tenant
from workflows.models import WorkflowTemplateLibrary
import json
evil, document, slug = json.loads({given!r})
WorkflowTemplateLibrary.objects.create(
    tenant=Tenant.objects.get(slug=slug), slug="evil", name="Name " + evil, description="About " + evil,
    category="Kind " + evil, template_data=document)
"""


@dataclass
class Lab:
    """Pages of one workspace, in which every text is EVIL."""

    person: Counted
    slug: str = ""
    workflow: str = ""
    run: str = ""
    dialogs: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Goes there, waits until scripts have settled, and looks for anything that came alive."""
        self.person.page.goto(path)
        self.check(path)

    def check(self, where: str) -> None:
        page = self.person.page
        page.wait_for_timeout(250)  # the time an image that does not exist takes to say so
        assert page.evaluate("window.evil") is None, where
        assert page.locator("[data-evil]").count() == 0, where
        assert self.dialogs == [], where
        assert [text for text in self.person.complaints if "Failed to load resource" not in text] == [], where

    def shows(self, text: str) -> None:
        """As text; what was called with is shown as JSON."""
        quoted = json.dumps(EVIL)[1:-1] if text == "Body" else EVIL
        expect(self.person.page.locator("body")).to_contain_text(f"{text} {quoted}")

    def said(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@pytest.fixture
def lab(person: Counted, product: Product) -> Lab:
    """Everything typed, published, called and failed."""
    lab = Lab(person)
    person.page.on("dialog", lab.said)
    sign_up(person)
    found = re.search(r"/w/([\w-]+)/", person.page.url)
    assert found is not None
    lab.slug = found[1]
    _import(lab, json.dumps(DOCUMENT))
    person.page.wait_for_url("**/build/**")
    lab.workflow = person.page.url.split("/build/")[0]
    lab.check("the builder after the import")
    lab.run = _published_and_called(lab)
    _described(lab)
    given = json.dumps([EVIL, DOCUMENT, lab.slug])
    product.manage("shell", "-c", TEMPLATE.format(given=given))
    return lab


def _import(lab: Lab, text: str) -> None:
    page = lab.person.page
    page.goto(f"/w/{lab.slug}/workflows/import/")
    page.locator("textarea").first.fill(text)
    page.locator("main button[type=submit], dialog[open] button[type=submit]").first.click()


def _published_and_called(lab: Lab) -> str:
    """The id of a run that failed with EVIL, started by a call whose body and headers are EVIL."""
    page = lab.person.page
    page.locator("header >> text=Publish").first.click()
    page.locator("dialog[open] [name=note]").fill(f"Because {EVIL}")
    page.locator("dialog[open] button:has-text('Publish')").click()
    expect(page.locator("text=/http:.*hooks/").first).to_be_visible()
    lab.check("the dialog after publishing")
    hook = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert hook is not None
    body = json.dumps({f"Key {EVIL}": f"Body {EVIL}", EVIL: [EVIL]})
    said = subprocess.run(
        ["curl", "-s", f"{hook[0]}?q=%3Cimg%20data-evil%20src=/x%3E", "-H", "content-type: application/json",
         "-H", f"x-evil: {EVIL}", "-A", EVIL, "-d", body],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return str(json.loads(said.stdout)["execution"])


def _described(lab: Lab) -> None:
    """The person, a variable and a connection."""
    page = lab.person.page
    page.goto("/profile/")
    page.fill("input[name=name]", f"Mia {EVIL}"[:120])
    page.locator("main button:has-text('Save')").first.click()
    page.goto(f"/w/{lab.slug}/variables/new/")
    page.fill("main [name=key]", EVIL)
    page.fill("main [name=value]", f"Value {EVIL}")
    page.locator("main button[type=submit]").last.click()
    lab.check("a variable's name that is refused")
    page.goto(f"/w/{lab.slug}/variables/new/")
    page.fill("main [name=key]", "EVIL")
    page.fill("main [name=value]", f"Value {EVIL}")
    page.locator("main button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("EVIL")
    lab.check("a new variable")
    page.goto(f"/w/{lab.slug}/integrations/http/connect/?way=bearer")
    page.fill("main [name=name]", f"Key {EVIL}"[:120])
    page.fill("main [name=field_token]", EVIL)
    page.locator("main button:has-text('Save')").first.click()
    lab.check("a new connection")


def test_no_text_becomes_code(lab: Lab) -> None:
    lab.open(f"/runs/{lab.run}/")
    expect(lab.person.page.locator("header >> text=Failed").first).to_be_visible(timeout=15_000)
    pages = {
        f"/w/{lab.slug}/": "Name",
        f"/w/{lab.slug}/workflows/": "Name",
        f"/w/{lab.slug}/runs/": "Why",
        f"{lab.workflow}/build/": "Step",
        f"{lab.workflow}/build/?step=shape": "Note",
        f"{lab.workflow}/build/?step=shape&tab=json": "",
        f"{lab.workflow}/build/?step=shape&tab=test": "",
        f"{lab.workflow}/build/?trigger=call&tab=sample": "Body",
        f"{lab.workflow}/runs/": "Why",
        f"{lab.workflow}/versions/": "Because",
        f"{lab.workflow}/versions/1/": "Because",
        f"{lab.workflow}/settings/": "About",
        f"/runs/{lab.run}/": "Why",
        f"/runs/{lab.run}/?show=run": "",
        f"/runs/{lab.run}/steps/trigger/": "Body",
        f"/runs/{lab.run}/steps/shape/": "Body",
        f"/w/{lab.slug}/variables/": "Value",
        f"/w/{lab.slug}/connections/": "Key",
        f"/w/{lab.slug}/integrations/": "",
        f"/w/{lab.slug}/integrations/http/": "Key",
        f"/w/{lab.slug}/templates/": "Name",
        f"/w/{lab.slug}/templates/evil/": "Step",
        f"/w/{lab.slug}/members/": "Mia",
    }
    for path, text in pages.items():
        lab.open(path)
        if text == "Note":
            expect(lab.person.page.locator("[name='step.notes']")).to_have_value(f"Note {EVIL}")
        elif path.endswith("/settings/"):
            expect(lab.person.page.locator("[name=description]")).to_have_value(f"About {EVIL}")
        elif text:
            lab.shows(text)


def test_what_is_refused_is_said_as_text(lab: Lab) -> None:
    """Messages quote what people sent."""
    for text in (EVIL, json.dumps(DOCUMENT | {"steps": [{"key": EVIL, "type": EVIL, "next": EVIL}]})):
        _import(lab, text)
        lab.check("an import that is refused")
    for path in (
        f"/w/{lab.slug}/workflows/?q={EVIL}", f"/w/{lab.slug}/runs/?q={EVIL}", f"/w/{lab.slug}/templates/?q={EVIL}",
        f"/w/{lab.slug}/integrations/?q={EVIL}", f"/w/{EVIL}/", f"/oauth/callback?error={EVIL}&state={EVIL}",
        f"/accounts/login/?next={EVIL}", f"/invitations/{EVIL}/", f"{lab.workflow}/build/?step={EVIL}",
        f"/w/{lab.slug}/integrations/http/connect/?next=javascript:alert(1)&slot={EVIL}",
    ):  # fmt: skip
        lab.open(path)

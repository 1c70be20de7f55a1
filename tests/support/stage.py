"""A workspace with something in it, and the addresses of every screen: what pictures and page checks walk through."""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

PASSWORD = "four unrelated words here"
ORDER = {
    "number": "#10482", "total": 1249, "customer": {"name": "Ines Duarte", "email": "ines@duarte.example"},
    "lines": [{"sku": "NW-CHAIR-04", "quantity": 2}, {"sku": "NW-LAMP-11", "quantity": 1}],
}  # fmt: skip
FOLLOW_UP: dict[str, Any] = {
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
FAILING: dict[str, Any] = {
    "format": "automate/1", "key": "nightly-report", "name": "Nightly report", "start": "rows",
    "triggers": [{"key": "call", "name": "Report asked for", "type": "webhook"}],
    "steps": [
        {"key": "rows", "name": "Take the rows", "type": "transform", "next": "end",
         "config": {"set": {"first": "{{ trigger.body.number }}"}}},
        {"key": "end", "name": "No rows today", "type": "stop",
         "config": {"as": "failed", "message": "The report has no rows. Look at the export of the shop."}},
    ],
}  # fmt: skip


@dataclass
class Stage:
    """`screens`: name → address, of a signed-in owner. `hook`: what starts the first workflow."""

    workspace: str
    screens: dict[str, str] = field(default_factory=dict)
    builder: str = ""
    run: str = ""
    hook: str = ""
    email: str = ""


def sign_up(page: Page, base_url: str) -> Stage:
    """A new person in an empty workspace."""
    email = f"ada-{uuid.uuid4().hex[:8]}@northwind.example"
    page.goto(f"{base_url}/accounts/signup/")
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/w/**")
    workspace = page.url
    return Stage(workspace, email=email)


def import_and_publish(page: Page, workspace: str, document: dict[str, Any]) -> tuple[str, str]:
    """By the pages, as a person would; the addresses of the builder and of the webhook."""
    page.goto(f"{workspace}workflows/import/")
    page.locator("textarea").first.fill(json.dumps(document))
    page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    page.wait_for_url("**/build/**")
    builder = page.url
    page.click("header >> text=Publish")
    page.click("dialog[open] >> button:has-text('Publish')")
    page.locator("text=/http:.*hooks/").first.wait_for()
    found = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", page.content())
    assert found is not None
    return builder.split("?")[0], found[0]


def call(hook: str, body: Any) -> str:
    """Start a run by its webhook; the run's id."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(hook, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        said: dict[str, str] = json.load(answer)
    return said["execution"]


def empty_workspace(page: Page, base_url: str, stage: Stage) -> None:
    """A second one in which nothing has happened: its pages say how to begin."""
    page.goto(f"{base_url}/workspaces/new/")
    page.fill("main input[name=name]", "Nothing yet")
    page.click("main button[type=submit]")
    page.wait_for_url("**/w/**")
    for name in ("workflows", "runs", "connections", "variables"):
        stage.screens[f"{name}-empty"] = f"{page.url}{name}/"
    stage.screens["home-empty"] = page.url


def rename_step(page: Page, builder: str, key: str, name: str) -> None:
    """The draft is ahead of what is published."""
    page.goto(f"{builder}?step={key}")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    form: dict[str, str | float | bool] = {
        "command": "rename",
        "what": "step",
        "key": key,
        "name": name,
        "csrfmiddlewaretoken": token,
    }
    address = builder.removesuffix("build/") + "edit/"
    assert page.request.post(address, form=form, headers={"Referer": builder}).ok


def furnish(page: Page, base_url: str, stage: Stage) -> None:
    """Two workflows, one with changes that are not published, a run that went well and one that failed, an empty
    workspace; fills `stage.screens`."""
    space = stage.workspace
    empty_workspace(page, base_url, stage)
    builder, hook = import_and_publish(page, space, FOLLOW_UP)
    _, failing = import_and_publish(page, space, FAILING)
    good, bad = call(hook, ORDER), call(failing, ORDER)
    stage.builder, stage.hook, stage.run = builder, hook, f"{base_url}/runs/{good}/"
    for run in (good, bad):
        page.goto(f"{base_url}/runs/{run}/")
        page.locator("header >> text=/Succeeded|Failed/").first.wait_for(timeout=20_000)
    workflow = builder.removesuffix("build/")
    rename_step(page, builder, "alert", "Tell sales")
    stage.screens |= {
        "home": space,
        "workflows": f"{space}workflows/",
        "new-workflow": f"{space}workflows/new/",
        "import": f"{space}workflows/import/",
        "builder": f"{builder}?step=alert",
        "builder-step": f"{builder}?step=big",
        "builder-outline": f"{builder}?view=outline",
        "workflow-runs": f"{workflow}runs/",
        "versions": f"{workflow}versions/",
        "version": f"{workflow}versions/1/",
        "compare": f"{workflow}versions/compare/?from=1&to=draft",
        "compare-text": f"{workflow}versions/compare/?from=1&to=draft&show=text",
        "publish": f"{workflow}publish/",
        "test-run": f"{workflow}test-run/",
        "add-step": f"{workflow}add/?after=log",
        "requests": f"{workflow}requests/",
        "events": f"{workflow}events/",
        "workflow-settings": f"{workflow}settings/",
        "runs": f"{space}runs/",
        "run": stage.run,
        "run-step": f"{stage.run}?step=items",
        "run-failed": f"{base_url}/runs/{bad}/",
        "integrations": f"{space}integrations/",
        "integration": f"{space}integrations/github/",
        "connect": f"{space}integrations/slack/connect/",
        "connections": f"{space}connections/",
        "templates": f"{space}templates/",
        "template-use": f"{space}templates/open-tickets-to-slack/use/",
        "template-publish": f"{space}templates/publish/?workflow={workflow.rstrip('/').rpartition('/')[2]}",
        "set-up": f"{workflow}set-up/",
        "search": f"{space}search/?q=order",
        "notifications": f"{base_url}/notifications/",
        "notification-settings": f"{base_url}/profile/notifications/",
        "variables": f"{space}variables/",
        "new-variable": f"{space}variables/new/",
        "members": f"{space}members/",
        "workspace-settings": f"{space}settings/",
        "profile": f"{base_url}/profile/",
        "tokens": f"{base_url}/profile/tokens/",
        "run-table": f"{stage.run}?show=run&view=table",
        "workspaces": f"{base_url}/workspaces/",
        "not-found": f"{base_url}/runs/00000000-0000-0000-0000-000000000000/",
        "timeline": f"{stage.run}?as=timeline",  # a choice that is remembered: so the last one
    }
    page.goto(stage.screens["templates"])
    stage.screens["template"] = page.locator("main article a[href*='/templates/']").first.evaluate(
        "link => link.href"
    )

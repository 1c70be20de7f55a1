"""`/styleguide/`: every shared component in both themes, for people who build pages. Staff only, or anybody while DEBUG."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from automate.lib.clock import now

STATUSES = ("COMPLETED", "RUNNING", "WAITING", "NEEDS_ATTENTION", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED",
            "PENDING", "DRAFT", "ACTIVE", "PAUSED", "CONNECTED", "EXPIRED")  # fmt: skip
APPS = (
    "webhook",
    "condition",
    "loop",
    "approval",
    "delay",
    "http",
    "code",
    "slack",
    "jira",
    "github",
    "stripe",
)
COLOURS = "bg surface surface-2 surface-3 line line-2 ink ink-2 ink-3 brand brand-soft ok bad warn run idle"


class SampleForm(forms.Form):
    name = forms.CharField(label="Connection name", initial="Jira · Northwind")
    site = forms.URLField(
        label="Site URL", help_text="Where you open Jira in the browser.", assume_scheme="https"
    )
    email = forms.EmailField(label="Account email")
    token = forms.CharField(
        label="API token", widget=forms.PasswordInput, help_text="It is stored encrypted."
    )
    project = forms.ChoiceField(
        label="Project", choices=[("ONB", "ONB · Customer onboarding"), ("OPS", "OPS · Operations")]
    )
    notes = forms.CharField(label="Notes", required=False, widget=forms.Textarea)
    sharing = forms.ChoiceField(
        label="Who may use it",
        choices=[("PRIVATE", "Only me"), ("WORKSPACE", "Everybody here")],
        widget=forms.RadioSelect,
        initial="PRIVATE",
    )
    watch = forms.BooleanField(label="Tell me when it expires", required=False, help_text="By e-mail, once.")


def styleguide(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or getattr(request.user, "is_staff", False)):
        raise Http404
    sides = [_samples(theme) for theme in ("light", "dark")]
    return render(request, "styleguide.html", {"sides": sides, "now": now()})


def _samples(theme: str) -> dict[str, Any]:
    wrong = SampleForm(
        {"email": "ada@northwind", "sharing": "PRIVATE", "project": "ONB"}, prefix=f"{theme}-wrong"
    )
    wrong.is_valid()
    days = [(f"Nov {day}", (day * 137) % 700 + 300, (day * 53) % 97 - 40) for day in range(7, 21)]
    return {
        "theme": theme,
        "statuses": STATUSES,
        "apps": APPS,
        "colours": COLOURS.split(),
        "form": SampleForm(prefix=theme),
        "wrong": wrong,
        "points": [{"label": day, "succeeded": ok, "failed": max(0, bad)} for day, ok, bad in days],
        "values": [3, 5, 4, 7, 9, 4, 2, 6, 8, 9, 10, 4, 9],
        "page_obj": Paginator(range(24), 10).page(2),
        "runs": _runs(),
        "cards": _cards(theme),
        "outline": _outline(theme),
        "nodes": _nodes(),
        "json": {
            "sku": "NW-CHAIR-04",
            "quantity": 2,
            "gift": True,
            "note": None,
            "tags": ["new", "<b>bold</b>"],
            "empty": {},
        },
        **_navigation(),
    }


def _navigation() -> dict[str, Any]:
    return {
        "chips": [
            {"label": "All", "url": "?state=all", "count": 24, "active": True},
            {"label": "Active", "url": "?state=active", "count": 17},
            {"label": "Failing", "url": "?state=failing", "count": 2},
            {"label": "Archived", "url": "?state=archived"},
        ],
        "tabs": [{"key": "data", "label": "Data", "url": "?tab=data"}, {"key": "log", "label": "Log", "url": "?tab=log", "count": 6}],
        "segments": [
            {"label": "Auto layout", "url": "?view=auto", "icon_name": "sitemap", "active": True},
            {"label": "Free-form", "url": "?view=free", "icon_name": "drag-drop"},
            {"label": "Outline", "url": "?view=outline", "icon_name": "list-tree"},
        ],
        "stages": [{"label": "Connect apps", "done": True}, {"label": "Fill in", "current": True}, {"label": "Try it"}],
        "choices": [
            {"value": "template", "label": "From a template", "help": "Ready in a minute.", "icon_name": "template", "checked": True},
            {"value": "empty", "label": "Empty", "help": "Start from a trigger.", "icon_name": "plus"},
        ],
        "pairs": [("Started", "10:42:07.318"), ("Duration so far", "2.9 s"), ("Size in / out", "412 B / 1.1 kB")],
        "crumbs": [{"label": "Workflows", "url": "?"}, {"label": "High-value order follow-up", "url": "?"}],
    }  # fmt: skip


def _runs() -> list[dict[str, Any]]:
    moment = now()
    rows = [(48213, "RUNNING", 4, 4100), (48212, "COMPLETED", 360, 6800), (48207, "FAILED", 90_000, 2000)]
    return [
        {"number": number, "url": "?", "status": status, "when": moment - timedelta(seconds=age_s), "how": "Webhook",
         "duration_ms": duration_ms, "current": number == 48213}
        for number, status, age_s, duration_ms in rows
    ]  # fmt: skip


def _card(theme: str, n: int, title: str, tile: str, sub: str, **more: Any) -> dict[str, Any]:
    return {
        "key": f"{theme}-{n}-{tile}",
        "n": n,
        "title": title,
        "tile": tile,
        "sub": sub,
        "href": "?step",
        **more,
    }


def _cards(theme: str) -> list[dict[str, Any]]:
    problem = "Enter the e-mail address of an assignee."
    return [
        _card(theme, 1, "Not run yet", "webhook", "Webhook · POST", trigger=True),
        _card(theme, 2, "Selected", "slack", "Slack · Send message", selected=True, menu=f"{theme}-menu"),
        _card(theme, 3, "Running", "http", "HTTP · item 3 of 5", status="RUNNING", time="2.9 s"),
        _card(theme, 4, "Succeeded", "jira", "Jira · Create issue", status="COMPLETED", time="1.2 s"),
        _card(theme, 5, "Failed", "stripe", "Stripe · Refund", status="FAILED", time="0.9 s"),
        _card(theme, 6, "Skipped", "gmail", "Gmail · Send email", status="SKIPPED"),
        _card(theme, 7, "Waiting for a person", "approval", "Approval", status="WAITING", time="2 h"),
        _card(theme, 8, "With a problem and a long title", "condition", "Condition", problem=problem),
        _card(theme, 9, "Switched off", "delay", "Delay · 2 hours", off=True, menu=f"{theme}-menu"),
    ]


def _outline(theme: str) -> list[dict[str, Any]]:
    def add(what: str) -> dict[str, str]:
        return {"label": f"Add a step {what}", "url": "?add"}

    def card(n: int, title: str, tile: str, sub: str, **more: Any) -> dict[str, Any]:
        return _card(f"{theme}-outline", n, title, tile, sub, **more)

    yes = [
        {"card": card(3, "Alert sales team", "slack", "Slack · Send message"), "add": add("after 3")},
        {"card": card(4, "Create onboarding task", "jira", "Jira · Create issue", problem="Choose a project."), "add": add("after 4")},
    ]  # fmt: skip
    no = [{"card": card(5, "Send a thank-you email", "gmail", "Gmail · Send email"), "add": add("after 5")}]
    each = [{"card": card(7, "Reserve stock", "http", "HTTP · POST request"), "add": add("after 7")}]
    return [
        {"card": card(1, "New order received", "webhook", "Webhook · POST"), "add": add("after 1")},
        {"card": card(2, "Order over 500 EUR?", "condition", "Condition"), "branches": [
            {"label": "Yes", "tone": "ok", "items": yes},
            {"label": "Otherwise", "tone": "idle", "items": no},
            {"label": "Maybe", "tone": "idle", "items": [], "add": add("to Maybe"), "empty_text": "Nothing happens here."},
        ]},
        {"card": card(6, "For each line item", "loop", "Loop · order, items"), "kind": "loop", "branches": [
            {"label": "Repeats for each item", "tone": "ok", "items": each},
        ], "add": add("after 6")},
    ]  # fmt: skip


def _nodes() -> list[dict[str, Any]]:
    def leaf(name: str, kind: str, value: str) -> dict[str, Any]:
        return {"name": name, "type": kind, "value": value, "insert": f"{{{{ trigger.body.{name} }}}}"}

    customer = [
        leaf("name", "text", "Ines Duarte"),
        leaf("email", "text", "ines@duarte.example"),
        leaf("returning", "boolean", "true"),
    ]
    order = [leaf("number", "text", "#10482"), leaf("total", "number", "1,249.00")]
    return [
        {"name": "New order received", "n": 1, "tile": "webhook", "open": True, "children": [
            {"name": "customer", "type": "object", "count": "3 fields", "open": True, "children": customer},
            {"name": "order", "type": "object", "count": "2 fields", "children": order},
        ]},
        {"name": "Alert sales team", "n": 3, "tile": "slack", "open": True, "note": "No sample yet. Test the step to see its data."},
    ]  # fmt: skip

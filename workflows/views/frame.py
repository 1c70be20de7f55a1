"""The bar above the full-screen pages of one workflow."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.urls import reverse

from workflows.models import WorkflowTemplate

TABS: Final = (
    ("build", "Build", "workflow.edit"),
    ("runs", "Runs", "execution.view"),
    ("versions", "Versions", "workflow.view"),
    ("settings", "Settings", "workflow.edit"),
)


def bar_of(
    template: WorkflowTemplate, tab: str, rights: Collection[str], *, back_url: str = ""
) -> dict[str, Any]:
    """What fullscreen.html asks for; pages that this member may not open have no tab."""
    return {
        "bar_title": template.name,
        "bar_tab": tab,
        "bar_tabs": [
            {"key": key, "label": label, "url": reverse(f"workflows:workflow-{key}", args=[template.pk])}
            for key, label, need in TABS
            if need in rights
        ],
        "back_url": back_url or reverse("workflows:workflow-list", args=[template.tenant.slug]),
    }


def standing_of(template: WorkflowTemplate, rights: Collection[str]) -> dict[str, Any]:
    """Whether what is published runs or is paused, and what this member may do about it (one SQL query)."""
    rows = template.deployments.filter(environment__is_default=True).values_list("is_active", flat=True)
    active = rows.first()
    may_run = active and "workflow.run" in rights
    is_paused = active is False and template.status != WorkflowTemplate.Status.ARCHIVED
    return {
        "is_paused": is_paused,
        "now_url": reverse("workflows:workflow-run", args=[template.pk]) if may_run else "",
        "resume_url": reverse("workflows:workflow-activate", args=[template.pk])
        if is_paused and "workflow.publish" in rights
        else "",
    }


def run_tabs(template: WorkflowTemplate) -> list[dict[str, str]]:
    """The parts of a workflow's Runs: what ran, what came in, and why something did not run."""
    parts = (("workflow-runs", "Runs"), ("request-list", "Requests"), ("event-list", "Why it did not run"),
             ("memory-list", "Memory"))  # fmt: skip
    return [
        {"key": name, "label": label, "url": reverse(f"workflows:{name}", args=[template.pk])}
        for name, label in parts
    ]

"""What people fill in about whole workflows: a new one, one to import, its settings."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any, Final

from django import forms

from accounts.timezones import zone_choices
from workflows.engine.document import Document, Settings
from workflows.models import Folder, WorkflowTemplate

MAX_TAGS: Final = 30
MAX_TAG: Final = 40
OVERLAPS: Final = [
    ("parallel", "Run them side by side"),
    ("queue", "Let the new one wait for its turn"),
    ("skip", "Leave the new one out"),
    ("restart", "Stop the old one, run the new one"),
]
KEPT: Final = [
    ("all", "Of all runs"),
    ("failures", "Of failed runs only"),
    ("nothing", "Of no run"),
]


class NewWorkflowForm(forms.Form):
    name = forms.CharField(
        max_length=200,
        label="Name",
        widget=forms.TextInput(attrs={"autofocus": True, "placeholder": "High-value order follow-up"}),
    )


class WorkflowSettingsForm(forms.Form):
    """A workflow's name, where it is filed, and its document's settings. `base` tells what the form started from."""

    base = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(max_length=200)
    description = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One line is shown in the list of workflows.",
    )
    folder = forms.CharField(
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"list": "folders"}),
        help_text="A new name makes a new folder.",
    )
    tags = forms.CharField(required=False, max_length=1500, help_text="Words, with commas between.")
    time_zone = forms.ChoiceField(required=False, help_text="For schedules and dates in this workflow.")
    timeout_s = forms.FloatField(
        required=False,
        min_value=1,
        max_value=366 * 86_400,
        label="Time limit of a run (seconds)",
        help_text="Waiting is not counted. Empty: no limit.",
    )
    overlap = forms.ChoiceField(
        choices=OVERLAPS,
        label="When it is started again while it runs",
        help_text="A run that waits, for an answer or a time, counts as running. Test runs do not count.",
    )
    max_parallel_runs = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100_000,
        label="Runs at once",
        help_text="How many may be under way. Empty: any number side by side, and one for the other choices. Side by side, "
        "further runs wait for their turn.",
    )
    keep_data = forms.ChoiceField(
        choices=KEPT,
        label="Keep the data of steps",
        help_text="What is not kept is wiped when the run has ended.",
    )
    on_failure = forms.ChoiceField(
        required=False,
        label="When a run fails",
        help_text="This workflow is started with the error.",
    )

    def __init__(self, data: Any = None, *, template: WorkflowTemplate, document: Document) -> None:
        self.template, self.document = template, document
        super().__init__(data, initial=_initial(template, document))
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            ("", f"The workspace's: {template.tenant.time_zone}"),
            *zone_choices(),
        ]
        self.fields["on_failure"].choices = _failure_choices(template, document)  # type: ignore[attr-defined]
        self.folders = list(Folder.objects.for_tenant(template.tenant_id).values_list("name", flat=True))

    def clean_tags(self) -> list[str]:
        words = [word.strip() for word in self.cleaned_data["tags"].split(",")]
        tags = list(dict.fromkeys(word for word in words if word))
        if len(tags) > MAX_TAGS:
            raise forms.ValidationError(f"{len(tags)} tags are too many; {MAX_TAGS} is the most.")
        if long := next((tag for tag in tags if len(tag) > MAX_TAG), None):
            raise forms.ValidationError(f"The tag “{long[:60]}” is longer than {MAX_TAG} characters.")
        return tags

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed one of these settings since the form was shown."""
        return bool(self.cleaned_data["base"]) and self.cleaned_data["base"] != base_of(self.document)

    def changed_document(self) -> Document:
        data = self.cleaned_data
        settings = replace(
            self.document.settings,
            time_zone=data["time_zone"] or None,
            timeout_s=data["timeout_s"],
            overlap=data["overlap"],
            max_parallel_runs=data["max_parallel_runs"],
            keep_data=data["keep_data"],
            on_failure=data["on_failure"] or None,
        )
        return replace(self.document, name=data["name"], description=data["description"], settings=settings)


def base_of(document: Document) -> str:
    """A fingerprint of what the settings page shows: steps may change meanwhile without harm."""
    shown = [document.name, document.description]
    shown += [repr(getattr(document.settings, part.name)) for part in fields(Settings)]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16]


def _initial(template: WorkflowTemplate, document: Document) -> dict[str, Any]:
    settings = document.settings
    return {
        "base": base_of(document),
        "name": document.name,
        "description": document.description,
        "folder": template.folder.name if template.folder else "",
        "tags": ", ".join(template.tags),
        "time_zone": settings.time_zone or "",
        "timeout_s": f"{settings.timeout_s:g}" if settings.timeout_s else "",
        "overlap": settings.overlap or "parallel",
        "max_parallel_runs": settings.max_parallel_runs,
        "keep_data": settings.keep_data or "all",
        "on_failure": settings.on_failure or "",
    }


def _failure_choices(template: WorkflowTemplate, document: Document) -> list[tuple[str, str]]:
    rows = WorkflowTemplate.objects.for_tenant(template.tenant_id).not_archived().exclude(pk=template.pk)
    choices = list(rows.order_by("name").values_list("template_id", "name"))
    chosen = document.settings.on_failure
    if chosen and chosen not in dict(choices):
        choices.append((chosen, f"{chosen} (not there any more)"))
    return [("", "As the workspace's settings say"), *choices]

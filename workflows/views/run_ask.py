"""What a run asks a person: did this step happen or not? And the form for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django import forms

from automate.lib.jsontypes import JSON, BadJSON, loads
from workflows.views.run_states import moment
from workflows.views.run_words import item_words

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom

ANSWERS: Final = [
    ("rerun", "Send it again"),
    ("done", "It happened: mark as done"),
    ("fail", "Treat as failed"),
]
MAX_OUTPUT_CHARS: Final = 256 * 1024  # what a step may give inline


class AnswerForm(forms.Form):
    """`output` is JSON text, for "it happened" alone: what the steps after it work with."""

    step = forms.CharField(max_length=300, widget=forms.HiddenInput)
    answer = forms.ChoiceField(choices=ANSWERS)
    output = forms.CharField(
        required=False, max_length=MAX_OUTPUT_CHARS, strip=True, label="What it gave, as JSON",
        help_text="For “It happened”: the steps after it find this as the step's output. Empty: nothing.",
        widget=forms.Textarea(attrs={"class": "mono-input", "rows": 3, "spellcheck": "false", "placeholder": '{"id": 17}'}),
    )  # fmt: skip

    def clean_output(self) -> JSON:
        text = self.cleaned_data["output"]
        try:
            return loads(text) if text else None
        except BadJSON as error:
            raise forms.ValidationError(str(error)) from None


@dataclass(frozen=True)
class Question:
    """One step whose outcome nobody knows."""

    path: str
    title: str
    text: str
    url: str
    asked_at: datetime | None
    form: AnswerForm


def questions(room: RunRoom, given: AnswerForm | None = None) -> dict[str, Question]:
    """What the run asks now, by path; `given` is an answer that could not be taken, to be put right."""
    found: dict[str, Question] = {}
    for path in sorted(room.live.asked):
        note = room.live.waits[path]
        error = note.get("error") or {}
        mine = given if given is not None and given.data.get("step") == path else None
        found[path] = Question(
            path=path,
            title=f"{room.names.numbered(path.rsplit('.', 1)[-1])}{item_words(room, path)}",
            text=str(error.get("message", "")),
            url=room.url_of(path),
            asked_at=moment(note.get("started_at")),
            form=mine or AnswerForm(initial={"step": path}, auto_id=f"ask-{len(found)}-%s"),
        )
    return found

"""What the chosen ids of drop-downs are called, as the service said it last: kept for a week, beside the connection it was asked through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from django.core.cache import cache

from workflows.builder.forms.fields import BoundField
from workflows.builder.forms.specs import Choice
from workflows.builder.forms.step import StepForm
from workflows.builder.room import Room
from workflows.engine.document import Step, Trigger

KEPT_S: Final = 7 * 24 * 3600
MAX_LABELS: Final = 500  # of one field


def remember(room: Room, part: Step | Trigger, field: str, choices: Iterable[Choice]) -> None:
    key = _key(room, part, field)
    found: dict[str, str] = cache.get(key) or {}
    found |= {value: label for value, label in choices if label != value}
    cache.set(key, dict(list(found.items())[-MAX_LABELS:]), KEPT_S)


def with_labels(room: Room, part: Step, form: StepForm) -> StepForm:
    """The form with names in place of ids; one look into the cache, and none where nothing was chosen from a list."""
    wanted = {
        _key(room, part, one.spec.name): one
        for one in form.all
        if one.spec.options and one.text and not one.is_data
    }
    if not wanted:
        return form
    known = cache.get_many(list(wanted))
    labels = {field.name: known.get(key, {}).get(field.text, "") for key, field in wanted.items()}
    return replace(form, main=_labelled(form.main, labels), more=_labelled(form.more, labels))


def _labelled(fields: tuple[BoundField, ...], labels: dict[str, str]) -> tuple[BoundField, ...]:
    return tuple(
        replace(one, spec=replace(one.spec, choices=((one.text, labels[one.name]),)))
        if labels.get(one.name)
        else one
        for one in fields
    )


def _key(room: Room, part: Step | Trigger, field: str) -> str:
    what = part.action if isinstance(part, Step) else part.event
    connection = room.bindings.get(part.connection or "", "-")
    return f"labels:{room.template.tenant_id}:{connection}:{part.integration}:{what}:{field}"

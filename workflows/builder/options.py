"""Choices of a field that only the service knows: asked through the part's own connection, when somebody opens them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.connections import find_service, opened, runner
from integrations.errors import IntegrationError
from workflows import documents
from workflows.builder import labels
from workflows.builder.forms.fields import BoundField, show
from workflows.builder.forms.specs import Choice, Spec, from_schema, needs
from workflows.builder.panel import action_of, event_of
from workflows.builder.room import Room
from workflows.builder.samples import variables
from workflows.engine.document import Step, Trigger
from workflows.engine.words import listed
from workflows.errors import ConnectionRefused

MAX_CHOICES = 200  # more are found by searching


def load_field(
    room: Room, part: Step | Trigger, name: str, *, query: str = "", given: Mapping[str, str] | None = None
) -> BoundField | None:
    """The field with its choices, or with what went wrong in words; None if there is no such field. One call out.

    `given`: what stands in the form now (`input.<name>`), before it is saved.
    """
    info = action_of(room, part) if isinstance(part, Step) else event_of(room, part)
    specs = {spec.name: spec for spec in from_schema(info.input_schema)} if info else {}
    spec = specs.get(name)
    if spec is None or not spec.options:
        return None
    prefix = "config" if part.type == "email" else "input"
    typed = {
        key.removeprefix(f"{prefix}."): text
        for key, text in (given or {}).items()
        if key.startswith(f"{prefix}.")
    }
    values = {**_given(part), **{key: text for key, text in typed.items() if text}}
    field = show([spec], values, prefix)[0]
    missing = [specs[one].label for one in needs(spec) if one in specs and values.get(one) in (None, "")]
    if missing:
        return replace(field, extra={"failed": f"Choose {listed(missing, 'and')} first.", "open": True})
    try:
        found = [
            choice for choice in _ask(room, part, spec, values) if query.strip().lower() in choice[1].lower()
        ]
    except (IntegrationError, ExpressionError, ConnectionRefused) as error:
        return replace(field, extra={"failed": error.message, "open": True})
    labels.remember(room, part, name, found[:MAX_CHOICES])
    extra = {"open": True, "query": query, "more": len(found) > MAX_CHOICES, "empty": not found}
    choices = _with_current(tuple(found[:MAX_CHOICES]), field.text)
    return replace(field, spec=replace(spec, choices=choices), extra=extra)


def _given(part: Step | Trigger) -> dict[str, Any]:
    if isinstance(part, Step):
        return part.input
    found = part.config if part.type == "email" else part.config.get("input")
    return found if isinstance(found, dict) else {}


def _ask(room: Room, part: Step | Trigger, spec: Spec, values: Mapping[str, JSON]) -> list[Choice]:
    of_trigger = isinstance(part, Trigger)
    scope = Scope({"vars": variables(room.template)}) if of_trigger else room.scope(part.key).scope()
    known = {key: evaluate(values[key], scope) for key in needs(spec) if key in values}
    service = find_service(str(part.integration), room.template.tenant_id)
    bound = room.bindings.get(part.connection or "")
    if bound:
        documents.usable_connections(room.template.tenant_id, room.user, {"": bound}, workflow=room.template)
    connection = opened(bound, room.template.tenant_id, service).connection if bound else None
    name = part.event if isinstance(part, Trigger) else part.action
    found = runner().options(
        service.manifest, str(name), spec.name, input=known, connection=connection, of_trigger=of_trigger
    )
    return [(str(one["value"]), str(one["label"])) for one in found]


def _with_current(choices: tuple[Choice, ...], current: str) -> tuple[Choice, ...]:
    """What is chosen now stays choosable, also where the service no longer lists it."""
    if current and current not in {value for value, _ in choices}:
        return ((current, current), *choices)
    return choices

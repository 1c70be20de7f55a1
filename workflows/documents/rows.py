"""Rows ↔ document, without the database: plain functions over loaded or unsaved rows.

What rows hold is exactly what the dataclasses of the engine hold; `position` keeps the order of the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

from django.db import models

from workflows.engine.document import Document, Retry, Settings, Slot, Step, Trigger, dump, load
from workflows.engine.errors import DocumentError, Fault
from workflows.models import (
    ConnectionSlot,
    StepLink,
    TriggerType,
    WorkflowStep,
    WorkflowTemplate,
    WorkflowTrigger,
)

TRIGGER_WORDS: Final = {TriggerType.SCHEDULED.value: "schedule"}  # every other word is the enum's, lower-case
TRIGGER_TYPES: Final = {word: value for value, word in TRIGGER_WORDS.items()}

STEP_COLUMNS: Final = (
    *(
        "name",
        "type",
        "integration",
        "action",
        "connection",
        "condition",
        "input_mappings",
        "output_mappings",
    ),
    *("config", "retry_policy", "timeout_s", "is_enabled", "position", "notes"),
)
TRIGGER_COLUMNS: Final = (
    *(
        "name",
        "type",
        "integration",
        "integration_event",
        "connection",
        "config",
        "cron_expression",
        "time_zone",
    ),
    *("is_enabled", "position"),
)
SLOT_COLUMNS: Final = ("integration", "order")


@dataclass(frozen=True)
class DraftRows:
    """The rows of one draft. Links are told by keys: `(source, port, target)`, `source` a step's or trigger's key."""

    steps: list[WorkflowStep]
    triggers: list[WorkflowTrigger]
    links: list[StepLink]
    slots: list[ConnectionSlot]


def trigger_type(word: str) -> str:
    """`schedule` → `SCHEDULED`: the document's word for a type as the enum's value."""
    return TRIGGER_TYPES.get(word, word.upper())


def trigger_word(value: str) -> str:
    return TRIGGER_WORDS.get(value, value.lower())


# --- rows → document ------------------------------------------------------------------------------


def to_document(template: WorkflowTemplate, rows: DraftRows) -> Document:
    step_keys = {row.pk: row.key for row in rows.steps}
    step_links: dict[Any, dict[str, list[str]]] = {}
    trigger_links: dict[Any, list[str]] = {}
    for link in sorted(rows.links, key=lambda link: link.order):
        target = step_keys[link.target_id]
        if link.source_step_id:
            step_links.setdefault(link.source_step_id, {}).setdefault(link.port, []).append(target)
        else:
            trigger_links.setdefault(link.source_trigger_id, []).append(target)
    return Document(
        key=template.template_id,
        name=template.name,
        description=template.description,
        settings=Settings(**template.settings),
        connections={row.key: Slot(row.key, row.integration) for row in rows.slots},
        triggers=tuple(_trigger(row, trigger_links.get(row.pk, [])) for row in rows.triggers),
        start=tuple(template.start),
        steps=tuple(_step(row, step_links.get(row.pk, {})) for row in rows.steps),
        layout=template.layout or {},
    )


def _trigger(row: WorkflowTrigger, targets: list[str]) -> Trigger:
    return Trigger(
        key=row.key,
        name=row.name,
        type=trigger_word(row.type),
        integration=row.integration or None,
        event=row.integration_event or None,
        connection=row.connection or None,
        config=row.config,
        next=tuple(targets),
        enabled=row.is_enabled,
    )


def _step(row: WorkflowStep, ports: dict[str, list[str]]) -> Step:
    return Step(
        key=row.key,
        name=row.name,
        type=row.type.lower(),
        integration=row.integration or None,
        action=row.action or None,
        connection=row.connection or None,
        when=row.condition,
        input=row.input_mappings,
        output=row.output_mappings,
        next={port: tuple(targets) for port, targets in ports.items()},
        retry=None if row.retry_policy is None else Retry(**row.retry_policy),
        timeout_s=_whole(row.timeout_s),
        enabled=row.is_enabled,
        notes=row.notes,
        config=row.config,
    )


def _whole(seconds: float | None) -> float | None:
    """30.0 as 30, so that a document keeps the digest it came with."""
    return int(seconds) if seconds is not None and float(seconds).is_integer() else seconds


# --- document → rows ------------------------------------------------------------------------------


def settings_of(document: Document) -> dict[str, Any]:
    return _changed(document.settings, Settings())


def step_values(step: Step, position: int) -> dict[str, Any]:
    """The columns of a step's row, without its links."""
    return {
        "name": step.name,
        "type": step.type.upper(),
        "integration": step.integration or "",
        "action": step.action or "",
        "connection": step.connection or "",
        "condition": step.when,
        "input_mappings": step.input,
        "output_mappings": step.output,
        "config": step.config,
        "retry_policy": None if step.retry is None else _changed(step.retry, Retry()),
        "timeout_s": step.timeout_s,
        "is_enabled": step.enabled,
        "position": position,
        "notes": step.notes,
    }


def trigger_values(trigger: Trigger, position: int) -> dict[str, Any]:
    """The columns of a trigger's row. Cron and zone mirror its config, for look-ups and the admin."""
    return {
        "name": trigger.name,
        "type": trigger_type(trigger.type),
        "integration": trigger.integration or "",
        "integration_event": trigger.event or "",
        "connection": trigger.connection or "",
        "config": trigger.config,
        "cron_expression": _mirror(trigger.config.get("cron"), 120),
        "time_zone": _mirror(trigger.config.get("time_zone"), 64),
        "is_enabled": trigger.enabled,
        "position": position,
    }


def slot_values(slot: Slot, order: int) -> dict[str, Any]:
    return {"integration": slot.integration, "order": order}


def link_keys(document: Document) -> list[tuple[str, str, str, str, int]]:
    """Every link as `(kind, source, port, target, order)`; kind is `step` or `trigger`."""
    found = []
    for step in document.steps:
        for port, targets in step.next.items():
            found += [("step", step.key, port, target, order) for order, target in enumerate(targets)]
    for trigger in document.triggers:
        found += [
            ("trigger", trigger.key, "main", target, order) for order, target in enumerate(trigger.next)
        ]
    return found


def _mirror(value: Any, length: int) -> str:
    return value[:length] if isinstance(value, str) else ""


def _changed(given: Any, default: Any) -> dict[str, Any]:
    names = [field.name for field in fields(given)]
    return {name: getattr(given, name) for name in names if getattr(given, name) != getattr(default, name)}


# --- what rows cannot hold ------------------------------------------------------------------------


def refuse_unstorable(document: Document) -> None:
    """Raise DocumentError for what no row can hold: wrong shapes, links to nowhere, names that are too long."""
    load(dump(document), complete=False)
    faults = [*_dangling(document), *_too_long(document)]
    if faults:
        raise DocumentError(faults)


def _dangling(document: Document) -> Iterable[Fault]:
    known = {step.key for step in document.steps}
    seen: set[tuple[str, str, str, str]] = set()
    for kind, source, port, target, _order in link_keys(document):
        path = f"{kind}s.{source}.next.{port}"
        if target not in known:
            yield Fault(
                path, f'"{source}" leads to "{target}", which is not a step of this workflow.', step=source
            )
        if (kind, source, port, target) in seen:
            yield Fault(path, f'"{source}" leads to "{target}" twice; once is enough.', step=source)
        seen.add((kind, source, port, target))


def _too_long(document: Document) -> Iterable[Fault]:
    for number, step in enumerate(document.steps):
        yield from _long_values(WorkflowStep, f"steps.{step.key}", step.key, step_values(step, number))
    for number, trigger in enumerate(document.triggers):
        values = trigger_values(trigger, number)
        yield from _long_values(WorkflowTrigger, f"triggers.{trigger.key}", trigger.key, values)
    for slot in document.connections.values():
        yield from _long_values(ConnectionSlot, f"connections.{slot.key}", None, slot_values(slot, 0))
    own = {"name": document.name, "template_id": document.key}
    yield from _long_values(WorkflowTemplate, "workflow", None, own)


def _long_values(
    model: type[models.Model], path: str, step: str | None, values: dict[str, Any]
) -> Iterable[Fault]:
    for name, value in values.items():
        limit = getattr(model._meta.get_field(name), "max_length", None)
        if isinstance(value, str) and limit and len(value) > limit:
            words = f"is {len(value)} characters long; at most {limit} fit. Shorten it."
            yield Fault(f"{path}.{name}", f"This {words}", step=step, field=name)

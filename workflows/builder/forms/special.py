"""Step types whose keys exclude each other: shown as one choice with its value, and put back as the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workflows.builder.forms.specs import Spec, from_fields
from workflows.engine.kinds import STEP_KINDS

Values = dict[str, Any]
UNITS: Final = ("seconds", "minutes", "hours", "days")
BODIES: Final = (
    ("json", "JSON"),
    ("text", "Text"),
    ("html", "HTML"),
    ("file", "A file"),
    ("none", "Nothing"),
)


@dataclass(frozen=True)
class Special:
    """`there`: keys of the document → fields of the form; `back`: the other way."""

    specs: tuple[Spec, ...]
    there: Callable[[Values], Values]
    back: Callable[[Values], Values]


def _delay_there(config: Values) -> Values:
    unit = next((name for name in UNITS if name in config), "minutes")
    shown: Values = {"unit": unit}
    if unit in config:
        shown["amount"] = config[unit]
    return {**shown, **({"until": config["until"]} if "until" in config else {})}


def _delay_back(values: Values) -> Values:
    if values.get("until") not in (None, ""):
        return {"until": values["until"]}
    return {values.get("unit", "minutes"): values["amount"]} if "amount" in values else {}


def _transform_there(config: Values) -> Values:
    return {**config, "make": "list" if "items" in config or "ops" in config else "object"}


def _transform_back(values: Values) -> Values:
    if values.get("make") == "list":
        kept: Values = {name: values[name] for name in ("items", "ops") if name in values}
        return {"items": kept.get("items", ""), **kept}
    return {"set": values.get("set", {})}


def _respond_there(config: Values) -> Values:
    kind = next((name for name, _ in BODIES if name in config), "none")
    kept: Values = {name: config[name] for name in ("status", "headers") if name in config}
    return {**kept, "kind": kind, **({"body": config[kind]} if kind in config else {})}


def _respond_back(values: Values) -> Values:
    made: Values = {name: values[name] for name in ("status", "headers") if name in values}
    kind = values.get("kind", "none")
    if kind != "none" and "body" in values:
        made[kind] = values["body"]
    return made


_TRANSFORM_FIELDS = from_fields(STEP_KINDS["transform"].fields)
_RESPOND_FIELDS = from_fields(
    [f for f in STEP_KINDS["respond"].fields if f.name in ("status", "headers")], advanced=("headers",)
)
SPECIAL: Final[dict[str, Special]] = {
    "delay": Special(
        (
            Spec("amount", "number", "Wait for", low=0),
            Spec("unit", "choice", "Unit", data=False, choices=tuple((unit, unit.capitalize()) for unit in UNITS)),
            Spec("until", "text", "Or wait until", "A moment such as 2026-12-24T18:00:00Z, or an expression that gives one. "
                 "It goes before the time above.", advanced=True),
        ),
        _delay_there,
        _delay_back,
    ),
    "transform": Special(
        (
            Spec("make", "choice", "Make", data=False, choices=(("object", "An object"), ("list", "A list out of a list"))),
            *_TRANSFORM_FIELDS,
        ),
        _transform_there,
        _transform_back,
    ),
    "respond": Special(
        (
            *_RESPOND_FIELDS,
            Spec("kind", "choice", "Answer with", data=False, choices=BODIES),
            Spec("body", "any", "Body", "Text, JSON, or an expression."),
        ),
        _respond_there,
        _respond_back,
    ),
}  # fmt: skip

"""Step types whose keys exclude each other: shown as one choice with its value, and put back as the keys."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.builder.forms import waiting
from workflows.builder.forms.specs import Spec, from_fields
from workflows.engine.kinds import STATE_DEEDS, STEP_KINDS

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
    """`there`: keys of the document → fields of the form; `back`: the other way. `shown`: which fields go with which
    choice; without it, all are shown."""

    specs: tuple[Spec, ...]
    there: Callable[[Values], Values]
    back: Callable[[Values], Values]
    shown: Callable[[Values], Container[str]] | None = None

    def specs_for(self, values: Values) -> tuple[Spec, ...]:
        """The fields to show for these values of the form."""
        names = self.shown(values) if self.shown else [spec.name for spec in self.specs]
        return tuple(spec for spec in self.specs if spec.name in names)


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
        kept: Values = {name: values[name] for name in ("items", "ops", "give") if name in values}
        return {"items": kept.get("items", ""), **kept}
    return {"set": values.get("set", {})}


def _transform_shown(values: Values) -> Container[str]:
    return ("make", "items", "ops", "give") if values.get("make") == "list" else ("make", "set")


DEED_FIELDS: Final = {
    "get": ("get", "default"), "set": ("set", "expires_s"), "increment": ("increment", "expires_s"),
    "append": ("append", "keep", "expires_s"), "delete": ("delete",),
}  # fmt: skip


def _state_there(config: Values) -> Values:
    return {**config, "do": next((deed for deed in STATE_DEEDS if deed in config), "get")}


def _state_back(values: Values) -> Values:
    """Only what goes with the chosen deed; a name that is read may be forgotten next, and the other way round."""
    deed = str(values.get("do", "get"))
    made: Values = {name: values[name] for name in DEED_FIELDS.get(deed, ()) if name in values}
    if deed not in made:
        names = values.get("get", values.get("delete", ""))
        made[deed] = names if deed in ("get", "delete") else {}
    return made


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
_STATE_FIELDS = tuple(
    replace(spec, advanced=spec.name == "expires_s") for spec in from_fields(STEP_KINDS["state"].fields)
)
_DEEDS: Final = (
    ("get", "Read a value"), ("set", "Keep values"), ("increment", "Count"), ("append", "Add to a list"),
    ("delete", "Forget"),
)  # fmt: skip
_RESPOND_FIELDS = from_fields(
    [f for f in STEP_KINDS["respond"].fields if f.name in ("status", "headers")], advanced=("headers",)
)
SPECIAL: Final[dict[str, Special]] = {
    "approval": Special(
        waiting.APPROVAL, waiting.approval_there, waiting.approval_back, waiting.approval_shown
    ),
    "callback": Special(waiting.CALLBACK, waiting.callback_there, waiting.callback_back),
    "delay": Special(
        (
            Spec("amount", "number", "Wait for", low=0),
            Spec("unit", "choice", "Unit", data=False, choices=tuple((unit, unit.capitalize()) for unit in UNITS)),
            Spec("until", "text", "Or wait until", "A date such as 2026-12-24T18:00, the next time of day (09:00) or weekday "
                 "(Monday 09:00), or an expression that gives a date. Times are those of the workflow's zone. It goes before "
                 "the time above.", advanced=True),
        ),
        _delay_there,
        _delay_back,
    ),
    "transform": Special(
        (
            Spec("make", "choice", "Make", data=False, choices=(("object", "An object"), ("list", "A list out of a list")),
                 redraws=True),
            *_TRANSFORM_FIELDS,
        ),
        _transform_there,
        _transform_back,
        _transform_shown,
    ),
    "state": Special(
        (
            Spec("do", "choice", "What it does", "The memory belongs to this workflow and lasts between its runs. Test "
                 "runs have one of their own.", data=False, choices=_DEEDS, redraws=True),
            *_STATE_FIELDS,
        ),
        _state_there,
        _state_back,
        lambda values: ("do", *DEED_FIELDS.get(str(values.get("do")), ())),
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

"""The JSON Schema (draft 2020-12) of documents, made of the same table the loader reads."""

import json
from typing import Any, Final

from workflows.engine.kinds import (
    MAX_STEPS,
    RETRY_FIELDS,
    SETTINGS_FIELDS,
    STEP_KINDS,
    TIMEOUT_FIELD,
    TRIGGER_KINDS,
    StepKind,
    TriggerKind,
)
from workflows.engine.parts import FORMAT
from workflows.engine.shapes import (
    KEY_PATTERN,
    NAME_PATTERN,
    RESERVED,
    SLUG_PATTERN,
    WORKFLOW_KEY_PATTERN,
    Field,
    Seed,
)
from workflows.engine.structures import CONDITION_SCHEMA, schema_of

_TEXT: Final[Seed] = {"type": "string"}
_TARGETS: Final[Seed] = {"$ref": "#/$defs/targets"}


def _object(properties: Seed, required: list[str] | None = None, **more: Any) -> Seed:
    seed: Seed = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**seed, "required": required} if required else seed


def _of(fields: tuple[Field, ...]) -> Seed:
    return {field.name: _nullable(schema_of(field)) for field in fields}


def _nullable(seed: Seed) -> Seed:
    """A key without a value, as YAML writes it, counts as absent."""
    return {"anyOf": [seed, {"type": "null"}]}


def _common(kind: StepKind) -> Seed:
    ports = dict.fromkeys(kind.ports, _TARGETS)
    extra: Seed = (
        {"additionalProperties": _TARGETS} if kind.type == "condition" else {"additionalProperties": False}
    )
    every: Seed = {
        "key": {"$ref": "#/$defs/key"},
        "name": _nullable({**_TEXT, "description": "What people read."}),
        "type": {"const": kind.type},
        "next": {"anyOf": [_TARGETS, {"type": "object", "properties": ports, **extra}]},
        "on_error": {**_TARGETS, "description": "Where to go when the step has failed for good."},
        "retry": _nullable({"$ref": "#/$defs/retry"}),
        "timeout_s": _nullable(schema_of(TIMEOUT_FIELD)),
        "enabled": {"type": "boolean", "default": True},
        "notes": _nullable({**_TEXT, "description": "For colleagues; never runs."}),
    }
    return {name: every[name] for name in kind.common}


def _step(kind: StepKind) -> Seed:
    beside = tuple(field for field in kind.fields if field.where != "config")
    inner = tuple(field for field in kind.fields if field.where == "config")
    properties = {**_common(kind), **_of(beside)}
    required = ["key", "type", *(field.name for field in beside if field.required)]
    if inner:
        properties["config"] = _object(_of(inner), [field.name for field in inner if field.required])
        if any(field.required for field in inner):
            required.append("config")
    return _object(properties, required, title=kind.label, description=kind.help)


def _trigger(kind: TriggerKind) -> Seed:
    properties: Seed = {
        "key": {"$ref": "#/$defs/key"},
        "name": _nullable(_TEXT),
        "type": {"const": kind.type},
        "next": _TARGETS,
        "enabled": {"type": "boolean", "default": True},
        "config": _nullable(
            _object(_of(kind.fields), [field.name for field in kind.fields if field.required])
        ),
    }
    patterns = {"integration": SLUG_PATTERN, "event": NAME_PATTERN, "connection": KEY_PATTERN}
    for name in kind.connects:
        properties[name] = _nullable({**_TEXT, "pattern": patterns[name]})
    return _object(properties, ["key", "type"], title=kind.label, description=kind.help)


def _by_type(name: str, kinds: list[str]) -> Seed:
    """Picks the shape by `type`, so that an editor speaks of that shape alone."""
    rules = [
        {
            "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
            "then": {"$ref": f"#/$defs/{name}_{kind}"},
        }
        for kind in kinds
    ]
    return {
        "type": "object",
        "required": ["key", "type"],
        "properties": {"type": {"enum": kinds}},
        "allOf": rules,
    }


def _definitions() -> Seed:
    key = {"type": "string", "pattern": KEY_PATTERN, "not": {"enum": sorted(RESERVED)}}
    one = {"type": "string", "pattern": KEY_PATTERN}
    return {
        "key": key,
        "targets": {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]},
        "condition": CONDITION_SCHEMA,
        "retry": _object(_of(RETRY_FIELDS)),
        **{f"step_{kind.type}": _step(kind) for kind in STEP_KINDS.values()},
        **{f"trigger_{kind.type}": _trigger(kind) for kind in TRIGGER_KINDS.values()},
        "step": _by_type("step", list(STEP_KINDS)),
        "trigger": _by_type("trigger", list(TRIGGER_KINDS)),
    }


def _schema() -> Seed:
    slot = _object({"integration": {"type": "string", "pattern": SLUG_PATTERN}}, ["integration"])
    properties: Seed = {
        "format": {"const": FORMAT},
        "key": {"type": "string", "pattern": WORKFLOW_KEY_PATTERN},
        "name": _nullable(_TEXT),
        "description": _nullable(_TEXT),
        "settings": _nullable(_object(_of(SETTINGS_FIELDS))),
        "connections": _nullable(
            {"type": "object", "propertyNames": {"$ref": "#/$defs/key"}, "additionalProperties": slot}
        ),
        "triggers": _nullable({"type": "array", "items": {"$ref": "#/$defs/trigger"}}),
        "start": _TARGETS,
        "steps": _nullable({"type": "array", "maxItems": MAX_STEPS, "items": {"$ref": "#/$defs/step"}}),
        "layout": _nullable({"type": "object", "description": "Positions of a free-form drawing."}),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "/schema/automate-1.json",
        "title": "automate workflow",
        **_object(properties, ["format", "key"]),
        "$defs": _definitions(),
    }


SCHEMA: Final[Seed] = _schema()


def schema_json() -> str:
    """The schema as the text that is shipped and served at `/schema/automate-1.json`."""
    return json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"

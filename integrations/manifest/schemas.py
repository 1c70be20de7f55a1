"""Checks of what stands inside manifests: JSON Schemas, samples, and texts with expressions."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from automate.lib import expressions
from automate.lib.jsontypes import JSON
from integrations.errors import Fault
from integrations.manifest.shape import Manifest
from integrations.manifest.validation import unusable, validator


def check_schema(place: str, schema: Mapping[str, JSON], manifest: Manifest) -> Iterator[Fault]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        yield Fault(place, f"It is not JSON Schema: {error.message}")
        return
    for sentence in unusable(schema):
        yield Fault(place, sentence)
    if schema.get("type") != "object":
        yield Fault(place, "Its type must be object.")
    properties = cast(dict[str, Any], schema.get("properties") or {})
    for name in cast(list[str], schema.get("required") or []):
        if name not in properties:
            yield Fault(place, f"It requires {name}, which is not among its properties.")
    for name, part in properties.items():
        yield from _property(f"{place}.{name}", part, properties, manifest)


def _property(
    place: str, part: dict[str, Any], siblings: Mapping[str, Any], manifest: Manifest
) -> Iterator[Fault]:
    if not part.get("title") or not part.get("description"):
        yield Fault(place, "Give it a title and a description.")
    if "default" in part:
        for error in validator(part).iter_errors(part["default"]):
            yield Fault(place, f"Its default does not fit: {error.message}")
    if "x-options" in part:
        yield from _options(place, part["x-options"], siblings, manifest)
    for name, inner in (part.get("properties") or {}).items():
        yield from _property(f"{place}.{name}", inner, part["properties"], manifest)


def _options(
    place: str, options: dict[str, Any], siblings: Mapping[str, Any], manifest: Manifest
) -> Iterator[Fault]:
    """Drop-downs are filled by an action of the same manifest; `input` says what it is given, from other fields."""
    action = manifest.action(str(options.get("action")))
    if action is None:
        yield Fault(place, f"x-options names the action {options.get('action')}, which does not exist.")
        return
    if not options.get("value") or not options.get("label"):
        yield Fault(place, "x-options must say where value and label stand.")
    unknown = options.keys() - {"action", "input", "value", "label"}
    if unknown:
        yield Fault(place, f"x-options does not know {', '.join(sorted(unknown))}.")
    given = options.get("input") or {}
    known = cast(dict[str, Any], action.input.get("properties") or {})
    for name in given:
        if name not in known:
            yield Fault(place, f"x-options gives {name}, which the action {action.name} does not take.")
    for name in cast(list[str], action.input.get("required") or []):
        if name not in given:
            yield Fault(place, f"x-options does not give {name}, which the action {action.name} requires.")
    for path in expressions.references(given):
        if path[0] == "input" and len(path) > 1 and path[1] not in siblings:
            yield Fault(place, f"x-options depends on {path[1]}, which is not a field beside it.")


def check_sample(place: str, sample: JSON, schema: Mapping[str, JSON] | None) -> Iterator[Fault]:
    if sample is None:
        yield Fault(f"{place}.sample", "A sample is missing; the data picker shows it before the first run.")
    elif schema is not None:
        for error in validator(schema).iter_errors(sample):
            yield Fault(f"{place}.sample", f"It does not fit output_schema: {error.message}")


def check_texts(place: str, texts: list[JSON]) -> Iterator[Fault]:
    for text in texts:
        for one in _texts(text):
            for fault in expressions.check(one):
                yield Fault(place, f"{fault.message} In “{one[:80]}”.")


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def check_inputs(place: str, texts: list[JSON], schema: Mapping[str, JSON]) -> Iterator[Fault]:
    properties = cast(Mapping[str, JSON], schema.get("properties") or {})
    for text in texts:
        try:
            found = expressions.references(text)
        except expressions.ExpressionError:
            continue  # check_texts has said so
        for path in sorted(path for path in found if path[0] == "input" and len(path) > 1):
            if path[1] not in properties:
                yield Fault(place, f"It uses input.{path[1]}, which the input schema does not know.")

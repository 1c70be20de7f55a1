"""JSON Schema as we dare to use it on schemas that people wrote: linear-time patterns, and nothing fetched."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from automate.lib.expressions import ExpressionError
from automate.lib.expressions.patterns import pattern

# `jsonschema` takes over a second to import, so it is imported where it is needed.


def finds(source: str, text: str) -> bool:
    """Whether the regular expression is found in the text; false for one that cannot be used (`check` tells those)."""
    try:
        return pattern(source, text).search(text) is not None
    except ExpressionError:
        return False


def validator(schema: Mapping[str, Any]) -> Any:
    """A validator of jsonschema (draft 2020-12). References lead only to places inside the schema."""
    from referencing import Registry

    return _validator_class()(without_pattern_properties(dict(schema)), registry=Registry())


@cache
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators

    def check_pattern(owner: Any, source: str, value: object, schema: object) -> Iterator[ValidationError]:
        if isinstance(value, str) and not finds(source, value):
            yield ValidationError(f"{value!r} does not match {source!r}")

    return validators.extend(Draft202012Validator, {"pattern": check_pattern})  # type: ignore[no-untyped-call]


def without_pattern_properties(schema: Any) -> Any:
    """They are matched by Python's own regular expressions, whose time knows no bound."""
    if isinstance(schema, dict):
        return {
            key: without_pattern_properties(part)
            for key, part in schema.items()
            if key != "patternProperties"
        }
    if isinstance(schema, list):
        return [without_pattern_properties(part) for part in schema]
    return schema


def unusable(schema: Any) -> Iterator[str]:
    """What in a schema cannot be used here, as sentences."""
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == "patternProperties":
                yield "patternProperties cannot be used. List the properties, or leave them open."
            elif key in ("$ref", "$dynamicRef") and isinstance(part, str) and not part.startswith("#"):
                yield f"{key} may only lead to a place in the same schema (#/…), not to {part[:80]}."
            elif key == "pattern" and isinstance(part, str):
                yield from _pattern_fault(part)
            else:
                yield from unusable(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from unusable(part)


def _pattern_fault(source: str) -> Iterator[str]:
    try:
        pattern(source, "")
    except ExpressionError as error:
        yield error.message

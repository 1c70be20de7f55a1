"""Fixed values held against a JSON Schema. An expression counts as given; what it will be, nobody knows yet."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from workflows.engine.shapes import is_expression, shown
from workflows.engine.words import did_you_mean, listed

Complaint = tuple[str, str, bool]  # path below the input, words that follow it, whether it is only a warning
Schema = Mapping[str, Any]
_MAX_REFS: Final = 20
_NO_REMOTE: Final[Registry[Any]] = Registry()  # the default one would fetch `$ref` URLs
_TYPE_WORDS: Final = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "an object (names and values)", "null": "nothing",
}  # fmt: skip


def schema_fault(schema: Schema) -> str | None:
    """What is wrong with a JSON Schema, in words; None if it is one."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        return f"is not a JSON Schema{f': `{place}` is wrong' if place else ''} ({error.message[:120]})."
    return None


def value_complaints(value: Any, schema: Schema) -> Iterator[Complaint]:
    """Everything wrong with a value that may hold expressions. The sentence follows the name of the field."""
    yield from _Holder(schema).hold("", value, schema)


class _Holder:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._validator = Draft202012Validator(dict(root), registry=_NO_REMOTE)

    def hold(self, path: str, value: Any, given: Schema) -> Iterator[Complaint]:
        schema = self._resolved(given)
        if (given.get("x-literal") or schema.get("x-literal")) and _has_expression(value):
            yield path, _literal_words(schema), False
        elif isinstance(value, str) and "{{" in value:
            yield from _mixed_text(path, value, schema)
        elif isinstance(value, dict) and (_has_expression(value) or not path):
            yield from self._object(path, value, schema)
        elif isinstance(value, list) and _has_expression(value):
            items = schema.get("items")
            for index, entry in enumerate(value):
                yield from self.hold(f"{path}[{index}]", entry, items if isinstance(items, Mapping) else {})
        else:
            yield from self._fixed(path, value, schema)

    def _object(self, path: str, value: dict[str, Any], schema: Schema) -> Iterator[Complaint]:
        properties = schema.get("properties")
        known: Schema = properties if isinstance(properties, Mapping) else {}
        for name in schema.get("required", ()):
            if value.get(name) in (None, "") and not _has_default(known.get(name)):
                yield f"{path}.{name}", "is missing. Fill it in, with a fixed value or data", False
        for name, inner in value.items():
            if name in known and isinstance(known[name], Mapping):
                if inner is not None:
                    yield from self.hold(f"{path}.{name}", inner, known[name])
            else:
                yield from _unknown_name(f"{path}.{name}", name, known, schema)

    def _fixed(self, path: str, value: Any, schema: Schema) -> Iterator[Complaint]:
        try:
            error = best_match(self._validator.evolve(schema=dict(schema)).iter_errors(value))
        except Unresolvable:
            return
        if error is not None:
            inner = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
            )
            yield path + inner, _words(error), False

    def _resolved(self, schema: Schema) -> Schema:
        """Follows `$ref` inside the schema; anything else is left to the validator."""
        for _ in range(_MAX_REFS):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return schema
            found: Any = self._root
            for part in reference[2:].split("/"):
                found = (
                    found.get(part.replace("~1", "/").replace("~0", "~"))
                    if isinstance(found, Mapping)
                    else None
                )
            if not isinstance(found, Mapping):
                return {}
            schema = found
        return {}


def _has_expression(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_expression, value.values()))
    return any(map(_has_expression, value)) if isinstance(value, list) else is_expression(value)


def _has_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "default" in schema


def _is_one_expression(text: str) -> bool:
    stripped = text.strip()
    return stripped.startswith("{{") and stripped.endswith("}}") and stripped.count("{{") == 1


def _literal_words(schema: Schema) -> str:
    """The field's own description says where data goes instead."""
    hint = str(schema.get("description") or "").rstrip(". ")
    return (
        "must be fixed text: data put in with `{{ … }}` could change what it does. "
        f"Take the expression out and give the data in another input{f'. {hint}' if hint else ''}"
    )


def _mixed_text(path: str, text: str, schema: Schema) -> Iterator[Complaint]:
    kinds = schema.get("type")
    allowed = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    if allowed and "string" not in allowed and not _is_one_expression(text):
        words = listed(_TYPE_WORDS.get(kind, kind) for kind in allowed)
        yield (
            path,
            f"must be {words}, but text around an expression makes text. Keep the expression alone",
            False,
        )


def _unknown_name(path: str, name: str, known: Schema, schema: Schema) -> Iterator[Complaint]:
    extra = schema.get("additionalProperties")
    if extra is False:
        yield path, f"is not an input here. {did_you_mean(name, known)}".rstrip(" ."), False
    elif known and extra is None and not schema.get("patternProperties"):
        yield path, f"is not an input we know here. {did_you_mean(name, known)}".rstrip(" ."), True


def _words(error: ValidationError) -> str:
    limit: Any = error.validator_value
    instance: Any = error.instance
    value = shown(instance)
    kind = str(error.validator)
    if kind == "type":
        kinds = [limit] if isinstance(limit, str) else list(limit)
        return f"must be {listed(_TYPE_WORDS.get(name, name) for name in kinds)}, not {value}"
    if kind == "enum":
        return f"must be one of {listed(str(choice) for choice in limit[:20])}, not {value}"
    if kind == "required":
        return f"lacks something: {error.message}"
    known = {
        "minimum": "must be at least {limit}, not {value}",
        "maximum": "must be at most {limit}, not {value}",
        "minLength": "must have at least {limit} characters",
        "maxLength": "must have at most {limit} characters",
        "minItems": "must have at least {limit} entries",
        "maxItems": "must have at most {limit} entries",
        "pattern": "must fit the pattern {limit}, which {value} does not",
        "additionalProperties": "has a part that is not known: {message}",
    }
    pattern = known.get(kind, "does not fit: {message}")
    return pattern.format(limit=limit, value=value, message=error.message[:160])

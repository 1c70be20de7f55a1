"""Holds an input against its JSON Schema: quickly when it fits, and in plain sentences when it does not.

`jsonschema` takes over a second to import and a good part of a millisecond to check, so valid input is recognised
by small closures made of the schema's commonest words, and only what they do not recognise reaches the library.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from automate.lib.jsontypes import JSON
from integrations.errors import InputError
from integrations.manifest.validation import finds, validator

Test = Callable[[Any], bool]

_TYPES: dict[str, Test] = {
    "string": lambda value: type(value) is str,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) is int or type(value) is float,
    "boolean": lambda value: type(value) is bool,
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "null": lambda value: value is None,
}
_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "empty",
}
_SILENT = frozenset(
    ("title", "description", "default", "examples", "$schema", "deprecated", "format", "readOnly")
)


class InputSchema:
    """A schema made ready for many checks. Safe to share between threads."""

    def __init__(self, schema: Mapping[str, JSON]) -> None:
        self.schema = schema
        self._fits = quick_test(schema)
        self._validator: Any = None
        properties = schema.get("properties")
        self._defaults = {
            key: part["default"]
            for key, part in (properties.items() if isinstance(properties, dict) else ())
            if isinstance(part, dict) and "default" in part
        }

    def check(self, value: JSON) -> dict[str, JSON]:
        """The input with the schema's defaults filled in. Raises InputError about the first thing that is wrong."""
        if not isinstance(value, dict):
            raise InputError("The input must be an object of field names and values.")
        if self._defaults and not self._defaults.keys() <= value.keys():
            value = {**self._defaults, **value}
        if self._fits is None or not self._fits(value):
            self._explain(value)
        return value

    def _explain(self, value: dict[str, JSON]) -> None:
        from referencing.exceptions import Unresolvable

        if self._validator is None:
            self._validator = validator(self.schema)
        try:
            errors = list(self._validator.iter_errors(value))
        except Unresolvable:
            raise InputError("The action's input schema refers to something that is not in it.") from None
        if errors:
            first = min(errors, key=lambda error: [str(key) for key in error.absolute_path])
            raise input_error(first, self.schema)


def quick_test(schema: object) -> Test | None:
    """A test that is true only for values the schema accepts; None when the schema uses rarer words."""
    if schema is True or schema == {}:
        return lambda value: True
    if not isinstance(schema, dict):
        return None
    tests: list[Test] = []
    for word, argument in schema.items():
        if word in _SILENT or word.startswith("x-"):
            continue
        test = _QUICK[word](argument, schema) if word in _QUICK else None
        if test is None:
            return None
        tests.append(test)
    return _all(tests)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _type(argument: Any, schema: dict[str, Any]) -> Test | None:
    names = argument if isinstance(argument, list) else [argument]
    if not all(name in _TYPES for name in names):
        return None
    tests = [_TYPES[name] for name in names]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _properties(argument: Any, schema: dict[str, Any]) -> Test | None:
    tests = {key: quick_test(part) for key, part in argument.items()}
    if any(test is None for test in tests.values()):
        return None

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return True
        for key, item in value.items():
            test = tests.get(key)
            if test is not None and not test(item):
                return False
        return True

    return fits


def _additional(argument: Any, schema: dict[str, Any]) -> Test | None:
    if argument is True:
        return lambda value: True
    known = schema.get("properties", {}).keys()
    if argument is False:
        return lambda value: type(value) is not dict or value.keys() <= known
    test = quick_test(argument)
    if test is None:
        return None
    return lambda value: type(value) is not dict or all(test(value[key]) for key in value.keys() - known)


def _items(argument: Any, schema: dict[str, Any]) -> Test | None:
    test = quick_test(argument)
    if test is None:
        return None
    return lambda value: type(value) is not list or all(map(test, value))


def _any_of(argument: Any, schema: dict[str, Any]) -> Test | None:
    tests = [quick_test(part) for part in argument]
    found = [test for test in tests if test is not None]
    return (lambda value: any(test(value) for test in found)) if len(found) == len(tests) else None


def _bound(holds: Callable[[Any, Any], bool]) -> Callable[[Any, dict[str, Any]], Test]:
    def make(argument: Any, schema: dict[str, Any]) -> Test:
        return lambda value: type(value) not in (int, float) or holds(value, argument)

    return make


def _length(
    kind: type[str] | type[list[Any]], holds: Callable[[int, Any], bool]
) -> Callable[[Any, dict[str, Any]], Test]:
    def make(argument: Any, schema: dict[str, Any]) -> Test:
        return lambda value: type(value) is not kind or holds(len(value), argument)

    return make


def _pattern(argument: Any, schema: dict[str, Any]) -> Test:
    return lambda value: type(value) is not str or finds(argument, value)


def _enum(argument: Any, schema: dict[str, Any]) -> Test | None:
    if not all(type(item) is str for item in argument):
        return None  # 1 and true are equal in Python, but not in JSON
    allowed = frozenset(argument)
    return lambda value: type(value) is str and value in allowed


_QUICK: dict[str, Callable[[Any, dict[str, Any]], Test | None]] = {
    "type": _type,
    "properties": _properties,
    "required": lambda names, schema: (
        lambda value: type(value) is not dict or all(name in value for name in names)
    ),
    "additionalProperties": _additional,
    "items": _items,
    "enum": _enum,
    "anyOf": _any_of,
    "pattern": _pattern,
    "minLength": _length(str, lambda length, bound: length >= bound),
    "maxLength": _length(str, lambda length, bound: length <= bound),
    "minItems": _length(list, lambda length, bound: length >= bound),
    "maxItems": _length(list, lambda length, bound: length <= bound),
    "minimum": _bound(lambda value, bound: bool(value >= bound)),
    "maximum": _bound(lambda value, bound: bool(value <= bound)),
    "exclusiveMinimum": _bound(lambda value, bound: bool(value > bound)),
    "exclusiveMaximum": _bound(lambda value, bound: bool(value < bound)),
}


def input_error(error: Any, schema: Mapping[str, JSON]) -> InputError:
    """A jsonschema ValidationError as a sentence about the field that a person knows by its title."""
    path = list(error.absolute_path)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        path.append(missing)
        return InputError(f"{_title(path, schema)} is required.", field=_dotted(path))
    if error.validator == "additionalProperties":
        return _unknown_field(error, path, schema)
    if error.validator == "anyOf" and all(part.keys() == {"required"} for part in error.validator_value):
        return _one_of_these(error, path, schema)
    tell = _SENTENCES.get(error.validator)
    rest = tell(error) if tell else "does not fit: " + str(error.message).splitlines()[0][:200]
    return InputError(f"{_title(path, schema)} {rest}.", field=_dotted(path))


def _one_of_these(error: Any, path: list[Any], schema: Mapping[str, JSON]) -> InputError:
    names = [part["required"][0] for part in error.validator_value]
    titles = [_title([*path, name], schema) for name in names]
    return InputError(f"Give {' or '.join(titles)}.", field=_dotted([*path, names[0]]))


def _unknown_field(error: Any, path: list[Any], schema: Mapping[str, JSON]) -> InputError:
    known = list(error.schema.get("properties", {}))
    extra = next(key for key in error.instance if key not in known)
    near = difflib.get_close_matches(extra, known, n=1)
    hint = f" Did you mean “{near[0]}”?" if near else ""
    return InputError(f"“{extra}” is not a field here.{hint}", field=_dotted([*path, extra]))


def _type_sentence(error: Any) -> str:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    given = next(name for name, test in _TYPES.items() if name != "integer" and test(error.instance))
    return f"must be {' or '.join(_NAMES.get(str(name), str(name)) for name in wanted)}, not {_NAMES[given]}"


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "type": _type_sentence,
    "enum": lambda error: "must be one of " + ", ".join(map(str, error.validator_value[:20])),
    "const": lambda error: f"must be {error.validator_value}",
    "minLength": lambda error: (
        "must not be empty"
        if error.validator_value == 1
        else f"must have at least {error.validator_value} characters"
    ),
    "maxLength": lambda error: f"must have at most {error.validator_value} characters",
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "maximum": lambda error: f"must be at most {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "exclusiveMaximum": lambda error: f"must be less than {error.validator_value}",
    "minItems": lambda error: f"must have at least {error.validator_value} entries",
    "maxItems": lambda error: f"must have at most {error.validator_value} entries",
    "pattern": lambda error: "does not have the expected form",
    "uniqueItems": lambda error: "holds an entry twice",
}


def _title(path: list[Any], schema: Mapping[str, Any]) -> str:
    if not path:
        return "The input"
    titles: list[str] = []
    node: Any = schema
    for key in path:
        inner = node.get("items") if isinstance(key, int) else node.get("properties", {}).get(key)
        node = inner if isinstance(inner, dict) else {}
        titles.append(f"entry {key + 1}" if isinstance(key, int) else str(node.get("title") or f"“{key}”"))
    return ", ".join(titles)


def _dotted(path: list[Any]) -> str:
    return ".".join(map(str, path))

"""Looking up members of JSON values, and explaining why one is not there."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from automate.lib.expressions.errors import ExpressionTypeError, UnknownName
from automate.lib.expressions.scope import PLAIN_TYPES, Run
from automate.lib.expressions.suggest import did_you_mean, listed, shortened
from automate.lib.expressions.values import a_kind, is_number, shown
from automate.lib.jsontypes import JSON

Key: TypeAlias = str | int
_SIMPLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_STEP = re.compile(r"""\.?([^.\[\]"']+)|\[(-?\d{1,9})\]|\[(?:"([^"]*)"|'([^']*)')\]""")


def path_text(name: str, keys: tuple[Key, ...]) -> str:
    """The path as one writes it: `trigger.body["odd key"][0]`."""
    return name + "".join(_key_text(key) for key in keys)


def _key_text(key: Key) -> str:
    if isinstance(key, int):
        return f"[{shortened(key)}]"
    return f".{shortened(key)}" if _SIMPLE.fullmatch(key) else f"[{shown(key)}]"


def look_up(run: Run, name: str, keys: tuple[Key, ...]) -> object:
    """Follow a path from a name of the scope. A path into null gives null. Raises UnknownName."""
    value = run.named(name)
    for at, key in enumerate(keys):
        if type(value) is dict and key in value:
            value = value[key]
        elif value is None:
            return None
        else:
            value = member(value, key, lambda at=at: path_text(name, keys[:at]))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    return value


def member(value: object, key: object, base: Callable[[], str]) -> object:
    """`value.key`, where `base()` is what the user wrote for `value`. Raises UnknownName, ExpressionTypeError."""
    if value is None:
        return None
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ExpressionTypeError(f"`{base()}[…]` takes a name or a position, but was given {a_kind(key)}.")
    if isinstance(value, Mapping):
        if str(key) in value:
            return value[str(key)]
        raise UnknownName(lambda: _missing_field(value, str(key), base()))
    if isinstance(value, list | str) and isinstance(key, int):
        if -len(value) <= key < len(value):
            return value[key]
        raise UnknownName(lambda: _missing_item(value, key, base()))
    if is_namespace(value):
        return _namespace_member(value, str(key))
    raise UnknownName(lambda: _no_fields(value, str(key), base()))


def is_namespace(value: object) -> bool:
    """Whether our own code put a `Namespace` into the scope (the look-up is on its type, never on data)."""
    return hasattr(type(value), "get_member")


def _namespace_member(space: object, key: str) -> object:
    try:
        return space.get_member(key)  # type: ignore[attr-defined]  # is_namespace has looked
    except KeyError:
        raise UnknownName(lambda: str(space.describe_missing(key))) from None  # type: ignore[attr-defined]  # as above


def as_plain(value: object, text: Callable[[], str]) -> JSON:
    """A looked-up value as JSON; a namespace used as a value gives its `as_value()`."""
    if type(value) in PLAIN_TYPES or isinstance(value, str | int | float | list | dict):
        return value  # type: ignore[return-value]  # one of the JSON types
    if hasattr(type(value), "as_value"):
        found: JSON = value.as_value()  # type: ignore[attr-defined]  # just looked
        return found
    raise ExpressionTypeError(
        f"`{text()}` is a group of names, not a value. Choose one, like `{text()}.name`."
    )


def parse_path(path: str) -> tuple[Key, ...]:
    """The keys of a path given as text, such as `customer.lines[0]["unit price"]`. Raises ExpressionTypeError."""
    keys: list[Key] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise ExpressionTypeError(
                f"“{shortened(path)}” is not a path. Write it like customer.lines[0].price."
            )
        name = next((part for part in (found[1], found[3], found[4]) if part is not None), None)
        keys.append(int(found[2]) if name is None else name)
        at = found.end()
    return tuple(keys)


def get_path(value: JSON, keys: tuple[Key, ...]) -> JSON:
    """Follow a path inside a value; null where it leads nowhere."""
    for key in keys:
        if isinstance(value, dict):
            value = value.get(str(key))
        elif isinstance(value, list):
            position = (
                key if isinstance(key, int) else int(key) if key.isdecimal() and len(key) < 10 else None
            )
            inside = position is not None and -len(value) <= position < len(value)
            value = value[position] if inside and position is not None else None
        else:
            return None
    return value


def _missing_field(value: Mapping[str, object], key: str, base: str) -> str:
    missing = f"`{base}{_key_text(key)}` does not exist"
    if not value:
        return f"{missing}: `{base}` is an empty object."
    dashed = next((known for known in value if known.startswith(f"{key}-")), None)
    hint = f" Names with - are written `{base}[{shown(dashed)}]`." if dashed else did_you_mean(key, value)
    return f"{missing}: `{base}` has {listed(value)}.{hint}"


def _missing_item(value: list[JSON] | str, position: int, base: str) -> str:
    unit = "elements" if isinstance(value, list) else "characters"
    return f"`{base}[{position}]` does not exist: `{base}` has {len(value)} {unit} (the first is [0])."


def _no_fields(value: object, key: str, base: str) -> str:
    missing = f"`{base}{_key_text(key)}` does not exist: `{base}` is {a_kind(value)}"
    if isinstance(value, list):
        return f'{missing}. Take one element, `{base}[0]{_key_text(key)}`, or all, `{base} | map("{shortened(key)}")`.'
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        return f"{missing} that looks like JSON. Read it first: `({base} | from_json){_key_text(key)}`."
    return f"{missing} ({shown(value)})." if is_number(value) else f"{missing} and has no fields."

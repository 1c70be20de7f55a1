"""Templates of a manifest, prepared once: plain paths are looked up directly, everything else is an expression."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from automate.lib.expressions import ExpressionError, Scope, UnknownName, evaluate, has_expression, references
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError, InputError


class _Absent:
    """Stands for an input that was not given; whatever would have held it is left out."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
Names = dict[str, JSON]
Node = Callable[[Names], Any]  # JSON or ABSENT

_PLAIN_PATH = re.compile(r"\{\{\s*([a-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}")
_PART = re.compile(r"\{\{(\+?)(.*?)\}\}", re.DOTALL)
_WORDS = frozenset(("null", "true", "false", "none", "True", "False", "None", "not", "now"))


def compiled(template: JSON) -> Node:
    """A function from names to the template's value; ABSENT when an input it needs was not given."""
    if isinstance(template, str):
        return _text(template)
    if isinstance(template, dict):
        return _object({key: compiled(value) for key, value in template.items()})
    if isinstance(template, list):
        return _list([compiled(value) for value in template])
    return lambda names: template


def _text(text: str) -> Node:
    if not has_expression(text):
        return lambda names: text
    plain = _PLAIN_PATH.fullmatch(text)
    if plain and plain[1].split(".")[0] not in _WORDS:
        return _path(text, tuple(plain[1].split(".")))
    return _expression(text)


def _path(text: str, keys: tuple[str, ...]) -> Node:
    slow = _expression(text)
    of_input = keys[0] == "input" and len(keys) > 1

    def look_up(names: Names) -> Any:
        value: Any = names
        for key in keys:
            if type(value) is not dict:
                return slow(names)
            if key not in value:
                return ABSENT if of_input and value is not names else slow(names)
            value = value[key]
        return value

    return look_up


def _expression(text: str) -> Node:
    inputs = [path[1:] for path in references(text) if path[0] == "input"]

    def evaluated(names: Names) -> Any:
        try:
            return evaluate(text, Scope(names))
        except UnknownName as error:
            given = names.get("input")
            if any(not _holds(given, path) for path in inputs):
                return ABSENT
            raise _manifest_error(text, error) from None
        except ExpressionError as error:
            raise _manifest_error(text, error) from None

    return evaluated


def _holds(value: JSON, path: tuple[str, ...]) -> bool:
    for key in path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False
    return True


def _manifest_error(text: str, error: ExpressionError) -> ActionError:
    return ActionError(
        f"The integration could not work out “{text[:80]}”: {error.message}", code="mapping", sent=False
    )


def _object(nodes: Mapping[str, Node]) -> Node:
    pairs = tuple(nodes.items())

    def build(names: Names) -> Any:
        made = {}
        for key, node in pairs:
            value = node(names)
            if value is not ABSENT:
                made[key] = value
        # An object that consisted of absent inputs alone is absent too.
        return made if made or not pairs else ABSENT

    return build


def _list(nodes: list[Node]) -> Node:
    def build(names: Names) -> Any:
        return [value for node in nodes if (value := node(names)) is not ABSENT]

    return build


def value_of(node: Node, names: Names) -> JSON:
    """The value, with null for ABSENT."""
    value: JSON | _Absent = node(names)
    return None if isinstance(value, _Absent) else value


def is_true(value: JSON) -> bool:
    """As in `when`: false for null, false, 0 and everything empty."""
    return bool(value)


def compiled_path(template: str) -> Callable[[Names], str]:
    """A URL path: what expressions put in is quoted, slashes included; `{{+ … }}` lets slashes through."""
    pieces: list[str | tuple[Node, str]] = []
    end = 0
    for found in _PART.finditer(template):
        pieces += [template[end : found.start()], (_text("{{" + found[2] + "}}"), "/" if found[1] else "")]
        end = found.end()
    pieces.append(template[end:])

    def build(names: Names) -> str:
        return "".join(
            piece if isinstance(piece, str) else _quoted(piece, names, template) for piece in pieces
        )

    return build


def _quoted(piece: tuple[Node, str], names: Names, template: str) -> str:
    node, safe = piece
    value = node(names)
    if value is ABSENT or value is None or isinstance(value, (dict, list)):
        raise InputError(f"A part of the address {template} was not given.")
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if any(part in (".", "..") for part in text.split("/")) or (text == "" and not safe):
        raise InputError(f"“{text}” cannot be part of the address {template}.")
    return quote(text, safe=safe)

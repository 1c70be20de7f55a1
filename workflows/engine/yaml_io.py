"""YAML 1.2 (core schema) as JSON values.

ruamel's parser does the syntax; what a plain word means is decided here, so that dates, `on`, `no` and `1:30` stay
text, keys given twice are refused, and aliases cannot grow a small text into a huge or endless value.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from automate.lib.jsontypes import JSON, MAX_INT_DIGITS

MAX_VALUES: Final = 200_000  # values in one text, those repeated by aliases counted each time
_NULL: Final = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"^[-+]?[0-9]+$")
_BASED: Final = re.compile(r"^0o[0-7]+$|^0x[0-9a-fA-F]+$")
_FLOAT: Final = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
NOT_FINITE: Final = re.compile(r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")
_TAGS: Final = {
    f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")
}


class BadYAML(ValueError):
    """The text is not YAML we accept; the message is a sentence with line and column."""


def loads(text: str, *, max_depth: int = 64) -> JSON:
    """Read one YAML document. Raises BadYAML."""
    try:
        return _Builder(YAML(typ="safe", pure=True).parse(text), max_depth).document()
    except MarkedYAMLError as error:
        problem = error.problem or error.context or "the text cannot be read"
        raise _bad(problem, error.problem_mark or error.context_mark) from None
    except (YAMLError, RecursionError) as error:
        raise BadYAML(f"This is not YAML: {str(error).splitlines()[0][:200]}.") from None


def _bad(problem: str, mark: Any) -> BadYAML:
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return BadYAML(f"This is not the YAML we read: {problem.rstrip('.')}{where}.")


class _Builder:
    """Makes values of a stream of events. Depth is bounded, so recursion is too."""

    def __init__(self, stream: Iterator[Any], max_depth: int) -> None:
        self._stream = stream
        self._max_depth = max_depth
        self._anchors: dict[str, tuple[JSON, int, int]] = {}  # value, how many values, how deep
        self._count = 0
        self._deepest = 0  # within the value under way

    def document(self) -> JSON:
        value: JSON = None
        documents = 0
        for event in self._stream:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _bad("the text holds more than one document; keep one", event.start_mark)
                value = self._value(next(self._stream), 0)
        return value

    def _value(self, event: Any, depth: int) -> JSON:
        if isinstance(event, events.AliasEvent):
            return self._alias(event, depth)
        count, deepest = self._count, self._deepest
        self._deepest = depth
        self._add(1, event)
        if isinstance(event, events.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, events.SequenceStartEvent):
            self._check_depth(depth + 1, event)
            value = self._sequence(event, depth)
        else:
            self._check_depth(depth + 1, event)
            value = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - count, self._deepest - depth)
        self._deepest = max(deepest, self._deepest)
        return value

    def _check_depth(self, depth: int, event: Any) -> None:
        if depth > self._max_depth:
            raise _bad(f"it is nested more than {self._max_depth} levels deep", event.start_mark)
        self._deepest = max(self._deepest, depth)

    def _add(self, size: int, event: Any) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            raise _bad(f"it holds more than {MAX_VALUES:,} values", event.start_mark)

    def _alias(self, event: Any, depth: int) -> JSON:
        if event.anchor not in self._anchors:
            raise _bad(f"*{event.anchor} stands for nothing before it", event.start_mark)
        value, size, height = self._anchors[event.anchor]
        self._add(size, event)
        self._check_depth(depth + height, event)
        return value

    def _sequence(self, start: Any, depth: int) -> JSON:
        _known_tag(start, ("seq",))
        values: list[JSON] = []
        while not isinstance(event := next(self._stream), events.SequenceEndEvent):
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, start: Any, depth: int) -> JSON:
        _known_tag(start, ("map",))
        values: dict[str, JSON] = {}
        while not isinstance(event := next(self._stream), events.MappingEndEvent):
            key = self._key(event)
            if key in values:
                raise _bad(f'the key "{key[:60]}" is given twice', event.start_mark)
            values[key] = self._value(next(self._stream), depth + 1)
        return values

    def _key(self, event: Any) -> str:
        if not isinstance(event, events.ScalarEvent):
            raise _bad("a key must be a plain word or text", event.start_mark)
        if event.value == "<<" and event.style is None:
            raise _bad("merge keys (<<) are not part of YAML 1.2; write the keys out", event.start_mark)
        return str(event.value)


def _known_tag(event: Any, names: tuple[str, ...]) -> str | None:
    tag = str(event.tag) if event.tag is not None else None
    if tag in (None, "!"):
        return None
    name = _TAGS.get(str(tag))
    if name not in names:
        raise _bad(f"the tag {tag} is not known here; leave it out", event.start_mark)
    return name


def _scalar(event: Any) -> JSON:
    name = _known_tag(event, ("str", "int", "float", "bool", "null"))
    text = str(event.value)
    is_plain = event.style is None and event.tag is None
    if "\0" in text:
        raise _bad("the text contains the NUL character, which cannot be stored", event.start_mark)
    if name in (None, "str") and not is_plain:
        return text
    if NOT_FINITE.match(text):
        raise _bad("infinity and not-a-number cannot be used", event.start_mark)
    if len(text) > MAX_INT_DIGITS and _INT.match(text):
        raise _bad(f"the number has more than {MAX_INT_DIGITS:,} digits", event.start_mark)
    value = meaning(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise _bad("the number is too large", event.start_mark)
    return value


def meaning(text: str) -> JSON:
    """What a plain word stands for in the core schema."""
    if _NULL.match(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text

"""What a template asks when it is set up: places in its document, and the answers put there. Pure.

    ask:
      - {at: steps.post.input.channel, label: Where to post}

What the document has at the place is the answer that is proposed; with `example: true` it is an example only, and the
person has to give an answer of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from automate.lib.jsontypes import JSON
from workflows.engine.document import Document, Step, Trigger, dump, load

FORMATS: Final = ("", "email", "url")
ROOMS: Final = ("steps", "triggers", "settings")
_KEYS: Final = frozenset(("at", "label", "help", "example", "optional", "format", "choices"))
Answers = Mapping[
    str, Any
]  # a JSON value each: the first place of an ask → what goes there; MISSING takes it out


class Missing:
    """Nothing stands at a place."""


MISSING: Final = Missing()


class BadAsk(ValueError):
    """The head of a template asks for something that is not there; the message is a sentence."""


@dataclass(frozen=True)
class Ask:
    """One question. `at`: all places its answer goes to; the first one says of what kind it is."""

    at: tuple[str, ...]
    label: str = ""
    help: str = ""
    example: bool = False
    optional: bool = False
    format: str = ""
    choices: tuple[tuple[JSON, str], ...] = ()

    @property
    def place(self) -> str:
        return self.at[0]


def read_asks(given: Iterable[Mapping[str, Any]]) -> tuple[Ask, ...]:
    """Raises BadAsk."""
    return tuple(_read(entry) for entry in given)


def _read(entry: Mapping[str, Any]) -> Ask:
    if strange := set(entry) - _KEYS:
        raise BadAsk(f"There is no key {sorted(strange)[0]!r} in a question of a template.")
    at = entry.get("at", ())
    places = (at,) if isinstance(at, str) else tuple(at)
    if not places or any(place.split(".")[0] not in ROOMS for place in places):
        raise BadAsk(f"A question needs `at`, a place that begins with one of {', '.join(ROOMS)}.")
    if entry.get("format", "") not in FORMATS:
        raise BadAsk(f"The format {entry['format']!r} of {places[0]} is none of email and url.")
    choices = tuple((value, str(words)) for value, words in entry.get("choices", ()))
    kept = {name: entry[name] for name in _KEYS - {"at", "choices"} if name in entry}
    return Ask(at=places, choices=choices, **kept)


def written(ask: Ask) -> dict[str, Any]:
    """The question as it is stored; `read_asks` reads it back."""
    found: dict[str, Any] = {"at": list(ask.at)}
    found |= {name: value for name in ("label", "help", "format") if (value := getattr(ask, name))}
    found |= {name: True for name in ("example", "optional") if getattr(ask, name)}
    return found | ({"choices": [list(choice) for choice in ask.choices]} if ask.choices else {})


def value_at(document: Document, place: str) -> Any:
    """What the document has there, or MISSING."""
    return _value(dump(document), place)


def part_exists(document: Document, place: str) -> bool:
    """Whether the step or trigger that a place lies in is there."""
    room, _, rest = place.partition(".")
    if room == "settings":
        return True
    parts: Sequence[Step | Trigger] = document.steps if room == "steps" else document.triggers
    return rest.partition(".")[0] in {part.key for part in parts}


def with_answers(document: Document, asks: Iterable[Ask], answers: Answers) -> Document:
    """The document with the answers in their places. Raises DocumentError for what cannot stand there."""
    data = deepcopy(dump(document))  # what is dumped shares its values with the document
    for ask in asks:
        if ask.place in answers:
            for place in ask.at:
                _put(data, place, answers[ask.place])
    return load(data, complete=False)


def _value(data: Mapping[str, Any], place: str) -> Any:
    found: Any = _part(data, place)
    for name in _path(place):
        if not isinstance(found, Mapping) or name not in found:
            return MISSING
        found = found[name]
    return found


def _put(data: dict[str, Any], place: str, value: Any) -> None:
    holder = _part(data, place)
    if holder is None:
        return
    *way, last = _path(place)
    for name in way:
        inner = holder.get(name)
        holder[name] = holder = inner if isinstance(inner, dict) else {}
    if value is MISSING:
        holder.pop(last, None)
    else:
        holder[last] = deepcopy(value)


def _part(data: Mapping[str, Any], place: str) -> Any:
    room, _, rest = place.partition(".")
    if room == "settings":
        return data.setdefault("settings", {}) if isinstance(data, dict) else data.get("settings")
    key = rest.partition(".")[0]
    return next((part for part in data.get(room, ()) if part["key"] == key), None)


def _path(place: str) -> list[str]:
    """The names below the part: `steps.post.input.channel` → input, channel."""
    parts = place.split(".")
    return parts[1:] if parts[0] == "settings" else parts[2:]

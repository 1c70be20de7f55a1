"""What is different between two documents, part by part and field by field, for people to look at. Pure.

`compare` gives values; sentences about the same are made by `workflows/documents/changes.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from workflows.documents.changes import PART_NAMES, SETTING_NAMES, Title, humanised
from workflows.engine import yaml_text
from workflows.engine.document import Document, Retry, Settings, Step, Trigger, port_name
from workflows.engine.words import humanise

TRIGGER: Final = "trigger:"
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
CONTEXT: Final = 2  # equal lines shown around a change
MAX_CHARS: Final = 20_000  # of one value; a longer one is only named
MAX_WORDS: Final = 400  # of one line; a longer one is shown as a whole
_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
_NOTHING: Final = ("", None)

Line = tuple[str, str, str]  # source ("trigger:<key>", a step's key), port, target
Values = dict[str, tuple[str, Any]]  # where it stands → label and value
Describe = Callable[[Step | Trigger], str]


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `kind` "" or "changed"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """Two lines side by side. `kind`: same, changed, added, removed, gap (lines left out)."""

    kind: str
    old: tuple[Piece, ...] = ()
    new: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class FieldChange:
    """One field; a side that has no such value is `is_absent_old` or `is_absent_new`."""

    label: str
    rows: tuple[Row, ...]
    is_absent_old: bool = False
    is_absent_new: bool = False


@dataclass(frozen=True)
class PartChange:
    """A step or trigger that is not the same. `id` as on the canvas; `mark`: added, removed, changed."""

    id: str
    mark: str
    part: Step | Trigger
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Comparison:
    """`about`: of the workflow itself. `parts` in the order of the new document, removed ones last."""

    about: tuple[FieldChange, ...]
    parts: tuple[PartChange, ...]
    added_lines: frozenset[Line]
    removed_lines: frozenset[Line]

    @property
    def marks(self) -> dict[str, str]:
        return {part.id: part.mark for part in self.parts}

    @property
    def counts(self) -> dict[str, int]:
        found = {ADDED: 0, CHANGED: 0, REMOVED: 0}
        for part in self.parts:
            found[part.mark] += 1
        return found

    def __bool__(self) -> bool:
        return bool(self.about or self.parts or self.added_lines or self.removed_lines)


def compare(old: Document, new: Document, *, title: Title = humanised, describe: Describe) -> Comparison:
    """`title` names a field of a step; `describe` says what a part does ("Slack · Send message")."""
    before, after = lines_of(old), lines_of(new)
    return Comparison(
        about=tuple(_changed(_about(old), _about(new))),
        parts=tuple(_parts(old, new, title, describe)),
        added_lines=frozenset(after - before),
        removed_lines=frozenset(before - after),
    )


def part_changes(
    old: Step | Trigger, new: Step | Trigger, *, title: Title = humanised, describe: Describe
) -> tuple[FieldChange, ...]:
    """What is different between two states of one part, lines aside."""
    return tuple(_changed(_values(old, title, describe), _values(new, title, describe)))


def lines_of(document: Document) -> set[Line]:
    """Every line as the canvas draws it: each trigger leads to its own first steps, or to the start."""
    found = {
        (f"{TRIGGER}{trigger.key}", "main", target)
        for trigger in document.triggers
        for target in trigger.next or document.start
    }
    return found | {
        (step.key, port, target)
        for step in document.steps
        for port, targets in step.next.items()
        for target in targets
    }


# --- parts ----------------------------------------------------------------------------------------


def _parts(old: Document, new: Document, title: Title, describe: Describe) -> Iterator[PartChange]:
    before, after = _by_id(old), _by_id(new)
    for id, part in after.items():
        if id not in before:
            values = _values(part, title, describe) | _leads_to(part, new)
            yield PartChange(id, ADDED, part, tuple(_changed({}, values)))
        elif found := tuple(_changed(_values(before[id], title, describe), _values(part, title, describe))):
            yield PartChange(id, CHANGED, part, found)
    for id, part in before.items():
        if id not in after:
            values = _values(part, title, describe) | _leads_to(part, old)
            yield PartChange(id, REMOVED, part, tuple(_changed(values, {})))


def _by_id(document: Document) -> dict[str, Step | Trigger]:
    found: dict[str, Step | Trigger] = {f"{TRIGGER}{one.key}": one for one in document.triggers}
    return found | {step.key: step for step in document.steps}


def _values(part: Step | Trigger, title: Title, describe: Describe) -> Values:
    """What is set, in the order people read a part. Lines are not among it: the picture shows them."""
    found: Values = {"name": ("Name", part.name), "does": ("What it does", describe(part)),
                     "connection": ("Connection", part.connection)}  # fmt: skip
    if isinstance(part, Step):
        for name, value in part.input.items():
            found |= _spread(f"input.{name}", title(part.key, name), value)
        for name, value in part.config.items():
            found |= _spread(f"config.{name}", title(part.key, name), value)
        found |= {name: (humanise(said), _plain(getattr(part, name))) for name, said in PART_NAMES.items()}
        found["notes"] = ("Notes", part.notes or None)
    else:
        for name, value in part.config.items():
            found |= _spread(f"config.{name}", title(part.key, name), value)
    found["enabled"] = ("Switched on", None if part.enabled else "No")
    return _set(found)


def _spread(key: str, label: str, value: Any) -> Values:
    """An object as one field for each of its names; a list of objects, such as cases, as those of each."""
    if isinstance(value, dict) and value:
        return {f"{key}.{name}": (f"{label} \u203a {name}", inner) for name, inner in value.items()}
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        return {key: (label, value)}
    return {
        f"{key}.{one.get('key', number)}.{name}": (f"{label} {number} \u203a {humanise(str(name))}", inner)
        for number, one in enumerate(value, start=1)
        for name, inner in one.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Retry):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return value


def _leads_to(part: Step | Trigger, document: Document) -> Values:
    """Where a part that is only on one side led to."""
    names = {step.key: step.name for step in document.steps}
    if isinstance(part, Trigger):
        said = [names.get(key, key) for key in part.next]
    else:
        said = [
            f"{'' if port == 'main' else port_name(part, port) + ': '}{names.get(target, target)}"
            for port, targets in part.next.items()
            for target in targets
        ]
    return {"next": ("Leads to", "\n".join(said))} if said else {}


def _about(document: Document) -> Values:
    found: Values = {"name": ("Name of the workflow", document.name),
                     "description": ("Description", document.description or None)}  # fmt: skip
    plain = Settings()
    for one in fields(Settings):
        value = getattr(document.settings, one.name)
        label = humanise(SETTING_NAMES.get(one.name, one.name))
        found[f"settings.{one.name}"] = (label, None if value == getattr(plain, one.name) else value)
    for key, slot in document.connections.items():
        found[f"connections.{key}"] = (f"Connection “{key}”", slot.integration)
    return _set(found)


def _set(values: Values) -> Values:
    return {key: pair for key, pair in values.items() if pair[1] is not None}


# --- fields ---------------------------------------------------------------------------------------


def _changed(old: Values, new: Values) -> Iterator[FieldChange]:
    for key in (*new, *(key for key in old if key not in new)):
        (_, left), (_, right) = old.get(key, _NOTHING), new.get(key, _NOTHING)
        if type(left) is type(right) and left == right:
            continue
        label = (new.get(key) or old[key])[0]
        rows = tuple(side_by_side(_text(left), _text(right)))
        yield FieldChange(label, rows, is_absent_old=key not in old, is_absent_new=key not in new)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, str):
        return value
    return yaml_text.dumps(value).rstrip("\n") if isinstance(value, (dict, list)) else str(value)


def side_by_side(old: str, new: str) -> Iterator[Row]:
    """The lines of two texts beside each other, equal ones only near changes; within a changed line its changed words."""
    if len(old) > MAX_CHARS or len(new) > MAX_CHARS:
        yield Row("changed", (Piece(_size(old), "changed"),), (Piece(_size(new), "changed"),))
        return
    left, right = old.split("\n"), new.split("\n")
    if len(left) == len(right) == 1:
        yield _row(old, new)
        return
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1]:
            yield Row("gap")
        for tag, i1, i2, j1, j2 in group:
            yield from _block(tag, left[i1:i2], right[j1:j2])


def _size(text: str) -> str:
    return f"{len(text):,} characters, see the text" if text else ""


def _block(tag: str, old: list[str], new: list[str]) -> Iterator[Row]:
    if tag == "equal":
        yield from (Row("same", (Piece(line),), (Piece(line),)) for line in old)
        return
    both = min(len(old), len(new))
    yield from (_row(left, right) for left, right in zip(old, new, strict=False))
    yield from (Row(REMOVED, (Piece(line),)) for line in old[both:])
    yield from (Row(ADDED, (), (Piece(line),)) for line in new[both:])


def _row(old: str, new: str) -> Row:
    if not old or not new:
        return Row(ADDED if new else REMOVED, (Piece(old),) if old else (), (Piece(new),) if new else ())
    left, right = _WORD.findall(old), _WORD.findall(new)
    if max(len(left), len(right)) > MAX_WORDS:
        return Row(CHANGED, (Piece(old, CHANGED),), (Piece(new, CHANGED),))
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    codes = matcher.get_opcodes()
    return Row(
        CHANGED,
        tuple(_pieces((left[i1:i2], tag) for tag, i1, i2, _, _ in codes)),
        tuple(_pieces((right[j1:j2], tag) for tag, _, _, j1, j2 in codes)),
    )


def _pieces(stretches: Iterable[tuple[list[str], str]]) -> Iterator[Piece]:
    for words, tag in stretches:
        if words:
            yield Piece("".join(words), "" if tag == "equal" else CHANGED)

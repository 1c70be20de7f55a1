"""One look at a service for new items: ask from where we stopped, leave out what was seen, say what to remember.

Nothing here is stored. Whoever starts runs from a `Batch` stores `state_after(n)` in the same transaction, so that a
death at any point neither loses an item nor takes it twice. The place moves only by what the service showed, never
by our own clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from integrations.actions.answers import Answer
from integrations.actions.mapping import Names, compiled, is_true, value_of
from integrations.actions.marks import Marks, is_time, kind_of
from integrations.errors import ActionError, RateLimited
from integrations.manifest import Trigger
from integrations.values import Batch, Item, Mark

KEY_CHARS: Final = 24  # 96 bits of a hash
KEPT_KEYS: Final = 5_000  # of lists without a cursor, besides those in the newest answer
MAX_NEW: Final = 1_000  # items of one look; what is left follows at once
MAX_DETAILS: Final = 50  # items of one look that are asked for one by one
MAX_BYTES: Final = 8 * 1024 * 1024  # of answers, after which no further page is read

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """One page of a service's answer, as templates see it."""

    names: Names
    raw: list[JSON]
    has_next: bool
    size: int = 0


Pages = Callable[[Names, JSON], Iterator[Answered]]  # names, and the place to ask from
Detail = Callable[[Names], JSON]


@dataclass
class Look:
    """One poll of a manifest's trigger. `first`: the mode of a first poll, or None when one was made before."""

    trigger: Trigger
    names: Names
    state: State
    now: datetime
    first: str | None
    found: dict[str, Item] = field(default_factory=dict)
    current: dict[str, Mark] = field(default_factory=dict)  # every item of the answer, new or known
    kind: str = ""

    def __post_init__(self) -> None:
        self.marks = marks_of(self.trigger, self.names)
        self.seen: dict[str, Mark] = dict(self.state.get("seen", []))
        self.at: Mark = self.state.get("at")
        self.kind = str(self.state.get("kind", ""))
        if self.marks is not None and self.at is None and self.first == "nothing":
            self.at = self.marks.first(self.now)

    @property
    def floor(self) -> Mark:
        if self.marks is None:
            return None
        return self.marks.floor(self.at, is_time=self.is_time)

    @property
    def is_time(self) -> bool:
        return self.marks is not None and is_time(self.marks.cursor, self.kind)

    def run(self, pages: Pages, detail: Detail | None) -> Batch:
        """Raises ActionError."""
        from_here = self._from_here()
        self.names.update({"cursor": from_here, "first": self.first})
        more = self._read(pages(self.names, from_here))
        if more and self.is_newest_first:
            return self._batch(False, detail, has_gap=True)
        if more and not self._has_moved():
            raise _never_ends(self.trigger)
        return self._batch(more, detail)

    def _read(self, pages: Iterator[Answered]) -> bool:
        """Take page after page; True when there is more than was read."""
        more, size = False, 0
        try:
            for page in pages:
                size += page.size
                more = self._take(page)
                if not more or self._is_enough(size):
                    break
        except RateLimited:
            if self.is_newest_first or not self._has_moved():
                raise
            return True
        return more

    @property
    def is_newest_first(self) -> bool:
        return self.marks is not None and self.marks.cursor.order == "desc"

    def _has_moved(self) -> bool:
        return bool(self.found) or any(self._is_ahead(mark) for mark in self.current.values())

    def _is_ahead(self, mark: Mark) -> bool:
        return mark is not None and (self.at is None or before(self.at, mark))

    def _from_here(self) -> JSON:
        if self.marks is None:
            return None
        return self.marks.written(self.floor, is_time=self.is_time, now=self.now)

    def _take(self, page: Answered) -> bool:
        """Note the page's items; True when there is more that we want."""
        is_back = False
        for raw in page.raw:
            names = {**page.names, "item": raw}
            key, mark = _key(self.trigger, names, raw), self._mark(raw)
            if mark is not None and self.floor is not None and before(mark, self.floor):
                is_back = True
                continue
            self.current[key] = mark
            if key not in self.seen and key not in self.found and self._counts(names):
                self.found[key] = Item(key, raw, mark)
        if self.is_newest_first and (is_back or (self.floor is None and self.first != "all")):
            return False
        return page.has_next or self._says_more(page)

    def _mark(self, raw: JSON) -> Mark:
        if self.marks is None:
            return None
        mark = self.marks.of(raw)
        if not self.kind and self.marks.cursor.format == "auto" and mark is not None:
            value = raw
            for key in self.marks.path:
                value = value[key] if isinstance(value, dict) else None
            self.kind = kind_of(value)
        return mark

    def _counts(self, names: Names) -> bool:
        return self.trigger.when is None or is_true(value_of(compiled(self.trigger.when), names))

    def _says_more(self, page: Answered) -> bool:
        return self.trigger.more is not None and is_true(value_of(compiled(self.trigger.more), page.names))

    def _is_enough(self, size: int) -> bool:
        """Oldest first, the rest can follow later; newest first, we must get back to our place now."""
        if size >= MAX_BYTES * (4 if self.is_newest_first else 1):
            return True
        return self.marks is not None and not self.is_newest_first and len(self.found) >= MAX_NEW

    def _batch(self, more: bool, detail: Detail | None, *, has_gap: bool = False) -> Batch:
        items, count = list(self.found.values()), len(self.found)
        if self.marks is not None:
            items.sort(key=lambda item: _sortable(item.mark))
        if detail is not None and self.first != "nothing":
            items = items[:MAX_DETAILS]
        made = [self._finished(item, detail) for item in items]
        more = more or len(items) < count
        return Batch(made, more, lambda n: self._after(made[:n], whole=n == count), has_gap)

    def _finished(self, item: Item, detail: Detail | None) -> Item:
        """With what a request of its own tells about it, in the shape the manifest promises."""
        names = {**self.names, "item": item.value}
        if detail is not None and self.first != "nothing":
            names["detail"] = detail(names)
        value = names.get("detail", item.value)
        if self.trigger.output is not None:
            value = value_of(compiled(self.trigger.output), names)
        return Item(item.key, value, item.mark)

    def _after(self, taken: Sequence[Item], *, whole: bool) -> dict[str, Any]:
        marks = [item.mark for item in taken] + (list(self.current.values()) if whole else [])
        at = self.at
        for mark in marks:
            if mark is not None and (at is None or before(at, mark)):
                at = mark
        seen = {**self.seen, **{item.key: item.mark for item in taken}, **(self.current if whole else {})}
        state = {"v": 1, "seen": _kept(seen, self._bound(at), self.current)}
        return state | ({"at": at, "kind": self.kind} if self.marks is not None else {})

    def _bound(self, at: Mark) -> Mark:
        return None if self.marks is None else self.marks.floor(at, is_time=self.is_time)


def marks_of(trigger: Trigger, names: Names) -> Marks | None:
    if trigger.cursor is None:
        return None
    path = value_of(compiled(trigger.cursor.field), names)
    return Marks(trigger.cursor, tuple(str(path).split("."))) if path else None


def before(one: Mark, other: Mark) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return str(one) < str(other)
    return one is not None and other is not None and one < other


def _sortable(mark: Mark) -> tuple[bool, float, str]:
    """Items without a place come first: nothing hangs on their order."""
    if isinstance(mark, str):
        return True, 0.0, mark
    return mark is not None, mark or 0.0, ""


def _kept(seen: dict[str, Mark], bound: Mark, current: Mapping[str, Mark]) -> list[list[Any]]:
    """With a cursor, what may be shown again; without one, what stands in the list now, and the newest of the rest."""
    if bound is not None:
        return [
            [key, mark]
            for key, mark in seen.items()
            if (key in current if mark is None else not before(mark, bound))
        ]
    others = [key for key in seen if key not in current]
    kept = {*others[-KEPT_KEYS:], *(key for key in current if key in seen)}
    return [[key, mark] for key, mark in seen.items() if key in kept]


def _key(trigger: Trigger, names: Names, raw: JSON) -> str:
    said = None if trigger.dedup is None else value_of(compiled(trigger.dedup), names)
    return hashed(raw if said is None or said == "" else said)


def hashed(value: JSON) -> str:
    """A short name of a value: equal values have the same."""
    text = value if isinstance(value, str) else jsontypes.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_CHARS]


def items_of(trigger: Trigger, names: Names) -> list[JSON]:
    """The list in an answer. Raises ActionError when there is none."""
    found = value_of(compiled(trigger.items), names)
    if found is None:
        found = []
    if not isinstance(found, list):
        raise ActionError(
            f"“{trigger.display_name}” expected a list of items, but found {_named(found)}. "
            "Check the trigger's settings.",
            code="not_a_list",
            sent=True,
        )
    return found


def _named(value: JSON) -> str:
    return {dict: "an object", str: "text", bool: "true or false"}.get(type(value), "a number")


def _never_ends(trigger: Trigger) -> ActionError:
    message = (
        f"“{trigger.display_name}” was shown {MAX_BYTES:,} bytes of items that were seen before, and no end of them. "
        "Too many carry the same time."
    )
    return ActionError(message, code="answer_too_large", sent=True)


def names_of(answer: Answer, names: Names) -> Names:
    return {**names, "status": answer.status, "headers": dict(answer.headers), "body": answer.body}

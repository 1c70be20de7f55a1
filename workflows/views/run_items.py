"""Choosing an item of a loop in a run: numbers in a row, arrows to more, which of them failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workflows.models import StepExecution
from workflows.views.run_paths import Place, parse, window

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom

MAX_FAILED: Final = 50  # failed items that are listed by number
MAX_LOOKED: Final = 2_000  # failed steps that are looked at for the next failed item


@dataclass(frozen=True)
class Chooser:
    """The items of one loop. `segments` are what ui/_segments.html draws; `url` takes `?loop=&item=` (from 1).

    `failed`: how many items failed, as far as they were counted; `next_failed`: the address of the next of them.
    """

    label: str
    loop: str
    count: int
    current: int | None
    segments: list[dict[str, Any]]
    url: str
    current_status: str = ""
    next_failed: str = ""
    failed: int = 0

    @property
    def has_more(self) -> bool:
        """Whether not all items are in the row."""
        return self.count > len(self.segments)


def choosers(room: RunRoom, place: Place) -> list[Chooser]:
    """One for each loop around the place, outermost first, and one for the place's own loop."""
    loops = [loop for loop, _ in place.items]
    if room.step(place.key).type == "loop":
        loops.append(place.key)
    found = (_chooser(room, place, loop) for loop in loops)
    return [chooser for chooser in found if chooser.count]


def _chooser(room: RunRoom, place: Place, loop: str) -> Chooser:
    path = place.loop_path(loop)
    chosen = place.chosen.get(loop)
    count = max(room.states.items_of(path), 0 if chosen is None else chosen + 1)
    seen = window(None if chosen is None else chosen + 1, count)
    marks = _marks(room, path, loop, seen.numbers)
    segments = [
        {
            "label": f"{number:,}",
            "url": room.url_of(place.at(loop, number - 1).path),
            "active": number - 1 == chosen,
            "icon_name": {"FAILED": "alert-circle"}.get(marks.get(number - 1, "")),
        }
        for number in seen.numbers
    ]
    if seen.before:
        segments.insert(0, _arrow(room, place, loop, seen.before, "chevron-left", "Items before"))
    if seen.after:
        segments.append(_arrow(room, place, loop, seen.after, "chevron-right", "Items after"))
    status = marks.get(chosen, "") if chosen is not None else ""
    url = room.url_of(place.path)
    failed = _failed_in(room, path)
    following = next(
        (index for index in failed if chosen is None or index > chosen), failed[0] if failed else None
    )
    is_elsewhere = following is not None and following != chosen
    next_url = room.url_of(place.at(loop, following).path) if is_elsewhere and following is not None else ""
    return Chooser(room.step(loop).name, loop, count, chosen, segments, url, status, next_url, len(failed))


def _failed_in(room: RunRoom, path: str) -> list[int]:
    """The items of the loop at this path in which a step failed, in order (one SQL query, none without failures)."""
    if not room.execution.had_errors and not room.execution.is_failed and room.execution.is_final:
        return []
    failed = room.steps.filter(path__startswith=f"{path}[", step_status=StepExecution.Status.FAILED).order_by(
        "id"
    )
    numbers = (
        text[len(path) + 1 :].partition("]")[0] for text in failed.values_list("path", flat=True)[:MAX_LOOKED]
    )
    return sorted({int(number) for number in numbers if number.isdecimal()})


def _arrow(room: RunRoom, place: Place, loop: str, number: int, icon: str, label: str) -> dict[str, Any]:
    url = room.url_of(place.at(loop, number - 1).path)
    return {"label": label, "url": url, "icon_name": icon, "icon_only": True, "active": False}


def _marks(room: RunRoom, path: str, loop: str, numbers: Iterable[int]) -> dict[int, str]:
    """What became of the items with these numbers: RUNNING, FAILED or COMPLETED (one SQL query)."""
    members = room.graph.members(loop)
    places = {f"{path}[{number - 1}].{key}": number - 1 for number in numbers for key in members}
    marks: dict[int, str] = {}
    for found, status in room.steps.filter(path__in=places).values_list("path", "step_status"):
        index = places[found]
        if marks.get(index) != "FAILED":
            marks[index] = "FAILED" if status == StepExecution.Status.FAILED else "COMPLETED"
    for running in room.live.progress:
        if running in places:
            marks[places[running]] = "RUNNING"
    return marks


def failed_items(room: RunRoom, place: Place) -> list[tuple[int, str]]:
    """The items of this loop in which a step failed: number from 1 and address, at most MAX_FAILED."""
    members = room.graph.members(place.key)
    rows = room.steps.filter(step_id__in=members, step_status=StepExecution.Status.FAILED).order_by("id")
    found: dict[int, str] = {}
    for path in rows.values_list("path", flat=True)[: 4 * MAX_FAILED]:
        failed = parse(path, room.graph)
        if failed and failed.loop_path(place.key) == place.step_path:
            found.setdefault(failed.chosen[place.key] + 1, room.url_of(path))
    return sorted(found.items())[:MAX_FAILED]

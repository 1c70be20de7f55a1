"""What is different between two documents, in sentences for the publish dialog and the list of versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Final

from workflows.engine.document import Document, Settings, Step, Trigger, port_name
from workflows.engine.words import humanise, listed

SETTING_NAMES: Final = {
    "timeout_s": "time limit of a run", "time_zone": "time zone", "overlap": "overlap of runs",
    "max_parallel_runs": "limit of runs at once", "keep_data": "data kept of runs",
    "on_failure": "workflow that runs on failure", "input_schema": "input",
}  # fmt: skip
PART_NAMES: Final = {"when": "condition", "timeout_s": "time limit", "retry": "retries", "output": "output"}
SUMMED_UP: Final = 4  # changes that a proposed note names
Title = Callable[[str, str], str]  # (step key, field name) → what people call the field


def humanised(_step: str, field: str) -> str:
    return humanise(field)


def changes(old: Document | None, new: Document, *, title: Title = humanised) -> list[str]:
    """One sentence per change, in the order of the new document; `old` None: the first version."""
    if old is None:
        count = len([step for step in new.steps if step.type != "note"])
        return [f"First version, with {count} step{'s' if count != 1 else ''}."]
    return [*_about(old, new), *_triggers(old, new), *_steps(old, new, title), *_links(old, new)]


def summed_up(changes: list[str]) -> str:
    """The sentences as one note, the first few of them where there are many."""
    more = len(changes) - SUMMED_UP
    shown = " ".join(changes[:SUMMED_UP])
    return f"{shown} And {more} more change{'s' if more > 1 else ''}." if more > 0 else shown


def _about(old: Document, new: Document) -> Iterable[str]:
    if old.name != new.name:
        yield f'Renamed the workflow to "{new.name}".'
    if old.description != new.description:
        yield "Changed the description."
    for field in fields(Settings):
        if getattr(old.settings, field.name) != getattr(new.settings, field.name):
            yield f"Changed the {SETTING_NAMES.get(field.name, field.name)}."
    gone = [key for key in old.connections if key not in new.connections]
    come = [key for key in new.connections if key not in old.connections]
    if come:
        yield f"Added the connection{'s' if len(come) > 1 else ''} {listed(come, 'and')}."
    if gone:
        yield f"Removed the connection{'s' if len(gone) > 1 else ''} {listed(gone, 'and')}."


def _triggers(old: Document, new: Document) -> Iterable[str]:
    before, after = ({t.key: t for t in document.triggers} for document in (old, new))
    yield from (f"Removed trigger {_name(t)}." for key, t in before.items() if key not in after)
    for key, trigger in after.items():
        if key not in before:
            yield f"Added trigger {_name(trigger)}."
        else:
            yield from _changed_trigger(before[key], trigger)


def _changed_trigger(old: Trigger, new: Trigger) -> Iterable[str]:
    if old.name != new.name:
        yield f"Renamed trigger {_name(old)} to {_name(new)}."
    if old.enabled != new.enabled:
        yield f"Switched trigger {_name(new)} {'on' if new.enabled else 'off'}."
    if (old.type, old.integration, old.event) != (new.type, new.integration, new.event):
        yield f"Trigger {_name(new)} is of another kind now."
    elif old.config != new.config or old.connection != new.connection:
        yield f"Changed trigger {_name(new)}."


def _steps(old: Document, new: Document, title: Title) -> Iterable[str]:
    before, after = ({s.key: s for s in document.steps} for document in (old, new))
    yield from (f"Removed {_step_word(s)} {_name(s)}." for key, s in before.items() if key not in after)
    for key, step in after.items():
        if key not in before:
            yield f"Added {_step_word(step)} {_name(step)}."
        elif before[key] != step:
            yield from _changed_step(before[key], step, title)


def _changed_step(old: Step, new: Step, title: Title) -> Iterable[str]:
    if old.name != new.name:
        yield f"Renamed {_step_word(new)} {_name(old)} to {_name(new)}."
    if old.enabled != new.enabled:
        yield f"Switched step {_name(new)} {'on' if new.enabled else 'off'}."
    if (old.type, old.integration, old.action) != (new.type, new.integration, new.action):
        yield f"{_name(new)} does something else now."
        return
    names = [*_changed_keys(old.input, new.input), *_changed_keys(old.config, new.config)]
    words = [title(new.key, name) for name in names]
    words += [PART_NAMES[name] for name in PART_NAMES if getattr(old, name) != getattr(new, name)]
    words += ["connection"] if old.connection != new.connection else []
    words += ["notes"] if old.notes != new.notes else []
    if words:
        yield f"Changed {listed(words, 'and')} of {_name(new)}."


def _changed_keys(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [
        name for name in (*old, *(name for name in new if name not in old)) if old.get(name) != new.get(name)
    ]


def _links(old: Document, new: Document) -> Iterable[str]:
    """Lines between steps that exist on both sides; the lines of added and removed steps go without saying."""
    both = {s.key for s in old.steps} & {s.key for s in new.steps}
    before, after = _lines(old, both), _lines(new, both)
    names = {s.key: s for s in new.steps}
    for source, port, target in sorted(after - before):
        where = "" if port in ("main", "start") else f' ("{port_name(names[source], port)}")'
        start = "The start" if port == "start" else _name(names[source])
        yield f"{start}{where} now leads to {_name(names[target])}."
    if before - after and not after - before and both == set(names) == {s.key for s in old.steps}:
        yield "Removed a line between steps."


def _lines(document: Document, among: set[str]) -> set[tuple[str, str, str]]:
    lines = {
        (step.key, port, target)
        for step in document.steps
        for port, targets in step.next.items()
        for target in targets
        if step.key in among and target in among
    }
    return lines | {("", "start", target) for target in document.start if target in among}


def _step_word(step: Step) -> str:
    return "note" if step.type == "note" else "step"


def _name(part: Step | Trigger) -> str:
    return part.name

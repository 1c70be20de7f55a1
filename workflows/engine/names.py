"""What an expression in a step can see: `trigger`, `steps`, the loop's item, `vars`, `run`, `now`, `error`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from automate.lib.expressions import Scope
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record
from workflows.engine.words import did_you_mean

if TYPE_CHECKING:
    from workflows.engine.graph import Graph


@dataclass(slots=True)
class Frame:
    """One item of a loop under way. `prefix` is what its steps' paths begin with: `items[0].`."""

    loop: str
    name: str
    index: int
    item: JSON
    count: int | None
    prefix: str
    parent: Frame | None = None
    state: JSON = None

    def as_loop(self) -> dict[str, JSON]:
        """What `loop` stands for inside this item."""
        return {
            "index": self.index,
            "number": self.index + 1,
            "count": self.count,
            "first": self.index == 0,
            "last": self.count is not None and self.index == self.count - 1,
            "state": self.state,
            "parent": self.parent.as_loop() if self.parent else None,
        }


@dataclass(slots=True)
class RunData:
    """What all steps of a run see. `records` are its ended steps by path; `leaked` are secrets that came back in an
    output, so that everything made from it can be kept from sight; `is_tainted`: some came back before the run was taken
    up here, and it is not known which; `functions_at` gives the functions that runs add, as seen from a frame."""

    graph: Graph
    trigger: JSON
    run: dict[str, JSON]
    records: dict[str, Record]
    load_vars: Callable[[], dict[str, JSON]] = dict
    load_secrets: Callable[[], dict[str, JSON]] = dict
    time_zone: str = "UTC"
    functions_at: Callable[[Frame | None], Mapping[str, Callable[..., JSON]]] | None = None
    leaked: set[str] = field(default_factory=set)
    is_tainted: bool = False

    def record_of(self, key: str, frame: Frame | None) -> Record | None:
        """The ended step `key` as seen from `frame`; None when it has not ended or is not visible from there."""
        prefix = visible_prefix(self.graph, key, frame)
        return None if prefix is None else self.records.get(prefix + key)


def visible_prefix(graph: Graph, key: str, frame: Frame | None) -> str | None:
    """The prefix of the paths under which `key` runs, seen from `frame`; None inside a loop one is not in."""
    loop = graph.loop_of.get(key)
    if loop is None:
        return ""
    while frame is not None and frame.loop != loop:
        frame = frame.parent
    return frame.prefix if frame else None


class StepView:
    """One ended step as a value: its output, and `.error`."""

    __slots__ = ("record",)

    def __init__(self, record: Record) -> None:
        self.record = record

    def as_value(self) -> JSON:
        return self.record.value

    def get_member(self, key: str) -> JSON:
        output = self.record.value
        if isinstance(output, dict) and key in output:
            return output[key]
        if key == "error":
            return self.record.error
        if output is None:
            return None
        raise KeyError(key)

    def describe_missing(self, key: str) -> str:
        output = self.record.value
        what = f"`steps.{self.record.key}`"
        if not isinstance(output, dict):
            return f"{what} has no part `{key}`: the step gave {type(output).__name__}, not an object."
        known = ", ".join(list(output)[:12]) or "nothing"
        return f"{what} has no part `{key}`: it has {known}. {did_you_mean(key, output)}".rstrip()


class StepsView:
    """`steps`: every step that has ended and can be seen from here."""

    __slots__ = ("data", "frame")

    def __init__(self, data: RunData, frame: Frame | None) -> None:
        self.data = data
        self.frame = frame

    def as_value(self) -> JSON:
        graph = self.data.graph
        seen = ((key, self.data.record_of(key, self.frame)) for key in graph.order)
        return {key: record.value for key, record in seen if record is not None}

    def get_member(self, key: str) -> object:
        record = self.data.record_of(key, self.frame)
        if record is None:
            raise KeyError(key)
        output = record.value
        return output if isinstance(output, list | str | int | float) else StepView(record)

    def describe_missing(self, key: str) -> str:
        graph = self.data.graph
        if key not in graph.steps:
            return f"There is no step `{key}` in this workflow. {did_you_mean(key, graph.steps)}".rstrip()
        if visible_prefix(graph, key, self.frame) is None:
            return (
                f"The step `{key}` runs once per item of the loop `{graph.loop_of[key]}`, so it can be seen inside "
                f"that loop only. After the loop use its `collect`: `steps.{graph.loop_of[key]}.results`."
            )
        return f"The step `{key}` has not run before this one. Use the output of a step that comes earlier."


def scope_for(
    data: RunData,
    frame: Frame | None,
    *,
    now: datetime,
    error: Callable[[], JSON] | None = None,
    extra: Mapping[str, Any] | None = None,
    with_secrets: bool = False,
) -> Scope:
    """The names for one step. Secrets are among `vars` only for action inputs."""
    names: dict[str, Any] = {
        "trigger": data.trigger,
        "steps": StepsView(data, frame),
        "vars": data.load_secrets if with_secrets else data.load_vars,
        "run": data.run,
        "now": lambda: now.isoformat(),
        "loop": frame.as_loop if frame else None,
        "error": error,
    }
    if frame is None:
        del names["loop"]
    if error is None:
        del names["error"]
    at = frame
    while at is not None:
        names.setdefault(at.name, at.item)
        at = at.parent
    if extra:
        names.update(extra)
    extra_functions = data.functions_at(frame) if data.functions_at else None
    return Scope(names, now=now, time_zone=data.time_zone, extra_functions=extra_functions)

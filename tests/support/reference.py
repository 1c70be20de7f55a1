"""A naive interpreter of workflow documents: no engine, no order of events, no state; just what the words mean.

It follows the document by recursion: has this link been taken? Then what did that step give? Formulas (graphs.py)
know their own values, so that the product's expressions have no part in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.support.graphs import Formula, links


class Ambiguous(Exception):
    """Two things end the same scope: which one comes first is anybody's choice."""


@dataclass(frozen=True)
class Ended:
    """`status` as in the journal. `ends`: that more than its branch ends here: item, loop, completed, failed."""

    status: str
    output: Any = None
    ports: tuple[str, ...] = ()
    ends: str | None = None


@dataclass
class Meaning:
    """What a run comes to. `steps`: path → (status, output). `open`: prefixes of scopes that end early: which of their
    other steps ran is open, `""` means the whole run."""

    status: str = "COMPLETED"
    output: Any = None
    steps: dict[str, tuple[str, Any]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)


class Env:
    """What formulas see: the trigger's body, items by name, outputs of steps."""

    def __init__(self, body: Any, parent: Env | None = None, name: str = "", item: Any = None) -> None:
        self.body, self.parent, self.name, self._item = body, parent, name, item
        self.ended: dict[str, Ended] = {}

    def item(self, name: str) -> Any:
        return self._item if name == self.name else self.parent.item(name)  # type: ignore[union-attr]  # names are in scope

    def output(self, key: str) -> Any:
        if key in self.ended:
            return self.ended[key].output
        return self.parent.output(key) if self.parent else None


class Interpreter:
    def __init__(self, document: dict[str, Any], body: Any) -> None:
        self.steps = {step["key"]: step for step in document["steps"]}
        self.document, self.body = document, body
        self.meaning = Meaning()

    def run(self) -> Meaning:
        """Raises Ambiguous."""
        env, ending = Env(self.body), self._scope(self.document["start"], "", Env(self.body))
        env = ending[1]
        self._end(ending[0], env)
        return self.meaning

    def _end(self, stop: tuple[str, Ended] | None, env: Env) -> None:
        if stop is None:
            ends = {key: end.output for key, end in env.ended.items() if self._is_last(key, end)}
            self.meaning.output = ends if len(ends) > 1 else next(iter(ends.values()), None)
            return
        self.meaning.open.add("")
        failed = stop[1].ends != "completed"
        self.meaning.status = "FAILED" if failed else "COMPLETED"
        self.meaning.output = None if failed else stop[1].output

    def _is_last(self, key: str, end: Ended) -> bool:
        followers = links(self.steps[key])
        return (
            end.status == "COMPLETED"
            and bool(end.ports)
            and not any(followers.get(port) for port in end.ports)
        )

    # --- a scope -------------------------------------------------------------------------------
    def _scope(self, entries: list[str], prefix: str, env: Env) -> tuple[tuple[str, Ended] | None, Env]:
        """Everything reached from `entries`. Gives the step that ended the scope early, if one did."""
        incoming: dict[str, list[tuple[str, str]]] = defaultdict(list)
        members, queue = list(entries), list(entries)
        while queue:
            key = queue.pop()
            for port, targets in links(self.steps[key]).items():
                for target in targets if port != "each" else ():
                    incoming[target].append((key, port))
                    if target not in members:
                        members.append(target)
                        queue.append(target)
        for key in members:
            self._step(key, entries, incoming, prefix, env)
        stops = [(key, env.ended[key]) for key in members if self._stops(key, env.ended[key], prefix)]
        if len(stops) > 1:
            raise Ambiguous
        if stops:
            self.meaning.open.add(prefix)
        return (stops[0] if stops else None), env

    def _stops(self, key: str, end: Ended, prefix: str) -> bool:
        if end.ends == "item" and not prefix:
            return False  # a filter at the top ends its own branch alone
        return end.ends is not None

    def _step(
        self, key: str, entries: list[str], incoming: dict[str, list[tuple[str, str]]], prefix: str, env: Env
    ) -> Ended:
        if key not in env.ended:
            ends = [self._step(source, entries, incoming, prefix, env) for source, _ in incoming[key]]
            taken = [
                source for (source, port), end in zip(incoming[key], ends, strict=True) if port in end.ports
            ]
            alive = key in entries or bool(taken)
            env.ended[key] = (
                self._carry_out(self.steps[key], taken, prefix, env) if alive else Ended("SKIPPED")
            )
            self.meaning.steps[prefix + key] = (env.ended[key].status, env.ended[key].output)
        return env.ended[key]

    # --- a step --------------------------------------------------------------------------------
    def _carry_out(self, step: dict[str, Any], taken: list[str], prefix: str, env: Env) -> Ended:
        if step.get("enabled") is False:
            return Ended("SKIPPED", None, {"condition": ("else",)}.get(step["type"], ("main",)))
        if step["type"] == "merge":
            return Ended("COMPLETED", {"taken": sorted(taken)}, ("main",))
        if step["type"] == "loop":
            return self._loop(step, prefix, env)
        done: Ended = getattr(self, f"_{step['type']}")(step, env)
        return done

    def _failed(self, step: dict[str, Any]) -> Ended:
        caught = "on_error" in step
        return Ended("FAILED", None, ("error",) if caught else (), None if caught else "failure")

    def _transform(self, step: dict[str, Any], env: Env) -> Ended:
        return Ended("COMPLETED", {"v": step["config"]["set"]["v"].value(env)}, ("main",))

    def _action(self, step: dict[str, Any], env: Env) -> Ended:
        given = step["input"]
        fails = given["fail"].value(env) if isinstance(given["fail"], Formula) else given["fail"]
        if fails or given["flaky"] >= step.get("retry", {"attempts": 1})["attempts"]:
            return self._failed(step)
        return Ended("COMPLETED", {"v": given["v"].value(env)}, ("main",))

    def _delay(self, step: dict[str, Any], env: Env) -> Ended:
        return Ended("COMPLETED", ..., ("main",))  # the moment is the clock's

    def _condition(self, step: dict[str, Any], env: Env) -> Ended:
        holding = [case["key"] for case in step["cases"] if case["when"].value(env)]
        ports = (holding[:1] if step["mode"] == "first" else holding) or ["else"]
        return Ended("COMPLETED", {"taken": ports}, tuple(ports))

    def _filter(self, step: dict[str, Any], env: Env) -> Ended:
        passes = step["when"].value(env)
        return Ended("COMPLETED", {"passed": passes}, ("main",) if passes else (), None if passes else "item")

    def _stop(self, step: dict[str, Any], env: Env) -> Ended:
        how = step["config"]["as"]
        output = step["config"]["output"].value(env) if "output" in step["config"] else None
        ends = {"next_item": "item", "break": "loop", "completed": "completed", "failed": "failed"}[how]
        return Ended("FAILED" if how == "failed" else "COMPLETED", output, (), ends)

    def _loop(self, step: dict[str, Any], prefix: str, env: Env) -> Ended:
        results, failed, count = [], 0, 0
        for index, item in enumerate(step["over"].value(env)):
            count += 1
            stop, inside = self._scope(
                step["next"]["each"],
                f"{prefix}{step['key']}[{index}].",
                Env(self.body, env, step["as"], item),
            )
            ends = stop[1].ends if stop else None
            if stop and ends in ("completed", "failed"):
                return Ended("OPEN", stop[1].output, (), ends)  # the whole run ends in here
            if ends == "failure":
                failed += 1
                if step["on_item_error"] == "stop":
                    return self._failed(step)
            elif ends is None and "collect" in step:
                results.append(step["collect"].value(inside))
            if ends == "loop":
                break
        return Ended("COMPLETED", {"count": count, "failed": failed, "results": results}, ("done",))

"""Random workflows with branches, joins, nested loops, error paths, conditions, filters, retries and delays.

Every expression of such a document is a `Formula`: a text for the product, which also knows its own value for the
reference interpreter, so that the two have nothing in common but the document.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOD = 997
MAX_DEPTH = 3  # of loops in loops
Env = Any  # tests.support.reference.Env


class Formula(str):
    """An expression; `value(env)` is what it gives."""

    __slots__ = ("value",)
    value: Callable[[Env], Any]

    def __new__(cls, text: str, value: Callable[[Env], Any]) -> Formula:
        made = super().__new__(cls, f"{{{{ {text} }}}}")
        made.value = value
        return made


@dataclass
class Wishes:
    """How often things are drawn. `effects` are those of the calls; `waits` lets delays be real."""

    effects: tuple[str, ...] = ("safe",)
    waits: bool = False
    lost_answers: bool = False


@dataclass
class _Scope:
    """The steps of one level. `item`: the name of the loop's item, None at the top."""

    item: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    before: dict[str, set[str]] = field(default_factory=dict)  # step → its ancestors in this scope
    outside: tuple[str, ...] = ()  # steps with a value that can be seen from here
    can_end: bool = True
    depth: int = 0


class Draw:
    """Draws one document; the same number gives the same document."""

    def __init__(self, number: int, wishes: Wishes | None = None) -> None:
        self.dice = random.Random(number)
        self.number = number
        self.wishes = wishes or Wishes()
        self.count = 0
        self.all: list[dict[str, Any]] = []

    def document(self) -> dict[str, Any]:
        scope = _Scope()
        entries = self._fill(scope, self.dice.randint(2, 8))
        return {
            "format": "automate/1",
            "key": f"graph-{self.number}",
            "triggers": [{"key": "go", "type": "manual"}],
            "start": entries,
            "steps": self.all,
        }

    def body(self) -> dict[str, Any]:
        """What the run is started with."""
        items = [self.dice.randrange(MOD) for _ in range(self.dice.randint(0, 4))]
        return {"n": self.dice.randrange(MOD), "items": items}

    # --- the graph -----------------------------------------------------------------------------
    def _fill(self, scope: _Scope, count: int) -> list[str]:
        """Draw the steps of a scope; gives those it begins with."""
        entries: list[str] = []
        for _ in range(count):
            sources = self._sources(scope)
            before = {source["key"] for source, _ in sources}.union(
                *(scope.before[source["key"]] for source, _ in sources)
            )
            step = self._step(scope, before, joins=len(sources) > 1)
            for source, port in sources:
                where = source if port == "error" else source.setdefault("next", {})
                where.setdefault("on_error" if port == "error" else port, []).append(step["key"])
            if not sources:
                entries.append(step["key"])
            scope.before[step["key"]] = before
            scope.steps.append(step)
        return entries

    def _sources(self, scope: _Scope) -> list[tuple[dict[str, Any], str]]:
        open_ = [step for step in scope.steps if step["type"] != "stop"]
        if not open_ or self.dice.random() < 0.1:
            return []
        chosen = self.dice.sample(open_, min(len(open_), self.dice.choice((1, 1, 1, 2, 2, 3))))
        return [(step, self.dice.choice(_ports(step))) for step in chosen]

    # --- the steps -----------------------------------------------------------------------------
    def _step(self, scope: _Scope, before: set[str], *, joins: bool) -> dict[str, Any]:
        kinds = ["value"] * 4 + ["call"] * 5 + ["condition"] * 3 + ["filter"]
        kinds += ["delay"] * (2 if self.wishes.waits else 0)
        kinds += ["merge"] * (4 if joins else 0)
        kinds += ["loop"] * (2 if scope.depth < MAX_DEPTH else 0)
        kinds += ["stop"] if scope.can_end and self.dice.random() < 0.4 else []
        kind = self.dice.choice(kinds)
        self.count += 1
        step: dict[str, Any] = {"key": f"{kind}{self.count}"}
        self.all.append(step)
        seen = (*scope.outside, *sorted(before))
        getattr(self, f"_{kind}")(step, scope, seen)
        if kind not in ("stop", "loop") and self.dice.random() < 0.05:
            step["enabled"] = False
        return step

    def _value(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        step |= {"type": "transform", "config": {"set": {"v": self._number(scope, seen)}}}

    def _call(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        given: dict[str, Any] = {"v": self._number(scope, seen), "fail": False, "flaky": 0, "lost": 0}
        effect = self.dice.choice(self.wishes.effects)
        step |= {
            "type": "action",
            "integration": "http",
            "action": "request",
            "effect": effect,
            "input": given,
        }
        if self.dice.random() < 0.3:
            given["fail"] = self._test(scope, seen, share=3)
        if self.dice.random() < 0.3:
            step["retry"] = {"attempts": self.dice.randint(2, 3), "backoff_s": 0}
            given["flaky"] = self.dice.randint(0, 3)
        if self.wishes.lost_answers and (effect == "unsafe" or "retry" in step) and not given["flaky"]:
            given["lost"] = int(self.dice.random() < 0.4)

    def _condition(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        keys = ("one", "two")[: self.dice.randint(1, 2)]
        cases = [{"key": key, "when": self._test(scope, seen, share=2)} for key in keys]
        step |= {"type": "condition", "cases": cases, "mode": self.dice.choice(("first", "all"))}

    def _filter(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        step |= {"type": "filter", "when": self._test(scope, seen, share=2)}

    def _merge(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        step |= {"type": "merge", "join": "all"}

    def _delay(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        step |= {"type": "delay", "config": {"seconds": self.dice.choice((0.5, 5, 60))}}

    def _stop(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        ways = ["completed", "failed"] + (["next_item", "break"] * 3 if scope.item else [])
        config: dict[str, Any] = {"as": self.dice.choice(ways)}
        if config["as"] == "completed":
            config["output"] = self._number(scope, seen)
        step |= {"type": "stop", "config": config}

    def _loop(self, step: dict[str, Any], scope: _Scope, seen: tuple[str, ...]) -> None:
        item = f"it{self.count}"
        length = self.dice.randint(0, 3)
        over = (
            Formula("trigger.body.items", lambda env: env.body["items"])
            if scope.depth == 0 and self.dice.random() < 0.5
            else Formula(f"range({length})", lambda env: list(range(length)))
        )
        one_by_one = self.dice.random() < 0.5
        stops = one_by_one and self.dice.random() < 0.5
        step |= {
            "type": "loop", "over": over, "as": item, "parallel": 1 if one_by_one else self.dice.randint(2, 4),
            "on_item_error": "stop" if stops else "continue",
        }  # fmt: skip
        inner = _Scope(item, outside=seen, can_end=one_by_one, depth=scope.depth + 1)
        step["next"] = {"each": self._fill(inner, self.dice.randint(1, 3 if scope.depth else 4))}
        if self.dice.random() < 0.7:
            step["collect"] = self._number(inner, (*seen, *(other["key"] for other in inner.steps)))

    # --- expressions ---------------------------------------------------------------------------
    def _number(self, scope: _Scope, seen: tuple[str, ...]) -> Formula:
        """A number made of the trigger, the item, and what earlier steps gave."""
        known = [key for key in seen if key.startswith(("value", "call"))]
        parts = self.dice.sample(known, min(len(known), 3))
        start, item = self.dice.randrange(MOD), scope.item
        text = f"{start} + trigger.body.n" + (f" + 7 * {item}" if item else "")
        text += "".join(f" + {place + 2} * first_of(steps.{key}.v, 0)" for place, key in enumerate(parts))

        def value(env: Env) -> int:
            total = start + env.body["n"] + (7 * env.item(item) if item else 0)
            for place, key in enumerate(parts):
                total += (place + 2) * (env.output(key) or {"v": 0})["v"]
            return int(total % MOD)

        return Formula(f"({text}) % {MOD}", value)

    def _test(self, scope: _Scope, seen: tuple[str, ...], *, share: int) -> Formula:
        """Holds once in `share` times."""
        number = self._number(scope, seen)
        inner, rest = str(number)[3:-3], self.dice.randrange(share)
        return Formula(f"({inner}) % {share} == {rest}", lambda env: number.value(env) % share == rest)


def links(step: dict[str, Any]) -> dict[str, list[str]]:
    """Port → the steps it leads to."""
    return {**step.get("next", {}), **({"error": step["on_error"]} if "on_error" in step else {})}


def _ports(step: dict[str, Any]) -> list[str]:
    """The ports that may lead on; an error path is drawn only where something can fail."""
    if step["type"] == "condition":
        return [*(case["key"] for case in step["cases"]), "else"]
    if step["type"] == "loop":
        return ["done", "done", "error"]
    return ["main", "main", "main", "error"] if step["type"] == "action" else ["main"]

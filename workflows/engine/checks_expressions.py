"""Faults in expressions: syntax, functions, names that do not exist, steps that cannot have run yet."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from automate.lib import expressions
from workflows.engine.catalogue import Catalogue
from workflows.engine.checks_outputs import missing_part
from workflows.engine.errors import Fault, Severity
from workflows.engine.graph import Graph
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.engine.parts import Step, Trigger
from workflows.engine.shapes import Field
from workflows.engine.words import did_you_mean

EXTRA_FUNCTIONS: Final = ("callback_url",)  # what runs add to the library
TRIGGER_MEMBERS: Final = frozenset(
    ("type", "key", "at", "body", "method", "path", "query", "headers", "files", "scheduled_at", "parent")
)
RUN_MEMBERS: Final = frozenset(("id", "number", "started_at", "url", "workflow"))
_ALWAYS: Final = frozenset(("trigger", "steps", "vars", "run", "now"))
_CALLBACK_KEY: Final = re.compile(r"""\bcallback_url\(\s*["']([^"']*)["']\s*\)""")
_GUARD: Final = re.compile(r"\bdefault\b|\bis\s+(?:not\s+)?defined\b|\bfirst_of\b")
_IN_ITEM: Final = frozenset(("while", "state", "collect"))  # keys of a loop that see its item


@dataclass(frozen=True)
class Variables:
    """The names `vars` has, and those of them that are secret. None: not known, so not checked."""

    names: Collection[str] | None = None
    secrets: Collection[str] = ()


@dataclass(frozen=True)
class _Place:
    """A field and what it can see."""

    base: str
    who: str
    field: str
    step: str | None
    names: frozenset[str]  # besides those that are always there
    visible: frozenset[str] = frozenset()  # keys of steps
    takes_secrets: bool = False
    has_error: bool = False
    not_at_first: frozenset[str] = frozenset()  # names and steps that are not there before the first round

    def fault(self, message: str, severity: Severity = "error") -> Fault:
        text = f"{self.who}, `{self.field}`: {message}"
        return Fault(f"{self.base}.{self.field}", text, self.step, self.field, severity)


@dataclass
class Expressions:
    """Checks every expression of a document against its graph."""

    graph: Graph
    catalogue: Catalogue
    variables: Variables = field(default_factory=Variables)

    def __post_init__(self) -> None:
        self._behind_errors = self._error_paths()

    def faults(self) -> Iterator[Fault]:
        for trigger in self.graph.document.triggers:
            yield from self._trigger(trigger)
        for key in self.graph.order:
            yield from self._step(self.graph.steps[key])

    # -- going through the fields

    def _trigger(self, trigger: Trigger) -> Iterator[Fault]:
        kind = TRIGGER_KINDS.get(trigger.type)
        place = _Place(
            f"triggers.{trigger.key}",
            f"Trigger `{trigger.key}`",
            "",
            None,
            frozenset(("trigger", "vars", "now")),
        )
        for spec in kind.fields if kind else ():
            if not spec.literal and spec.name in trigger.config:
                here = replace(place, field=f"config.{spec.name}")
                yield from self._values(here, spec, trigger.config[spec.name])

    def _step(self, step: Step) -> Iterator[Fault]:
        place = self._place_of(step)
        for spec in STEP_KINDS[step.type].fields:
            value = getattr(step, spec.name) if spec.where == "attr" else step.config.get(spec.name)
            if value is None or spec.literal:
                continue
            path = f"config.{spec.name}" if spec.where == "config" else spec.name
            yield from self._values(self._seen_by(replace(place, field=path), step, spec), spec, value)
        if step.retry is not None and step.retry.retry_if is not None:
            here = replace(place, field="retry.retry_if", names=place.names | {"error"}, has_error=True)
            yield from self._values(here, _CONDITION, step.retry.retry_if)

    def _place_of(self, step: Step) -> _Place:
        loops = self.graph.loops_around(step.key)
        items = {self._item_name(loop) for loop in loops}
        return _Place(
            base=f"steps.{step.key}",
            who=f"Step `{step.key}`",
            field="",
            step=step.key,
            names=_ALWAYS | items | ({"loop"} if loops else set()),
            visible=frozenset(self.graph.ancestors(step.key)),
            has_error=step.key in self._behind_errors,
        )

    def _seen_by(self, place: _Place, step: Step, spec: Field) -> _Place:
        if step.type == "action" and spec.name == "output":
            return replace(place, names=place.names | {"result"})
        if step.type == "transform" and spec.name == "ops":
            return replace(place, names=place.names | {"item"})
        if step.type == "loop" and spec.name in _IN_ITEM:
            return self._seen_by_item(place, step, spec.name)
        return replace(place, takes_secrets=step.type == "action" and spec.name == "input")

    def _seen_by_item(self, place: _Place, loop: Step, field: str) -> _Place:
        """`while` is asked before a round, `collect` after it, `state` before the first and after each."""
        own, body = frozenset(("loop", self._item_name(loop.key))), frozenset(self.graph.members(loop.key))
        seen = replace(place, names=place.names | own)
        if field == "while":
            return seen
        seen = replace(seen, visible=place.visible | body)
        return replace(seen, not_at_first=body | (own - place.names)) if field == "state" else seen

    def _item_name(self, loop: str) -> str:
        return str(self.graph.steps[loop].setting("as"))

    def _error_paths(self) -> frozenset[str]:
        """The steps that lie behind an error port."""
        behind: set[str] = set()
        for key in self.graph.order:
            if any(link.port == "error" or link.source in behind for link in self.graph.incoming[key]):
                behind.add(key)
        return frozenset(behind)

    def _values(self, place: _Place, spec: Field, value: Any) -> Iterator[Fault]:
        if spec.shape == "condition":
            yield from _fixed_condition(place, value)
        if spec.name == "over" and isinstance(value, str) and "{{" not in value:
            yield place.fault(
                "this is text, not a list. Put an expression such as {{ trigger.body.lines }} here."
            )
        for path, text in _texts(value, spec.shape == "cases"):
            yield from self._text(replace(place, field=place.field + path), text)
        if spec.shape == "cases" and isinstance(value, list):
            for index, case in enumerate(value):
                if isinstance(case, dict) and "when" in case:
                    here = replace(place, field=f"{place.field}[{index}].when")
                    yield from _fixed_condition(here, case["when"])

    # -- one text

    def _text(self, place: _Place, text: str) -> Iterator[Fault]:
        for fault in expressions.check(text, EXTRA_FUNCTIONS):
            yield place.fault(fault.message)
        for key in _CALLBACK_KEY.findall(text):
            yield from self._callback(place, key)
        guarded = bool(_GUARD.search(text))
        for path in sorted(expressions.references(text)):
            yield from self._reference(place, path, guarded)

    def _callback(self, place: _Place, key: str) -> Iterator[Fault]:
        """The address of a step: there must be one, and it must wait where this can see it."""
        steps = [name for name, step in self.graph.steps.items() if step.type == "callback"]
        if key not in steps:
            hint = did_you_mean(key, steps) or "Add a step of the type “Wait for a call”."
            yield place.fault(f"`callback_url`: no step `{key}` waits for a call. {hint}")
            return
        loop = self.graph.loop_of[key]
        if place.step is None or (loop is not None and loop not in self.graph.loops_around(place.step)):
            where = f"inside the loop `{loop}`" if loop else "in steps"
            yield place.fault(f"the address of `{key}` is known {where} only. Use it there.")

    def _reference(self, place: _Place, path: tuple[str, ...], guarded: bool) -> Iterator[Fault]:
        root, member = path[0], path[1] if len(path) > 1 else None
        if (member if root == "steps" else root) in place.not_at_first and not guarded:
            name = ".".join(path[:2] if root == "steps" else path[:1])
            yield place.fault(
                f"`{name}` is not there before the first round. Add `| default(…)` with a first value."
            )
        if root == "error":
            if not place.has_error:
                yield place.fault(
                    "`error` is at hand on an error path only. Link this step from `on_error`.", "warning"
                )
        elif root not in place.names:
            yield place.fault(self._unknown_name(place, root), "warning" if guarded else "error")
        elif member is None:
            return
        elif root == "steps":
            yield from self._step_reference(place, member, path[2:])
        elif root == "vars":
            yield from self._variable(place, member, guarded)
        elif root in _MEMBERS and member not in _MEMBERS[root]:
            hint = (
                f"Data that came in is in `trigger.body`: write `trigger.body.{member}`."
                if root == "trigger"
                else ""
            )
            yield place.fault(
                f"`{root}` has no `{member}`. {hint or did_you_mean(member, _MEMBERS[root])}", "warning"
            )

    def _unknown_name(self, place: _Place, name: str) -> str:
        if name in self.graph.steps:
            return f"there is no `{name}`. The output of a step is written `steps.{name}`."
        if name == "steps":
            return "no step has run yet when a trigger starts. Use `trigger`."
        if name == "loop":
            return "`loop` is at hand in the body of a loop only."
        if name == "result":
            return "`result` is at hand in `output` only."
        for loop, step in self.graph.steps.items():
            if step.type == "loop" and self._item_name(loop) == name:
                return f"`{name}` is an item of the loop `{loop}` and known in its body only."
        known = place.names | ({"error"} if place.has_error else set())
        return f"there is no `{name}`. {did_you_mean(name, sorted(known))}".rstrip()

    def _variable(self, place: _Place, name: str, guarded: bool) -> Iterator[Fault]:
        names, secrets = self.variables.names, self.variables.secrets
        if name in secrets and not place.takes_secrets:
            yield place.fault(
                f"the secret `vars.{name}` may be used in the input of actions only. Move it there."
            )
        if names is not None and name not in names and name not in secrets:
            hint = did_you_mean(name, sorted(names)) if len(names) else ""
            message = f"there is no variable `{name}`. {hint or 'Add it to the workspace.'}"
            yield place.fault(message, "warning" if guarded else "error")

    def _step_reference(self, place: _Place, key: str, rest: tuple[str, ...]) -> Iterator[Fault]:
        step = self.graph.steps.get(key)
        if step is None:
            hint = did_you_mean(key, self.graph.order) or "Choose another step."
            yield place.fault(f"there is no step `{key}`. {hint}")
        elif step.type in ("note", "stop"):
            yield place.fault(f"step `{key}` is a {step.type} and has no output. Choose another step.")
        elif key not in place.visible:
            words = self._why_not(place, key)
            if words:
                yield place.fault(words)
        else:
            words = missing_part(step, rest, self.catalogue)
            if words:
                yield place.fault(words, "warning")

    def _why_not(self, place: _Place, key: str) -> str | None:
        """Why the output of an existing step cannot be used here; None when a circle keeps us from knowing."""
        graph = self.graph
        assert place.step is not None  # triggers do not see `steps`
        if {key, place.step} & graph.circular:
            return None
        if key == place.step:
            return "a step cannot use its own output before it has run. Use an earlier step."
        around = graph.loops_around(place.step)
        if key in around:
            return f"the loop `{key}` has no output while its body runs. Use `{self._item_name(key)}`, the current item."
        loop = graph.loop_of[key]
        if loop == place.step:
            return f"step `{key}` has not run yet when this is asked. Keep what you need in `state`, and use `loop.state`."
        if loop is not None and loop not in around:
            return (
                f"step `{key}` runs for each item of the loop `{loop}` and is not seen outside of it. "
                f"Give the loop `collect: {{{{ steps.{key} }}}}` and use `steps.{loop}.results`."
            )
        return (
            f"step `{key}` cannot have run before this one. Link it to come earlier, or use a step that does."
        )


_MEMBERS: Final = {"trigger": TRIGGER_MEMBERS, "run": RUN_MEMBERS}
_CONDITION: Final = Field("when", "condition", "")


def _texts(value: Any, are_cases: bool = False) -> Iterator[tuple[str, str]]:
    """Every text with an expression in it, and its path."""
    if isinstance(value, str):
        if "{{" in value:
            yield "", value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not (are_cases and name == "name"):
                yield from ((f".{name}{path}", text) for path, text in _texts(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ((f"[{index}]{path}", text) for path, text in _texts(inner, are_cases))


def _fixed_condition(place: _Place, value: Any) -> Iterator[Fault]:
    """A condition that is fixed text holds always; whoever wrote it forgot the braces."""
    if isinstance(value, str) and value and "{{" not in value:
        message = "this is fixed text, which always holds. Write an expression: {{ … }}."
        yield place.fault(message, "warning")
    elif isinstance(value, dict):
        for name in ("all", "any"):
            parts = value.get(name)
            for index, part in enumerate(parts if isinstance(parts, list) else ()):
                yield from _fixed_condition(replace(place, field=f"{place.field}.{name}[{index}]"), part)
        if "not" in value:
            yield from _fixed_condition(replace(place, field=f"{place.field}.not"), value["not"])

"""What a document still lacks: the choices a step or trigger cannot run without."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from workflows.engine.errors import Fault
from workflows.engine.kinds import STATE_DEEDS, STEP_KINDS, TRIGGER_KINDS
from workflows.engine.parts import Document, Step, Trigger
from workflows.engine.words import listed

Lack = tuple[str, str]  # the field, and the sentence after "Step `x` "


def missing(document: Document) -> list[Fault]:
    """Every required thing that is absent, with what to do about it."""
    faults = []
    for trigger in document.triggers:
        for field, words in _trigger_lacks(trigger):
            path = f"triggers.{trigger.key}.{field}"
            faults.append(Fault(path, f"Trigger `{trigger.key}` {words}", field=field))
    for step in document.steps:
        for field, words in _step_lacks(step):
            faults.append(Fault(f"steps.{step.key}.{field}", f"Step `{step.key}` {words}", step.key, field))
    return faults


def _is_absent(value: Any) -> bool:
    return value is None or value == "" or value == []


def _step_lacks(step: Step) -> Iterator[Lack]:
    kind = STEP_KINDS.get(step.type)
    for field in kind.fields if kind else ():
        if field.required:
            value = getattr(step, field.name) if field.where == "attr" else step.config.get(field.name)
            if _is_absent(value):
                place = f"config.{field.name}" if field.where == "config" else field.name
                yield place, f"has no `{place}`. {field.required}"
    if step.type in _SPECIAL:
        yield from _SPECIAL[step.type](step)


def _given(step: Step, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in step.config]


def _cases(step: Step) -> Iterator[Lack]:
    has_value = "value" in step.config
    for index, case in enumerate(step.cases):
        place = f"cases[{index}]"
        if has_value and "equals" not in case:
            yield (
                place,
                f"compares `value`, but its case {index + 1} has no `equals`. Give the value to compare with.",
            )
        elif not has_value and "equals" in case:
            yield (
                place,
                "has a case with `equals`, but no `value` to compare with. Give `value`, or use `when`.",
            )
        elif not has_value and _is_absent(case.get("when")):
            yield f"{place}.when", f"has no `when` in its case {index + 1}. Say when this way is taken."
        elif has_value and "when" in case:
            yield f"{place}.when", f"has both `equals` and `when` in its case {index + 1}. Keep one of them."


def _loop(step: Step) -> Iterator[Lack]:
    given = _given(step, ("over", "while"))
    if not given:
        yield "over", "has neither `over` nor `while`. Give the list to go through in `over`."
    elif len(given) == 2:
        yield "while", "has both `over` and `while`. Keep one of them."
    elif given == ["over"] and _is_absent(step.config["over"]) and step.config["over"] != []:
        yield "over", "has no `over`. Give the list to go through."
    if "while" in step.config:
        for name in ("batch", "parallel"):
            if name in step.config:
                yield name, f"repeats with `while`, one round after the other. Remove `{name}`."
    elif "state" in step.config:
        yield "state", "has `state`, which is for loops with `while`. Remove it."


_DELAY_UNITS: Final = ("seconds", "minutes", "hours", "days", "until")


def _delay(step: Step) -> Iterator[Lack]:
    given = _given(step, _DELAY_UNITS)
    if not given:
        yield "config", f"does not say how long to wait. Give one of {listed(_DELAY_UNITS)}."
    elif len(given) > 1:
        yield f"config.{given[1]}", f"has {listed(given, 'and')}. Keep exactly one of them."


def _transform(step: Step) -> Iterator[Lack]:
    if not _given(step, ("set", "items")):
        yield "config.set", "makes nothing. Give `set` for an object, or `items` and `ops` for a list."
    elif "set" in step.config and _given(step, ("items", "ops")):
        yield "config.items", "has both `set` and a list. Keep one of them, or use two steps."


def _state(step: Step) -> Iterator[Lack]:
    given = _given(step, STATE_DEEDS)
    if len(given) != 1:
        yield "config", f"must do exactly one of {listed(STATE_DEEDS)}. Keep exactly one of them."
        return
    if _is_absent(step.config[given[0]]) or step.config[given[0]] == {}:
        yield f"config.{given[0]}", f"does not say what to {given[0]}. Give a name."
    for name, deeds in (
        ("default", ("get",)),
        ("keep", ("append",)),
        ("expires_s", ("set", "increment", "append")),
    ):
        if name in step.config and given[0] not in deeds:
            yield (
                f"config.{name}",
                f"has `{name}`, which is for {listed([f'`{deed}`' for deed in deeds])}. Remove it.",
            )


def _respond(step: Step) -> Iterator[Lack]:
    given = _given(step, ("json", "text", "html", "file"))
    if len(given) > 1:
        yield f"config.{given[1]}", f"answers with {listed(given, 'and')}. Keep exactly one of them."


_SPECIAL: Final[dict[str, Callable[[Step], Iterator[Lack]]]] = {
    "condition": _cases,
    "loop": _loop,
    "delay": _delay,
    "transform": _transform,
    "state": _state,
    "respond": _respond,
}


def _trigger_lacks(trigger: Trigger) -> Iterator[Lack]:
    kind = TRIGGER_KINDS.get(trigger.type)
    for field in kind.fields if kind else ():
        if field.required and _is_absent(trigger.config.get(field.name)):
            yield f"config.{field.name}", f"has no `config.{field.name}`. {field.required}"
    if trigger.type in ("polling", "event"):
        if not trigger.integration:
            yield "integration", "has no `integration`. Choose the app to watch."
        if not trigger.event:
            yield "event", "has no `event`. Choose one of the integration's events."
    if trigger.type == "email" and not trigger.connection:
        yield "connection", "has no `connection`. Choose the mailbox to watch."
    if trigger.type == "schedule":
        given = [name for name in ("cron", "every_s") if not _is_absent(trigger.config.get(name))]
        if not given:
            yield "config", "does not say when to start. Give `cron` or `every_s`."
        elif len(given) == 2:
            yield "config.every_s", "has both `cron` and `every_s`. Keep one of them."

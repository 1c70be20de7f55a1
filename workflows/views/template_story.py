"""What a workflow does, step by step, in plain words: for people who decide whether it is what they look for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from automate.lib.cron import BadCron, explain
from automate.lib.expressions import has_expression
from workflows.builder.names import Names, tile_of
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, Step, Trigger, port_name
from workflows.engine.graph import Graph
from workflows.engine.words import listed

UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True)
class Line:
    """One part: `depth` is how far it is indented, 0 to 4."""

    n: int
    tile: str
    title: str
    text: str
    depth: int = 0


def story_of(document: Document, catalogue: TenantCatalogue) -> list[Line]:
    """Triggers first, then the steps in reading order; notes are left out."""
    outline = Graph(document).outline()
    names = Names(document, catalogue, outline)
    lines = [
        Line(names.numbers[trigger.key], tile_of(trigger), trigger.name, starts_words(trigger, catalogue))
        for trigger in document.triggers
    ]
    for node in outline.walk():
        step = node.step
        text = " ".join(part for part in (step_words(step, catalogue), _on_error(step, names)) if part)
        lines.append(Line(names.numbers[step.key], tile_of(step), step.name, text, min(node.depth, 4)))
    return lines


def starts_words(trigger: Trigger, catalogue: TenantCatalogue) -> str:
    """When a trigger starts it."""
    config = trigger.config
    if trigger.type == "schedule" and config.get("cron"):
        try:
            return f"Starts {explain(config['cron'])[:1].lower()}{explain(config['cron'])[1:]}."
        except BadCron:
            return "Starts by the clock."
    if trigger.type == "schedule":
        return f"Starts every {span_words(config.get('every_s'))}."
    event = catalogue.trigger(trigger.integration or "", trigger.event or "")
    if event is not None and event.description:
        return event.description
    return _STARTS.get(trigger.type, "Starts it.")


_STARTS: Final = {
    "manual": "Starts when somebody presses a button, or by the API.",
    "webhook": "Starts when its web address is called.",
    "form": "Starts when somebody sends the form on its page.",
    "email": "Starts for each mail that comes in.",
    "workflow": "Starts when another workflow asks for it.",
    "failure": "Starts when another workflow fails.",
    "polling": "Starts for each new item.",
    "event": "Starts when the app says that something happened.",
}


def step_words(step: Step, catalogue: TenantCatalogue) -> str:
    """What a step does, in one or two sentences."""
    if step.type == "action":
        info = catalogue.action(step.integration or "", step.action or "")
        app = catalogue.integration(step.integration or "")
        name = app.name if app else step.integration or "An app"
        return f"{name}: {info.description}" if info and info.description else f"Does something in {name}."
    return _SAID[step.type](step) if step.type in _SAID else ""


def _condition(step: Step) -> str:
    ways = [f"“{port_name(step, str(case.get('key')))}”" for case in step.cases]
    return f"Goes one way for {listed(ways, 'and')}, and another otherwise."


def _loop(step: Step) -> str:
    at_once = step.config.get("parallel")
    together = f", {at_once} at a time" if isinstance(at_once, int) and at_once > 1 else ""
    return (
        f"Repeats the steps below for each item{together}."
        if "over" in step.config
        else "Repeats the steps below."
    )


def _delay(step: Step) -> str:
    for _seconds, unit in UNITS:
        amount = step.config.get(f"{unit}s")
        if isinstance(amount, (int, float)):
            return f"Waits {amount:g} {unit}{'' if amount == 1 else 's'}."
    return f"Waits until {step.config['until']}." if _plain(step.config.get("until")) else "Waits."


def _approval(step: Step) -> str:
    limit = span_words(step.config.get("timeout_s"))
    return f"Asks people to approve, and waits{f' at most {limit}' if limit else ''} for their answer."


def _callback(step: Step) -> str:
    limit = span_words(step.config.get("timeout_s"))
    return f"Waits{f' at most {limit}' if limit else ''} for a call to an address of its own."


def _transform(step: Step) -> str:
    ops = [op.get("op") for op in step.config.get("ops", ()) if isinstance(op, dict)]
    if "write" in ops:
        return "Writes the rows into a file."
    if "read" in ops:
        return "Reads the rows of a file."
    if "dedupe" in ops:
        return "Keeps each item once."
    return "Works on the whole list." if ops else "Puts values together."


def _state(step: Step) -> str:
    for name, words in _DEEDS.items():
        if name in step.config:
            return words
    return "Remembers something for later runs."


_DEEDS: Final = {
    "get": "Looks up what was remembered before.",
    "set": "Remembers it for later runs.",
    "increment": "Counts, also across runs.",
    "append": "Adds to a list that is kept.",
    "delete": "Forgets what was remembered.",
}


def _stop(step: Step) -> str:
    return {
        "failed": "Ends the run as failed and says why.",
        "next_item": "Goes on with the next item.",
        "break": "Leaves the loop.",
    }.get(str(step.setting("as")), "Ends the run.")


def _code(step: Step) -> str:
    return f"Runs a small program in {'JavaScript' if step.config.get('language') == 'javascript' else 'Python'}."


_SAID: Final[dict[str, Callable[[Step], str]]] = {
    "condition": _condition,
    "filter": lambda step: "Goes on only if this holds; otherwise this way ends here.",
    "loop": _loop,
    "merge": lambda step: "The ways meet here and go on together.",
    "delay": _delay,
    "approval": _approval,
    "callback": _callback,
    "sub_workflow": lambda step: "Runs another workflow and takes its result.",
    "transform": _transform,
    "state": _state,
    "code": _code,
    "respond": lambda step: "Answers whoever called.",
    "stop": _stop,
}


def _on_error(step: Step, names: Names) -> str:
    targets = step.next.get("error", ())
    return f"If it fails: {names.numbered(targets[0])}." if targets else ""


def span_words(seconds: Any) -> str:
    """ "2 days", "5 minutes"; empty for what is no number."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds <= 0:
        return ""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size or size == 1)
    amount = seconds / size
    return f"{amount:g} {unit}{'' if amount == 1 else 's'}"


def _plain(value: Any) -> bool:
    return isinstance(value, str) and not has_expression(value)

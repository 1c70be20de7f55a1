"""The panel beside the steps of a run: one step's data, log and request; the trigger; an item; or the run itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.urls import reverse

from automate.lib.jsontypes import JSON
from workflows.builder.names import tile_of
from workflows.models import StepExecution, WorkflowExecution
from workflows.runs.outputs import resolve
from workflows.views.run_items import Chooser, choosers, failed_items
from workflows.views.run_log import Entry, events_of_run, events_of_step
from workflows.views.run_outline import Drawing
from workflows.views.run_panel_parts import (
    Section,
    builder_url,
    children,
    may_retry,
    notices,
    printed_of,
    related,
    run_facts,
    sections,
    step_facts,
    tabs,
    value,
    view_segments,
)
from workflows.views.run_paths import TRIGGER, Place
from workflows.views.run_room import RunRoom
from workflows.views.run_rows import how
from workflows.views.run_states import LoopFacts
from workflows.views.run_tries import Try, tries
from workflows.views.run_values import Look
from workflows.views.run_waits import Waiting, wait_at
from workflows.views.run_words import Headline


@dataclass
class Panel:
    """What `_run_panel.html` draws. `notices` stand above the data; `is_auto`: nobody asked for it (phones hide it)."""

    title: str
    sub: str
    tile: str
    url: str
    close_url: str
    status: str = ""
    status_text: str = ""
    tab: str = "data"
    tabs: list[dict[str, Any]] = field(default_factory=list)
    choosers: list[Chooser] = field(default_factory=list)
    notices: list[Headline] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    facts: list[tuple[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    progress: LoopFacts | None = None
    failed_items: list[tuple[int, str]] = field(default_factory=list)
    cards: list[Any] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    request: dict[str, Any] | None = None
    tries: list[Try] = field(default_factory=list)
    look: Look = field(default_factory=Look)
    views: list[dict[str, Any]] = field(default_factory=list)
    printed: dict[str, Any] = field(default_factory=dict)
    retry_url: str = ""
    builder_url: str = ""
    waiting: Waiting | None = None
    is_auto: bool = False

    @property
    def show_run(self) -> bool:
        """Whether it is about the run itself: its address says so in the query, which a form would drop."""
        return self.url.endswith("?show=run")


def panel_of(room: RunRoom, tab: str = "data", *, is_auto: bool = False) -> Panel:
    """The panel for the place that is open."""
    if room.where == TRIGGER:
        panel = _trigger(room)
    elif room.place is None:
        panel = _overview(room)
    elif room.place.index is not None:
        panel = _item(room, room.place)
    else:
        panel = _step(room, room.place, room.step(room.place.key).type == "action")
    panel.is_auto = is_auto
    panel.tab = tab if any(known["key"] == tab for known in panel.tabs) else "data"
    panel.look = room.look
    panel.sections = [replace(section, find=room.look.find) for section in panel.sections]
    if panel.tab == "data" and any(section.has_value for section in panel.sections):
        panel.views = view_segments(panel.url, room.look)
    return panel


def value_of(room: RunRoom, name: str) -> JSON:
    """A value of the open place, whole, for download. Raises KeyError when there is none of that name."""
    if room.place is None:
        values = {
            "input": room.execution.input,
            "output": room.execution.output,
            "error": room.execution.error,
        }
        return resolve(values[name], room.execution.tenant_id, room.execution.pk)
    row = room.steps.filter(path=room.place.path).first()
    if row is None or (row.is_encrypted and name == "output"):
        raise KeyError(name)
    found: JSON = {"input": row.input, "output": row.output, "error": row.error, "request": row.request_log}[
        name
    ]
    return resolve(found, row.tenant_id, row.execution_id)


# --- the four kinds -----------------------------------------------------------------------------------
def _overview(room: RunRoom) -> Panel:
    execution = room.execution
    panel = Panel(
        title=f"Run #{execution.number}" if execution.number else "Run",
        sub=execution.template.name,
        tile=execution.trigger_type.lower() or "manual",
        url=f"{room.url}?show=run",
        close_url=f"{room.url}?show=steps",
        status=room.status,
    )
    panel.log = events_of_run(room)
    panel.tabs = tabs(panel.url, {"log": len(panel.log)})
    panel.facts = run_facts(room)
    panel.runs = related(room)
    if execution.status == WorkflowExecution.Status.COMPLETED:
        panel.sections = [value(room, "Output", "arrow-bar-right", execution.output, "output")]
    return panel


def _trigger(room: RunRoom) -> Panel:
    trigger = room.trigger
    panel = Panel(
        title=room.names.numbered(trigger.key) if trigger else "Trigger",
        sub=room.names.trigger_sub(trigger) if trigger else how(room.execution.trigger_type, None),
        tile=tile_of(trigger) if trigger else "manual",
        url=room.url_of(TRIGGER),
        close_url=f"{room.url}?show=steps",
        status="COMPLETED",
    )
    panel.tabs = tabs(panel.url, {})
    given = room.execution.input
    rest = {key: value for key, value in given.items() if key != "body"} if isinstance(given, dict) else {}
    body = given.get("body") if isinstance(given, dict) else given
    panel.sections = [value(room, "Data", "arrow-bar-right", body, "input")]
    if rest:
        panel.sections.append(Section("What came with it", "info-circle", rest))
    panel.facts = [("Fired", room.execution.created_at)]
    panel.builder_url = builder_url(room, "trigger", trigger.key) if trigger else ""
    return panel


def _item(room: RunRoom, place: Place) -> Panel:
    """One item of a loop: what became of each step in it."""
    step = room.step(place.key)
    found = choosers(room, place)
    panel = Panel(
        title=f"Item {(place.index or 0) + 1:,}",
        sub=f"of {room.names.numbered(place.key)}",
        tile=tile_of(step),
        url=room.url_of(place.path),
        close_url=f"{room.url}?show=steps",
        status=found[-1].current_status if found else "",
        choosers=found,
    )
    drawing = Drawing(room.names, room.states, room.chosen, "", room.url_of)
    panel.cards = [drawing.card(room.step(key)) for key in room.graph.members(place.key)]
    panel.tabs = tabs(panel.url, {})
    return panel


def _step(room: RunRoom, place: Place, is_action: bool) -> Panel:
    step = room.step(place.key)
    row = room.steps.filter(path=place.path).first()
    state = room.state_at(place)
    live = room.live.progress.get(place.path, {})
    panel = Panel(
        title=room.names.numbered(place.key),
        sub=room.names.sub(step),
        tile=tile_of(step),
        url=room.url_of(place.path),
        close_url=f"{room.url}?show=steps",
        status=state.status,
        choosers=choosers(room, place),
    )
    panel.log = events_of_step(room, place.path, row, live)
    panel.tries = tries(row, room.live.waits.get(place.path, {}))
    counts = {"log": len(panel.log)} | ({"request": len(panel.tries) or None} if is_action else {})
    if step.type == "code":
        panel.printed = printed_of(row)
        counts["printed"] = len(panel.printed["lines"])
    panel.tabs = tabs(panel.url, counts)
    panel.notices = notices(room, place, row, live)
    is_loop = step.type == "loop"
    facts = room.states.loops.get(place.path)
    panel.progress = facts if is_loop and live and facts and facts.items else None
    panel.sections = sections(room, place, row, bool(live) and not is_loop)
    panel.facts = step_facts(row, live)
    panel.runs = children(room, place) if step.type == "sub_workflow" else []
    panel.failed_items = failed_items(room, place) if is_loop else []
    panel.request = row.request_log if row and isinstance(row.request_log, dict) else None
    panel.builder_url = builder_url(room, "step", place.key)
    panel.waiting = wait_at(room, place.path)
    if row and row.step_status != StepExecution.Status.SKIPPED and may_retry(room):
        panel.retry_url = reverse("workflows:run-retry-from", args=[room.execution.pk, place.path])
    return panel


def first_place(room: RunRoom) -> str:
    """What is opened when nobody chose: where it failed, or what is asked."""
    if not room.program:
        return ""
    asked = sorted(room.live.asked) or sorted(room.live.outside)
    return asked[0] if asked else room.failed_path

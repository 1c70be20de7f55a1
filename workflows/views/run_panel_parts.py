"""What the panel of a run is put together from: values, notices, facts, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.urls import reverse

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from automate.templatetags.json_html import LIMIT_BYTES
from workflows.models import StepExecution, WorkflowExecution
from workflows.runs.outputs import resolve
from workflows.views.run_paths import Place
from workflows.views.run_room import RunRoom
from workflows.views.run_rows import how, status_of
from workflows.views.run_states import moment
from workflows.views.run_values import VIEWS, Hits, Look, Node, Table, hits, table, tree
from workflows.views.run_words import Headline, advice, waiting_words

TABS: Final = {"data": "Data", "printed": "Printed", "log": "Log", "request": "Request"}
HIDDEN: Final = "This holds a secret, so it is stored encrypted and not shown."
WIPED: Final = (
    "Not kept: this workflow's settings say that the data of such runs is wiped when they have ended."
)


@dataclass(frozen=True)
class Section:
    """A value with its name. `note` stands in its place where it cannot be shown; `pending`: it is still to come.

    `find`: the text that somebody searches for in it.
    """

    title: str
    icon: str
    value: JSON = None
    note: str = ""
    pending: bool = False
    name: str = ""
    download_url: str = ""
    find: str = ""

    @cached_property
    def size_bytes(self) -> int:
        return len(jsontypes.dumps_bytes(self.value))

    @property
    def is_cut(self) -> bool:
        return self.size_bytes > LIMIT_BYTES

    @property
    def has_value(self) -> bool:
        return not self.pending and not self.note

    @cached_property
    def table(self) -> Table:
        return table(self.value)

    @cached_property
    def tree(self) -> tuple[Node, ...]:
        return tree(self.value)

    @cached_property
    def hits(self) -> Hits:
        return hits(self.value, self.find)


def tabs(url: str, counts: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """The tabs that make sense: Data always, the others where they are counted (None: without a number)."""
    start = "&" if "?" in url else "?"
    return [
        {"key": key, "label": label, "url": f"{url}{start}tab={key}", "count": counts.get(key) or ""}
        for key, label in TABS.items()
        if key == "data" or key in counts
    ]


def view_segments(url: str, look: Look) -> list[dict[str, Any]]:
    """The views of data to choose from."""
    start = "&" if "?" in url else "?"
    return [
        {"label": label, "url": f"{url}{start}view={key}", "active": key == look.view}
        for key, label in VIEWS.items()
    ]


def value(room: RunRoom, title: str, icon: str, value: JSON, name: str) -> Section:
    if value is None and not room.keeps_data:
        return Section(title, icon, note=WIPED)
    value = resolve(value, room.execution.tenant_id, room.execution.pk)
    path = room.where or "run"
    url = reverse("workflows:run-data", args=[room.execution.pk, path, name])
    return Section(title, icon, value, name=name, download_url=url)


def sections(room: RunRoom, place: Place, row: StepExecution | None, is_live: bool) -> list[Section]:
    """Input and output, or why there is none."""
    if row is None:
        if not is_live or place.path in room.live.asked:  # nothing is to come by itself
            return []
        output = Section("Output", "arrow-bar-right", pending=True, note="when the step has ended")
        given = room.live.waits.get(place.path, {}).get("input")
        if given is not None:
            return [Section("Input", "arrow-bar-to-right", given), output]
        return [Section("Input", "arrow-bar-to-right", pending=True, note="when the step has ended"), output]
    if row.step_status in (StepExecution.Status.SKIPPED, StepExecution.Status.CANCELLED):
        return []
    found = [value(room, "Input", "arrow-bar-to-right", row.input, "input")]
    if row.input is None and room.keeps_data:
        found = []  # conditions, merges and their kin take none
    if row.is_encrypted:
        found.append(Section("Output", "arrow-bar-right", note=HIDDEN))
    elif row.step_status == StepExecution.Status.COMPLETED:
        found.append(value(room, "Output", "arrow-bar-right", row.output, "output"))
    return found


def notices(
    room: RunRoom, place: Place, row: StepExecution | None, live: Mapping[str, Any]
) -> list[Headline]:
    """What has to be said before the data."""
    if row is None:
        return _live_notices(room, place, live)
    error = row.error if isinstance(row.error, dict) else {}
    if row.step_status == StepExecution.Status.FAILED:
        title = "This step failed"
        if row.port:
            title = "This step failed, and its error path took over"
        return [
            Headline(
                "bad",
                "alert-circle",
                title,
                str(error.get("message", "")),
                advice(error),
                code=str(error.get("code", "")),
            )
        ]
    if row.step_status == StepExecution.Status.SKIPPED:
        why = "No path led here" if room.step(place.key).enabled else "It is switched off"
        return [
            Headline(
                "idle", "minus", f"Skipped: {why[0].lower()}{why[1:]}", "It took in nothing and gave nothing."
            )
        ]
    if row.step_status == StepExecution.Status.CANCELLED:
        return [Headline("idle", "minus", "Not finished", "The run ended while this step was waiting.")]
    if place.key in pinned_in(room.execution):
        text = "This step was not run: in this test it gave the output that was pinned in the draft."
        return [Headline("warn", "pin", "Pinned output", text)]
    return []


def pinned_in(execution: WorkflowExecution) -> frozenset[str]:
    """The steps of a test run that gave a pinned output instead of being run."""
    pins = execution.options.get("pins") if execution.is_test else None
    return frozenset(pins) if isinstance(pins, dict) else frozenset()


def _live_notices(room: RunRoom, place: Place, live: Mapping[str, Any]) -> list[Headline]:
    note = room.live.waits.get(place.path, {})
    last = next(iter(reversed(note.get("errors") or [])), None)
    said = str(last.get("message", "")) if isinstance(last, dict) else ""
    if place.path in room.live.asked:
        error = note.get("error") or {}
        return [
            Headline(
                "warn",
                "alert-triangle",
                "Did it happen?",
                str(error.get("message", "")),
                "Answer above the steps.",
            )
        ]
    if not live:
        ended = room.execution.is_final
        title = "This step did not run" if ended else "This step has not begun"
        text = "The run ended before it came here." if ended else "Its data appears here when it has run."
        return [Headline("idle", "clock", title, text)]
    if place.path in room.live.outside:
        return []  # who is asked stands there instead
    if live.get("state") == "WAITING":
        return [Headline("warn", "hourglass", "Waiting", waiting_words(room, place.path, live))]
    attempt = int(live.get("attempt") or 1)
    if attempt > 1:
        title = f"Try {attempt - 1} failed" if said else f"This is try {attempt}"
        text = said or "The one before failed."
        return [Headline("warn", "refresh-alert", title, f"{text} {_next_try(room, live)}".strip())]
    return []


def _next_try(room: RunRoom, live: Mapping[str, Any]) -> str:
    until = moment(live.get("until"))
    if live.get("state") != "RETRYING" or until is None:
        return "Now trying again."
    seconds = max(int((until - room.now).total_seconds()), 0)
    return f"The next try follows in {seconds} s."


def printed_of(row: StepExecution | None) -> dict[str, Any]:
    """What the program of a step printed: `{lines, cut, note}`; the note says why there is nothing."""
    log = row.request_log if row is not None and isinstance(row.request_log, dict) else {}
    lines = [str(line) for line in log.get("printed") or ()]
    if lines:
        return {"lines": lines, "cut": bool(log.get("cut")), "note": ""}
    if row is None:
        return {"lines": [], "cut": False, "note": "It appears here when the step has ended."}
    note = (
        HIDDEN
        if row.is_encrypted
        else "Use print() in Python or console.log() in JavaScript to write something here."
    )
    return {"lines": [], "cut": bool(log.get("cut")), "note": note}


def step_facts(row: StepExecution | None, live: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if row is None:
        started = moment(live.get("started_at"))
        return [("Started", started)] if started else []
    facts: list[tuple[str, Any]] = [("Started", row.started_at), ("Duration", row.duration_ms)]
    if row.retry_count:
        facts.append(("Tries", f"{row.retry_attempt}"))
    return facts if row.step_status in ("COMPLETED", "FAILED") else []


def run_facts(room: RunRoom) -> list[tuple[str, Any]]:
    execution = room.execution
    number = execution.version.version_number
    facts: list[tuple[str, Any]] = [
        ("Trigger", how(execution.trigger_type, execution.retry_of_id)),
        ("Version", f"v{number}" if number else "Draft, as it was then"),
        ("Started", execution.started_at),
        ("Ended", execution.completed_at),
        ("Duration", execution.execution_time_ms),
    ]
    until = execution.options.get("until")
    if until and room.program and until in room.graph.steps:
        facts.append(("Ran as far as", room.names.numbered(until)))
    if (pinned := pinned_in(execution)) and room.program:
        facts.append(
            (
                "Pinned, not run",
                ", ".join(room.names.numbered(key) for key in sorted(pinned) if key in room.graph.steps),
            )
        )
    return [(name, value) for name, value in facts if value is not None]


def related(room: RunRoom) -> list[dict[str, Any]]:
    """The run this one repeats, and the one that started it (one SQL query when there is any)."""
    execution = room.execution
    wanted = {"Repeats": execution.retry_of_id, "Started by": execution.parent_id}
    if not any(wanted.values()):
        return []
    rows = WorkflowExecution.objects.for_tenant(execution.tenant_id).filter(
        pk__in=filter(None, wanted.values())
    )
    found = {
        row.pk: row
        for row in rows.select_related("template").only("number", "status", "had_errors", "template__name")
    }
    return [_link(label, found[pk]) for label, pk in wanted.items() if pk in found]


def children(room: RunRoom, place: Place) -> list[dict[str, Any]]:
    """The runs a sub-workflow step has started."""
    rows = WorkflowExecution.objects.for_tenant(room.execution.tenant_id).filter(
        parent=room.execution, parent_path=place.path
    )
    rows = (
        rows.select_related("template")
        .only("number", "status", "had_errors", "template__name")
        .order_by("pk")
    )
    return [_link("It started", row) for row in rows[:20]]


def _link(label: str, row: WorkflowExecution) -> dict[str, Any]:
    return {
        "label": label,
        "name": row.template.name,
        "number": row.number,
        "status": status_of(row),
        "url": reverse("workflows:run-detail", args=[row.pk]),
    }


def builder_url(room: RunRoom, what: str, key: str) -> str:
    """Where the step can be changed; empty for those who may not."""
    if "workflow.edit" not in room.rights:
        return ""
    return f"{reverse('workflows:workflow-build', args=[room.execution.template_id])}?{what}={key}"


def may_retry(room: RunRoom) -> bool:
    """Whether this member may run it again: it has ended, what it worked with is there, and so is its version."""
    has_all = room.execution.is_final and room.keeps_data and room.program is not None
    return has_all and "execution.retry" in room.rights

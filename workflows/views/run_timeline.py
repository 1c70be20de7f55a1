"""When each step of a run worked and how long: one row for each step, however often it ran (two SQL queries)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Max, Min, Q, Sum

from accounts.request import AppRequest
from automate.templatetags.formats import NOTHING, duration
from workflows.builder.names import tile_of
from workflows.engine.document import Step
from workflows.models import StepExecution
from workflows.views.run_states import moment
from workflows.views.run_tries import tries

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom

COOKIE: Final = "run_shows"  # what this browser looked at a run's steps as last
SHAPES: Final = {"steps": "Steps", "timeline": "Timeline"}
WAITING_TYPES: Final = frozenset({"delay", "approval", "callback"})
MAX_RETRIED: Final = 200  # steps whose tries are drawn one by one
TICKS: Final = 4
NICE_MS: Final = tuple(
    base * scale
    for scale in (1, 10, 100, 1_000, 60_000, 3_600_000, 86_400_000)
    for base in (
        (1, 2, 5) if scale < 60_000 else (1, 2, 5, 10, 15, 30) if scale < 3_600_000 else (1, 3, 6, 12)
    )
)
TONES: Final = {"COMPLETED": "ok", "FAILED": "bad", "CANCELLED": "idle"}


def chosen_shape(request: AppRequest) -> str:
    """Steps or timeline, as this browser chose last; `?as=` chooses."""
    shape = request.GET.get("as") or request.COOKIES.get(COOKIE, "")
    return shape if shape in SHAPES else "steps"


@dataclass(frozen=True)
class Bar:
    """Where a stretch of time lies: SVG lengths in per cent. `tone`: ok, bad, run, idle, wait."""

    x: str
    width: str
    tone: str
    title: str


@dataclass(frozen=True)
class Row:
    """A step. `after`: from the start of the run to its own; `took`: all its runs together; `times`: how often it ran."""

    n: int
    title: str
    tile: str
    url: str
    status: str
    depth: int
    after: str
    took: str
    times: str = ""
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class Tick:
    x: str
    label: str
    anchor: str


@dataclass
class Timeline:
    rows: list[Row] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    total: str = ""
    queued: str = ""
    queued_bar: Bar | None = None
    not_run: int = 0


@dataclass(frozen=True)
class Scale:
    """From moments to places: `start` is 0 %, `end` is 100 %."""

    start: datetime
    end: datetime

    @property
    def total_ms(self) -> float:
        return max((self.end - self.start).total_seconds() * 1000, 1.0)

    def after_ms(self, at: datetime) -> float:
        return max((at - self.start).total_seconds() * 1000, 0.0)

    def bar(self, start: datetime, end: datetime, tone: str, title: str) -> Bar:
        """Never so thin that nobody sees it, never beyond the end."""
        left = min(100 * self.after_ms(start) / self.total_ms, 99.6)
        width = 100 * max((end - start).total_seconds() * 1000, 0.0) / self.total_ms
        width = min(max(width, 0.4), 100 - left)
        return Bar(f"{left:.2f}%", f"{width:.2f}%", tone, title)


@dataclass(frozen=True)
class Facts:
    """What is known of a step over all its places. `busy_ms`: its runs added up."""

    first: datetime
    last: datetime
    runs: int
    failed: int
    busy_ms: int
    status: str


def timeline(room: RunRoom) -> Timeline:
    """Of a run whose version is there."""
    execution = room.execution
    end = execution.completed_at or room.now
    scale = Scale(execution.created_at, max(end, execution.created_at + timedelta(milliseconds=1)))
    facts = _facts(room) | _live_facts(room)
    parts = _parts(room)
    steps = sorted(
        (step for step in room.graph.document.steps if step.key in facts),
        key=lambda step: room.names.numbers.get(step.key, 0),
    )
    drawn = Timeline(
        rows=[_row(room, scale, step, facts[step.key], parts.get(step.key, [])) for step in steps],
        ticks=ticks(scale.total_ms),
        total=duration(scale.total_ms),
        not_run=len(room.graph.document.steps) - len(steps),
    )
    if execution.started_at or not execution.is_final:
        began = execution.started_at or room.now
        drawn.queued = duration(scale.after_ms(began))
        drawn.queued_bar = scale.bar(execution.created_at, began, "idle", f"Queued: {drawn.queued}")
    return drawn


def _facts(room: RunRoom) -> dict[str, Facts]:
    """Of finished steps (one SQL query, which sums: there may be a hundred thousand). Skipped ones took no time."""
    rows = room.steps.exclude(step_status=StepExecution.Status.SKIPPED).filter(copied_from=None).order_by()
    found = rows.values_list("step_id").annotate(
        first=Min("started_at"), last=Max("completed_at"), runs=Count("id"), busy=Sum("duration_ms"),
        bad=Count("id", filter=Q(step_status="FAILED")), stopped=Count("id", filter=Q(step_status="CANCELLED")),
    )  # fmt: skip
    return {
        key: Facts(first, last, runs, failed, busy or 0, "FAILED" if failed else "CANCELLED" if ended else "COMPLETED")
        for key, first, last, runs, busy, failed, ended in found
        if first and last
    }  # fmt: skip


def _live_facts(room: RunRoom) -> dict[str, Facts]:
    """Of steps under way: from when they began until now."""
    found: dict[str, Facts] = {}
    for path, live in room.live.progress.items():
        key, began = path.rsplit(".", 1)[-1], moment(live.get("started_at"))
        if began is None or key not in room.graph.steps:
            continue
        status = "NEEDS_ATTENTION" if path in room.live.asked else str(live.get("state", "RUNNING"))
        first = min(began, found[key].first) if key in found else began
        found[key] = Facts(first, room.now, 1, 0, int((room.now - first).total_seconds() * 1000), status)
    return found


def _parts(room: RunRoom) -> dict[str, list[tuple[datetime, datetime, str, str]]]:
    """The tries of steps that were tried again and ran once: start, end, tone, words (one SQL query)."""
    rows = room.steps.filter(retry_count__gt=0, copied_from=None).exclude(path__contains="[")
    columns = ("step_id", "started_at", "completed_at", "attempts", "step_status")
    found = {}
    for row in rows.only(*columns, "tenant_id", "execution_id")[:MAX_RETRIED]:
        if row.started_at and row.completed_at:
            found[row.step_id] = _tries(row, row.started_at, row.completed_at)
    return found


def _tries(row: StepExecution, began: datetime, ended: datetime) -> list[tuple[datetime, datetime, str, str]]:
    parts = []
    last_end = began
    for tried in tries(row, {}):
        if tried.ended is None:
            return []
        log = tried.request or {}
        took = timedelta(milliseconds=float(log.get("duration_ms") or 0))
        parts.append((max(tried.ended - took, last_end), tried.ended, "bad", f"Try {tried.number} failed"))
        last_end = tried.ended
    log = row.request_log if isinstance(row.request_log, dict) else {}
    took = timedelta(milliseconds=float(log.get("duration_ms") or 0))
    start = max(ended - took, last_end)
    return [*parts, (start, ended, TONES.get(row.step_status, "idle"), f"Try {len(parts) + 1}")]


def _row(
    room: RunRoom,
    scale: Scale,
    step: Step,
    facts: Facts,
    parts: list[tuple[datetime, datetime, str, str]],
) -> Row:
    is_many = bool(room.graph.loops_around(step.key))
    took = duration(facts.busy_ms)
    words = f"{took} in all, {facts.runs:,} times" if is_many else took
    tone = _tone(step, facts.status)
    whole = scale.bar(facts.first, facts.last, "wait" if parts else tone, f"{step.name}: {words}")
    bars = [scale.bar(start, end, part_tone, said) for start, end, part_tone, said in parts]
    return Row(
        n=room.names.numbers.get(step.key, 0),
        title=step.name,
        tile=tile_of(step),
        url=room.url_of(room.states.link(step.key, room.chosen).path),
        status=facts.status,
        depth=min(len(room.graph.loops_around(step.key)), 4),
        after=f"+{duration(scale.after_ms(facts.first))}",
        took=took or NOTHING,
        times=f"{facts.runs:,} times" + (f", {facts.failed:,} failed" if facts.failed else "")
        if is_many
        else "",
        bars=(whole, *bars),
    )


def _tone(step: Step, status: str) -> str:
    if status in ("WAITING", "RETRYING", "NEEDS_ATTENTION"):
        return "wait"
    if status == "RUNNING":
        return "run"
    if step.type in WAITING_TYPES and status != "FAILED":
        return "wait"
    return TONES.get(status, "ok")


def ticks(total_ms: float) -> list[Tick]:
    """Round moments, about TICKS of them."""
    step: float = next((nice for nice in NICE_MS if nice * TICKS >= total_ms), total_ms / TICKS)
    found = []
    place = 0
    while step * place <= total_ms:
        at = 100 * step * place / total_ms
        if at <= 94 or place == 0:
            found.append(
                Tick(
                    f"{at:.2f}%", duration(step * place) if place else "0", "start" if not place else "middle"
                )
            )
        place += 1
    return found


def shape_segments(room: RunRoom, chosen: str) -> list[dict[str, Any]]:
    """What the steps can be looked at as."""
    url = room.url_of(room.where) if room.where else room.url
    icons = {"steps": "sitemap", "timeline": "timeline"}
    return [
        {"label": label, "url": f"{url}?as={key}", "active": key == chosen, "icon_name": icons[key]}
        for key, label in SHAPES.items()
    ]

"""The figures of a workspace's first page, from runs counted by the hour: the price does not grow with the runs."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.models import Membership
from automate.lib import clock
from automate.lib.ids import first_id_at
from automate.templatetags.formats import NOTHING, duration
from workflows.access import hidden_workflows
from workflows.models import WorkflowExecution, WorkflowStep, WorkflowTemplate
from workflows.views.home_counts import Ran, read
from workflows.views.run_filters import Runs, visible

SAMPLED: Final = 1_000  # runs the median is taken of: the newest of the period
BUSIEST: Final = 5


@dataclass(frozen=True)
class Range:
    """A period that ends now, cut into bars."""

    key: str
    label: str
    bars: int
    is_hours: bool = False

    def starts(self, now: datetime) -> list[datetime]:
        """The beginning of each bar, oldest first, in the reader's time zone."""
        here = timezone.localtime(now)
        if self.is_hours:
            last = datetime.fromtimestamp(int(now.timestamp()) // 3600 * 3600, here.tzinfo)
            return [last - timedelta(hours=n) for n in reversed(range(self.bars))]
        days = [here.date() - timedelta(days=n) for n in reversed(range(self.bars))]
        return [timezone.make_aware(datetime(day.year, day.month, day.day)) for day in days]  # noqa: DTZ001 - made aware


RANGES: Final = {
    found.key: found
    for found in (
        Range("24h", "24 h", 24, is_hours=True),
        Range("14d", "14 days", 14),
        Range("90d", "90 days", 90),
    )
}
DEFAULT_RANGE: Final = "14d"


@dataclass(frozen=True)
class Kpi:
    """What ui/_kpi.html draws."""

    label: str
    icon_name: str
    value: str
    change: str = ""
    change_tone: str = "idle"
    change_up: bool = False
    values: list[float] = field(default_factory=list)
    tone: str = "brand"


@dataclass(frozen=True)
class Top:
    """A workflow in the list of the busiest, slowest or most failing; `share` of 100 is the length of its bar."""

    template: WorkflowTemplate
    app: str
    value: str
    share: float


@dataclass(frozen=True)
class Figures:
    kpis: list[Kpi]
    points: list[dict[str, Any]]
    tops: list[Top]
    title: str
    is_quiet: bool = False


TOPS: Final = {"busy": "Busiest", "failing": "Failing", "slow": "Slowest"}
DEFAULT_TOP: Final = "busy"


def figures(membership: Membership, span: Range, top: str = DEFAULT_TOP) -> Figures:
    """Everything that depends on the period (nine SQL queries at most). Test runs are not counted."""
    hidden = hidden_workflows(membership)
    tenant = membership.tenant_id
    starts = span.starts(clock.now())
    length = starts[-1] - starts[0] + (timedelta(hours=1) if span.is_hours else timedelta(days=1))
    before = starts[0] - length
    counts = read(tenant, hidden, since=_hour(before), shown=_hour(starts[0]))
    bars, earlier = cut(counts.hours, span, starts)
    rows = visible(WorkflowExecution.objects.for_tenant(tenant), hidden).filter(is_test=False)
    medians = (_median(rows, starts[0], None), _median(rows, before, starts[0]))
    return Figures(
        kpis=_kpis(bars, earlier, *medians),
        points=[
            {"label": _label(start, span), "succeeded": bar.runs - bar.failed, "failed": bar.failed}
            for start, bar in zip(starts, bars, strict=True)
        ],
        tops=_tops(counts.workflows, top),
        title="Runs per hour" if span.is_hours else "Runs per day",
        is_quiet=not any(bar.runs for bar in bars),
    )


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def cut(hours: Mapping[int, Ran], span: Range, starts: list[datetime]) -> tuple[list[Ran], Ran]:
    """The hours as bars, and everything before the first of them together.

    Days are the reader's. Where a zone is half an hour off, the hour across midnight counts for the day it begins in.
    """
    bars, earlier = [Ran() for _ in starts], Ran()
    first, zone = starts[0].date(), timezone.get_current_timezone()
    first_hour = _hour(starts[0])
    for hour, ran in hours.items():
        if span.is_hours:
            place = hour - first_hour
        else:
            place = (datetime.fromtimestamp(hour * 3600, zone).date() - first).days
        if place < 0:
            earlier.add_all(ran)
        elif place < len(bars):
            bars[place].add_all(ran)
    return bars, earlier


def _median(rows: Runs, start: datetime, end: datetime | None) -> float | None:
    """The middle duration in milliseconds of the newest runs that succeeded in the period (one SQL query)."""
    found = rows.filter(pk__gte=first_id_at(start), status=WorkflowExecution.Status.COMPLETED)
    if end is not None:
        found = found.filter(pk__lt=first_id_at(end))
    times = found.order_by("-pk").values_list("execution_time_ms", flat=True)[:SAMPLED]
    known = [time for time in times if time is not None]
    return statistics.median(known) if known else None


def _tops(workflows: Mapping[uuid.UUID, Ran], top: str) -> list[Top]:
    """The first few by runs, by failures or by average duration (two SQL queries)."""
    measure: Callable[[Ran], float] = {
        "busy": lambda ran: ran.runs,
        "failing": lambda ran: ran.failed,
        "slow": lambda ran: ran.average_ms or 0,
    }[top]
    ordered = sorted(workflows.items(), key=lambda item: measure(item[1]), reverse=True)
    chosen = {pk: ran for pk, ran in ordered[:BUSIEST] if measure(ran) > 0}
    templates = WorkflowTemplate.objects.in_bulk(list(chosen)) if chosen else {}
    apps, most = first_apps(chosen), max(map(measure, chosen.values()), default=0)
    return [
        Top(templates[pk], apps.get(pk, "workflow"), *_said(ran, top), share=100 * measure(ran) / most)
        for pk, ran in chosen.items()
        if pk in templates
    ]


def _said(ran: Ran, top: str) -> tuple[str]:
    if top == "slow":
        return (duration(ran.average_ms),)
    if top == "failing":
        return (f"{ran.failed:,} of {ran.runs:,}",)
    return (f"{ran.runs:,}",)


def first_apps(templates: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The app that stands for each workflow: the first it works in, plain HTTP only where there is no other."""
    ids = list(templates)
    if not ids:
        return {}
    rows = WorkflowStep.objects.filter(template_id__in=ids).exclude(integration="").order_by("position")
    found: dict[uuid.UUID, str] = {}
    for template, integration in rows.values_list("template_id", "integration"):
        if found.get(template, "http") == "http":
            found[template] = integration
    return found


# --- as people read them --------------------------------------------------------------------------


def _kpis(bars: list[Ran], before: Ran, median: float | None, median_before: float | None) -> list[Kpi]:
    every, bad = sum(bar.runs for bar in bars), sum(bar.failed for bar in bars)
    every_before, bad_before = before.runs, before.failed
    return [
        Kpi(
            "Runs", "player-play", f"{every:,}",
            **_growth(every, every_before), values=[float(bar.runs) for bar in bars], tone="brand",
        ),
        Kpi(
            "Success rate", "circle-check", _rate(every, bad),
            **_rate_change(every, bad, every_before, bad_before),
            values=[100 * (1 - bar.failed / bar.runs) for bar in bars if bar.runs], tone="ok",
        ),
        Kpi(
            "Failed", "alert-circle", f"{bad:,}",
            **_less_is_better(bad - bad_before, f"{abs(bad - bad_before):,}", bool(every_before)),
            values=[float(bar.failed) for bar in bars] if bad else [], tone="bad",
        ),
        Kpi(
            "Median duration", "clock", duration(median),
            **_less_is_better(
                (median or 0) - (median_before or 0),
                duration(abs((median or 0) - (median_before or 0))),
                median is not None and median_before is not None,
            ),
            values=[bar.average_ms for bar in bars if bar.average_ms is not None], tone="idle",
        ),
    ]  # fmt: skip


def _rate(every: int, bad: int) -> str:
    """Never 100 % while one failed: rounded down to a tenth."""
    return f"{int(1000 * (every - bad) / every) / 10:g}%" if every else NOTHING


def _growth(number: int, before: int) -> dict[str, Any]:
    if not before or number == before:
        return {}
    share = 100 * abs(number - before) / before
    text = f"{share:.1f}%" if share < 10 else f"{share:,.0f}%"
    return {"change": text, "change_up": number > before, "change_tone": "idle"}


def _rate_change(every: int, bad: int, every_before: int, bad_before: int) -> dict[str, Any]:
    if not every or not every_before:
        return {}
    points = 100 * (bad_before / every_before - bad / every)
    if abs(points) < 0.05:
        return {}
    return {
        "change": f"{abs(points):.1f} pt",
        "change_up": points > 0,
        "change_tone": "ok" if points > 0 else "bad",
    }


def _less_is_better(difference: float, text: str, is_known: bool) -> dict[str, Any]:
    if not is_known or not difference:
        return {}
    return {"change": text, "change_up": difference > 0, "change_tone": "bad" if difference > 0 else "ok"}


def _label(start: datetime, span: Range) -> str:
    return f"{start:%H:%M}" if span.is_hours else f"{start:%b} {start.day}"

"""The figures of a workspace's first page. Every query is bounded by a window of ids, which are in the order of time."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Q
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone

from automate.lib import clock
from automate.lib.ids import first_id_at
from automate.templatetags.formats import NOTHING, duration
from workflows.models import WorkflowExecution, WorkflowStep, WorkflowTemplate
from workflows.views.run_filters import Runs

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
            last = here.replace(minute=0, second=0, microsecond=0)
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
class Busy:
    template: WorkflowTemplate
    app: str
    runs: int


@dataclass(frozen=True)
class Figures:
    kpis: list[Kpi]
    points: list[dict[str, Any]]
    busiest: list[Busy]
    title: str


def figures(rows: Runs, span: Range) -> Figures:
    """Everything that depends on the period (five SQL queries). Test runs are not counted."""
    rows = rows.filter(is_test=False)
    starts = span.starts(clock.now())
    length = starts[-1] - starts[0] + (timedelta(hours=1) if span.is_hours else timedelta(days=1))
    before = starts[0] - length
    now_counts, before_counts = _counts(rows, span, starts, before)
    medians = (_median(rows, starts[0], None), _median(rows, before, starts[0]))
    return Figures(
        kpis=_kpis(now_counts, before_counts, *medians),
        points=[
            {"label": _label(start, span), "succeeded": every - bad, "failed": bad}
            for start, (every, bad) in zip(starts, now_counts, strict=True)
        ],
        busiest=_busiest(rows.filter(pk__gte=first_id_at(starts[0]))),
        title="Runs per hour" if span.is_hours else "Runs per day",
    )


def _counts(
    rows: Runs, span: Range, starts: list[datetime], before: datetime
) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """(all, failed) of each bar, and of the whole period before (one SQL query)."""
    cut: Any = TruncHour if span.is_hours else TruncDay
    zone = timezone.get_current_timezone()
    found = (
        rows.filter(pk__gte=first_id_at(before))
        .annotate(bar=cut("created_at", tzinfo=zone))
        .values("bar")
        .annotate(every=Count("pk"), bad=Count("pk", filter=Q(is_failed=True)))
        .order_by()
    )
    counts = {row["bar"]: (row["every"], row["bad"]) for row in found}
    earlier = [pair for bar, pair in counts.items() if bar < starts[0]]
    return [counts.get(start, (0, 0)) for start in starts], _sum(earlier)


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    listed = list(pairs)
    return sum(every for every, _ in listed), sum(bad for _, bad in listed)


def _median(rows: Runs, start: datetime, end: datetime | None) -> float | None:
    """The middle duration in milliseconds of the newest runs that succeeded in the period (one SQL query)."""
    found = rows.filter(pk__gte=first_id_at(start), status=WorkflowExecution.Status.COMPLETED)
    if end is not None:
        found = found.filter(pk__lt=first_id_at(end))
    times = found.order_by("-pk").values_list("execution_time_ms", flat=True)[:SAMPLED]
    known = [time for time in times if time is not None]
    return statistics.median(known) if known else None


def _busiest(rows: Runs) -> list[Busy]:
    """The workflows with the most runs (two SQL queries)."""
    counted = rows.values("template_id").annotate(runs=Count("pk")).order_by("-runs")[:BUSIEST]
    runs = {row["template_id"]: row["runs"] for row in counted}
    templates = WorkflowTemplate.objects.in_bulk(list(runs)) if runs else {}
    apps = first_apps(runs)
    return [
        Busy(templates[pk], apps.get(pk, "workflow"), number)
        for pk, number in runs.items()
        if pk in templates
    ]


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


def _kpis(
    bars: list[tuple[int, int]], before: tuple[int, int], median: float | None, median_before: float | None
) -> list[Kpi]:
    every, bad = _sum(bars)
    every_before, bad_before = before
    return [
        Kpi(
            "Runs", "player-play", f"{every:,}",
            **_growth(every, every_before), values=[float(number) for number, _ in bars], tone="brand",
        ),
        Kpi(
            "Success rate", "circle-check", _rate(every, bad),
            **_rate_change(every, bad, every_before, bad_before),
            values=[100 * (1 - failed / number) for number, failed in bars if number], tone="ok",
        ),
        Kpi(
            "Failed", "alert-circle", f"{bad:,}",
            **_less_is_better(bad - bad_before, f"{abs(bad - bad_before):,}", bool(every_before)),
            values=[float(failed) for _, failed in bars] if bad else [], tone="bad",
        ),
        Kpi(
            "Median duration", "clock", duration(median),
            **_less_is_better(
                (median or 0) - (median_before or 0),
                duration(abs((median or 0) - (median_before or 0))),
                median is not None and median_before is not None,
            ),
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

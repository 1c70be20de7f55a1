"""Geometry of the charts. Positions are SVG attributes (per cent across, pixels down), so no style attribute is needed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

PLOT_PX = 180
TOP_PX = 8
GAP_PX = 2
LABELS = 8  # at most so many dates under the bars, or they touch on a phone
SPARK_W, SPARK_H = 78, 26
MINI_W, MINI_H = 118, 24


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    succeeded: int
    failed: int
    x: str
    width: str
    middle: str
    main_y: float
    main_height: float
    bad_y: float
    bad_height: float
    label_class: str | None


@dataclass(frozen=True, slots=True)
class Line:
    y: float
    text: str


def _counts(point: object) -> tuple[str, int, int]:
    def read(key: str) -> object:
        return point.get(key) if isinstance(point, Mapping) else getattr(point, key, None)

    return str(read("label") or ""), _whole(read("succeeded")), _whole(read("failed"))


def _whole(value: object) -> int:
    return max(0, int(value)) if isinstance(value, int | float) else 0


def axis_step(highest: int) -> int:
    """The smallest round step of which three reach `highest`: 1200 for 1,090 in steps of 400."""
    for power in count():
        for digit in (1, 2, 3, 4, 5, 8):
            if digit * 10**power * 3 >= highest:
                return int(digit * 10**power)
    raise AssertionError("unreachable: the powers of ten have no end")


def bars(points: Iterable[object], title: str) -> dict[str, object]:
    """What ui/_bars.html draws: one bar for each point `{label, succeeded, failed}`, oldest first."""
    counted = [_counts(point) for point in points]
    step = axis_step(max((ok + bad for _, ok, bad in counted), default=0))
    every = max(1, -(-len(counted) // LABELS))
    return {
        "title": title,
        "bars": [_bar(counted, place, step * 3, every) for place in range(len(counted))],
        "lines": [Line(_y(step * n, step * 3), f"{step * n:,}") for n in range(4)],
        "height": PLOT_PX + TOP_PX + 26,
        "label_y": PLOT_PX + TOP_PX + 18,
        "succeeded": sum(ok for _, ok, _ in counted),
        "failed": sum(bad for _, _, bad in counted),
    }


def _label_class(from_last: int, every: int) -> str | None:
    """None: no date under this bar; every second date is for wide screens only."""
    if from_last % every:
        return None
    return "wide-only" if from_last // every % 2 else ""


def _y(value: float, top: int) -> float:
    return round(TOP_PX + PLOT_PX * (1 - value / top), 1)


def _bar(points: Sequence[tuple[str, int, int]], place: int, top: int, every: int) -> Bar:
    label, succeeded, failed = points[place]
    slot = 100 / len(points)
    main = round(PLOT_PX * succeeded / top, 1)
    bad = max(round(PLOT_PX * failed / top, 1), 2.0) if failed else 0.0
    gap = GAP_PX if main and bad else 0
    return Bar(
        label=label,
        succeeded=succeeded,
        failed=failed,
        x=f"{slot * (place + 0.22):.3f}%",
        width=f"{slot * 0.56:.3f}%",
        middle=f"{slot * (place + 0.5):.3f}%",
        main_y=round(TOP_PX + PLOT_PX - main, 1),
        main_height=main,
        bad_y=round(TOP_PX + PLOT_PX - main - gap - bad, 1),
        bad_height=bad,
        label_class=_label_class(len(points) - 1 - place, every),
    )


def mini_bars(points: Iterable[object], top: int | None = None) -> SafeString:
    """Small bars for a table row; `top` is the count of a full bar, so that rows can be compared (default: own highest)."""
    counted = [_counts(point) for point in points]
    highest = max(top or 0, *(ok + bad for _, ok, bad in counted), 1) if counted else 1
    total, failed = sum(ok + bad for _, ok, bad in counted), sum(bad for _, _, bad in counted)
    slot = MINI_W / max(len(counted), 1)
    shapes = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>',
        (
            rect
            for place, point in enumerate(counted)
            for rect in _mini_rects(place * slot, slot * 0.66, point, highest)
        ),
    )
    label = f"{total:,} runs, {failed:,} failed, in {len(counted)} days"
    return format_html(
        '<svg class="bars-mini" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        MINI_W,
        MINI_H,
        label,
        shapes,
    )


def _mini_rects(
    x: float, width: float, point: tuple[str, int, int], highest: int
) -> Iterable[tuple[str, float, float, float, float]]:
    y = float(MINI_H)
    for cls, number in (("bar-ok", point[1]), ("bar-bad", point[2])):
        if number:
            height = max(2.5, round(MINI_H * number / highest, 1))
            y = round(y - height, 1)
            yield cls, round(x, 1), max(y, 0.0), round(width, 1), height
            y -= 1


def spark(values: Iterable[float], tone: str = "brand") -> SafeString:
    """A line through the values, oldest first; decoration beside a number that says the same."""
    points = [float(value) for value in values]
    if len(points) < 2:
        return SafeString("")  # safe: a constant
    low, high = min(points), max(points)
    spread = (high - low) or 1.0
    steps = [
        f"{2 + (SPARK_W - 4) * place / (len(points) - 1):.1f} {SPARK_H - 3 - (SPARK_H - 6) * (value - low) / spread:.1f}"
        for place, value in enumerate(points)
    ]
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" aria-hidden="true"><path d="M{}"/></svg>',
        tone, SPARK_W, SPARK_H, "L".join(steps),
    )  # fmt: skip


def meter(value: float, top: float) -> SafeString:
    """A flat bar that shows what part of `top` the value is; decoration beside the number."""
    share = min(100.0, max(0.0, 100 * value / top)) if top else 0.0
    return format_html(
        '<svg class="meter" aria-hidden="true"><rect width="{}%" height="6" rx="3"/></svg>', f"{share:.1f}"
    )

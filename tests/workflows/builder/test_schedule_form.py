"""A schedule in plain words: from the document to the form and back."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.builder.forms import schedule
from workflows.builder.forms.schedule import Schedule


def posted(shown: Schedule) -> dict[str, str]:
    """What a browser sends when nobody touched the form."""
    post = {"when.kind": shown.kind, "when.cron": shown.cron, "when.zone": shown.zone}
    if shown.kind == "every":
        post |= {"when.n": shown.n, "when.unit": shown.unit}
    if shown.kind == "weekly":
        post |= {"when.days.shown": "1", **{f"when.days.{day}": "on" for day in shown.days}}
    if shown.kind == "monthly":
        post["when.day"] = shown.day
    return post | ({"when.time": shown.time} if shown.has_time else {})


def read(old: dict[str, Any], post: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    errors: dict[str, str] = {}
    return schedule.read(old, dict(old), post, errors), errors


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({}, ""),
        ({"cron": "*/15 * * * *"}, "every"),
        ({"cron": "@hourly"}, "every"),
        ({"cron": "0 */6 * * *", "time_zone": "Asia/Tokyo"}, "every"),
        ({"every_s": 5400}, "every"),
        ({"every_s": 45, "missed": "skip"}, "every"),
        ({"cron": "30 8 * * *"}, "daily"),
        ({"cron": "0 9 * * MON-FRI"}, "weekdays"),
        ({"cron": "0 9 * * 7,1"}, "weekly"),
        ({"cron": "0 9 * * SAT"}, "weekly"),
        ({"cron": "0 6 L * *"}, "monthly"),
        ({"cron": "5 6 07 * *"}, "monthly"),
        ({"cron": "0 9 13 * 5"}, "cron"),
        ({"cron": "0 9 * 6 *"}, "cron"),
        ({"cron": "*/7 * * * *"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
    ],
)
def test_what_nobody_touched_stays_as_it_was(config: dict[str, Any], kind: str) -> None:
    shown = schedule.show(config)

    assert shown.kind == kind
    assert read(config, posted(shown)) == (config, {})


@pytest.mark.parametrize(
    ("post", "made"),
    [
        ({"when.kind": "every", "when.n": "10", "when.unit": "60"}, {"cron": "*/10 * * * *"}),
        ({"when.kind": "every", "when.n": "1", "when.unit": "3600"}, {"cron": "0 * * * *"}),
        ({"when.kind": "every", "when.n": "90", "when.unit": "60"}, {"every_s": 5400}),
        ({"when.kind": "every", "when.n": "2", "when.unit": "86400"}, {"every_s": 172_800}),
        ({"when.kind": "daily"}, {"cron": "15 7 * * *"}),
        ({"when.kind": "weekdays", "when.time": "17:05"}, {"cron": "5 17 * * 1-5"}),
        ({"when.kind": "weekly", "when.days.shown": "1", "when.days.0": "on", "when.days.3": "on"}, {"cron": "15 7 * * 3,0"}),
        ({"when.kind": "monthly", "when.day": "L"}, {"cron": "15 7 L * *"}),
        ({"when.kind": "daily", "when.cron": "0 0 1 1 *"}, {"cron": "0 0 1 1 *"}),
        ({"when.kind": "daily", "when.zone": "new york"}, {"cron": "15 7 * * *", "time_zone": "America/New_York"}),
    ],
)  # fmt: skip
def test_each_choice_makes_the_times_it_says(post: dict[str, str], made: dict[str, Any]) -> None:
    assert read({"cron": "15 7 2 * *"}, post) == (made, {})


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({"when.kind": "daily", "when.time": "25:00"}, "when.time"),
        ({"when.kind": "every", "when.n": "0"}, "when.n"),
        ({"when.kind": "weekly", "when.days.shown": "1"}, "when.days"),
        ({"when.kind": "monthly", "when.day": "32"}, "when.day"),
        ({"when.kind": "monthly", "when.zone": "Middle Earth"}, "when.zone"),
    ],
)
def test_what_is_no_time_changes_nothing_and_is_said(post: dict[str, str], field: str) -> None:
    config, errors = read({"cron": "15 7 2 * *"}, post)

    assert config == {"cron": "15 7 2 * *"}
    assert list(errors) == [field]
    assert schedule.show(config, post, errors).errors

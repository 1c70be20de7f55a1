"""The cron convention, written out as a table: zone, expression, after, and the fires that follow."""

from __future__ import annotations

import time
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from functools import cache
from itertools import islice, takewhile

import pytest

from automate.lib import cron, zones

# Local times with their offset, as a person on the spot reads them off the wall.
TABLE = {
    "fixed time in the spring gap fires at the first instant after it": (
        "Europe/Berlin", "30 2 * * *", "2024-03-30T02:30+01:00",
        ["2024-03-31T03:00+02:00", "2024-04-01T02:30+02:00"]),
    "fixed time in the autumn overlap fires at its first occurrence, once": (
        "Europe/Berlin", "30 2 * * *", "2024-10-26T02:30+02:00",
        ["2024-10-27T02:30+02:00", "2024-10-28T02:30+01:00"]),
    "asked within the second pass of the overlap, the first is over": (
        "Europe/Berlin", "30 2 * * *", "2024-10-27T02:10+01:00", ["2024-10-28T02:30+01:00"]),
    "several fixed times in one gap make one fire": (
        "Europe/Berlin", "0,15,30,45 2 * * *", "2024-03-31T01:59+01:00",
        ["2024-03-31T03:00+02:00", "2024-04-01T02:00+02:00"]),
    "a fixed time at the end of the gap is not doubled": (
        "Europe/Berlin", "0 2,3 * * *", "2024-03-31T01:00+01:00",
        ["2024-03-31T03:00+02:00", "2024-04-01T02:00+02:00", "2024-04-01T03:00+02:00"]),
    "hourly follows real time: 25 fires on a day of 25 hours": (
        "Europe/Berlin", "0 * * * *", "2024-10-27T01:00+02:00",
        ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00"]),
    "hourly skips the hour that is not there": (
        "Europe/Berlin", "0 * * * *", "2024-03-31T01:00+01:00", ["2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"]),
    "a star in the minute follows real time in a fixed hour too": (
        "Europe/Berlin", "*/30 2 * * *", "2024-10-27T01:59+02:00",
        ["2024-10-27T02:00+02:00", "2024-10-27T02:30+02:00", "2024-10-27T02:00+01:00", "2024-10-27T02:30+01:00",
         "2024-10-28T02:00+01:00"]),
    "a star in the minute: nothing in the gap": (
        "Europe/Berlin", "*/30 2 * * *", "2024-03-31T01:00+01:00", ["2024-04-01T02:00+02:00"]),
    "steps of hours follow real time": (
        "America/New_York", "0 */6 * * *", "2024-11-03T00:00-04:00", ["2024-11-03T06:00-05:00", "2024-11-03T12:00-05:00"]),
    "New York's gap": (
        "America/New_York", "30 2 * * *", "2025-03-08T02:30-05:00", ["2025-03-09T03:00-04:00", "2025-03-10T02:30-04:00"]),
    "New York's overlap": (
        "America/New_York", "30 1 * * *", "2025-11-01T01:30-04:00", ["2025-11-02T01:30-04:00", "2025-11-03T01:30-05:00"]),
    "Lord Howe's gap is half an hour": (
        "Australia/Lord_Howe", "15 2 * * *", "2024-10-05T02:15+10:30",
        ["2024-10-06T02:30+11:00", "2024-10-07T02:15+11:00"]),
    "Lord Howe's overlap is half an hour: the half hour comes twice": (
        "Australia/Lord_Howe", "30 * * * *", "2024-04-07T00:30+11:00",
        ["2024-04-07T01:30+11:00", "2024-04-07T01:30+10:30", "2024-04-07T02:30+10:30"]),
    "Lord Howe's overlap, fixed": (
        "Australia/Lord_Howe", "45 1 * * *", "2024-04-06T01:45+11:00",
        ["2024-04-07T01:45+11:00", "2024-04-08T01:45+10:30"]),
    "Apia's missing day is a gap like any other": (
        "Pacific/Apia", "0 12 * * *", "2011-12-29T12:00-10:00", ["2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"]),
    "Apia's hours go on without a break": (
        "Pacific/Apia", "0 * * * *", "2011-12-29T22:00-10:00",
        ["2011-12-29T23:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T01:00+14:00"]),
    "midnight that does not exist (Cairo)": (
        "Africa/Cairo", "0 0 * * *", "2024-04-25T00:00+02:00", ["2024-04-26T01:00+03:00", "2024-04-27T00:00+03:00"]),
    "a quarter-hour zone": ("Asia/Kathmandu", "0 9 * * *", "2024-01-01T09:00+05:45", ["2024-01-02T09:00+05:45"]),
    "UTC has no surprises": ("UTC", "30 2 * * *", "2024-03-31T02:30+00:00", ["2024-04-01T02:30+00:00"]),
    "a list of fixed times around the overlap: each once": (
        "Europe/Berlin", "15,45 2,3 * * *", "2024-10-27T01:00+02:00",
        ["2024-10-27T02:15+02:00", "2024-10-27T02:45+02:00", "2024-10-27T03:15+01:00", "2024-10-27T03:45+01:00"]),
    "fixed minutes of every hour follow real time through the overlap": (
        "Europe/Berlin", "15,45 * * * *", "2024-10-27T02:00+02:00",
        ["2024-10-27T02:15+02:00", "2024-10-27T02:45+02:00", "2024-10-27T02:15+01:00", "2024-10-27T02:45+01:00",
         "2024-10-27T03:15+01:00"]),
    "fixed minutes of every hour leave the gap out": (
        "Europe/Berlin", "15,45 * * * *", "2024-03-31T01:30+01:00", ["2024-03-31T01:45+01:00", "2024-03-31T03:15+02:00"]),
    "every minute through the gap": (
        "Europe/Berlin", "* 1-3 * * *", "2024-03-31T01:58+01:00", ["2024-03-31T01:59+01:00", "2024-03-31T03:00+02:00"]),
    "a range of hours is no star: each once on the long day": (
        "Europe/Berlin", "0 1-3 * * *", "2024-10-27T00:30+02:00",
        ["2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T03:00+01:00"]),
    "all hours as a range is no star either: 24 fires on the long day": (
        "Europe/Berlin", "0 0-23 * * *", "2024-10-27T01:30+02:00", ["2024-10-27T02:00+02:00", "2024-10-27T03:00+01:00"]),
    "an overlap at midnight belongs to two dates (Havana)": (
        "America/Havana", "30 0 * * *", "2024-11-02T00:30-04:00", ["2024-11-03T00:30-04:00", "2024-11-04T00:30-05:00"]),
    "a gap at midnight (Havana)": (
        "America/Havana", "15 0 * * *", "2024-03-09T00:15-05:00", ["2024-03-10T01:00-04:00", "2024-03-11T00:15-04:00"]),
    "the clocks of the south turn the other way (Santiago)": (
        "America/Santiago", "30 23 * * *", "2024-04-05T23:30-03:00", ["2024-04-06T23:30-03:00", "2024-04-07T23:30-04:00"]),
    "winter time in summer: Ramadan in Casablanca": (
        "Africa/Casablanca", "30 2 * * *", "2024-03-09T02:30+01:00", ["2024-03-10T02:30+01:00", "2024-03-11T02:30+00:00"]),
    "and back: a gap": (
        "Africa/Casablanca", "30 2 * * *", "2024-04-13T02:30+00:00", ["2024-04-14T03:00+01:00", "2024-04-15T02:30+01:00"]),
    "weekdays at nine, across the change of the clocks": (
        "Europe/Berlin", "0 9 * * 1-5", "2024-03-29T09:00+01:00", ["2024-04-01T09:00+02:00"]),
    "the year's turn": ("UTC", "59 23 31 12 *", "2024-01-01T00:00+00:00", ["2024-12-31T23:59+00:00", "2025-12-31T23:59+00:00"]),
    "the leap day counts as a day of its week": (
        "UTC", "0 0 * 2 THU", "2024-02-22T00:00+00:00", ["2024-02-29T00:00+00:00", "2025-02-06T00:00+00:00"]),
    "29 February or a Monday": (
        "UTC", "0 0 29 2 MON", "2024-02-26T00:00+00:00", ["2024-02-29T00:00+00:00", "2025-02-03T00:00+00:00"]),
    "29 February and a day of the week that starts with a star": (
        "UTC", "0 0 29 2 */1", "2024-02-01T00:00+00:00", ["2024-02-29T00:00+00:00", "2028-02-29T00:00+00:00"]),
    "2100 is no leap year": ("UTC", "0 0 29 2 *", "2096-03-01T00:00+00:00", ["2104-02-29T00:00+00:00"]),
    "2000 was one": ("UTC", "0 0 29 2 *", "1999-03-01T00:00+00:00", ["2000-02-29T00:00+00:00"]),
    "the month holds for both days": (
        "UTC", "0 0 13 3 FRI", "2024-03-01T00:00+00:00",
        ["2024-03-08T00:00+00:00", "2024-03-13T00:00+00:00", "2024-03-15T00:00+00:00"]),
    "day of month alone": ("UTC", "0 0 13 * *", "2024-09-01T00:00+00:00", ["2024-09-13T00:00+00:00", "2024-10-13T00:00+00:00"]),
    "day of week alone": ("UTC", "0 0 * * FRI", "2024-09-01T00:00+00:00", ["2024-09-06T00:00+00:00", "2024-09-13T00:00+00:00"]),
    "steps in a range": ("UTC", "0 8-18/5 * * *", "2024-09-01T09:00+00:00", [
        "2024-09-01T13:00+00:00", "2024-09-01T18:00+00:00", "2024-09-02T08:00+00:00"]),
    "the second Monday": ("UTC", "0 0 * * 1#2", "2024-09-01T00:00+00:00", ["2024-09-09T00:00+00:00", "2024-10-14T00:00+00:00"]),
    "the last Friday": ("UTC", "0 0 * * 5L", "2024-09-01T00:00+00:00", ["2024-09-27T00:00+00:00", "2024-10-25T00:00+00:00"]),
    "@monthly": ("UTC", "@monthly", "2024-01-31T00:00+00:00", ["2024-02-01T00:00+00:00"]),
    "@yearly": ("UTC", "@yearly", "2024-01-31T00:00+00:00", ["2025-01-01T00:00+00:00"]),
    "29 February": ("UTC", "0 0 29 2 *", "2024-02-29T00:00+00:00", ["2028-02-29T00:00+00:00"]),
    "29 February across a year that is no leap year": (
        "UTC", "0 0 29 2 *", "2096-02-29T00:00+00:00", ["2104-02-29T00:00+00:00"]),
    "last day of the month": (
        "UTC", "0 0 L * *", "2024-01-31T00:00+00:00", ["2024-02-29T00:00+00:00", "2024-03-31T00:00+00:00"]),
    "31st skips shorter months": ("UTC", "0 0 31 * *", "2024-01-31T00:00+00:00", ["2024-03-31T00:00+00:00"]),
    "both days restricted: either suffices": (
        "UTC", "0 0 13 * FRI", "2024-09-01T00:00+00:00",
        ["2024-09-06T00:00+00:00", "2024-09-13T00:00+00:00", "2024-09-20T00:00+00:00"]),
    "day of month starts with a star: both must match": (
        "UTC", "0 0 */2 * MON", "2024-09-01T00:00+00:00", ["2024-09-09T00:00+00:00", "2024-09-23T00:00+00:00"]),
    "day of week starts with a star: both must match": (
        "UTC", "0 0 1-7 * */7", "2024-09-02T00:00+00:00", ["2024-10-06T00:00+00:00"]),
    "7 is Sunday": ("UTC", "0 0 * * 7", "2024-09-02T00:00+00:00", ["2024-09-08T00:00+00:00"]),
    "0 is Sunday": ("UTC", "0 0 * * 0", "2024-09-02T00:00+00:00", ["2024-09-08T00:00+00:00"]),
    "a range that ends in 7": (
        "UTC", "0 0 * * 6-7", "2024-09-02T00:00+00:00", ["2024-09-07T00:00+00:00", "2024-09-08T00:00+00:00"]),
    "names in any case": ("UTC", "0 0 1 jan,Jul *", "2024-01-01T00:00+00:00", ["2024-07-01T00:00+00:00"]),
    "@weekly": ("UTC", "@weekly", "2024-09-02T00:00+00:00", ["2024-09-08T00:00+00:00"]),
    "@hourly": ("UTC", "@hourly", "2024-09-02T00:30+00:00", ["2024-09-02T01:00+00:00"]),
    "seconds of the moment asked do not matter": (
        "UTC", "* * * * *", "2024-09-02T00:30:59.999+00:00", ["2024-09-02T00:31+00:00"]),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_convention(case):
    name, expression, after, expected = case
    where = zones.zone(name)

    fires = islice(cron.parse(expression).fires(where, datetime.fromisoformat(after)), len(expected))

    assert [fire.astimezone(where).isoformat(timespec="minutes") for fire in fires] == expected


# --- the convention once more, as slow and plain as it can be written -----------------------------


def by_hand(expression: str, where: tzinfo, start: datetime, days: int) -> list[datetime]:
    """Every fire in `days` from `start` (midnight UTC), by looking at each minute; numbers, lists, ranges, steps alone."""
    fields = expression.split()
    minutes, hours, days_of_month, months, days_of_week = map(
        _numbers, fields, (0, 0, 1, 1, 0), (59, 23, 31, 12, 7)
    )
    both = not fields[2].startswith("*") and not fields[4].startswith("*")

    def is_day(day: date) -> bool:
        of_month, of_week = (
            day.day in days_of_month,
            bool({day.isoweekday(), day.isoweekday() % 7} & days_of_week),
        )
        return day.month in months and ((of_month or of_week) if both else (of_month and of_week))

    local = _walls(where, start, days)
    if fields[0].startswith("*") or fields[1].startswith("*"):
        return [
            at
            for at, wall in local.items()
            if wall.minute in minutes and wall.hour in hours and is_day(wall.date())
        ]
    first: dict[datetime, datetime] = {}
    for at, wall in local.items():
        first.setdefault(wall.replace(tzinfo=None, fold=0), at)
    wanted = {
        datetime.combine(day, clock_time(hour, minute))
        for day in {wall.date() for wall in local.values()}
        if is_day(day)
        for hour in hours
        for minute in minutes
    }
    walls = sorted(first)
    fires = {
        first[walls[place]]
        for wall in wanted
        if (place := bisect_left(walls, wall)) < len(walls) and wall > walls[0]
    }
    return sorted(fires)


@cache
def _walls(where: tzinfo, start: datetime, days: int) -> dict[datetime, datetime]:
    """What a clock on the wall shows at each minute."""
    moments = [start + timedelta(minutes=minute) for minute in range(1, days * 1440 + 1)]
    return {moment: moment.astimezone(where) for moment in moments}


def _numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        begin, _, end = (
            f"{low}-{high}" if span == "*" else span if "-" in span else f"{span}-{span}"
        ).partition("-")
        found |= set(range(int(begin), int(end) + 1, int(step or 1)))
    return found


ZONES = {
    "Europe/Berlin": ("2024-03-30", "2024-10-26"), "America/New_York": ("2024-03-09", "2024-11-02"),
    "Australia/Lord_Howe": ("2024-10-05", "2024-04-06"), "America/Havana": ("2024-03-09", "2024-11-02"),
    "Africa/Casablanca": ("2024-03-09", "2024-04-13"), "Africa/Cairo": ("2024-04-25", "2024-10-30"),
}  # fmt: skip
DAYS = 2
EXPRESSIONS = (
    "30 2 * * *", "0 * * * *", "*/20 2 * * *", "10,50 0-3 * * *", "0 */2 * * *", "15 1,2 9-12 * 0", "45 0 */2 * *",
    "5 1-23/2 * * 1-6", "0 0 1,10,31 3,4,10,11 7", "*/45 * 10 * 6,7",
)  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_every_fire_around_a_change_of_the_clocks_is_the_one_worked_out_by_hand(zone):
    where = zones.zone(zone)
    for began in ZONES[zone]:
        start = datetime.fromisoformat(f"{began}T00:00+00:00")
        for expression in EXPRESSIONS:
            expected = by_hand(expression, where, start, DAYS)
            fires = cron.parse(expression).fires(where, start)

            found = list(takewhile(start.__add__(timedelta(days=DAYS)).__ge__, fires))

            assert found == expected, expression


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
)
@pytest.mark.parametrize("year", [2024, 2026])
def test_daily_fires_once_per_local_date(zone, year):
    where = zones.zone(zone)
    start = datetime(year, 1, 1, tzinfo=where) - timedelta(seconds=1)

    fires = list(islice(cron.parse("30 2 * * *").fires(where, start), 365))

    assert len({fire.astimezone(where).date() for fire in fires}) == 365
    assert fires == sorted(set(fires))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC"])
def test_every_minute_is_every_real_minute(zone):
    where = zones.zone(zone)
    start = datetime(2024, 10, 26, tzinfo=UTC)

    fires = list(islice(cron.parse("* * * * *").fires(where, start), 3 * 24 * 60))

    assert fires == [start + timedelta(minutes=minute) for minute in range(1, 3 * 24 * 60 + 1)]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "empty"), ("   ", "empty"), (None, "empty"), (5, "empty"),
        ("* * * * * *", "Seconds are not supported"), ("* * * *", "five fields"), ("*", "five fields"),
        ("60 * * * *", "minute"), ("* 24 * * *", "hour"), ("* * 32 * *", "day of the month"), ("* * 0 * *", "day of"),
        ("* * * 13 *", "month"), ("* * * * 8", "day of the week"), ("a * * * *", "minute"), ("*/0 * * * *", "minute"),
        ("5-1 * * * *", "minute"), ("? * * * *", "minute"), ("\u0661 * * * *", "minute"), ("1, * * * *", "minute"),
        ("@reboot", "@daily"), ("@never", "no schedule called"), ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"), ("0 0 30-31 2 */2", "never fires"), ("* " * 200, "longer"),
    ],
)  # fmt: skip
def test_what_is_not_a_schedule_gets_a_sentence(expression, words):
    started = time.perf_counter()

    sentence = cron.check_cron(expression)

    assert sentence is not None
    assert words in sentence
    assert sentence.endswith(".")
    assert time.perf_counter() - started < 0.25


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 2 */7", "0 0 * 2 MON#5", "*/5 3 29 2 *"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_sparse_schedules_are_found_fast(expression, zone):
    after = datetime(2024, 3, 1, tzinfo=UTC)
    parsed, where = cron.parse(expression), zones.zone(zone)
    started = time.process_time()

    next(parsed.fires(where, after))

    assert time.process_time() - started < 0.05


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Base",
        "",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/berlin",
        "UTC+2",
        None,
        5,
        "Europe/Berlin\0",
        "x" * 500,
    ],
)
def test_unknown_zones_get_a_sentence(name):
    sentence = zones.check_zone(name)

    assert sentence is not None
    assert sentence.endswith((".", "?"))


def test_zones_come_from_the_pinned_database():
    assert len(zones.names()) > 400
    assert zones.check_zone("Europe/Berlin") is None
    assert zones.DATABASE_VERSION


@pytest.mark.parametrize(
    ("expression", "english"),
    [
        ("0 9 * * MON-FRI", "At 09:00 on weekdays"),
        ("30 8 * * 1,2,3,4,5", "At 08:30 on weekdays"),
        ("@daily", "At 00:00 every day"),
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,30 * * * *", "Every 30 minutes"),
        ("5-59/20 * * * *", "Every 20 minutes, from minute 5 of every hour on"),
        ("*/7 * * * *", "Every hour at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56"),
        ("@hourly", "Every hour"),
        ("10 * * * *", "Every hour at minute 10"),
        ("15 */6 * * *", "Every 6 hours at minute 15"),
        ("0 9-17 * * 1-5", "Every hour from 09:00 to 17:00 on weekdays"),
        ("*/10 9-17 * * 6,7", "Every 10 minutes from 09:00 to 17:59 at weekends"),
        ("0 8,12,18 * * *", "At 08:00, 12:00 and 18:00 every day"),
        ("0 6 L * *", "At 06:00 on the last day of the month"),
        ("0 6 1,15 * *", "At 06:00 on the 1st and 15th of the month"),
        ("0 9 13 * 5", "At 09:00 on the 13th of the month and also on Fridays"),
        ("0 9 */2 * 5", "At 09:00 on every 2nd day of the month, only on Fridays"),
        ("0 9 1-31 * 5", "At 09:00 every day"),
        ("0 0 1 1 *", "At 00:00 on 1 January"),
        ("0 0 29 2 *", "At 00:00 on 29 February"),
        ("0 9 * 1,7 *", "At 09:00 every day in January and July"),
        ("0 9 * 6-8 1", "At 09:00 on Mondays from June to August"),
        ("0 9 * * 1#2", "At 09:00 on the second Monday of the month"),
        ("0 9 * * 5L", "At 09:00 on the last Friday of the month"),
        ("0 9 * * 1-4", "At 09:00 from Monday to Thursday"),
    ],
)
def test_schedules_are_said_in_plain_words(expression, english):
    assert cron.explain(expression) == english

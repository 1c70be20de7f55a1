"""Cron expressions and time zones, as people write them."""

import pytest

from tests.workflows.engine import samples
from workflows.engine.checks import check
from workflows.engine.cron import BadCron, normalise, zone_fault


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("@annually", "0 0 1 1 *"),
        ("  */5  *  * * 1-5 ", "*/5 * * * 1-5"),
        ("0 9 * JAN MON", "0 9 * JAN MON"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 * * 7", "0 0 * * 7"),
    ],
)
def test_five_fields_and_aliases(text, fields):
    assert normalise(text) == fields


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * *", "has 4 fields"),
        ("0 * * * * *", "Seconds are not part of it"),
        ("60 * * * *", "the minute is wrong"),
        ("0 24 * * *", "the hour is wrong"),
        ("0 0 * * 8", "the day of the week is wrong"),
        ("0 0 30 2 *", "never comes"),
        ("@dayly", "Did you mean `@daily`?"),
        ("@reboot", "There is no `@reboot`"),
        ("", "fields"),
        ("a b c d e", "the minute is wrong"),
    ],
)
def test_what_is_wrong_is_said(text, words):
    with pytest.raises(BadCron) as caught:
        normalise(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Europe/Berlinn", "`Europe/Berlin`"), ("europe/berlin", "`Europe/Berlin`"), ("America/New York", "`America/New_York`"),
     ("../etc/passwd", "Use a name"), ("", "Use a name")],
)  # fmt: skip
def test_zones_that_do_not_exist(name, hint):
    assert hint in (zone_fault(name) or "")


def test_zones_that_exist():
    assert zone_fault("Europe/Berlin") is zone_fault("UTC") is None


def test_schedules_are_checked_by_place():
    clock = {"key": "t", "type": "schedule", "config": {"cron": "0 0 30 2 *", "time_zone": "Mars"}}
    document = samples.draft(samples.step("a"), triggers=[clock], settings={"time_zone": "Venus"})

    assert [fault.path for fault in check(document, samples.SmallCatalogue())] == [
        "settings.time_zone",
        "triggers.t.config.time_zone",
        "triggers.t.config.cron",
    ]

"""Cron expressions and time zones in documents are checked where they stand; their rules have tests of their own."""

from tests.workflows.engine import samples
from workflows.engine.checks import check


def test_schedules_are_checked_by_place():
    clock = {"key": "t", "type": "schedule", "config": {"cron": "0 0 30 2 *", "time_zone": "Mars"}}
    document = samples.draft(samples.step("a"), triggers=[clock], settings={"time_zone": "Venus"})

    assert [fault.path for fault in check(document, samples.SmallCatalogue())] == [
        "settings.time_zone",
        "triggers.t.config.time_zone",
        "triggers.t.config.cron",
    ]

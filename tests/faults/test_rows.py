"""Every row of `make faults` in a small measure; the whole one is `make faults`."""

from __future__ import annotations

import pytest

from tests.faults import rows as _rows  # noqa: F401 - enters them
from tests.faults.rows.points import names_in_code
from tests.faults.stage import Stage
from tests.faults.verdict import ROWS
from workflows.runs.failpoints import NAMES


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [row.name for row in ROWS.values() if row.short])
def test_row_holds(name: str, stage: Stage) -> None:
    verdict = ROWS[name].run(stage)

    assert verdict.holds, f"{verdict.done}\n{verdict.shown()}"


def test_every_failpoint_of_the_code_is_listed_and_stands_in_one_place() -> None:
    assert sorted(names_in_code()) == sorted(NAMES)

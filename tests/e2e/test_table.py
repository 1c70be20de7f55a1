"""docs/browser-tests.md says which browser test uses what: it names everything there is, and only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from workflows.engine.kinds import SETTINGS_FIELDS, STEP_KINDS, TRIGGER_KINDS

HERE = Path(__file__).parent
TABLE = (HERE.parents[1] / "docs" / "browser-tests.md").read_text()


def rows(title: str) -> dict[str, list[tuple[str, str]]]:
    """What a part of the table speaks of → the tests it names."""
    part = TABLE.split(f"## {title}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")][2:]
    return {what.strip(): re.findall(r"(test_\w+\.py)::(test_\w+)", tests) for what, tests in cells}


def test_every_type_and_policy_has_a_row() -> None:
    assert rows("Steps").keys() == STEP_KINDS.keys()
    assert rows("Triggers").keys() == TRIGGER_KINDS.keys()
    policies = " ".join(rows("Run policies"))
    for field in SETTINGS_FIELDS:
        if field.name in ("overlap", "keep_data"):
            assert [choice for choice in field.choices if choice not in policies] == []


def test_every_row_names_tests_that_exist() -> None:
    for title in ("Steps", "Triggers", "Run policies", "After a failure"):
        for what, tests in rows(title).items():
            assert tests, what
            for file, name in tests:
                assert f"def {name}(" in (HERE / file).read_text(), f"{file}::{name}"

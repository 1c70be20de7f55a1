"""The page about expressions says what the code does."""

import re
from pathlib import Path

from automate.lib.expressions import FUNCTIONS, OPERATORS, Scope, evaluate
from automate.lib.expressions.reference import function_tables, with_tables
from automate.lib.jsontypes import JSON

PAGE = Path(__file__).parents[4] / "docs" / "expressions.md"


def test_the_tables_of_the_page_are_current():
    page = PAGE.read_text(encoding="utf-8")

    assert with_tables(page) == page, "run: python -m automate.lib.expressions.reference"


def test_the_tables_have_every_function_and_comparison():
    tables = function_tables()

    assert all(f"`{name}(" in tables or f"``{name}(" in tables for name in FUNCTIONS)
    assert all(f"| `{name}` |" in tables for name in OPERATORS)


def test_the_five_examples_of_the_page_work():
    page = PAGE.read_text(encoding="utf-8").partition("## Five examples")[2].partition("## Names")[0]
    body: JSON = {
        "customer": {"name": None},
        "lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 0}],
        "total": 10.5,
        "country": "DE",
        "source": "web",
    }
    scope = Scope(
        {"trigger": {"body": body}, "steps": {"create": {"id": 7}}, "now": "2026-11-20T23:30:00Z"},
        time_zone="Europe/Berlin",
    )

    examples = [
        text.replace("\\|", "|") for text in re.findall(r"^\| `(\{\{.*?\}\})` \|", page, re.MULTILINE)
    ]

    assert [evaluate(text, scope) for text in examples] == [
        "Friend",
        "A",
        12.5,
        "05.12.2026",
        {"id": 7, "tags": ["new", "web"]},
    ]

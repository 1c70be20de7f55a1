"""The comparisons of conditions, and their editor's table."""

import pytest

from automate.lib.expressions import OPERATORS, ExpressionTypeError, compare

NAMES = [
    "equals",
    "not_equals",
    "greater_than",
    "at_least",
    "less_than",
    "at_most",
    "between",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "in",
    "not_in",
    "is_empty",
    "is_not_empty",
    "exists",
    "not_exists",
    "is_true",
    "is_false",
    "before",
    "after",
]


def test_the_table_has_all_operators():
    assert list(OPERATORS) == NAMES
    assert {info.arity for info in OPERATORS.values()} == {1, 2}
    assert [name for name, info in OPERATORS.items() if info.allows_missing] == [
        "is_empty",
        "is_not_empty",
        "exists",
        "not_exists",
    ]


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        ("equals", 1, 1.0, True),
        ("equals", 1, "1", False),
        ("equals", 1, True, False),
        ("equals", {"a": [1]}, {"a": [1.0]}, True),
        ("equals", {"a": 1}, {"a": True}, False),
        ("equals", None, None, True),
        ("not_equals", None, 0, True),
        ("greater_than", "10", 9, True),
        ("greater_than", 2**63 + 1, 2**63, True),
        ("at_least", 5, "5.0", True),
        ("less_than", "2026-11-20", "2026-11-21", True),
        ("less_than", "2026-11-20T12:00:00+02:00", "2026-11-20T11:00:00Z", True),
        ("at_most", " 7 ", 7, True),
        ("between", 5, [5, 9], True),
        ("between", 9, [5, 9], True),
        ("between", 10, [5, 9], False),
        ("between", "2026-06-01", ["2026-01-01", "2026-12-31"], True),
        ("contains", ["a", 1], 1.0, True),
        ("contains", ["1"], 1, False),
        ("contains", "Order 17", "17", True),
        ("contains", {"a": 1}, "a", True),
        ("contains", None, "a", False),
        ("not_contains", None, "a", True),
        ("starts_with", "abc", "ab", True),
        ("starts_with", None, "", False),
        ("ends_with", "abc", "bc", True),
        ("matches", "A-17", "^[A-Z]-[0-9]+$", True),
        ("matches", None, ".*", False),
        ("in", 2, [1, 2.0], True),
        ("in", "a", "abc", True),
        ("not_in", "x", ["a"], True),
        ("is_empty", None, None, True),
        ("is_empty", {}, None, True),
        ("is_empty", 0, None, False),
        ("is_empty", False, None, False),
        ("is_not_empty", "x", None, True),
        ("exists", None, None, False),
        ("exists", 0, None, True),
        ("not_exists", None, None, True),
        ("is_true", True, None, True),
        ("is_true", None, None, False),
        ("is_false", False, None, True),
        ("before", "2026-11-20", "2026-11-20T00:00:01Z", True),
        ("after", "2026-11-20T01:00:00+01:00", "2026-11-20", False),
    ],
)
def test_comparisons(op, left, right, expected):
    assert compare(op, left, right) is expected


@pytest.mark.parametrize(
    ("op", "left", "right"),
    [
        ("greater_than", "a", "b"),
        ("greater_than", None, 1),
        ("greater_than", True, 0),
        ("less_than", "2026-11-20", 5),
        ("less_than", [], []),
        ("between", 5, 6),
        ("between", 5, [1]),
        ("contains", 5, 5),
        ("contains", "a1", 1),
        ("in", 1, 5),
        ("starts_with", 5, "5"),
        ("matches", "a", None),
        ("matches", "a", "["),
        ("is_true", "true", None),
        ("is_false", 0, None),
        ("before", "tomorrow", "2026-11-20"),
        ("after", "2026-02-30", "2026-11-20"),
        ("equal", 1, 1),
    ],
)
def test_other_pairs_are_an_error(op, left, right):
    with pytest.raises(ExpressionTypeError, match=r"[.?]$"):
        compare(op, left, right)

"""When a condition holds."""

from typing import Any

import pytest

from automate.lib.expressions import ExpressionTypeError, Scope, UnknownName
from workflows.engine.conditions import case_holds, holds
from workflows.engine.errors import ConditionError


class Exploding:
    """A name nobody may ask for."""

    def get_member(self, key: str) -> object:
        raise AssertionError(f"{key} was asked for")

    def describe_missing(self, key: str) -> str:
        return key


SCOPE = Scope(
    {
        "order": {"total": 600, "lines": [], "tags": ["new"], "note": "", "at": "2024-05-01T10:00:00Z"},
        "bomb": Exploding(),
    }
)


def is_over(limit: Any) -> dict[str, Any]:
    return {"left": "{{ order.total }}", "op": "greater_than", "right": limit}


@pytest.mark.parametrize(
    "value", ["null", "false", "0", '""', "[]", "{}", "0.0", "order.lines", "order.note"]
)
def test_empty_values_do_not_hold(value):
    assert holds("{{ " + value + " }}", SCOPE) is False


@pytest.mark.parametrize("value", ["true", "1", '"false"', "[0]", "order", "order.total > 500", "-1"])
def test_all_other_values_hold(value):
    assert holds("{{ " + value + " }}", SCOPE) is True


@pytest.mark.parametrize(
    ("fixed", "expected"), [(True, True), (False, False), ("text", True), ("", False), (None, False)]
)
def test_fixed_values_count_as_they_are(fixed, expected):
    assert holds(fixed, SCOPE) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (is_over(500), True),
        (is_over("{{ order.total }}"), False),
        ({"all": [is_over(500), is_over(700)]}, False),
        ({"any": [is_over(700), is_over(500)]}, True),
        ({"not": is_over(700)}, True),
        ({"not": {"any": ["{{ order.lines }}", {"all": []}]}}, False),
        ({"all": []}, True),
        ({"any": []}, False),
        ({"left": "{{ order.total }}", "op": "between", "right": [1, "{{ order.total }}"]}, True),
        ({"left": "new", "op": "in", "right": "{{ order.tags }}"}, True),
        ({"left": "{{ order.at }}", "op": "before", "right": "2024-06-01"}, True),
        ({"left": "1", "op": "equals", "right": 1}, False),
        ({"left": "{{ order.lines }}", "op": "is_empty"}, True),
    ],
)
def test_comparisons_and_groups(when, expected):
    assert holds(when, SCOPE) is expected


@pytest.mark.parametrize(
    ("op", "expected"), [("exists", False), ("not_exists", True), ("is_empty", True), ("is_not_empty", False)]
)
def test_a_missing_name_can_be_asked_after(op, expected):
    assert holds({"left": "{{ order.discount }}", "op": op}, SCOPE) is expected


def test_a_missing_name_is_an_error_elsewhere():
    with pytest.raises(UnknownName):
        holds({"left": "{{ order.discount }}", "op": "equals", "right": 1}, SCOPE)


def test_groups_stop_at_the_part_that_decides():
    bomb = "{{ bomb.x }}"

    assert holds({"any": [True, bomb]}, SCOPE) is True
    assert holds({"all": [False, bomb]}, SCOPE) is False


def test_values_without_an_order_are_an_error():
    with pytest.raises(ExpressionTypeError):
        holds({"left": "{{ order.tags }}", "op": "greater_than", "right": 1}, SCOPE)


@pytest.mark.parametrize("when", [{}, {"left": 1}, {"op": "equals"}, {"all": 5}])
def test_what_is_no_condition_is_refused(when):
    with pytest.raises(ConditionError):
        holds(when, SCOPE)


def test_short_form_compares_json_values():
    assert case_holds({"key": "a", "equals": 600}, 600.0, SCOPE) is True
    assert case_holds({"key": "a", "equals": "{{ order.total }}"}, 600, SCOPE) is True
    assert case_holds({"key": "a", "equals": "600"}, 600, SCOPE) is False
    assert case_holds({"key": "a", "equals": None}, None, SCOPE) is True


def test_long_form_asks_when():
    assert case_holds({"key": "a", "when": is_over(500)}, None, SCOPE) is True

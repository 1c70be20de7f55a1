"""The checker of the fault tests finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.checker import find_faults
from tests.support.database import RunRow, StepRow
from tests.support.echo import Seen
from tests.support.load import Answer
from tests.support.orders import expected_steps, is_call

ORDER: dict[str, Any] = {
    "id": "order-1",
    "total": 600,
    "risky_status": 500,
    "lines": [{"sku": "a"}, {"sku": "b"}],
}


class Accounts:
    """One order that went well, in all three accounts; tests spoil one of them."""

    def __init__(self) -> None:
        steps = expected_steps(ORDER)
        self.answers = [Answer("order-1", 202, "run-1", 0.0, 5.0)]
        self.run = RunRow(
            "run-1", "COMPLETED", True, {"body": ORDER}, None, None, 1, 1.0, 9.0, 8000,
            [StepRow(path, status, 8.0) for path, status in steps.items()],
        )  # fmt: skip
        self.seen = [
            Seen(5.0, "POST", "/x", f"run-1:{path}", f"order-1/{path}")
            for path, status in steps.items()
            if is_call(path) and status != "SKIPPED"
        ]

    def faults(self, *, may_repeat: bool = True) -> list[str]:
        found = find_faults([ORDER], self.answers, [self.run], self.seen, may_repeat=may_repeat)
        return [fault.said for fault in found]


def repeat_under_the_same_key(accounts: Accounts) -> None:
    accounts.seen.append(replace(accounts.seen[0], at=6.0))


def test_order_that_went_well_has_no_faults() -> None:
    assert Accounts().faults() == Accounts().faults(may_repeat=False) == []


def test_safe_call_may_come_twice_under_one_key_but_an_unsafe_one_may_not() -> None:
    accounts = Accounts()
    repeat_under_the_same_key(accounts)

    assert accounts.faults() == []
    assert accounts.faults(may_repeat=False) == [
        "order-1: thanks was called 2 times, and it may not be repeated."
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda a: a.answers.clear(), "never answered with 202"),
        (lambda a: setattr(a.run, "id", "run-2"), "which is not there"),
        (lambda a: setattr(a.run, "status", "FAILED"), "ended as FAILED"),
        (lambda a: setattr(a.run, "status", "NEEDS_ATTENTION"), "ended as NEEDS_ATTENTION"),
        (lambda a: a.run.steps.pop(), "is missing in the journal"),
        (lambda a: a.run.steps.append(a.run.steps[0]), "is 2 times in the journal"),
        (lambda a: a.run.steps.append(StepRow("ghost", "COMPLETED", 8.0)), "ghost is COMPLETED in the journal, expected None"),
        (lambda a: a.seen.pop(), "no call was received"),
        (lambda a: a.seen.append(replace(a.seen[0], at=8.5)), "was called again 0.500 s after it had ended"),
        (lambda a: a.seen.append(replace(a.seen[0], key="other")), "was called under 2 keys"),
        (lambda a: a.seen.append(replace(a.seen[0], key=a.seen[1].key)), "was used for"),
        (lambda a: a.seen.append(replace(a.seen[0], key="")), "without an Idempotency-Key"),
        (lambda a: a.seen.append(replace(a.seen[0], id="order-9/left")), "which was never sent"),
        (lambda a: a.seen.append(replace(a.seen[0], id="order-1/small")), "but the journal does not have it"),
    ],
)  # fmt: skip
def test_checker_says_what_is_wrong(spoil: Callable[[Accounts], Any], said: str) -> None:
    accounts = Accounts()

    spoil(accounts)

    assert any(said in fault for fault in accounts.faults()), accounts.faults()

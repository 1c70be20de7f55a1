"""When a failed step is tried again."""

import pytest

from automate.lib.expressions import Scope
from workflows.engine.parts import Retry
from workflows.engine.retry import is_wanted, longest_delay_s, next_delay_s

RETRY = Retry(attempts=6, backoff_s=2, factor=3, max_s=30)


def test_waits_grow_up_to_their_bound():
    assert [longest_delay_s(RETRY, attempt) for attempt in range(1, 6)] == [2, 6, 18, 30, 30]


@pytest.mark.parametrize(("rand", "wait_s"), [(0.0, 0), (0.5, 3), (0.999, 5.994)])
def test_full_jitter_picks_a_point_in_the_whole_wait(rand, wait_s):
    assert next_delay_s(RETRY, 2, rand) == pytest.approx(wait_s)


@pytest.mark.parametrize(
    ("attempts", "attempt", "goes_on"),
    [(1, 1, False), (2, 1, True), (2, 2, False), (20, 19, True), (20, 20, False)],
)
def test_the_first_try_counts(attempts, attempt, goes_on):
    assert (next_delay_s(Retry(attempts), attempt, 0.5) is not None) is goes_on


def test_without_retry_there_is_one_try():
    assert next_delay_s(None, 1, 0.5) is None
    assert next_delay_s(Retry(), 1, 0.5) is None


def test_what_the_service_asks_for_is_waited_at_least():
    assert next_delay_s(RETRY, 1, 0.5, retry_after_s=90) == 90
    assert next_delay_s(RETRY, 3, 0.5, retry_after_s=1) == 9
    assert next_delay_s(RETRY, 6, 0.5, retry_after_s=1) is None


def test_retry_if_looks_at_the_error():
    scope = Scope({"error": {"status": 503, "code": "busy"}})

    assert is_wanted(Retry(2), scope)
    assert is_wanted(Retry(2, retry_if="{{ error.status >= 500 }}"), scope)
    assert not is_wanted(Retry(2, retry_if="{{ error.code == 'gone' }}"), scope)

"""When a failed step is tried again."""

from automate.lib.expressions import Scope
from workflows.engine.conditions import holds
from workflows.engine.parts import Retry


def next_delay_s(
    retry: Retry | None, attempt: int, rand: float, *, retry_after_s: float | None = None
) -> float | None:
    """Seconds to wait after the failed try number `attempt` (from 1); None when no try is left.

    Full jitter: `rand` (0 up to 1) picks a point between nothing and the back-off. What the service asked for in
    `retry_after_s` is waited at least, also beyond `max_s`.
    """
    if retry is None or attempt >= retry.attempts:
        return None
    wait_s = longest_delay_s(retry, attempt) * rand
    return max(wait_s, retry_after_s) if retry_after_s is not None else wait_s


def longest_delay_s(retry: Retry, attempt: int) -> float:
    """The back-off after try number `attempt`, before jitter."""
    return min(retry.max_s, retry.backoff_s * retry.factor ** (attempt - 1))


def is_wanted(retry: Retry, scope: Scope) -> bool:
    """Whether `retry_if` lets this error be tried again; the scope holds `error`. Raises ExpressionError."""
    return retry.retry_if is None or holds(retry.retry_if, scope)

"""The tries of a step before its last one: what each was told, and what was sent and came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.models import StepExecution
from workflows.views.run_states import moment


@dataclass(frozen=True)
class Try:
    """`request`: the log of its request, where one was sent; `started` and `ended` where they are known."""

    number: int
    message: str
    code: str = ""
    status: int | None = None
    request: dict[str, Any] | None = None
    started: datetime | None = None
    ended: datetime | None = None


def tries(row: StepExecution | None, note: Mapping[str, Any]) -> list[Try]:
    """Those that failed and were followed by another. `note`: what the queue says of a step under way."""
    said = row.attempts if row is not None else note.get("errors") or []
    return [one(number, error) for number, error in enumerate(said, start=1)]


def one(number: int, error: object) -> Try:
    if not isinstance(error, dict):
        return Try(number, str(error))
    log, status = error.get("request"), error.get("status")
    return Try(
        number=number,
        message=str(error.get("message", "")),
        code=str(error.get("code", "")),
        status=status if isinstance(status, int) else None,
        request=log if isinstance(log, dict) else None,
        started=moment(error.get("started_at")),
        ended=moment(error.get("ended_at")),
    )

"""Starts that share a commit, where the database takes one writer at a time (SQLite): of the threads that have a run to
queue, the first one writes for all that have come meanwhile, and each goes on when that is committed.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError

from workflows.runs.store.base import StartRow, Store

Receipt = tuple[uuid.UUID, str, str]


@dataclass(slots=True)
class _Start:
    row: StartRow
    receipt: Receipt | None
    started: uuid.UUID | None = None
    error: Exception | None = None
    is_done: bool = False


_lock = threading.Lock()
_waiting: list[_Start] = []
_one_writes = threading.Lock()


def start_together(store: Store, row: StartRow, receipt: Receipt | None) -> uuid.UUID | None:
    """As `Store.start`, and committed. Raises its database errors. Not inside a transaction."""
    mine = _Start(row, receipt)
    with _lock:
        _waiting.append(mine)
    with _one_writes:
        if not mine.is_done:
            _write(store, _take_all())
    if mine.error is not None:
        raise mine.error
    return mine.started


def _take_all() -> list[_Start]:
    with _lock:
        taken = _waiting[:]
        _waiting.clear()
    return taken


def _write(store: Store, batch: Sequence[_Start]) -> None:
    try:
        with store.writing():
            for one in batch:
                one.started = store.start(one.row, one.receipt)
    except (OperationalError, InterfaceError) as error:  # one by one they would wait for the same thing
        for one in batch:
            one.error = type(error)(*error.args)
    except Exception as error:  # noqa: BLE001 - raised in the thread whose run it is
        if len(batch) == 1:
            batch[0].error = error
        else:
            for one in batch:
                _write(store, [one])
    for one in batch:
        one.is_done = True

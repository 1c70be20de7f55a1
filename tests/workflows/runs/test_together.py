"""Many who write at once: starts share a commit where the database takes one writer at a time, and writers take turns."""

from __future__ import annotations

import fcntl
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.models import Tenant
from automate.lib import clock
from automate.lib.ids import uuid7
from tests.workflows.runs.conftest import make_value, start, workflow
from workflows.models import ActiveRun, Deployment
from workflows.runs.store import StartRow, current_store, together, turnstile


class Counting:
    """The store in use, and how many transactions it opened. `is_away`: the database cannot be written."""

    def __init__(self) -> None:
        self.store, self.transactions, self.is_away = current_store(), 0, False

    @contextmanager
    def writing(self) -> Iterator[None]:
        self.transactions += 1
        if self.is_away:
            raise OperationalError("database is locked")
        with transaction.atomic():
            yield

    def start(self, row: StartRow, receipt: Any) -> uuid.UUID | None:
        return self.store.start(row, receipt)


def row_of(live: Deployment, **other: Any) -> StartRow:
    ids = {"tenant_id": live.tenant_id, "template_id": live.template_id, "version_id": live.version_id}
    return StartRow(id=uuid7(), input={}, created_at=clock.now(), **(ids | other))


def start_all(store: Any, rows: list[StartRow]) -> list[Future[uuid.UUID | None]]:
    """Each in a thread of its own; they come while somebody writes, who is this thread and then writes for them."""
    pool = ThreadPoolExecutor(len(rows))
    with together._one_writes:
        found = [pool.submit(together.start_together, store, row, None) for row in rows]
        while len(together._waiting) < len(rows):
            threading.Event().wait(0.001)
        together._write(store, sorted(together._take_all(), key=lambda one: one.row.id))
    pool.shutdown()
    return found


@pytest.fixture
def live(db: None, alice: Any, workspace: Tenant) -> Deployment:
    from workflows import documents
    from workflows.engine.document import load
    from workflows.publishing import publish

    template = documents.create(workspace, load(workflow(make_value("only"))), by=alice)
    publish(template, by=alice)
    return Deployment.objects.get(template=template)


def test_starts_that_come_at_once_share_a_commit_and_a_bad_one_fails_alone(live: Deployment) -> None:
    store, rows = Counting(), [row_of(live) for _ in range(3)]
    good = start_all(store, rows)
    shared = store.transactions
    mixed = start_all(store, [row_of(live), row_of(live, tenant_id=None)])

    assert [future.result() for future in good] == [row.id for row in rows]
    assert shared == 1
    assert isinstance(mixed[1].exception(), IntegrityError)
    assert ActiveRun.objects.filter(pk=mixed[0].result()).exists()
    assert ActiveRun.objects.count() == 4


def test_starts_that_cannot_be_written_are_refused_together(live: Deployment) -> None:
    store = Counting()
    store.is_away = True

    refused = start_all(store, [row_of(live) for _ in range(3)])

    assert [str(future.exception()) for future in refused] == ["database is locked"] * 3
    assert store.transactions == 1


def test_writers_take_turns_but_wait_for_nobody_for_ever(tmp_path: Any, monkeypatch: Any) -> None:
    database, entered = str(tmp_path / "database"), threading.Event()

    def enter() -> None:
        with turnstile.in_turn(database):
            entered.set()

    with open(f"{database}-turn", "w") as other:  # as another process has it
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=enter)
        thread.start()
        waited = not entered.wait(0.02)
        fcntl.flock(other, fcntl.LOCK_UN)
        assert entered.wait(10)
        thread.join()
        entered.clear()

        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(turnstile, "PATIENCE_S", 0.0)
        enter()

    assert waited
    assert entered.is_set()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps this by itself.")
def test_only_a_claim_does_not_wait_for_the_disk(transactional_db: None, deploy: Any, engine: Any) -> None:
    seen: list[tuple[str, int]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(
            (
                "UPDATE workflows_activerun SET state = 'RUNNING'",
                "DELETE FROM",
                "INSERT INTO workflows_activerun",
            )
        ):
            level = connection.connection.execute("PRAGMA synchronous").fetchone()[0]
            seen.append((sql.split()[0], level))
        return execute(sql, params, many, context)

    live = deploy(workflow(make_value("only")))
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous=FULL")
    with connection.execute_wrapper(note):
        start(live)
        engine.drain()

    assert ("INSERT", 2) in seen
    assert ("UPDATE", 1) in seen
    assert {level for word, level in seen if word == "DELETE"} == {2}

"""Guards of the product, and how a started product is made to do without one: its processes patch a module once they have
loaded it. The row `guards` then does what the guard is for, and the checker must miss it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent / "unguarded"
LATE_S = 0.3  # how long after its 202 a start is committed, where nobody waits for the commit


def settings_without(name: str, root: Path) -> dict[str, str]:
    """Environment variables of a product that does without this guard."""
    return {"PYTHONPATH": f"{FOLDER}:{root}", "FAULTS_WITHOUT": name}


def take_away(name: str) -> None:
    """In this process, as soon as the module is loaded. Raises KeyError."""
    module, remove = GUARDS[name]
    sys.meta_path.insert(0, _Patcher(module, remove))


class _Patcher(MetaPathFinder):
    def __init__(self, name: str, patch: Callable[[Any], None]) -> None:
        self.name = name
        self.patch = patch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        loader: Any = spec.loader
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            self.patch(module)

        loader.exec_module = exec_module
        return spec


def attempt(store: Any) -> None:
    """A worker that lost its run goes on writing."""
    fence = " AND a.attempt = u.attempt AND a.state = 'RUNNING'"
    assert fence in store.ADVANCE
    assert fence in store.FINISH
    store.ADVANCE, store.FINISH = store.ADVANCE.replace(fence, ""), store.FINISH.replace(fence, "")


def lease(recovery: Any) -> None:
    """The sweep takes the runs of living workers, too."""
    recovery.WorkerLease = _Of(recovery.WorkerLease.objects.none())


class _Of:
    def __init__(self, objects: Any) -> None:
        self.objects = objects


def announcement(journal: Any) -> None:
    """Unsafe calls are sent without being announced."""

    def before(self: Any, call: Any) -> None:
        self.flush(wait=True)

    journal.Journal.before = before


def journal(journal: Any) -> None:
    """The next call begins before what has ended is written."""

    def before(self: Any, call: Any) -> None:
        if call.effect == "unsafe":
            self.announced.add(call.path)

    journal.Journal.before = before


def commit(start: Any) -> None:
    """202 is answered before the run is committed."""
    from threading import Timer

    real = start.queue_run

    def queue_run(row: Any, *rest: Any, **more: Any) -> Any:
        def late() -> None:
            real(row, *rest, **more)
            start.dispatch.wake_engine()
            start.connection.close()

        Timer(LATE_S, late).start()
        return start.StartResult(row.id)

    start.queue_run = queue_run


def receipts(start: Any) -> None:
    """Nobody remembers which deliveries have come."""
    real = start.queue_run

    def queue_run(row: Any, live_trigger_id: Any, receipt: Any, **more: Any) -> Any:
        return real(row, live_trigger_id, None, **more)

    start.queue_run = queue_run


def schedule(schedules: Any) -> None:
    """Whoever sees that a schedule is due fires it: neither the claim nor the receipt of an instant is looked at."""

    def start(live: Any, published: Any, decided: Any, due: Any, now: Any) -> int:
        type(live).objects.filter(pk=live.pk).update(next_fire_at=decided.next_at)
        for at in decided.start:
            trigger = schedules._payload(live, published, at, now)
            schedules.start_run(
                deployment=live.deployment, live_trigger=live, trigger=trigger, trigger_type="SCHEDULED"
            )
        return len(decided.start)

    schedules._start = start


def cursor(polling: Any) -> None:
    """What a poll remembers is committed before the runs it starts."""

    def commit(self: Any, items: Any, done: int, is_last: bool) -> int:
        changes = {"cursor": self._cursor(done), "next_fire_at": self._next()}
        with self.claim.lock:
            self.claim.held().update(**changes)
        polling.failpoint("poll.before_commit")
        return int(self._start(items))

    polling._Taking._commit = commit


# name → the module that is patched, and how
GUARDS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "attempt": ("workflows.runs.store.postgres", attempt),
    "lease": ("workflows.runs.recovery", lease),
    "announcement": ("workflows.runs.journal", announcement),
    "journal": ("workflows.runs.journal", journal),
    "commit": ("workflows.runs.start", commit),
    "receipts": ("workflows.runs.start", receipts),
    "schedule": ("workflows.triggers.schedules", schedule),
    "cursor": ("workflows.triggers.polling", cursor),
}

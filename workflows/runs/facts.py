"""Small facts a run needs from the database, read at most every few seconds per process.

Segments run in many threads, and a connection for each would exhaust the database. So facts are read in the
writer's thread: ahead of time for a batch of claims (`prepare`), or on request (`ask`), which the writer serves
between two transactions.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.runs.presence import Presence
from workflows.runs.shapes import Claimed

PATIENCE_S = 600.0  # how long a run waits for a database that is away before it fails
FRESH_S = 5.0  # how long a fact may be used before it is read again
DELETED: dict[str, JSON] = {
    "status": "CANCELLED", "output": None, "error": {"message": "its run was deleted."}
}  # fmt: skip
T = TypeVar("T")


def patiently(read: Callable[[], T]) -> T:
    """Read, and again as long as the database is away: runs wait for it as the writer does. Raises what `read` raises."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return read()
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.5)


@dataclass(slots=True)
class Question:
    read: Callable[[], Any]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None

    def serve(self) -> None:
        try:
            self.answer = self.read()
        except Exception as error:  # noqa: BLE001 - given to the thread that asked, which raises it
            self.error = error
            if isinstance(error, OperationalError | InterfaceError) and not connection.in_atomic_block:
                connection.close()
        self.answered.set()


class Facts:
    """`writer`: whose thread reads; with none of its own, who asks reads."""

    def __init__(
        self, wake_writer: Callable[[], None] = lambda: None, writer: Presence | None = None
    ) -> None:
        self.questions: SimpleQueue[Question] = SimpleQueue()
        self.writer = writer or Presence()
        self._wake_writer = wake_writer
        self._kept: dict[Any, tuple[float, Any]] = {}
        self._asking: dict[Any, threading.Event] = {}
        self._lock = threading.Lock()

    def ask(self, read: Callable[[], T]) -> T:
        """Run `read` in the writer's thread and give its answer; in a worker a database that is away is waited for.

        Raises what `read` raises, and WriterGone.
        """
        if self.writer.thread in (None, threading.get_ident()):
            return read()
        return patiently(lambda: self._ask_once(read))

    def _ask_once(self, read: Callable[[], T]) -> T:
        question = Question(read)
        self.questions.put(question)
        self._wake_writer()
        self.writer.wait(question.answered)
        if question.error is not None:
            raise question.error
        answer: T = question.answer
        return answer

    def serve(self) -> None:
        """Answer what was asked; called by the writer between transactions."""
        while not self.questions.empty():
            self.questions.get().serve()

    def fresh(self, key: Any, read: Callable[[], T]) -> T:
        """A fact that is at most FRESH_S old. One thread asks at a time: the others go on with what was known, for so long."""
        found = self._kept.get(key)
        if found is not None and clock.monotonic() - found[0] < FRESH_S:
            value: T = found[1]
            return value
        with self._lock:
            asking = self._asking.get(key)
            if asking is None:
                mine = self._asking[key] = threading.Event()
        if asking is not None and self.writer.thread not in (None, threading.get_ident()):
            if found is None:
                self.writer.wait(asking)
                return self.fresh(key, read)
            value = found[1]
            return value
        return self._read_anew(key, read, mine if asking is None else asking)

    def _read_anew(self, key: Any, read: Callable[[], T], asking: threading.Event) -> T:
        """In this thread for all that want to know; should it fail, the next one asks."""
        try:
            value = self.ask(read)
            with self._lock:
                if len(self._kept) > 10_000:
                    self._kept.clear()
                self._kept[key] = (clock.monotonic(), value)
            return value
        finally:
            with self._lock:
                self._asking.pop(key, None)
            asking.set()

    # --- the facts -----------------------------------------------------------------------------
    def deployment(self, deployment_id: uuid.UUID | None) -> dict[str, Any]:
        """`{bindings, environment_id}` of a deployment; empty for none."""
        if deployment_id is None:
            return {"bindings": {}, "environment_id": None}
        return self.fresh(("deployment", deployment_id), lambda: _read_deployment(deployment_id))

    def bindings(self, claimed: Claimed) -> dict[str, str]:
        """Slot → connection id: of the test run's options, else of the deployment."""
        own = claimed.options.get("bindings")
        bindings: dict[str, str] = (
            own if own is not None else self.deployment(claimed.deployment_id)["bindings"]
        )
        return bindings

    def variables(self, claimed: Claimed) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """The plain variables, and all of them with secrets."""
        environment = (
            claimed.options.get("environment_id") or self.deployment(claimed.deployment_id)["environment_id"]
        )
        tenant = claimed.lease.tenant_id
        return self.fresh(("vars", tenant, str(environment)), lambda: _read_variables(tenant, environment))

    def live_workflow(self, claimed: Claimed, key: str) -> dict[str, Any] | None:
        """What to run for a workflow key in the same workspace and environment."""
        environment = (
            claimed.options.get("environment_id") or self.deployment(claimed.deployment_id)["environment_id"]
        )
        tenant = claimed.lease.tenant_id
        return self.fresh(
            ("workflow", tenant, key, str(environment)), lambda: _read_live_workflow(tenant, key, environment)
        )


def _read_deployment(deployment_id: uuid.UUID) -> dict[str, Any]:
    from workflows.models import Deployment

    row = Deployment.objects.filter(pk=deployment_id).values("bindings", "environment_id").first()
    return dict(row) if row else {"bindings": {}, "environment_id": None}


def _read_variables(tenant_id: uuid.UUID, environment_id: Any) -> tuple[dict[str, JSON], dict[str, JSON]]:
    from django.db.models import Q

    from workflows.models import WorkflowVariable
    from workflows.runs.secret_values import reveal

    rows = WorkflowVariable.objects.for_tenant(tenant_id).filter(
        Q(environment=None) | Q(environment_id=environment_id)
    )
    plain: dict[str, JSON] = {}
    everything: dict[str, JSON] = {}
    # rows of an environment come last and win over those for all
    for row in sorted(rows, key=lambda row: row.environment_id is not None):
        value = reveal(row)
        everything[row.key] = value
        if row.type != WorkflowVariable.Type.SECRET:
            plain[row.key] = value
    return plain, everything


def _read_live_workflow(tenant_id: uuid.UUID, key: str, environment_id: Any) -> dict[str, Any] | None:
    from workflows.models import Deployment

    found = Deployment.objects.for_tenant(tenant_id).filter(template__template_id=key, is_active=True)
    if environment_id is not None:
        found = found.filter(environment_id=environment_id)
    row = found.values("id", "template_id", "version_id", "version__workflow_data").first()
    if row is None:
        return None
    triggers = row["version__workflow_data"].get("triggers", [])
    chosen = next(
        (t for t in triggers if t.get("type") == "workflow"), triggers[0] if triggers else {"key": "start"}
    )
    return {
        "template_id": row["template_id"],
        "version_id": row["version_id"],
        "deployment_id": row["id"],
        "trigger_key": chosen["key"],
        "limit_key": limit_key(row["version__workflow_data"], row["id"], tenant_id),
    }


def limit_key(data: dict[str, Any], deployment_id: uuid.UUID, tenant_id: uuid.UUID) -> str:
    """What counts the runs of a workflow that limits them; else empty."""
    from workflows.runs.policies import policy_from

    return policy_from(data.get("settings"), None).key(deployment_id, tenant_id)


def child_results(claims: list[Claimed]) -> None:
    """Fill in what became of the sub-workflows these runs wait for (one SQL query, none when nobody waits)."""
    from workflows.models import WorkflowExecution
    from workflows.runs.outputs import resolve

    wanted: dict[str, Claimed] = {}
    for claimed in claims:
        for note in claimed.cursor.get("waits", {}).values():
            if note.get("kind") == "child":
                wanted[str(note["child"])] = claimed
    if not wanted:
        return
    rows = WorkflowExecution.objects.filter(pk__in=list(wanted)).values_list(
        "id", "tenant_id", "status", "output", "error"
    )
    found = {
        str(pk): {"status": status, "output": resolve(output, tenant, pk), "error": error}
        for pk, tenant, status, output, error in rows
    }
    for child, claimed in wanted.items():
        became = found.get(child, DELETED)
        if became["status"] in WorkflowExecution.FINAL:
            claimed.children[child] = became

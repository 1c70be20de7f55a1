"""Everything one request of a run's pages works on, read once: the run, its document, its steps, what is under way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.db.models import Count, Max, QuerySet
from django.http import Http404
from django.urls import reverse

from accounts.request import AppRequest
from automate.lib import clock
from workflows import documents
from workflows.access import get_run_or_404, rights_on
from workflows.builder.names import Names
from workflows.engine.document import Step, Trigger
from workflows.engine.graph import Graph
from workflows.models import ActiveRun, Deployment, StepExecution, WorkflowExecution
from workflows.runs.program import Program, programs
from workflows.runs.tokens import WAITS
from workflows.views import run_paths, run_queue, run_rows
from workflows.views.run_outline import Drawing, Item
from workflows.views.run_paths import TRIGGER, Place
from workflows.views.run_states import LoopFacts, State, States, StepRow, Tally
from workflows.views.run_values import Look

_ROW: Final = ("path", "step_id", "step_status", "port", "duration_ms")


@dataclass(frozen=True)
class Live:
    """What the queue says of an unfinished run. Nothing of it is left when the run has ended."""

    seq: int = 0
    state: str = ""
    progress: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    is_stopping: bool = False
    worker: str = ""
    limit_key: str = ""
    priority: int = 5
    run_at: datetime | None = None

    @property
    def outside(self) -> frozenset[str]:
        """The places that wait for people to decide, or for services to call."""
        return frozenset(path for path, note in self.waits.items() if note.get("kind") in WAITS)

    @property
    def asked(self) -> frozenset[str]:
        """The places that wait for a person to say what happened."""
        return frozenset(
            path
            for path, note in self.waits.items()
            if note.get("kind") == "ask" and path not in self.answers
        )


class RunRoom:
    """Each part is worked out at most once. `where`: the place that is open, as the address names it."""

    def __init__(self, request: AppRequest, execution: WorkflowExecution, where: str = "") -> None:
        self.execution = execution
        self.membership = request.membership
        self.live = _live(execution)
        self.now = clock.now()
        self.where = where
        self.look = Look.of(request)
        self.place = self._placed(where)

    @property
    def seq(self) -> int:
        """Grows with everything that can be seen of the run."""
        return max(self.execution.seq, self.live.seq)

    def _placed(self, where: str) -> Place | None:
        if where in ("", TRIGGER):
            return None
        place = run_paths.parse(where, self.graph) if self.program else None
        if place is None:
            raise Http404
        return place

    # --- the document --------------------------------------------------------------------------
    @cached_property
    def program(self) -> Program | None:
        version = self.execution.version_id
        return programs.get({version}).get(version)

    @cached_property
    def graph(self) -> Graph:
        assert self.program is not None
        return self.program.graph

    @cached_property
    def names(self) -> Names:
        catalogue = documents.catalogue_for(self.execution.tenant)
        return Names(self.graph.document, catalogue, self.graph.outline())

    @cached_property
    def trigger(self) -> Trigger | None:
        """The trigger that fired: the live one, else named by the run's data, else by its type."""
        triggers = self.graph.document.triggers
        live = self.execution.live_trigger
        key = live.key if live else self._trigger_key()
        word = documents.trigger_word(self.execution.trigger_type) if self.execution.trigger_type else ""
        named = [trigger for trigger in triggers if trigger.key == key]
        alike = [trigger for trigger in triggers if trigger.type == word]
        return next(iter(named or alike or triggers), None)

    def _trigger_key(self) -> object:
        """Of the run's input, without loading the rest of it."""
        rows = WorkflowExecution.objects.for_tenant(self.execution.tenant_id).filter(pk=self.execution.pk)
        return rows.values_list("input__key", flat=True).first()

    def step(self, key: str) -> Step:
        return self.graph.steps[key]

    # --- what happened -------------------------------------------------------------------------
    @cached_property
    def chosen(self) -> dict[str, int]:
        return self.place.chosen if self.place else {}

    @property
    def steps(self) -> QuerySet[StepExecution]:
        return StepExecution.objects.for_tenant(self.execution.tenant_id).filter(execution=self.execution)

    @cached_property
    def states(self) -> States:
        rows = self._rows()
        loops = self._loops(rows)
        return States(self.graph, rows, self._tallies(), loops, self.live.progress, self.live.asked, self.now)

    def state_at(self, place: Place) -> State:
        return self.states.at(place.step_path)

    def _rows(self) -> dict[str, StepRow]:
        """The finished steps at the top, and those in the chosen items: by path, however many the run has."""
        wanted = set(self.graph.members(None))
        for loop in self.chosen:
            for key in self.graph.members(loop):
                wanted.add(run_paths.place_of(key, self.graph, self.chosen).path)
        if self.place:
            wanted.add(self.place.step_path)
        found = self.steps.filter(path__in=wanted).values_list(*_ROW)
        return {row[0]: StepRow(*row) for row in found}

    def _tallies(self) -> dict[str, Tally]:
        """What became of the steps inside loops (one SQL query, which counts: there may be a hundred thousand)."""
        inside = [key for key, loop in self.graph.loop_of.items() if loop]
        tallies = {key: Tally() for key in inside}
        for path, live in self.live.progress.items():
            place = run_paths.parse(path, self.graph)
            if place and place.items and place.key in tallies:
                status = "NEEDS_ATTENTION" if path in self.live.asked else str(live.get("state", "RUNNING"))
                tallies[place.key].add(status, path)
        if inside:
            rows = self.steps.filter(step_id__in=inside).order_by().values_list("step_id", "step_status")
            for key, status, count, path in rows.annotate(Count("id"), Max("path")):
                tallies[key].add(status, path, count)
        return tallies

    def _loops(self, rows: dict[str, StepRow]) -> dict[str, LoopFacts]:
        keys = {key for key, step in self.graph.steps.items() if step.type == "loop"}
        facts = {
            path: LoopFacts(_count(live.get("items")) or None, _count(live.get("done")) or 0)
            for path, live in self.live.progress.items()
            if path.rsplit(".", 1)[-1] in keys
        }
        ended = [path for path, row in rows.items() if row.key in keys]
        if ended:
            columns = ("path", "input__items", "output__count", "output__failed")
            for path, items, count, failed in self.steps.filter(path__in=ended).values_list(*columns):
                facts[path] = LoopFacts(
                    _count(items) or _count(count), _count(count) or 0, _count(failed) or 0
                )
        return facts

    @cached_property
    def failed_path(self) -> str:
        """Where the run failed; empty when it did not, or not in a step."""
        error = self.execution.error
        key = error.get("step") if isinstance(error, dict) else None
        if not key or not self.program or key not in self.graph.steps:
            return ""
        found = self.steps.filter(step_id=key, step_status=StepExecution.Status.FAILED).order_by("-id")
        return str(found.values_list("path", flat=True).first() or "")

    @property
    def status(self) -> str:
        """As pages name it: also for a run that is held until others have ended."""
        is_held = self.live.state == ActiveRun.State.HELD
        return ActiveRun.State.HELD if is_held else run_rows.status_of(self.execution)

    @cached_property
    def reason(self) -> run_queue.Reason | None:
        """Why it has not begun; None for a run that has (one to five SQL queries for one that has not)."""
        is_pending = self.execution.status == WorkflowExecution.Status.PENDING
        return run_queue.reason(self) if is_pending else None

    # --- addresses and rights ------------------------------------------------------------------
    @cached_property
    def rights(self) -> frozenset[str]:
        return rights_on(self.membership, self.execution.template)

    @cached_property
    def newer_version(self) -> int | None:
        """The number of what is published now, if that is another version than this run's (one SQL query)."""
        rows = Deployment.objects.for_tenant(self.execution.tenant_id).filter(
            template=self.execution.template
        )
        numbers = dict(rows.values_list("pk", "version__version_number"))
        number = numbers.get(self.execution.deployment_id) or next(iter(numbers.values()), None)  # type: ignore[arg-type]  # None is in no dict
        return number if number != self.execution.version.version_number else None

    @property
    def url(self) -> str:
        return reverse("workflows:run-detail", args=[self.execution.pk])

    def url_of(self, path: str) -> str:
        return reverse("workflows:run-step", args=[self.execution.pk, path])

    def items(self) -> list[Item]:
        """The steps as the outline draws them."""
        selected = TRIGGER if self.where == TRIGGER else self.place.key if self.place else ""
        return Drawing(self.names, self.states, self.chosen, selected, self.url_of).items(self.trigger)

    @property
    def keeps_data(self) -> bool:
        """Whether what the run worked with is (still) there."""
        keep = self.graph.document.settings.keep_data if self.program else "all"
        ended = self.execution.is_final
        is_good = self.execution.status == WorkflowExecution.Status.COMPLETED
        return not (ended and (keep == "nothing" or (keep == "failures" and is_good)))


def open_run(request: AppRequest, id: uuid.UUID, where: str = "", *, need: str = "execution.view") -> RunRoom:
    """The run for this request. Raises Http404 (also for a place it has not) and PermissionDenied."""
    return RunRoom(request, get_run_or_404(request, id, need), where)


def _live(execution: WorkflowExecution) -> Live:
    """Of the queue (one SQL query); a run that has ended in the meantime is read again."""
    if execution.is_final:
        return Live()
    active = ActiveRun.objects.filter(pk=execution.pk, tenant_id=execution.tenant_id).first()
    if active is None:
        execution.refresh_from_db()
        return Live()
    cursor = active.cursor or {}
    return Live(
        active.seq, active.state, active.progress or {}, cursor.get("waits") or {}, cursor.get("answers") or {},
        active.cancel_requested, active.worker, active.concurrency_key, active.priority, active.run_at,
    )  # fmt: skip


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

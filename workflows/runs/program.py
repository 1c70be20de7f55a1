"""A published version, ready to run: parsed once per process and then only read."""

from __future__ import annotations

import re
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from automate.lib import jsontypes
from workflows.engine.document import load
from workflows.engine.graph import Graph
from workflows.engine.plan import ScopeShape, scope_shape

MAX_PROGRAMS = 500
_VOLATILE = re.compile(r"\{\{.*\b(?:now|random|uuid|shuffle|today)\b.*\}\}", re.DOTALL)

UNREPEATABLE = frozenset({"code", "state"})  # a program may see the time, a memory changes
_ASKS_AROUND = re.compile(
    r'"scope":"workflow"|"op":"write"'
)  # items of earlier runs; files, which are new each time


@dataclass(slots=True)
class Program:
    """`has_callbacks`: `callback_url` means something. `has_tokens`: answers come by addresses of their own.

    `volatile`: steps whose value differs each time they run, so it must be durable before anything acts on it."""

    version_id: uuid.UUID
    graph: Graph
    volatile: frozenset[str]
    has_callbacks: bool = False
    has_tokens: bool = False
    shapes: dict[tuple[str | None, str | None], ScopeShape] = field(default_factory=dict)

    def shape(self, loop: str | None, trigger: str | None) -> ScopeShape:
        """The shape of the top level as a trigger reaches it, or of a loop's body."""
        found = self.shapes.get((loop, trigger))
        if found is None:
            entries = self.graph.loop_entries(loop) if loop else self.graph.entries(trigger)
            found = self.shapes[loop, trigger] = scope_shape(self.graph, loop, entries)
        return found


def compile_program(version_id: uuid.UUID, data: dict[str, Any]) -> Program:
    document = load(data, complete=False)
    volatile = frozenset(
        step.key
        for step in document.steps
        if step.type in UNREPEATABLE
        or _ASKS_AROUND.search(jsontypes.dumps(step.config.get("ops")))
        or _VOLATILE.search(jsontypes.dumps([step.input, step.config, step.output, step.when]))
    )
    types = {step.type for step in document.steps}
    return Program(
        version_id, Graph(document), volatile, "callback" in types, bool(types & {"callback", "approval"})
    )


class ProgramCache:
    """Programs by version id. Versions never change, so nothing here can be stale."""

    def __init__(self) -> None:
        self._programs: OrderedDict[uuid.UUID, Program] = OrderedDict()
        self._lock = Lock()

    def get(self, version_ids: set[uuid.UUID]) -> dict[uuid.UUID, Program]:
        """The programs of these versions; what is not in memory costs one SQL query in all."""
        with self._lock:
            found = {key: self._programs[key] for key in version_ids if key in self._programs}
            for key in found:
                self._programs.move_to_end(key)
        missing = version_ids - found.keys()
        return found | self._load(missing) if missing else found

    def _load(self, version_ids: set[uuid.UUID]) -> dict[uuid.UUID, Program]:
        from workflows.models import WorkflowVersion

        rows = WorkflowVersion.objects.filter(pk__in=version_ids).values_list("id", "workflow_data")
        loaded = {key: compile_program(key, data) for key, data in rows}
        with self._lock:
            self._programs.update(loaded)
            while len(self._programs) > MAX_PROGRAMS:
                self._programs.popitem(last=False)
        return loaded


programs = ProgramCache()

"""Sample data for the builder: what each trigger and step gave last, pinned, in a run, or by example."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from automate.lib import clock, jsontypes
from automate.lib.expressions import ExpressionError, evaluate
from automate.lib.jsontypes import JSON
from workflows.builder import sample_run
from workflows.builder.scope import MASKED, SampleScope
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, Step, Trigger
from workflows.engine.form_fields import fields_of
from workflows.engine.graph import Graph
from workflows.models import Sample, StepExecution, WorkflowExecution, WorkflowTemplate, WorkflowVariable
from workflows.runs.outputs import bytes_referred, resolve

FETCHED_BYTES: Final = 16 * 1024 * 1024  # of outputs that were put aside
MAX_STEPS_OF_RUN: Final = 500  # steps of the newest run that are looked at; loops have more
NEWEST: Final = 200  # samples looked at to find the newest of each step
EXAMPLE: Final = "example"


@dataclass(frozen=True)
class Found:
    """One sample: `source` is a word of Sample.Source, "run" for the newest run, "chosen" for the run that somebody
    chose, or "example" for the app's own."""

    data: JSON
    source: str
    at: datetime | None = None
    id: uuid.UUID | None = None
    pinned: bool = False

    @property
    def source_words(self) -> str:
        """ "From a request that came in", "Example data of the app"."""
        words = {"REQUEST": "From a request that came in", "RUN": "From the last test", "TYPED": "Typed by hand",
                 "PINNED": "Pinned", "run": "From the last run", "chosen": "From the run you chose", EXAMPLE: "Example data, not your own"}  # fmt: skip
        return (
            f"Pinned. {words.get(self.source, '')}"
            if self.pinned and self.source != "PINNED"
            else words[self.source]
        )


@dataclass(frozen=True)
class Samples:
    """What there is, by key. `triggers` hold what a run sees as `trigger`."""

    triggers: dict[str, Found] = field(default_factory=dict)
    steps: dict[str, Found] = field(default_factory=dict)

    def trigger_of(self, document: Document) -> tuple[Trigger | None, Found | None]:
        """The trigger whose sample serves: the first that has one, else the first."""
        for trigger in document.triggers:
            found = self.triggers.get(trigger.key)
            if found is not None and found.source != EXAMPLE:
                return trigger, found
        first = document.triggers[0] if document.triggers else None
        return first, self.triggers.get(first.key) if first else None


def load(template: WorkflowTemplate, document: Document, catalogue: TenantCatalogue) -> Samples:
    """All samples of a draft: pinned ones first, then the newest of a test, a request or a run (four SQL queries)."""
    stored = _stored(template)
    run = _run_of(template)
    triggers, steps = {}, {}
    for trigger in document.triggers:
        kept = stored.get((trigger.key, ""))
        found = _newer(kept, run.triggers.get(trigger.key)) or _trigger_example(trigger, document, catalogue)
        if found is not None:
            triggers[trigger.key] = found
    for step in document.steps:
        found = _newer(stored.get(("", step.key)), run.steps.get(step.key)) or _step_example(step, catalogue)
        if found is not None:
            steps[step.key] = found
    return Samples(triggers, steps)


def scope_of(
    template: WorkflowTemplate, document: Document, graph: Graph, samples: Samples, step_key: str
) -> SampleScope:
    """What expressions in a step see, made of samples; the first item stands for each loop around it."""
    _, found = samples.trigger_of(document)
    scope = SampleScope(
        graph=graph,
        step_key=step_key,
        trigger=found.data if found else None,
        steps={key: sample.data for key, sample in samples.steps.items()},
        variables=variables(template),
        time_zone=document.settings.time_zone or template.tenant.time_zone or "UTC",
        workflow={"key": document.key, "name": document.name},
    )
    for loop in reversed(graph.loops_around(step_key)):
        scope.items[str(graph.steps[loop].setting("as"))] = _first_item(graph.steps[loop], scope)
    _work_out(graph, samples, scope)
    return scope


def _work_out(graph: Graph, samples: Samples, scope: SampleScope) -> None:
    """Steps that only shape data need no test: what they give is worked out from the samples before them."""
    for key in graph.ancestors(scope.step_key) if scope.step_key in graph.steps else ():
        step = graph.steps[key]
        wanted = _given_by(step)
        if key in scope.steps or wanted is None:
            continue
        try:
            value = evaluate(wanted, scope.scope())
        except ExpressionError:
            continue
        if step.type == "loop":
            value = {"count": len(value) if isinstance(value, list) else 0, "failed": 0, "results": []}
        scope.steps[key] = value
        samples.steps[key] = Found(value, EXAMPLE)


def _given_by(step: Step) -> JSON:
    """The expressions whose result a pure step gives; None for steps that do more."""
    found = {"transform": step.config.get("set"), "loop": step.config.get("over")}.get(step.type)
    return found if isinstance(found, (dict, str, list)) else None


def variables(template: WorkflowTemplate) -> dict[str, JSON]:
    """The workspace's variables as the default environment sees them; secrets as dots (one SQL query)."""
    rows = WorkflowVariable.objects.for_tenant(template.tenant_id).select_related("environment")
    found: dict[str, JSON] = {}
    for row in sorted(rows, key=lambda row: row.environment is not None):
        if row.environment is None or row.environment.is_default:
            found[row.key] = MASKED if row.type == WorkflowVariable.Type.SECRET else _value(row.value)
    return found


def _value(text: str) -> JSON:
    try:
        return jsontypes.loads(text)
    except jsontypes.BadJSON:
        return text


def _first_item(loop: Step, scope: SampleScope) -> JSON:
    try:
        items = evaluate(loop.config.get("over"), scope.scope())
    except ExpressionError:
        return None
    return items[0] if isinstance(items, list) and items else None


# --- where samples come from ----------------------------------------------------------------------


def _stored(template: WorkflowTemplate) -> dict[tuple[str, str], Found]:
    rows = Sample.objects.for_tenant(template.tenant_id).filter(template=template)
    rows = rows.exclude(outcome=Sample.Outcome.REFUSED)
    heads = list(
        rows.values_list("pk", "trigger_key", "step_key", "pinned").order_by("-pinned", "-id")[:NEWEST]
    )
    first: dict[tuple[str, str], uuid.UUID] = {}
    for pk, trigger_key, step_key, _pinned in heads:
        first.setdefault((trigger_key, step_key), pk)
    found = rows.in_bulk(list(first.values()))
    return {key: _found(found[pk]) for key, pk in first.items() if pk in found}


def _found(row: Sample) -> Found:
    return Found(row.data, row.source, row.created_at, row.pk, row.pinned)


def _run_of(template: WorkflowTemplate) -> Samples:
    """The data of the run that somebody chose, else of the newest."""
    runs = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(template=template)
    runs = runs.newest_first().only("pk", "input", "created_at")
    wanted = sample_run.chosen(template)
    run = runs.filter(pk=wanted).first() if wanted else None
    source = "chosen" if run else "run"
    run = run or runs.first()
    if run is None:
        return Samples()
    steps: dict[str, Found] = {}
    done = StepExecution.objects.filter(
        execution_id=run.pk, tenant_id=template.tenant_id, step_status=StepExecution.Status.COMPLETED
    )
    left_bytes = FETCHED_BYTES
    for key, output in done.order_by("path").values_list("step_id", "output")[:MAX_STEPS_OF_RUN]:
        if key not in steps and (left_bytes := left_bytes - bytes_referred(output)) >= 0:
            steps[key] = Found(resolve(output, template.tenant_id, run.pk), source, run.created_at)
    given = run.input if isinstance(run.input, dict) else {}
    trigger_key = given.get("key")
    triggers = {str(trigger_key): Found(given, source, run.created_at)} if trigger_key else {}
    return Samples(triggers, steps)


def _newer(kept: Found | None, run: Found | None) -> Found | None:
    if kept is None or run is None or kept.pinned:
        return kept or run
    if run.source == "chosen":
        return run
    return run if run.at and kept.at and run.at > kept.at else kept


def _step_example(step: Step, catalogue: TenantCatalogue) -> Found | None:
    if step.type != "action" or not step.integration or not step.action or step.output is not None:
        return None
    info = catalogue.action(step.integration, step.action)
    return Found(info.sample, EXAMPLE) if info and info.sample is not None else None


def _trigger_example(trigger: Trigger, document: Document, catalogue: TenantCatalogue) -> Found | None:
    now = clock.now().isoformat()
    given: dict[str, Any] = {"type": trigger.type, "key": trigger.key, "at": now}
    if trigger.type == "schedule":
        return Found(given | {"scheduled_at": now, "body": trigger.config.get("input") or {}}, EXAMPLE)
    if trigger.type in ("manual", "workflow"):
        schema = trigger.config.get("input_schema") or document.settings.input_schema or {}
        return Found(given | {"body": example_of(schema)}, EXAMPLE)
    if trigger.type == "form":
        return Found(given | {"body": form_example(trigger.config.get("fields")), "files": {}}, EXAMPLE)
    if trigger.integration and trigger.event:
        info = catalogue.trigger(trigger.integration, trigger.event)
        return Found(given | {"body": info.sample}, EXAMPLE) if info and info.sample is not None else None
    return None


def form_example(schema: Any) -> dict[str, JSON]:
    """What a filled-in form could be."""
    shown: dict[str, JSON] = {
        "text": "text", "long": "text", "number": 1.5, "integer": 1, "checkbox": True, "date": "2026-01-31",
        "email": "name@example.com", "file": None,
    }  # fmt: skip
    return {
        field.key: field.choices[0] if field.choices else shown[field.kind] for field in fields_of(schema)
    }


def example_of(schema: Any, depth: int = 0) -> JSON:
    """A plain value that fits a simple JSON Schema: what the data picker shows before there is any real one."""
    if not isinstance(schema, dict) or depth > 6:
        return None
    for name in ("default", "const"):
        if name in schema:
            given: JSON = schema[name]
            return given
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list) and schema[name]:
            first: JSON = schema[name][0]
            return first
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind == "object":
        return {name: example_of(part, depth + 1) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [example_of(schema.get("items"), depth + 1)]
    plain: dict[Any, JSON] = {"string": "text", "number": 1.5, "integer": 1, "boolean": True}
    return plain.get(kind) if isinstance(kind, str) else None

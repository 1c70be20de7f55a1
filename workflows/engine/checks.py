"""Everything wrong with a document, each with its place, a sentence, and the way out.

`load` refuses what cannot be read; this finds what cannot run. A document may be published when no fault is an error.
"""

from collections.abc import Collection, Iterable, Iterator

from automate.lib.cron import check_cron
from automate.lib.zones import check_zone
from workflows.engine.catalogue import ActionInfo, Catalogue, IntegrationInfo, TriggerInfo
from workflows.engine.checks_catalogue import catalogue_faults
from workflows.engine.checks_expressions import Expressions, Variables
from workflows.engine.checks_graph import graph_faults
from workflows.engine.checks_inputs import schema_fault
from workflows.engine.document import shape_faults
from workflows.engine.errors import Fault
from workflows.engine.graph import Graph
from workflows.engine.kinds import STEP_KINDS
from workflows.engine.parts import Document

__all__ = ["ActionInfo", "Catalogue", "Fault", "IntegrationInfo", "TriggerInfo", "check", "errors"]

_SECTIONS = {
    name: at for at, name in enumerate(("", "format", "key", "name", "settings", "connections", "triggers"))
}


def check(
    document: Document,
    catalogue: Catalogue,
    *,
    variables: Collection[str] | None = None,
    secrets: Collection[str] = (),
    workflows: Collection[str] | None = None,
) -> list[Fault]:
    """All faults in the order of the document.

    `variables`, `secrets` and `workflows` are what the workspace has; without them, their names are not checked.
    """
    faults = shape_faults(document)
    if any(step.type not in STEP_KINDS for step in document.steps):
        return _in_order(document, faults)
    graph = Graph(document)
    faults += graph_faults(document, graph)
    faults += catalogue_faults(document, catalogue)
    faults += Expressions(graph, catalogue, Variables(variables, secrets)).faults()
    faults += _time_faults(document)
    faults += _settings_faults(document)
    if workflows is not None:
        faults += _workflow_faults(document, workflows)
    return _in_order(document, faults)


def errors(faults: Iterable[Fault]) -> list[Fault]:
    """Those that keep a document from being published."""
    return [fault for fault in faults if fault.severity == "error"]


def _time_faults(document: Document) -> Iterator[Fault]:
    words = check_zone(document.settings.time_zone) if document.settings.time_zone else None
    if words:
        yield Fault("settings.time_zone", f"`settings.time_zone`: {words}")
    for trigger in document.triggers:
        zone, cron = trigger.config.get("time_zone"), trigger.config.get("cron")
        where = f"triggers.{trigger.key}.config"
        words = check_zone(zone) if isinstance(zone, str) and zone else None
        if words:
            yield Fault(f"{where}.time_zone", f"Trigger `{trigger.key}`: {words}", field="config.time_zone")
        words = check_cron(cron) if isinstance(cron, str) and cron else None
        if words:
            yield Fault(f"{where}.cron", f"Trigger `{trigger.key}`: {words}", field="config.cron")


def _settings_faults(document: Document) -> Iterator[Fault]:
    schema = document.settings.input_schema
    words = schema_fault(schema) if schema is not None else None
    if words:
        yield Fault("settings.input_schema", f"`settings.input_schema` {words}")
    if document.settings.on_failure == document.key:
        message = (
            "`settings.on_failure` names this workflow itself. Choose another workflow to tell of failures."
        )
        yield Fault("settings.on_failure", message)


def _workflow_faults(document: Document, workflows: Collection[str]) -> Iterator[Fault]:
    known = {*workflows, document.key}
    after = document.settings.on_failure
    if after is not None and after not in known:
        yield Fault(
            "settings.on_failure", f"`settings.on_failure`: there is no workflow `{after}` in this workspace."
        )
    for step in document.steps:
        name = step.config.get("workflow")
        if step.type == "sub_workflow" and isinstance(name, str) and name and name not in known:
            message = (
                f"Step `{step.key}`: there is no workflow `{name}` in this workspace. Choose another one."
            )
            yield Fault(f"steps.{step.key}.workflow", message, step.key, "workflow")


def _in_order(document: Document, faults: Iterable[Fault]) -> list[Fault]:
    """In the document's order, each thing said once."""
    place = {f"triggers.{trigger.key}": at for at, trigger in enumerate(document.triggers)}
    place |= {f"steps.{step.key}": at for at, step in enumerate(document.steps)}

    def position(fault: Fault) -> tuple[int, int]:
        parts = fault.path.split(".")
        return _SECTIONS.get(parts[0].split("[")[0], len(_SECTIONS)), place.get(".".join(parts[:2]), -1)

    return sorted(dict.fromkeys(faults), key=position)

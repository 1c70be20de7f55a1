"""What the form calls a field of a step, for sentences about it."""

from __future__ import annotations

from workflows.builder.forms.specs import LABELS, from_schema
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Step
from workflows.engine.words import humanise


def field_title(catalogue: TenantCatalogue, step: Step | None, name: str) -> str:
    """The label in the action's schema, else that of the step's type, else the name made readable."""
    own = LABELS.get(name) or humanise(name)
    if step is None or step.type != "action" or not step.integration or not step.action:
        return own
    info = catalogue.action(step.integration, step.action)
    titles = {spec.name: spec.label for spec in from_schema(info.input_schema)} if info else {}
    return titles.get(name) or own

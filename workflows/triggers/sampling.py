"""A look at a service without starting anything: what a polling trigger of the draft would get, kept as its sample."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.document import Trigger
from workflows.models import LiveTrigger, Sample, WorkflowTemplate
from workflows.models.template import default_environment_of
from workflows.triggers.item_files import Files
from workflows.triggers.polling import payload_of
from workflows.triggers.questions import ask, make_question
from workflows.triggers.variables import variables_of

SHOWN: Final = 5


def fetch_sample(
    template: WorkflowTemplate, trigger: Trigger, bindings: Mapping[str, str]
) -> list[dict[str, JSON]]:
    """The newest items as runs would see them (`trigger`), the newest first; that one is kept as the sample.

    One or more calls out; no run is started and no place moves. Raises IntegrationError, ExpressionError.
    """
    environment_id: uuid.UUID = default_environment_of(template).pk
    stand_in = LiveTrigger(tenant_id=template.tenant_id, environment_id=environment_id)
    question = make_question(template.tenant_id, trigger, bindings, variables_of(stand_in))
    batch = ask(question, {}, now=clock.now(), first="last")
    found: list[dict[str, Any]] = []
    for item in reversed(batch.items[-SHOWN:]):
        files = Files(template.tenant_id, item.files)
        payload = payload_of(trigger, item, files)
        if not found:
            _keep(template, trigger, payload, files)
        found.append(payload)
    return found


@transaction.atomic
def _keep(template: WorkflowTemplate, trigger: Trigger, payload: dict[str, Any], files: Files) -> None:
    files.store(None)
    Sample.objects.create(
        tenant_id=template.tenant_id,
        template=template,
        trigger_key=trigger.key,
        data=payload,
        source=Sample.Source.RUN,
    )

"""The addresses of a draft's webhooks and forms: made at the first save, kept for good."""

from __future__ import annotations

from typing import Final

from workflows.documents.rows import trigger_type
from workflows.engine.document import Document
from workflows.models import LiveTrigger, TriggerType, WorkflowTemplate
from workflows.models.template import default_environment_of
from workflows.models.trigger import new_hook_token

WITH_ADDRESS: Final = frozenset({TriggerType.WEBHOOK.value, TriggerType.FORM.value, TriggerType.EVENT.value})


def give_addresses(template: WorkflowTemplate, document: Document) -> None:
    """Make a LiveTrigger with a token for each webhook, form or event trigger that has none. What is published stays as it is."""
    wanted = {t.key: trigger_type(t.type) for t in document.triggers if trigger_type(t.type) in WITH_ADDRESS}
    if not wanted:
        return
    environment = default_environment_of(template)
    rows = LiveTrigger.objects.for_tenant(template.tenant_id).filter(
        template=template, environment=environment
    )
    existing = {row.key: row for row in rows.filter(key__in=wanted)}
    for key, row in existing.items():
        _complete(row, wanted[key])
    LiveTrigger.objects.bulk_create(
        [
            LiveTrigger(
                tenant_id=template.tenant_id,
                template=template,
                environment=environment,
                key=key,
                type=kind,
                token=new_hook_token(),
            )
            for key, kind in wanted.items()
            if key not in existing
        ]
    )


def addresses(template: WorkflowTemplate) -> dict[str, LiveTrigger]:
    """The live triggers of the default environment by key (two SQL queries)."""
    environment = default_environment_of(template)
    rows = LiveTrigger.objects.for_tenant(template.tenant_id).filter(
        template=template, environment=environment
    )
    return {row.key: row for row in rows}


def _complete(row: LiveTrigger, kind: str) -> None:
    """A trigger that was of another kind before gets its token; its kind changes only while nothing is published."""
    is_published = row.deployment_id is not None
    if row.token and (is_published or (row.type == kind and not row.is_off)):
        return
    row.token = row.token or new_hook_token()
    if not is_published:
        row.type, row.is_off = kind, False
    row.save(update_fields=["token", "type", "is_off"])

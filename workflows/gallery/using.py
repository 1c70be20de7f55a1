"""A template of the library becomes a workflow of somebody's own."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from accounts.models import Tenant, User
from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows import documents
from workflows.engine.document import load
from workflows.gallery.asks import Answers, read_asks, with_answers
from workflows.models import LiveTrigger, Sample, WorkflowTemplate, WorkflowTemplateLibrary


@transaction.atomic
def use(
    entry: WorkflowTemplateLibrary,
    tenant: Tenant,
    *,
    by: User,
    bindings: documents.Bindings | None = None,
    answers: Answers | None = None,
) -> WorkflowTemplate:
    """A new workflow of the template, with its sample data at hand. Slots without a binding stay empty, and what is not
    answered stays as the template has it.

    Raises ConnectionRefused for a binding that is not allowed, DocumentError for an answer that cannot stand in its place.
    """
    document = with_answers(load(entry.template_data), read_asks(entry.asks), answers or {})
    template = documents.create(tenant, document, by=by, bindings=bindings)
    kinds = {trigger.key: trigger.type for trigger in document.triggers}
    Sample.objects.bulk_create(
        Sample(
            tenant=tenant,
            template=template,
            trigger_key=key,
            data=sample_call(key, kinds[key], body, _token(template, key)),
            source=Sample.Source.TYPED,
        )
        for key, body in entry.samples.items()
        if key in kinds
    )
    WorkflowTemplateLibrary.objects.filter(pk=entry.pk).update(uses=F("uses") + 1)
    return template


def sample_call(key: str, kind: str, body: JSON, token: str = "") -> dict[str, JSON]:
    """What a run sees as `trigger` when an example body comes in."""
    call: dict[str, JSON] = {"type": kind, "key": key, "at": clock.now().isoformat(), "body": body}
    if kind == "webhook":
        call |= {
            "method": "POST",
            "path": f"/hooks/{token}",
            "query": {},
            "headers": {"content-type": "application/json"},
            "files": {},
        }
    return call


def _token(template: WorkflowTemplate, key: str) -> str:
    live = LiveTrigger.objects.for_tenant(template.tenant_id).filter(template=template, key=key).first()
    return (live.token if live else "") or "…"

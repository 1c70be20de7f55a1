"""Draft → version → deployment → live triggers, in one transaction; roll back, pause and resume.

What runs changes here and nowhere else: editing a draft moves nothing that is live.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max

from accounts.audit import record
from accounts.models import Environment, User
from automate.lib import clock
from workflows import documents
from workflows.documents.changes import changes
from workflows.engine.document import Document, Step, Trigger, digest, dump, load
from workflows.engine.errors import DocumentError, Fault
from workflows.errors import ConnectionRefused, NothingPublished, VersionDeprecated
from workflows.models import Deployment, LiveTrigger, TriggerType, WorkflowTemplate, WorkflowVersion
from workflows.models.template import default_environment_of
from workflows.models.trigger import new_hook_token
from workflows.triggers import schedules, subscriptions
from workflows.triggers.polling import POLLED, leave_out_what_appears

__all__ = [
    "NotPublishable", "changes", "pause", "problems", "publish", "published_document", "resume", "roll_back",
]  # fmt: skip

STATUS: Final = WorkflowTemplate.Status


class NotPublishable(DocumentError):
    """What stands in the way of publishing; `faults` holds the errors (warnings do not stand in the way)."""


def publish(
    template: WorkflowTemplate, *, by: User, note: str = "", environment: Environment | None = None
) -> WorkflowVersion:
    """Make the draft a new version and let it run in the environment (the default one unless given).

    Raises NotPublishable. The webhook's URL and the next fire of an unchanged schedule stay as they were.
    """
    with transaction.atomic():
        documents.lock(template)
        document = documents.load_draft(template)
        bindings = documents.bindings_of(template)
        _refuse(problems(template, document, by=by, bindings=bindings))
        version = _new_version(template, document, by=by, note=note)
        _deploy(template, version, document, bindings, by=by, environment=environment)
        after = {"version": version.version_number, "note": note}
        record(template.tenant, by, "workflow.published", template, after=after)
    return version


def roll_back(
    template: WorkflowTemplate,
    version: WorkflowVersion,
    *,
    by: User,
    environment: Environment | None = None,
    anyway: bool = False,
) -> WorkflowVersion:
    """Publish an older version again, as a new one. The draft stays as it is.

    Raises NotPublishable, and VersionDeprecated for a deprecated one unless `anyway`.
    """
    if version.deprecated_at is not None and not anyway:
        raise VersionDeprecated(
            f"Version {version.version_number} is deprecated. Say that you want it anyway."
        )
    with transaction.atomic():
        documents.lock(template)
        document = load(version.workflow_data)
        environment = environment or default_environment_of(template)
        bindings = _former_bindings(template, document, environment)
        _refuse(problems(template, document, by=by, bindings=bindings))
        note = f"Roll-back to v{version.version_number}"
        rolled = _new_version(template, document, by=by, note=note, rollback_of=version.version_number)
        _deploy(template, rolled, document, bindings, by=by, environment=environment)
        after = {"version": rolled.version_number, "rolled_back_to": version.version_number}
        record(template.tenant, by, "workflow.rolled_back", template, after=after)
    return rolled


def pause(template: WorkflowTemplate, by: User | None) -> None:
    """Triggers record, but start nothing, until it is resumed; runs under way go on. `by` None: the product itself."""
    with transaction.atomic():
        changed = _deployments(template).filter(is_active=True).update(is_active=False)
        if changed:
            leave_out_what_appears(
                LiveTrigger.objects.for_tenant(template.tenant_id).filter(template=template)
            )
            subscriptions.arrange(template)
            record(template.tenant, by, "workflow.paused", template)


def resume(template: WorkflowTemplate, by: User) -> None:
    """Let it run again. Schedules go on from now; what they missed meanwhile is left out. Raises NothingPublished."""
    with transaction.atomic():
        deployments = list(
            _deployments(template).select_for_update().select_related("version", "template__tenant")
        )
        if not deployments:
            raise NothingPublished(f'"{template.name}" has no published version yet. Publish it first.')
        sleeping = [deployment for deployment in deployments if not deployment.is_active]
        for deployment in sleeping:
            deployment.is_active = True
            deployment.save(update_fields=["is_active"])
            _wake_schedules(deployment)
        if sleeping:
            subscriptions.arrange(template)
            record(template.tenant, by, "workflow.resumed", template)


def published_document(template: WorkflowTemplate, environment: Environment | None = None) -> Document | None:
    """What runs now, or None (two SQL queries)."""
    deployment = _deployment(template, environment or default_environment_of(template))
    return load(deployment.version.workflow_data) if deployment else None


# --- what stands in the way -----------------------------------------------------------------------


def problems(
    template: WorkflowTemplate,
    document: Document,
    *,
    by: User,
    bindings: documents.Bindings | None = None,
    catalogue: documents.TenantCatalogue | None = None,
) -> list[Fault]:
    """Everything that is wrong with publishing this document as this person: errors and warnings."""
    bindings = documents.bindings_of(template) if bindings is None else bindings
    catalogue = catalogue or documents.catalogue_for(template.tenant)
    faults = documents.check_document(template.tenant, document, catalogue=catalogue)
    for key in sorted(used_slots(document)):
        app = catalogue.integration(document.connections[key].integration)
        name = app.name if app else document.connections[key].integration
        words = _binding_fault(template, document, key, bindings, by=by, app=name)
        if words:
            faults.append(
                Fault(f"connections.{key}", words, step=_first_user(document, key), field="connection")
            )
    for trigger in document.triggers:
        faults += _schedule_faults(template, document, trigger)
        faults += subscriptions.faults_of(template.tenant_id, trigger, bindings)
    return faults


def used_slots(document: Document) -> set[str]:
    """The slots that something switched on needs."""
    parts: list[Step | Trigger] = [*document.steps, *document.triggers]
    used = {part.connection for part in parts if part.enabled and part.connection}
    for part in parts:
        auth = part.config.get("auth")
        if part.enabled and isinstance(auth, dict) and auth.get("connection"):
            used.add(auth["connection"])
    for step in document.steps:
        notices = step.config.get("notify") if step.enabled else None
        used |= {notice["connection"] for notice in notices or () if isinstance(notice, dict)}
    return used & set(document.connections)


def _refuse(faults: list[Fault]) -> None:
    errors = [fault for fault in faults if fault.severity == "error"]
    if errors:
        raise NotPublishable(errors)


def _binding_fault(
    template: WorkflowTemplate,
    document: Document,
    key: str,
    bindings: documents.Bindings,
    *,
    by: User,
    app: str,
) -> str | None:
    integration = document.connections[key].integration
    if not bindings.get(key):
        return f'No connection to {app} is chosen (slot "{key}"). Choose one, or connect {app}.'
    try:
        connection = documents.usable_connections(
            template.tenant_id, by, {key: bindings[key]}, workflow=template
        )[key]
        documents.refuse_other_integration(connection, key, integration)
    except ConnectionRefused as refusal:
        return refusal.message
    if not connection.is_active:
        return f'The connection "{connection.name}" is switched off. Switch it on, or choose another one.'
    return None


def _first_user(document: Document, slot: str) -> str | None:
    parts: list[Step | Trigger] = [*document.steps, *document.triggers]
    return next((part.key for part in parts if part.connection == slot), None)


def _schedule_faults(template: WorkflowTemplate, document: Document, trigger: Trigger) -> list[Fault]:
    if trigger.type != "schedule" or not trigger.enabled:
        return []
    try:
        if schedules.first_fire(trigger.config, _zone(template, document, trigger), clock.now()):
            return []
        words = "This schedule never fires. Choose other times."
    except ValueError as error:
        words = str(error)
    return [Fault(f"triggers.{trigger.key}.config", words, step=trigger.key, field="config")]


# --- version, deployment, live triggers -----------------------------------------------------------


def _new_version(
    template: WorkflowTemplate, document: Document, *, by: User, note: str, rollback_of: int | None = None
) -> WorkflowVersion:
    versions = WorkflowVersion.objects.for_tenant(template.tenant_id).filter(template=template)
    newest = versions.aggregate(newest=Max("version_number"))["newest"] or 0
    return WorkflowVersion.objects.create(
        tenant_id=template.tenant_id,
        template=template,
        version_number=newest + 1,
        workflow_data=dump(document),
        digest=digest(document),
        change_description=note,
        is_rollback_version=rollback_of is not None,
        rollback_of=rollback_of,
        created_by=by,
    )


def _deploy(
    template: WorkflowTemplate,
    version: WorkflowVersion,
    document: Document,
    bindings: dict[str, str],
    *,
    by: User,
    environment: Environment | None,
) -> None:
    environment = environment or default_environment_of(template)
    before = published_document(template, environment)
    needed = {key: pk for key, pk in bindings.items() if key in document.connections}
    deployment, _ = Deployment.objects.for_tenant(template.tenant_id).update_or_create(
        template=template,
        environment=environment,
        defaults={
            "tenant_id": template.tenant_id,
            "version": version,
            "bindings": needed,
            "is_active": True,
            "published_by": by,
            "published_at": clock.now(),
        },
    )
    _go_live(template, deployment, document, before)
    subscriptions.arrange(template)
    if template.status != STATUS.DEPRECATED:
        template.status = STATUS.PUBLISHED
    template.save(update_fields=["status"])


def _go_live(
    template: WorkflowTemplate, deployment: Deployment, document: Document, before: Document | None
) -> None:
    """One live trigger per enabled trigger of the version; those it does not have any more are off."""
    scope = LiveTrigger.objects.for_tenant(template.tenant_id).filter(
        template=template, environment_id=deployment.environment_id
    )
    rows = {row.key: row for row in scope.select_for_update()}
    enabled = {trigger.key: trigger for trigger in document.triggers if trigger.enabled}
    unchanged = {t.key for t in before.triggers if enabled.get(t.key) == t} if before else set()
    if before and before.settings.time_zone != document.settings.time_zone:
        unchanged = set()
    now = clock.now()
    created = []
    for key, trigger in enabled.items():
        row = rows.get(key) or LiveTrigger(
            tenant_id=template.tenant_id, template=template, environment_id=deployment.environment_id, key=key
        )
        keeps_time = key in unchanged and not row._state.adding and row.next_fire_at is not None
        _switch_on(
            row, deployment, trigger, None if keeps_time else _first_fire(template, document, trigger, now)
        )
        if row._state.adding:
            created.append(row)
    LiveTrigger.objects.bulk_create(created)
    changed = [row for key, row in rows.items() if key in enabled]
    gone = [
        _switch_off(row) for key, row in rows.items() if key not in enabled and _was_published(row, document)
    ]
    if gone:
        leave_out_what_appears(scope.filter(pk__in=[row.pk for row in gone]))
    LiveTrigger.objects.bulk_update([*changed, *gone], _LIVE_COLUMNS)


TIMED: Final = (TriggerType.SCHEDULED, *POLLED)  # types that have a next fire
_LIVE_COLUMNS = ("type", "deployment", "is_off", "token", "next_fire_at", "last_error")


def _switch_on(row: LiveTrigger, deployment: Deployment, trigger: Trigger, fire: datetime | None) -> None:
    kind = documents.trigger_type(trigger.type)
    row.type, row.deployment, row.is_off, row.last_error = kind, deployment, False, ""
    if kind in documents.WITH_ADDRESS and not row.token:
        row.token = new_hook_token()
    if fire is not None or kind not in TIMED:
        row.next_fire_at = fire


def _switch_off(row: LiveTrigger) -> LiveTrigger:
    row.deployment, row.is_off, row.next_fire_at = None, True, None
    return row


def _was_published(row: LiveTrigger, document: Document) -> bool:
    """A trigger that is only in the draft so far keeps recording while an older version is rolled back to."""
    return row.deployment_id is not None or row.key in {trigger.key for trigger in document.triggers}


def _first_fire(
    template: WorkflowTemplate, document: Document, trigger: Trigger, now: datetime
) -> datetime | None:
    if trigger.type in ("polling", "email"):
        return now
    if trigger.type != "schedule":
        return None
    return schedules.first_fire(trigger.config, _zone(template, document, trigger), now)


def _zone(template: WorkflowTemplate, document: Document, trigger: Trigger) -> str:
    return (
        trigger.config.get("time_zone") or document.settings.time_zone or template.tenant.time_zone or "UTC"
    )


def _wake_schedules(deployment: Deployment) -> None:
    document = load(deployment.version.workflow_data)
    now = clock.now()
    by_key = {trigger.key: trigger for trigger in document.triggers}
    late = LiveTrigger.objects.for_tenant(deployment.tenant_id).filter(
        deployment=deployment, next_fire_at__lt=now
    )
    rows = [row for row in late if row.key in by_key]
    for row in rows:
        row.next_fire_at = _first_fire(deployment.template, document, by_key[row.key], now)
    LiveTrigger.objects.bulk_update(rows, ["next_fire_at"])


def _deployments(template: WorkflowTemplate) -> Any:
    return Deployment.objects.for_tenant(template.tenant_id).filter(template=template)


def _deployment(template: WorkflowTemplate, environment: Environment) -> Deployment | None:
    row: Deployment | None = (
        _deployments(template).filter(environment=environment).select_related("version").first()
    )
    return row


def _former_bindings(
    template: WorkflowTemplate, document: Document, environment: Environment
) -> dict[str, str]:
    """What the slots of an older version get: the connection that is live, else the draft's."""
    deployment = _deployment(template, environment)
    live = deployment.bindings if deployment else {}
    known = {**documents.bindings_of(template), **live}
    return {key: known[key] for key in document.connections if key in known}

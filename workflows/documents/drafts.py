"""The one way to change a draft: command → document → `save`. Rows by key, one transaction, compare-and-set."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction

from accounts.models import Tenant, User
from automate.lib import clock, jsontypes
from workflows.documents import history, live, slots
from workflows.documents.rows import (
    SLOT_COLUMNS,
    STEP_COLUMNS,
    TRIGGER_COLUMNS,
    DraftRows,
    link_keys,
    refuse_unstorable,
    settings_of,
    slot_values,
    step_values,
    to_document,
    trigger_values,
)
from workflows.engine.document import Document, dump
from workflows.engine.errors import DocumentError, Fault
from workflows.errors import DraftConflict
from workflows.models import (
    ConnectionSlot,
    StepLink,
    WorkflowCounter,
    WorkflowStep,
    WorkflowTemplate,
    WorkflowTrigger,
)

R = TypeVar("R", WorkflowStep, WorkflowTrigger, ConnectionSlot)
Values = Mapping[str, dict[str, Any]]

MAX_KEY = 80  # WorkflowTemplate.template_id
KEY_TRIES = 5  # two imports of one document at the same moment ask for the same free key


def load_draft(template: WorkflowTemplate) -> Document:
    """The draft as a document (four SQL queries)."""
    return to_document(template, load_rows(template))


def load_rows(template: WorkflowTemplate) -> DraftRows:
    tenant = template.tenant_id
    return DraftRows(
        steps=list(WorkflowStep.objects.for_tenant(tenant).filter(template=template)),
        triggers=list(WorkflowTrigger.objects.for_tenant(tenant).filter(template=template)),
        links=list(StepLink.objects.for_tenant(tenant).filter(template=template)),
        slots=list(ConnectionSlot.objects.for_tenant(tenant).filter(template=template)),
    )


def create(
    tenant: Tenant,
    document: Document,
    *,
    by: User | None,
    bindings: slots.Bindings | None = None,
    **fields: Any,
) -> WorkflowTemplate:
    """A new workflow. A key that is taken gets a number behind it. `fields`: other columns, such as `folder`.

    Raises DocumentError for what rows cannot hold, ConnectionRefused for a binding that is not allowed.
    """
    refuse_unstorable(document)
    for attempt in range(KEY_TRIES):
        keyed = replace(document, key=_free_key(tenant, document.key))
        try:
            with transaction.atomic():
                return _insert(tenant, keyed, by=by, bindings=bindings or {}, fields=fields)
        except IntegrityError:
            if attempt + 1 == KEY_TRIES:
                raise
    raise AssertionError  # the loop returns or raises


def save(
    template: WorkflowTemplate,
    document: Document,
    *,
    by: User | None,
    expected_version: int | None = None,
    label: str = "",
    bindings: slots.Bindings | None = None,
) -> WorkflowTemplate:
    """Make the draft this document. `bindings` fills slots in the same transaction. Nothing changed: nothing is written.

    Raises DraftConflict if the draft is no longer `expected_version`, DocumentError for what rows cannot hold,
    ConnectionRefused for a binding that is not allowed. About 15 SQL statements, whatever the number of steps.
    """
    refuse_unstorable(document)
    with transaction.atomic():
        lock(template, expected_version)
        rows = load_rows(template)
        before = to_document(template, rows)
        if not same(before, document):
            _refuse_taken_key(template, document)
            _write(template, rows, document, by=by)
            history.record(template, before=dump(before), after=dump(document), label=label, by=by)
        if bindings:
            slots.fill(template, list(template.slots.all()), bindings, by=_somebody(by))
    return template


def bind(template: WorkflowTemplate, bindings: slots.Bindings, *, by: User) -> None:
    """Put connections into slots of the draft; None empties one. Raises ConnectionRefused."""
    with transaction.atomic():
        slots.fill(template, list(template.slots.all()), bindings, by=by)


def undo(template: WorkflowTemplate, *, by: User | None, expected_version: int | None = None) -> str | None:
    """Take back the newest change of the draft. Returns its label, or None if there is nothing to undo."""
    return _travel(template, history.step_back, by=by, expected_version=expected_version)


def redo(template: WorkflowTemplate, *, by: User | None, expected_version: int | None = None) -> str | None:
    """Bring back the change undone last. Returns its label, or None if there is none."""
    return _travel(template, history.step_forward, by=by, expected_version=expected_version)


def lock(template: WorkflowTemplate, expected_version: int | None = None) -> None:
    """Hold the draft until the transaction ends, and bring the given instance up to date. Raises DraftConflict."""
    locked = WorkflowTemplate.objects.for_tenant(template.tenant_id).select_for_update().get(pk=template.pk)
    if expected_version is not None and locked.draft_version != expected_version:
        raise DraftConflict(expected=expected_version, current=locked.draft_version)
    for name in _DRAFT_FIELDS:
        setattr(template, name, getattr(locked, name))


def same(left: Document, right: Document) -> bool:
    """Whether both say the same, true and 1 told apart."""
    texts = [jsontypes.dumps_bytes(dump(document), sort_keys=True) for document in (left, right)]
    return texts[0] == texts[1]


_DRAFT_FIELDS = (
    *("template_id", "name", "description", "settings", "layout", "start"),
    *("draft_version", "undo_position", "metadata", "status", "updated_at"),
)


def _travel(
    template: WorkflowTemplate,
    move: Callable[[WorkflowTemplate], history.Move | None],
    *,
    by: User | None,
    expected_version: int | None,
) -> str | None:
    with transaction.atomic():
        lock(template, expected_version)
        found = move(template)
        if found is None:
            return None
        template.undo_position = found.position
        _write(template, load_rows(template), found.document, by=by)
        return found.label


def _insert(
    tenant: Tenant, document: Document, *, by: User | None, bindings: slots.Bindings, fields: dict[str, Any]
) -> WorkflowTemplate:
    template = WorkflowTemplate.objects.create(
        tenant=tenant, template_id=document.key, name=document.name, created_by=by, draft_version=0, **fields
    )
    WorkflowCounter.objects.create(template=template, tenant=tenant)
    _write(template, DraftRows([], [], [], []), document, by=by)
    if bindings:
        slots.fill(template, list(template.slots.all()), bindings, by=_somebody(by))
    return template


def _write(template: WorkflowTemplate, rows: DraftRows, document: Document, *, by: User | None) -> None:
    """Rows of the draft := the document. The caller holds the lock."""
    own = {"tenant_id": template.tenant_id, "template": template}
    steps = _sync(
        rows.steps,
        {s.key: step_values(s, n) for n, s in enumerate(document.steps)},
        STEP_COLUMNS,
        own,
        WorkflowStep,
    )
    triggers = _sync(
        rows.triggers,
        {t.key: trigger_values(t, n) for n, t in enumerate(document.triggers)},
        TRIGGER_COLUMNS,
        own,
        WorkflowTrigger,
    )
    _sync_links(rows.links, document, steps, triggers, own)
    wanted_slots = {s.key: slot_values(s, n) for n, s in enumerate(document.connections.values())}
    slots.remember(template, [row for row in rows.slots if row.key not in wanted_slots])
    new_slots = {
        key: values for key, values in wanted_slots.items() if key not in {row.key for row in rows.slots}
    }
    _sync(rows.slots, wanted_slots, SLOT_COLUMNS, own, ConnectionSlot)
    if new_slots:
        slots.recall(template, new_slots, by=by)
    _store_template(template, document)
    live.give_addresses(template, document)


def _sync(
    rows: Iterable[R], wanted: Values, columns: tuple[str, ...], own: dict[str, Any], model: type[R]
) -> dict[str, R]:
    """Create, change and delete rows so that they are the wanted ones; rows keep their id by key."""
    existing: dict[str, R] = {row.key: row for row in rows}
    gone = [row.pk for key, row in existing.items() if key not in wanted]
    if gone:
        model._default_manager.filter(pk__in=gone, tenant_id=own["tenant_id"]).delete()
    changed = [
        row
        for key, row in existing.items()
        if key in wanted and _differs(row, wanted[key]) and _assign(row, wanted[key])
    ]
    if changed:
        model._default_manager.bulk_update(changed, columns)
    created: list[R] = [
        model(key=key, **own, **values) for key, values in wanted.items() if key not in existing
    ]
    model._default_manager.bulk_create(created)
    return {key: row for key, row in existing.items() if key in wanted} | {row.key: row for row in created}


def _differs(row: models.Model, values: Mapping[str, Any]) -> bool:
    return any(not _equal(getattr(row, name), value) for name, value in values.items())


def _equal(left: Any, right: Any) -> bool:
    if left != right:
        return False
    if isinstance(left, (dict, list, bool)) or isinstance(right, bool):
        return jsontypes.dumps_bytes(left, sort_keys=True) == jsontypes.dumps_bytes(right, sort_keys=True)
    return True


def _assign(row: models.Model, values: Mapping[str, Any]) -> bool:
    for name, value in values.items():
        setattr(row, name, value)
    return True


def _sync_links(
    rows: Iterable[StepLink],
    document: Document,
    steps: Mapping[str, WorkflowStep],
    triggers: Mapping[str, WorkflowTrigger],
    own: dict[str, Any],
) -> None:
    ids = {("step", key): row.pk for key, row in steps.items()}
    ids |= {("trigger", key): row.pk for key, row in triggers.items()}
    wanted = {
        (ids[kind, source], port, ids["step", target], order): kind
        for kind, source, port, target, order in link_keys(document)
    }
    kept, gone = set(), []
    for row in rows:
        place = (row.source_step_id or row.source_trigger_id, row.port, row.target_id, row.order)
        if place in wanted:
            kept.add(place)
        else:
            gone.append(row.pk)
    if gone:
        StepLink.objects.for_tenant(own["tenant_id"]).filter(pk__in=gone).delete()
    created = [_link(place, kind, own) for place, kind in wanted.items() if place not in kept]
    StepLink.objects.bulk_create(created)


def _link(place: tuple[uuid.UUID, str, uuid.UUID, int], kind: str, own: dict[str, Any]) -> StepLink:
    source, port, target, order = place
    return StepLink(**own, **{f"source_{kind}_id": source}, port=port, target_id=target, order=order)


def _store_template(template: WorkflowTemplate, document: Document) -> None:
    template.template_id, template.name, template.description = (
        document.key,
        document.name,
        document.description,
    )
    template.settings, template.layout = settings_of(document), document.layout or None
    template.start = list(document.start)
    template.draft_version += 1
    template.updated_at = clock.now()
    template.save(update_fields=_DRAFT_FIELDS)


def _free_key(tenant: Tenant, key: str) -> str:
    """The key itself, or with the first free number behind it (one SQL query)."""
    stem = key[: MAX_KEY - 6]
    rows = WorkflowTemplate.objects.for_tenant(tenant).filter(template_id__startswith=stem)
    taken = set(rows.values_list("template_id", flat=True))
    if key not in taken:
        return key
    number = 2
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _refuse_taken_key(template: WorkflowTemplate, document: Document) -> None:
    if document.key == template.template_id:
        return
    others = WorkflowTemplate.objects.for_tenant(template.tenant_id).exclude(pk=template.pk)
    if others.filter(template_id=document.key).exists():
        message = f'Another workflow of this workspace has the key "{document.key}". Choose another key.'
        raise DocumentError([Fault("key", message)])


def _somebody(by: User | None) -> User:
    if by is None:
        raise ValueError("Connections are chosen by a person: give `by`.")
    return by

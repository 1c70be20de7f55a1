"""Who did what: one chain of events per workspace, in which each event carries the hash of the one before.

The chain covers ids and hashes. Names, values and addresses lie in `AuditDetail`, which may be erased without
breaking the chain; `AuditHead` holds the end of the chain under a seal made with the server's secret key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from datetime import UTC
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction

from accounts.models import AuditDetail, AuditEvent, AuditHead, Tenant, User
from automate.lib import clock

Values = dict[str, Any]
SEAL_PURPOSE = b"automate audit head v1"


@transaction.atomic
def record(
    tenant: Tenant,
    actor: User | None,
    verb: str,
    target: models.Model | None = None,
    before: Values | None = None,
    after: Values | None = None,
    ip: str | None = None,
) -> AuditEvent:
    """Append an event (4 SQL statements). Holds the workspace's chain until the transaction ends.

    `verb` is noun.past ("member.invited"); `before` and `after` hold only what changed, and never a secret.
    """
    head = _lock_head(tenant)
    detail = AuditDetail(
        tenant=tenant,
        actor_name=str(actor) if actor else "",
        target_name=str(target)[:200] if target else "",
        before=_plain(before),
        after=_plain(after),
        ip=ip,
        salt=secrets.token_hex(16),
    )
    event = _next_event(head, actor, verb, target)
    event.detail_hash = hash_detail(detail)
    event.hash = hash_event(event)
    event.save(force_insert=True)
    detail.event = event
    detail.save(force_insert=True)
    head.number, head.hash = event.number, event.hash
    head.seal = seal(head)
    head.save(update_fields=["number", "hash", "seal"])
    return event


def _next_event(head: AuditHead, actor: User | None, verb: str, target: models.Model | None) -> AuditEvent:
    return AuditEvent(
        tenant_id=head.tenant_id,
        number=head.number + 1,
        at=clock.now(),
        actor_id=actor.pk if actor else None,
        verb=verb,
        target_type=target._meta.label_lower if target else "",
        target_id=str(target.pk) if target else "",
        prev_hash=head.hash,
    )


def verify_chain(tenant: Tenant) -> list[str]:
    """A sentence for every event that was changed, removed or cut off; empty when the chain is whole."""
    faults: list[str] = []
    last_number, last_hash = 0, ""
    events = AuditEvent.objects.for_tenant(tenant).order_by("number").select_related("detail")
    for event in events.iterator(chunk_size=1000):
        if event.number != last_number + 1:
            faults.append(f"Events {last_number + 1} to {event.number - 1} are missing.")
        elif event.prev_hash != last_hash:
            faults.append(
                f"Event {event.number} does not follow event {last_number}: one of them was replaced."
            )
        faults += _faults_of(event)
        last_number, last_hash = event.number, event.hash
    return faults + _faults_of_end(tenant, last_number, last_hash)


def hash_event(event: AuditEvent) -> str:
    """SHA-256 as hex over everything in the event but the hash itself."""
    parts = [
        event.pk,
        event.tenant_id,
        event.number,
        event.at.astimezone(UTC).isoformat(),
        event.actor_id,
        event.verb,
        event.target_type,
        event.target_id,
        event.detail_hash,
        event.prev_hash,
    ]
    return _digest(parts)


def hash_detail(detail: AuditDetail) -> str:
    """SHA-256 as hex over the erasable side, salted so that names cannot be guessed from it."""
    parts = [detail.salt, detail.actor_name, detail.target_name, detail.before, detail.after, detail.ip]
    return _digest(parts)


def seal(head: AuditHead) -> str:
    """Nobody who can write the database alone can make this: it needs SECRET_KEY."""
    key = hashlib.sha256(SEAL_PURPOSE + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, f"{head.tenant_id}:{head.number}:{head.hash}".encode(), "sha256").hexdigest()


def _lock_head(tenant: Tenant) -> AuditHead:
    head, _ = AuditHead.objects.select_for_update().get_or_create(tenant=tenant)
    return head


def _faults_of(event: AuditEvent) -> list[str]:
    faults = []
    if event.hash != hash_event(event):
        faults.append(f"Event {event.number} was changed after it was written.")
    detail = getattr(event, "detail", None)
    if detail is not None and detail.salt and event.detail_hash != hash_detail(detail):
        faults.append(f"The names and values of event {event.number} were changed after it was written.")
    return faults


def _faults_of_end(tenant: Tenant, last_number: int, last_hash: str) -> list[str]:
    head = AuditHead.objects.filter(tenant=tenant).first()
    if head is None:
        return ["The end of the chain is missing."] if last_number else []
    if not hmac.compare_digest(head.seal, seal(head)):
        return ["The end of the chain was changed, or SECRET_KEY is another one than when it was written."]
    if head.number != last_number:
        return [f"Events {last_number + 1} to {head.number} at the end are missing."]
    return [] if head.hash == last_hash else [f"Event {last_number} is not the one the chain ended with."]


def _plain(values: Values | None) -> Any:
    """The values as JSON would give them back, so that the hash is the same after reading."""
    return None if values is None else json.loads(json.dumps(values, cls=DjangoJSONEncoder))


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_text)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: object) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an audit event.")

"""From the token in a URL to what may be started there, in one SQL query."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import connection
from django.db.models import Model

from workflows.engine.document import Trigger
from workflows.models import ConnectionSlot, Deployment, LiveTrigger, TriggerType, WorkflowTrigger
from workflows.triggers.published import published_trigger
from workflows.triggers.signatures import AuthRule

M = TypeVar("M", bound=Model)
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True)
class HookRule:
    """How a webhook trigger wants to be called; `max_bytes` of the raw body. `form`: the config of a form trigger."""

    methods: tuple[str, ...]
    respond: str
    auth: AuthRule | None
    dedup: str | None
    max_bytes: int
    enabled: bool = True
    keep_samples: bool = True
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hook:
    """A webhook that exists. `deployment` is None for a draft; `asleep` says why a call starts nothing.

    Both rows hold only the columns of `_COLUMNS`; others are read when they are asked for.
    """

    live: LiveTrigger
    rule: HookRule
    deployment: Deployment | None
    asleep: str | None

    def connection_id(self) -> str | None:
        """The connection in the slot that the rule's proof names (one SQL query)."""
        slot = self.rule.auth.connection if self.rule.auth else ""
        if self.deployment is not None:
            return self.deployment.bindings.get(slot)
        row = ConnectionSlot.objects.for_tenant(self.live.tenant_id).filter(
            template_id=self.live.template_id, key=slot
        )
        found = row.values_list("user_integration_id", flat=True).first()
        return str(found) if found else None


_COLUMNS: Final = (
    *("id", "tenant_id", "template_id", "key", "is_off", "deployment_id"),
    *("deployment__version_id", "deployment__is_active"),
)


def find_hook(token: str, kind: str = TriggerType.WEBHOOK.value) -> Hook | None:
    """The webhook (or form) of this token; None if there is none, or it was published without its trigger."""
    row = _row(token, kind) if TOKEN.fullmatch(token) else None
    if row is None or row[4]:
        return None
    live, deployment = _rows(*row)
    rule = _draft_rule(live) if deployment is None else _published_rule(deployment.version_id, live.key, kind)
    if rule is None:
        return None
    return Hook(live, rule, deployment, _why_asleep(deployment, rule))


@cache
def _statement(vendor: str) -> str:
    """The look-up as SQL, written by the ORM once: building it anew costs more than all the rest of a call."""
    rows = LiveTrigger.objects.filter(token="", type=TriggerType.WEBHOOK).values_list(*_COLUMNS)
    return str(rows.query.get_compiler("default").as_sql()[0])


def _row(token: str, kind: str) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection.vendor), (token, kind))
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def _rows(
    pk: Any, tenant: Any, template: Any, key: str, is_off: Any, deployment: Any, version: Any, active: Any
) -> tuple[LiveTrigger, Deployment | None]:
    ids = {"tenant_id": _uuid(tenant), "template_id": _uuid(template)}
    live = _loaded(
        LiveTrigger, id=_uuid(pk), key=key, deployment_id=_uuid(deployment) if deployment else None, **ids
    )
    if deployment is None:
        return live, None
    return live, _loaded(
        Deployment, id=_uuid(deployment), version_id=_uuid(version), is_active=bool(active), **ids
    )


def _loaded(model: type[M], **columns: Any) -> M:
    """A row as if the ORM had read these columns and deferred the others."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname in columns]
    return model.from_db("default", names, [columns[name] for name in names])


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)  # SQLite keeps them as text


def _why_asleep(deployment: Deployment | None, rule: HookRule) -> str | None:
    if deployment is None:
        return "the workflow is a draft. Publish it, and the next call starts a run"
    if not deployment.is_active:
        return "the workflow is paused. Resume it, and the next call starts a run"
    if not rule.enabled:
        return "this trigger is switched off. Switch it on and publish, and the next call starts a run"
    return None


@lru_cache(maxsize=4096)
def _published_rule(version_id: uuid.UUID, key: str, kind: str) -> HookRule | None:
    published = published_trigger(version_id, key)
    if published is None or published.trigger.type != kind.lower():
        return None
    trigger: Trigger = published.trigger
    return _rule(
        trigger.config, enabled=trigger.enabled, keep_samples=published.settings.keep_data != "nothing"
    )


def _draft_rule(live: LiveTrigger) -> HookRule | None:
    rows = WorkflowTrigger.objects.for_tenant(live.tenant_id).filter(
        template_id=live.template_id, key=live.key
    )
    row = rows.values_list("config", "is_enabled").first()
    return None if row is None else _rule(row[0], enabled=row[1], keep_samples=True)


def _rule(config: Mapping[str, Any], *, enabled: bool, keep_samples: bool) -> HookRule:
    """A draft's config may hold anything: what is not of its type counts as not given."""
    methods, dedup, limit = config.get("methods"), config.get("dedup"), config.get("max_bytes")
    return HookRule(
        methods=tuple(map(str, methods)) if isinstance(methods, list) and methods else ("POST",),
        respond=str(config.get("respond") or "immediately"),
        auth=AuthRule.read(config.get("auth")),
        dedup=dedup if isinstance(dedup, str) and dedup else None,
        max_bytes=limit if isinstance(limit, int) and limit > 0 else settings.WEBHOOK_MAX_BYTES,
        enabled=enabled,
        keep_samples=keep_samples,
        form=config if "fields" in config else {},
    )

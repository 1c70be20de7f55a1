"""Services that call us: told to at publishing, told to stop at pausing. Rows first; the calls follow (`errands.py`)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from automate.lib import clock, jsontypes
from automate.lib.http import EgressPolicy, HttpError
from integrations.actions.mapping import compiled, value_of
from integrations.connections import find_service
from integrations.errors import ActionError
from integrations.manifest import Manifest
from integrations.manifest import Trigger as Event
from integrations.models import AuthType, UserIntegration
from workflows.engine.document import Trigger
from workflows.engine.errors import Fault
from workflows.models import Deployment, LiveTrigger, TriggerSubscription, TriggerType, WorkflowTemplate
from workflows.triggers import hook_secrets
from workflows.triggers.published import published_trigger
from workflows.triggers.questions import asked_input, source_of

__all__ = ["arrange", "end_all", "faults_of", "route_of"]

State: Final = TriggerSubscription.State


def arrange(template: WorkflowTemplate) -> None:
    """Order whatever is needed so that services call exactly the triggers that are live (one SQL query without any).

    Call it in the transaction that changes what is live.
    """
    rows = LiveTrigger.objects.for_tenant(template.tenant_id).filter(
        template=template, type=TriggerType.EVENT
    )
    for live in rows.select_related("deployment"):
        _arrange(live)


def _arrange(live: LiveTrigger) -> None:
    deployment = live.deployment
    current = live.subscriptions.exclude(state=State.ENDING).first()
    wanted = _wanted(live, deployment) if deployment and deployment.is_active and not live.is_off else None
    if current is not None and (wanted is None or current.digest != wanted.digest):
        end(current)
        current = None
    if wanted is not None and current is None:
        wanted.save()
    route = _route(live, deployment) if deployment and deployment.is_active and not live.is_off else ""
    if route != live.route:
        live.route = route
        live.save(update_fields=["route"])


def end(row: TriggerSubscription) -> None:
    """Have the service told to stop. One that is being subscribed right now is ended when that is through."""
    changes: dict[str, Any] = {"state": State.ENDING, "tries": 0}
    if row.state == State.ACTIVE:
        changes["next_try_at"] = clock.now()
    TriggerSubscription.objects.filter(pk=row.pk, tenant_id=row.tenant_id).update(**changes)


def end_all(template: WorkflowTemplate) -> list[uuid.UUID]:
    """For a workflow that is to be deleted: every subscription is to be ended; gives their ids."""
    rows = TriggerSubscription.objects.for_tenant(template.tenant_id).filter(live_trigger__template=template)
    ids = list(rows.values_list("pk", flat=True))
    TriggerSubscription.objects.filter(pk__in=ids).update(state=State.ENDING, next_try_at=clock.now())
    return ids


def _wanted(live: LiveTrigger, deployment: Deployment) -> TriggerSubscription | None:
    """A new row for what is published; None for events that come to one address for all."""
    published = published_trigger(deployment.version_id, live.key)
    if published is None:
        return None
    trigger = published.trigger
    event = event_of(live.tenant_id, trigger)
    if event is None or event.subscribe is None:
        return None
    integration, name = source_of(trigger)
    connection_id = deployment.bindings.get(trigger.connection or "") or None
    given = asked_input(trigger)
    said = jsontypes.dumps_bytes([integration, name, given, connection_id], sort_keys=True)
    row = TriggerSubscription(
        tenant_id=live.tenant_id,
        live_trigger=live,
        integration=integration,
        event=name,
        input=given,
        connection_id=connection_id,
        url=live.webhook_url or "",
        digest=hashlib.sha256(said).hexdigest(),
        next_try_at=clock.now(),
    )
    row.secret = hook_secrets.seal(row, "secret", hook_secrets.new_secret())
    return row


def event_of(tenant_id: uuid.UUID, trigger: Trigger) -> Event | None:
    """What the integration says about a trigger's event; None for one it does not know."""
    integration, name = source_of(trigger)
    try:
        return find_service(integration, tenant_id).manifest.trigger(name)
    except ActionError:
        return None


def _route(live: LiveTrigger, deployment: Deployment) -> str:
    """Whose events this trigger wants of those that come to the app's address; empty for other triggers."""
    published = published_trigger(deployment.version_id, live.key)
    event = event_of(live.tenant_id, published.trigger) if published else None
    if published is None or event is None or event.scope != "app":
        return ""
    rows = UserIntegration.objects.for_tenant(live.tenant_id).select_related("integration")
    bound = deployment.bindings.get(published.trigger.connection or "")
    row = rows.filter(pk=bound).first() if bound else None
    if row is None or row.auth_type != AuthType.OAUTH2 or row.integration.tenant_id is not None:
        return ""  # only who signed in to our own app may see what that app is told
    return route_of(row.integration.name, _account(event, row))


def _account(event: Event, row: UserIntegration) -> Any:
    try:
        return value_of(compiled(event.account), {"connection": dict(row.public_values)})
    except ActionError:
        return None


def route_of(integration: str, account: Any) -> str:
    """The key under which an app's event finds the triggers of one account; empty for no account."""
    said = account if isinstance(account, str) else "" if account is None else jsontypes.dumps(account)
    return f"{integration}:{said}"[:200] if said else ""


# --- what stands in the way of publishing ---------------------------------------------------------


def faults_of(tenant_id: uuid.UUID, trigger: Trigger, bindings: Any) -> Iterator[Fault]:
    """Why a trigger that reaches out, or is called by a service, cannot work; the catalogue's own faults aside."""
    if not trigger.enabled or trigger.type not in ("polling", "event", "email"):
        return
    integration, name = source_of(trigger)
    event = event_of(tenant_id, trigger)
    if not integration or not name:
        yield _fault(trigger, "event", "Choose the app and what should start the workflow.")
    elif event is not None:
        yield from _kind_faults(trigger, event)
        if trigger.type == "event" and event.type != "polling":
            service = find_service(integration, tenant_id)
            yield from _proof_faults(tenant_id, trigger, event, service.manifest, bindings)


def _kind_faults(trigger: Trigger, event: Event) -> Iterator[Fault]:
    is_polled = event.type == "polling"
    if (trigger.type == "event") == is_polled:
        how = "is asked for regularly (type polling)" if is_polled else "comes by a call (type event)"
        yield _fault(trigger, "type", f"“{event.display_name}” {how}. Remove this trigger and add it again.")


def _proof_faults(
    tenant_id: uuid.UUID, trigger: Trigger, event: Event, manifest: Manifest, bindings: Any
) -> Iterator[Fault]:
    """Nothing is let in that cannot prove where it comes from."""
    if event.verify is None:
        yield _fault(
            trigger,
            "event",
            f"{manifest.name} does not say how its calls are checked, so anybody could start this.",
        )
    elif event.subscribe is None:
        bound = bindings.get(trigger.connection or "")
        known = hook_secrets.of_app(manifest, event, is_shipped=True)
        if not (known or hook_secrets.of_connection(tenant_id, bound, event)):
            words = (
                f"There is no {event.verify.secret} to check calls of {manifest.name} against. Give it in the "
                f"connection, or have the administrator set it in AUTOMATE_OAUTH_CLIENTS."
            )
            yield _fault(trigger, "connection", words)
    if not _is_reachable(settings.AUTOMATE_BASE_URL):
        words = (
            f"{manifest.name} has to reach {settings.AUTOMATE_BASE_URL}, which looks like an address of your own network. "
            "Set AUTOMATE_BASE_URL to a public one."
        )
        yield _fault(trigger, "event", words, severity="warning")


def _is_reachable(url: str) -> bool:
    """Whether an address could be called from outside, as far as it shows without asking anybody."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.endswith((".local", ".internal", ".lan")):
        return False
    if not host.replace(".", "").replace(":", "").isalnum() or not host[-1:].isdigit():
        return True  # a name; who knows
    try:
        EgressPolicy().check_host(host, parts.port or 443)
    except HttpError:
        return False
    return True


def _fault(trigger: Trigger, field: str, words: str, *, severity: Any = "error") -> Fault:
    place = f"triggers.{trigger.key}.{field}"
    return Fault(place, f"“{trigger.name}”: {words}", step=trigger.key, field=field, severity=severity)

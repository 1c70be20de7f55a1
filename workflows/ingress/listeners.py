"""Live triggers that wait for events of services: found by their own address, or by the account an app's event is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from automate.lib.expressions import Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.connections import find_service
from integrations.errors import ActionError
from integrations.manifest import Trigger as Event
from workflows import documents
from workflows.engine.document import Trigger
from workflows.ingress.lookup import TOKEN, Hook, HookRule
from workflows.models import Deployment, LiveTrigger, TriggerSubscription, TriggerType, WorkflowTrigger
from workflows.triggers import hook_secrets
from workflows.triggers.published import published_trigger
from workflows.triggers.questions import asked_input, source_of
from workflows.triggers.subscriptions import route_of
from workflows.triggers.variables import variables_of


@dataclass
class Listener:
    """A live trigger that may want an event, with what its integration says about it."""

    live: LiveTrigger
    trigger: Trigger
    event: Event
    keep_samples: bool = True

    @property
    def hook(self) -> Hook:
        rule = HookRule(("POST",), "immediately", None, None, 0, keep_samples=self.keep_samples)
        return Hook(self.live, rule, self.deployment, self.asleep)

    @property
    def deployment(self) -> Deployment | None:
        return self.live.deployment

    @property
    def asleep(self) -> str | None:
        if self.deployment is None:
            return "the workflow is a draft. Publish it, and the next call starts a run"
        return (
            None
            if self.deployment.is_active
            else "the workflow is paused. Resume it, and the next call starts a run"
        )

    @cached_property
    def subscriptions(self) -> list[TriggerSubscription]:
        """The newest first; calls may still come by one that is being ended."""
        return list(self.live.subscriptions.order_by("-created_at"))

    @property
    def subscription(self) -> TriggerSubscription | None:
        current = (row for row in self.subscriptions if row.state != TriggerSubscription.State.ENDING)
        return next(current, None)

    @cached_property
    def input(self) -> JSON:
        """What the person filled in. Raises ExpressionError."""
        if self.subscription is not None and self.subscription.state == TriggerSubscription.State.ACTIVE:
            given: JSON = self.subscription.input
            return given
        return evaluate(asked_input(self.trigger), Scope({"vars": variables_of(self.live)}))

    def secrets(self) -> list[str]:
        if self.event.subscribe is not None:
            return [
                one for row in self.subscriptions for one in hook_secrets.of_subscription(row, self.event)
            ]
        slot = self.trigger.connection or ""
        bindings = self.deployment.bindings if self.deployment else documents.bindings_of(self.live.template)
        return hook_secrets.of_connection(self.live.tenant_id, bindings.get(slot), self.event)


def listener_by_token(token: str) -> Listener | None:
    """One to three SQL queries."""
    if not TOKEN.fullmatch(token):
        return None
    rows = LiveTrigger.objects.filter(token=token, type=TriggerType.EVENT, is_off=False)
    live = rows.select_related("deployment").first()
    return _listener(live) if live is not None else None


def _listener(live: LiveTrigger) -> Listener | None:
    found = _trigger_of(live)
    if found is None:
        return None
    trigger, keep_samples = found
    integration, name = source_of(trigger)
    try:
        event = find_service(integration, live.tenant_id).manifest.trigger(name)
    except ActionError:
        return None
    if event is None or event.type == "polling":
        return None
    return Listener(live, trigger, event, keep_samples)


def _trigger_of(live: LiveTrigger) -> tuple[Trigger, bool] | None:
    """The trigger as it is live, and whether what comes in may be kept as samples."""
    if live.deployment is not None:
        published = published_trigger(live.deployment.version_id, live.key)
        return (published.trigger, published.settings.keep_data != "nothing") if published else None
    rows = WorkflowTrigger.objects.for_tenant(live.tenant_id).filter(
        template_id=live.template_id, key=live.key
    )
    row = rows.first()
    if row is None:
        return None
    trigger = Trigger(
        row.key, "event", row.name, row.integration or None, row.integration_event or None,
        row.connection or None, config=row.config,
    )  # fmt: skip
    return trigger, True


def listeners_of_account(integration: str, account: JSON) -> Iterator[Listener]:
    rows = LiveTrigger.objects.filter(
        route=route_of(integration, account), type=TriggerType.EVENT, is_off=False
    )
    for live in rows.filter(deployment__is_active=True).select_related("deployment"):
        listener = _listener(live)
        if listener is not None and listener.event.scope == "app":
            yield listener

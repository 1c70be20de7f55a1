"""The calls to services that subscriptions need: subscribe, renew, unsubscribe. Tried again until they succeed.

Rows are claimed by moving `next_try_at` to the end of a lease, so any number of schedulers may run.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection as database
from django.db.models import Q

from automate.lib import clock
from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.actions import Answer
from integrations.actions.mapping import compiled, value_of
from integrations.connections import ConnectionUnavailable, find_service, opened, runner
from integrations.connections.opening import Opened, Service, with_renewal
from integrations.errors import ActionError, IntegrationError
from integrations.manifest import Call
from integrations.manifest import Trigger as Event
from workflows.models import LiveTrigger, RunEvent, TriggerSubscription
from workflows.runs.events import note
from workflows.triggers import hook_secrets
from workflows.triggers.claims import lease
from workflows.triggers.variables import variables_of

State: Final = TriggerSubscription.State
AT_A_TIME: Final = 20
CALL_S: Final = 20.0
MAX_ENDING_TRIES: Final = 8  # about a day; then the service may keep its subscription, whose calls get 404
TELLS_AFTER: Final = 3
MAX_WAIT_S: Final = 6 * 3600.0
FORMER_FIRST_S: Final = 3.0  # a service refuses the same address twice, so the former subscription ends first
RENEW_BEFORE_S: Final = 3600
GONE: Final = (404, 410)

logger = logging.getLogger(__name__)


class Errands:
    """`tick` returns at once: what is due is done in a thread, one batch at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        if due(clock.now()).exists():
            self._thread = threading.Thread(target=self._run, name="errands", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            run_due()
        except Exception:
            logger.exception("the errands to services broke; trying again")
        finally:
            database.close()


def due(now: datetime) -> Any:
    """What is to be done now; also subscriptions whose trigger was deleted."""
    orphans = Q(live_trigger=None, next_try_at=None)
    return TriggerSubscription.objects.filter(Q(next_try_at__lte=now) | orphans)


def run_due() -> int:
    """Do what is due, one call after the other; gives how many rows were ours."""
    rows = due(clock.now()).select_related("live_trigger").order_by("next_try_at")
    return sum(_claim_and_do(row) for row in list(rows[:AT_A_TIME]))


def do_now(ids: Sequence[uuid.UUID]) -> None:
    """What is to be done about these rows, at once where it succeeds, else later."""
    for row in TriggerSubscription.objects.filter(pk__in=ids).select_related("live_trigger"):
        _claim_and_do(row)


def _claim_and_do(row: TriggerSubscription) -> bool:
    mine = TriggerSubscription.objects.filter(pk=row.pk, next_try_at=row.next_try_at)
    if not mine.update(next_try_at=clock.now() + lease()):
        return False
    _do(row)
    return True


def _do(row: TriggerSubscription) -> None:
    if row.live_trigger_id is None:
        row.state = State.ENDING
    try:
        {State.WANTED: _subscribe, State.ACTIVE: _renew, State.ENDING: _unsubscribe}[State(row.state)](row)
    except (IntegrationError, ExpressionError) as error:
        _failed(row, error)


@dataclass(frozen=True)
class _Service:
    """A subscription's service, opened for calls."""

    service: Service
    event: Event
    access: Opened | None

    @classmethod
    def of(cls, row: TriggerSubscription) -> _Service:
        """Raises ActionError, ConnectionUnavailable."""
        service = find_service(row.integration, row.tenant_id)
        event = service.manifest.trigger(row.event)
        if event is None:
            raise ActionError(
                f"{service.manifest.name} has no event “{row.event}” any more.",
                code="unknown_event",
                sent=False,
            )
        chosen = row.connection_id
        return cls(service, event, opened(chosen, row.tenant_id, service) if chosen else None)

    def call(
        self, call: Call, row: TriggerSubscription, given: dict[str, JSON]
    ) -> tuple[Answer, dict[str, JSON]]:
        """Send one request; gives its answer, and the names that its templates saw."""
        hook: JSON = {"url": row.url, "secret": hook_secrets.unseal(row, "secret")}
        names: dict[str, JSON] = {"hook": hook, "stored": {**hook_secrets.stored_of(row)}}
        answer = with_renewal(
            self.service,
            self.access,
            lambda connection: runner().call(
                self.service.manifest, call, connection=connection, input=given, names=names, timeout_s=CALL_S
            ),
        )
        return answer, {**names, "input": given, "body": answer.body, "headers": dict(answer.headers)}


def _subscribe(row: TriggerSubscription) -> None:
    if row.live_trigger is not None and _former_is_ending(row):
        later = clock.now() + timedelta(seconds=FORMER_FIRST_S)
        TriggerSubscription.objects.filter(pk=row.pk).update(next_try_at=later)
        return
    service = _Service.of(row)
    assert service.event.subscribe is not None
    given = _evaluated(row)
    answer, names = service.call(service.event.subscribe.request, row, given)
    row.input = given
    _keep(row, service.event, service.event.subscribe.store, names)
    logger.info("subscribed", extra={"subscription": str(row.pk), "status": answer.status})


def _former_is_ending(row: TriggerSubscription) -> bool:
    former = TriggerSubscription.objects.filter(live_trigger_id=row.live_trigger_id, state=State.ENDING)
    return former.filter(tries__lt=TELLS_AFTER).exists()


def _evaluated(row: TriggerSubscription) -> dict[str, JSON]:
    live = row.live_trigger
    scope = Scope({"vars": variables_of(live)} if live is not None else {})
    given = evaluate(row.input, scope)
    return given if isinstance(given, dict) else {}


def _keep(row: TriggerSubscription, event: Event, store: Mapping[str, JSON], names: dict[str, JSON]) -> None:
    """Remember what the answer told; it is on, unless it is to be ended meanwhile."""
    told = {name: value_of(compiled(template), names) for name, template in store.items()}
    kept = {**hook_secrets.stored_of(row), **told}
    expires_at = _moment(kept.get("expires_at"))
    mine = TriggerSubscription.objects.filter(pk=row.pk)
    mine.update(
        stored=hook_secrets.seal(row, "stored", kept),
        input=row.input,
        expires_at=expires_at,
        tries=0,
        last_error="",
    )
    before = timedelta(seconds=event.renew_before_s or RENEW_BEFORE_S)
    next_try_at = max(expires_at - before, clock.now()) if expires_at else None
    if not mine.exclude(state=State.ENDING).update(state=State.ACTIVE, next_try_at=next_try_at):
        mine.update(next_try_at=clock.now())
    live = row.live_trigger
    if live is None:
        return
    LiveTrigger.objects.filter(pk=live.pk, tenant_id=row.tenant_id).update(last_error="")
    if row.tries >= TELLS_AFTER:
        name = find_service(row.integration, row.tenant_id).manifest.name
        note(
            live,
            RunEvent.Kind.RECOVERED,
            f"{name} calls us again, after {row.tries} failed tries to arrange it.",
        )


def _renew(row: TriggerSubscription) -> None:
    service = _Service.of(row)
    event, given = service.event, row.input
    assert event.subscribe is not None
    renewal = event.renew or event.subscribe
    former = hook_secrets.stored_of(row)
    _, names = service.call(renewal.request, row, given)
    _keep(row, event, renewal.store, names)
    if event.renew is None and event.unsubscribe is not None and former:
        stale = TriggerSubscription(pk=row.pk, tenant_id=row.tenant_id, url=row.url, secret=row.secret)
        stale.stored = hook_secrets.seal(stale, "stored", former)
        _stop(service, stale, given)


def _unsubscribe(row: TriggerSubscription) -> None:
    if row.stored:
        try:
            service = _Service.of(row)
        except ConnectionUnavailable:
            logger.info(
                "a subscription is left to the service: its connection is gone",
                extra={"subscription": str(row.pk)},
            )
        else:
            _stop(service, row, row.input)
    TriggerSubscription.objects.filter(pk=row.pk).delete()


def _stop(service: _Service, row: TriggerSubscription, given: dict[str, JSON]) -> None:
    if service.event.unsubscribe is None:
        return
    try:
        service.call(service.event.unsubscribe, row, given)
    except ActionError as error:
        if error.status not in GONE:
            raise


def _failed(row: TriggerSubscription, error: IntegrationError | ExpressionError) -> None:
    """Try again later. What cannot be ended for about a day is left to the service."""
    tries = row.tries + 1
    mine = TriggerSubscription.objects.filter(pk=row.pk)
    if row.state == State.ENDING and tries >= MAX_ENDING_TRIES:
        logger.warning("a subscription could not be ended", extra={"subscription": str(row.pk)})
        mine.delete()
        return
    wait = min(MAX_WAIT_S, 10.0 * 4 ** (tries - 1))
    wait = max(wait, getattr(error, "retry_after_s", None) or 0.0)
    mine.update(tries=tries, last_error=error.message, next_try_at=clock.now() + timedelta(seconds=wait))
    live = row.live_trigger
    if live is None or row.state == State.ENDING:
        return
    LiveTrigger.objects.filter(pk=live.pk, tenant_id=row.tenant_id).update(last_error=error.message)
    if tries == TELLS_AFTER:
        name = row.integration
        note(
            live,
            RunEvent.Kind.TROUBLE,
            f"{name} could not be told to call us, {tries} times in a row, last with: {error.message} We go on trying.",
        )


def _moment(value: JSON) -> datetime | None:
    """ISO text, or seconds or milliseconds since 1970."""
    if isinstance(value, str) and not value.isdigit():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    return None

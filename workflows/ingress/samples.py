"""What came in, kept as sample data for the builder, and the events that say why a call started nothing.

Calls that only record are always kept. Of calls that start runs, each web process keeps one per trigger every
`SAMPLE_EVERY_S` seconds: under load that costs nothing, the newest sample is still fresh, and the run holds the call
anyway. Of calls that are refused one a second is kept, apart from the others, so that strangers push nothing out.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import DatabaseError, transaction

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.ingress.lookup import Hook
from workflows.ingress.refusals import Refused
from workflows.models import LiveTrigger, RunEvent, Sample
from workflows.runs import events

KEPT_SAMPLES: Final = 50  # requests per trigger, pinned ones not counted
KEPT_REFUSED: Final = 20  # refused requests per trigger, besides
SAMPLE_EVERY_S: Final = 5.0
MAX_REMEMBERED: Final = 10_000  # triggers whose last sample a process remembers
MAX_REFUSED_CHARS: Final = 4_000  # of the body of a refused call
Outcome = Sample.Outcome

logger = logging.getLogger(__name__)
_last_kept: dict[uuid.UUID, float] = {}
_lock = threading.Lock()


@transaction.atomic
def record(hook: Hook, payload: dict[str, JSON]) -> None:
    """Keep the call without running it, with an event that says why."""
    why = f"A call came in and was recorded, but not run: {hook.asleep}."
    _keep(hook.live, payload, Outcome.RECORDED, note=why)
    events.note(hook.live, RunEvent.Kind.RECORDED, why)


def keep_now_and_then(live: LiveTrigger, payload: dict[str, JSON], execution_id: uuid.UUID) -> None:
    """Keep the call as a sample unless one was kept a moment ago. The run is started already: never fails."""
    if _is_time(live):
        _keep_safely(live, payload, Outcome.STARTED, execution_id=execution_id)


def keep_skipped(live: LiveTrigger, payload: dict[str, JSON]) -> None:
    """Keep a call that the overlap rule left out; its event is written where that is decided. Never fails."""
    if _is_time(live):
        note = "A call came in while another run was under way, and was left out as the settings say."
        _keep_safely(live, payload, Outcome.RECORDED, note=note)


def _is_time(live: LiveTrigger) -> bool:
    now = clock.monotonic()
    with _lock:
        if now - _last_kept.get(live.pk, -SAMPLE_EVERY_S) < SAMPLE_EVERY_S:
            return False
        if len(_last_kept) >= MAX_REMEMBERED:
            _last_kept.clear()
        _last_kept[live.pk] = now
    return True


def _keep_safely(live: LiveTrigger, payload: Mapping[str, Any], outcome: Outcome, **more: Any) -> None:
    try:
        with transaction.atomic():
            _keep(live, payload, outcome, **more)
    except DatabaseError:
        logger.warning("sample not kept", extra={"live_trigger": str(live.pk)}, exc_info=True)


def refuse(hook: Hook, refused: Refused, request: Mapping[str, Any]) -> None:
    """Keep what was refused and why, at most one a second. `request` = {method, path, query, headers, body text}.

    Never fails: the caller gets its refusal in any case. Where nothing is kept of runs, only the reason is kept.
    """
    live = hook.live
    left_out = events.seldom(live.pk, "refused", refused.code)
    if left_out is None:
        return
    why = f"A call was refused ({refused.status}): {refused.message}"
    shown = {name: _storable(value) for name, value in request.items()}
    body = shown.get("body")
    if isinstance(body, str) and len(body) > MAX_REFUSED_CHARS:
        shown["body"] = body[:MAX_REFUSED_CHARS] + "…"
    payload = {"type": live.type.lower(), "key": live.key, "at": clock.now().isoformat(), **shown}
    try:
        with transaction.atomic():
            if hook.rule.keep_samples:
                _keep(live, payload, Outcome.REFUSED, note=why)
            events.note(live, RunEvent.Kind.REJECTED, why + events.more_like_it(left_out))
    except DatabaseError:
        logger.warning("refused call not kept", extra={"live_trigger": str(live.pk)}, exc_info=True)


def _storable(value: Any) -> Any:
    """PostgreSQL takes no NUL and no half characters."""
    if isinstance(value, Mapping):
        return {str(name): _storable(part) for name, part in value.items()}
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return value


def _keep(
    live: LiveTrigger,
    payload: Mapping[str, Any],
    outcome: Outcome,
    *,
    execution_id: uuid.UUID | None = None,
    note: str = "",
) -> None:
    Sample.objects.create(
        tenant_id=live.tenant_id,
        template_id=live.template_id,
        trigger_key=live.key,
        data=dict(payload),
        source=Sample.Source.REQUEST,
        outcome=outcome,
        execution_id=execution_id,
        note=note,
    )
    ours = Sample.objects.for_tenant(live.tenant_id).filter(
        template_id=live.template_id,
        step_key="",
        trigger_key=live.key,
        source=Sample.Source.REQUEST,
        pinned=False,
    )
    is_refused = outcome == Outcome.REFUSED
    same = ours.filter(outcome=outcome) if is_refused else ours.exclude(outcome=Outcome.REFUSED)
    kept = KEPT_REFUSED if is_refused else KEPT_SAMPLES
    surplus = list(same.order_by("-id").values_list("pk", flat=True)[kept : 2 * kept])
    if surplus:
        ours.filter(pk__in=surplus).delete()

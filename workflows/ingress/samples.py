"""What came in, kept as sample data for the builder, and the events that say why a call started nothing.

Calls that only record are always kept. Of calls that start runs, each web process keeps one per trigger every
`SAMPLE_EVERY_S` seconds: under load that costs nothing, and the newest sample is still fresh.
"""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Final

from django.db import DatabaseError, transaction

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.ingress.lookup import Hook
from workflows.models import LiveTrigger, RunEvent, Sample

KEPT_SAMPLES: Final = 50  # requests per trigger, pinned ones not counted
SAMPLE_EVERY_S: Final = 5.0
MAX_REMEMBERED: Final = 10_000  # triggers whose last sample a process remembers

logger = logging.getLogger(__name__)
_last_kept: dict[uuid.UUID, float] = {}
_lock = threading.Lock()


@transaction.atomic
def record(hook: Hook, payload: dict[str, JSON]) -> None:
    """Keep the call without running it, with an event that says why."""
    _keep(hook.live, payload)
    RunEvent.objects.create(
        tenant_id=hook.live.tenant_id,
        template_id=hook.live.template_id,
        trigger_key=hook.live.key,
        kind=RunEvent.Kind.RECORDED,
        message=f"A call came in and was recorded, but not run: {hook.asleep}.",
    )


def keep_now_and_then(live: LiveTrigger, payload: dict[str, JSON]) -> None:
    """Keep the call as a sample unless one was kept a moment ago. The run is started already: never fails."""
    now = clock.monotonic()
    with _lock:
        if now - _last_kept.get(live.pk, -SAMPLE_EVERY_S) < SAMPLE_EVERY_S:
            return
        if len(_last_kept) >= MAX_REMEMBERED:
            _last_kept.clear()
        _last_kept[live.pk] = now
    try:
        with transaction.atomic():
            _keep(live, payload)
    except DatabaseError:
        logger.warning("sample not kept", extra={"live_trigger": str(live.pk)}, exc_info=True)


def _keep(live: LiveTrigger, payload: dict[str, JSON]) -> None:
    ours = Sample.objects.for_tenant(live.tenant_id).filter(
        template_id=live.template_id,
        step_key="",
        trigger_key=live.key,
        source=Sample.Source.REQUEST,
        pinned=False,
    )
    Sample.objects.create(
        tenant_id=live.tenant_id,
        template_id=live.template_id,
        trigger_key=live.key,
        data=payload,
        source=Sample.Source.REQUEST,
    )
    surplus = list(ours.order_by("-id").values_list("pk", flat=True)[KEPT_SAMPLES : 2 * KEPT_SAMPLES])
    if surplus:
        ours.filter(pk__in=surplus).delete()

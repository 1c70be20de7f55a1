"""Polls: asking services for new items. Each due poll is made once, whoever looks; each item starts one run.

A poll is claimed by moving `next_fire_at` to the end of a lease. Whoever moved it asks, and commits the runs together
with what to remember, if the claim still stands. A poller that dies leaves a claim that runs out; the next one asks
from the same place. `LiveTrigger.cursor` of a poll:

    {"of": what is asked, as a hash; "begun": a first poll was made; "failures": in a row; "skip": why items are
     remembered without a run until the list ends (`nothing`, `last`: a first poll; `paused`); "state": of the source}
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from automate.lib import clock
from automate.lib.expressions import ExpressionError
from integrations.errors import IntegrationError
from integrations.values import Batch, Item
from workflows.engine.document import Trigger
from workflows.engine.kinds import TRIGGER_KINDS
from workflows.errors import WorkflowError
from workflows.models import Deployment
from workflows.runs.failpoints import failpoint
from workflows.runs.start import Receipt, start_run
from workflows.triggers import poll_troubles as troubles
from workflows.triggers.claims import POLLED, Claim, ClaimLost, claim, due_polls
from workflows.triggers.item_files import Files
from workflows.triggers.published import published_trigger
from workflows.triggers.questions import Question, ask, question_of

__all__ = ["POLLED", "claim", "due_polls", "leave_out_what_appears", "poll", "poll_safely"]

PORTION: Final = 100  # runs of one transaction: what a death can cost to be asked for again
DEFAULT_EVERY_S: Final = 300.0

logger = logging.getLogger(__name__)


def poll_safely(taken: Claim) -> int:
    """As `poll`; what nobody foresaw counts as a failure of the service."""
    try:
        return poll(taken)
    except ClaimLost:
        logger.info("poll given up, its claim was lost", extra={"live_trigger": str(taken.live.pk)})
    except Exception:
        logger.exception("poll broke", extra={"live_trigger": str(taken.live.pk)})
        fault = ValueError("Something went wrong inside automate. The log has the details.")
        troubles.failed(taken, fault, DEFAULT_EVERY_S)
    return 0


def poll(taken: Claim) -> int:
    """Ask once, start a run for every new item, and say when to ask again. Gives how many runs. Raises ClaimLost."""
    live, every_s = taken.live, DEFAULT_EVERY_S
    assert live.deployment is not None
    try:
        published = published_trigger(live.deployment.version_id, live.key)
        if published is None:
            raise ValueError("The published version has no such trigger. Publish the workflow again.")
        trigger = published.trigger
        every_s = interval_s(trigger)
        question = question_of(live, trigger)
        first = _first_mode(live.cursor, trigger, question)
        batch = ask(question, {} if first else live.cursor.get("state", {}), now=clock.now(), first=first)
    except (IntegrationError, ExpressionError, WorkflowError, ValueError) as error:
        troubles.failed(taken, error, every_s)
        return 0
    failpoint("poll.asked")
    mode = first or str(live.cursor.get("skip") or "all")
    return _Taking(taken, trigger, question, batch, mode, every_s).take()


def interval_s(trigger: Trigger) -> float:
    """Seconds between two polls."""
    every = trigger.config.get("every_s", TRIGGER_KINDS[trigger.type].by_name["every_s"].default)
    return float(every) if isinstance(every, int | float) and every > 0 else DEFAULT_EVERY_S


def _first_mode(cursor: Mapping[str, Any], trigger: Trigger, question: Question) -> str | None:
    """What the first poll of this question is to start; None for a later one."""
    if cursor.get("begun") and cursor.get("of") == question.digest:
        return None
    return str(trigger.config.get("first_poll") or "nothing")


@dataclass
class _Taking:
    """The items of one answer on their way into runs. `mode`: `all`, or why most of them start none."""

    claim: Claim
    trigger: Trigger
    question: Question
    batch: Batch
    mode: str
    every_s: float

    def take(self) -> int:
        count = sum(self._commit(*portion) for portion in self._portions())
        if self.mode == "paused" and self.batch.items:
            troubles.note_left_out(self.claim.live, len(self.batch.items))
        if self.batch.has_gap:
            troubles.note_gap(self.claim.live)
        troubles.recovered(self.claim.live)
        return count

    def _portions(self) -> Iterator[tuple[Sequence[Item], int, bool]]:
        """What to start, how many items are dealt with then, and whether those are all."""
        items = self.batch.items
        if self.mode != "all":
            yield (
                items[-self._last_count() :] if self.mode == "last" and not self.batch.has_more else (),
                len(items),
                True,
            )
            return
        for start in range(0, max(len(items), 1), PORTION):
            portion = items[start : start + PORTION]
            done = start + len(portion)
            yield portion, done, done == len(items)

    def _last_count(self) -> int:
        count = self.trigger.config.get("first_items")
        return min(PORTION, count) if isinstance(count, int) and count > 0 else 1

    def _commit(self, items: Sequence[Item], done: int, is_last: bool) -> int:
        """Runs and what to remember in one transaction; the claim ends with the last one. Raises ClaimLost."""
        changes: dict[str, Any] = {"cursor": self._cursor(done), "last_error": ""}
        if is_last:
            changes["next_fire_at"] = self._next()
        if items:
            changes["last_fired_at"] = clock.now()
        with self.claim.lock, transaction.atomic():
            if not self.claim.held().update(**changes):
                raise ClaimLost
            count = self._start(items) if items else 0
            failpoint("poll.before_commit")
        failpoint("poll.after_commit")
        return count

    def _cursor(self, done: int) -> dict[str, Any]:
        cursor = {"of": self.question.digest, "begun": True, "state": self.batch.state_after(done)}
        return {**cursor, "skip": self.mode} if self.mode != "all" and self.batch.has_more else cursor

    def _next(self) -> datetime:
        now = clock.now()
        if self.batch.has_more:
            return now
        following = self.claim.due + timedelta(seconds=self.every_s)
        return following if following > now else now + timedelta(seconds=self.every_s)

    def _start(self, items: Sequence[Item]) -> int:
        live = self.claim.live
        assert live.deployment_id is not None
        deployment = Deployment.objects.for_tenant(live.tenant_id).get(pk=live.deployment_id)
        count = 0
        for item in items:
            files = Files(live.tenant_id, item.files)
            result = start_run(
                deployment=deployment,
                live_trigger=live,
                trigger=payload_of(self.trigger, item, files),
                trigger_type=live.type,
                receipt=Receipt(dedup_key=self._receipt(item), body_hash=""),
            )
            if result.execution_id is not None and not result.duplicate:
                files.store(result.execution_id)
                count += 1
        return count

    def _receipt(self, item: Item) -> str:
        """The last guard: unique per trigger. An item that is shown again at another place is another event."""
        return f"{self.question.digest[:12]}:{item.key}:{'' if item.mark is None else item.mark}"[:200]


def payload_of(trigger: Trigger, item: Item, files: Files) -> dict[str, Any]:
    """What the run sees as `trigger`."""
    payload = {"type": trigger.type, "key": trigger.key, "at": clock.now().isoformat(), "body": item.value}
    if trigger.type == "email":
        payload["files"] = files.values
    if item.files and isinstance(item.value, dict):
        payload["body"] = {**item.value, "attachments": files.values}
    return payload


def leave_out_what_appears(rows: Any) -> None:
    """Polls that pause: what appears until they go on starts nothing, as with schedules and webhooks."""
    for live in rows.filter(type__in=POLLED):
        if live.cursor.get("begun") and not live.cursor.get("skip"):
            live.cursor, live.next_fire_at = (
                {**live.cursor, "skip": "paused"},
                clock.now(),
            )  # ends every claim
            live.save(update_fields=["cursor", "next_fire_at"])

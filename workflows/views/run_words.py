"""What people read about a run: how it stands in one sentence, and what to do about an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date

from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs.tokens import WAITS
from workflows.views.run_paths import parse
from workflows.views.run_states import moment

if TYPE_CHECKING:
    from datetime import datetime

    from workflows.views.run_queue import Reason
    from workflows.views.run_room import RunRoom

Status = WorkflowExecution.Status

_RECONNECT = "The service did not accept the sign-in. Reconnect the account under Integrations, then retry."
_CONNECT = (
    "Open the step in the builder, choose a connection, publish, and run it again with the newest version."
)
_PASSING = "This often passes by itself: retry, or let the step try again by its retry settings."
_INPUT = "Open the step in the builder, correct the field that the message names, and run it again."
ADVICE: Final = {
    "expression": "Open the step in the builder and correct the expression that the message names.",
    "condition": "Open the step in the builder and correct the condition that the message names.",
    "input": _INPUT, "invalid_input": _INPUT, "mapping": _INPUT, "invalid_request": _INPUT,
    "not_connected": _CONNECT, "connection_unavailable": _CONNECT,
    "connection_expired": _RECONNECT, "refresh_failed": _RECONNECT,
    "blocked_address": "The address lies in a private network. Whoever runs this server can allow it "
    "with the setting AUTOMATE_EGRESS_ALLOW.",
    "name_not_found": "Look for a typing mistake in the address; a host of this name does not exist.",
    "name_lookup_failed": _PASSING, "connect_failed": _PASSING, "connection_lost": _PASSING, "tls": _PASSING,
    "tls_failed": "The service's certificate is not valid. Ask whoever runs it, or check the address.",
    "timeout": "The service took too long. Retry, or give the step a longer time-out.",
    "rate_limited": "The service takes fewer calls than we made. Wait a little, then retry.",
    "answer_too_large": "Ask for less at once: use the service's filters or pages.",
    "outcome_unknown": "Look in the service whether it happened before you retry, or it may happen twice.",
    "sub_workflow": "Open the run of the sub-workflow to see which of its steps failed.",
    "no_such_workflow": "Publish the workflow that the step starts, or choose another one in the builder.",
    "too_deep": "Look for a workflow that starts itself, directly or through others.",
    "items": "Open the loop in the builder and look at the list it goes through.",
    "stopped": "The workflow ended itself here, as its stop step says. Look at the data that led there.",
    "timed_out": "Raise the time limit in the workflow's settings, or look for the step that took so long.",
    "internal": "The fault is ours. Retry; if it happens again, the worker's log has the details.",
    "worker_lost": "The workers died on this run more than once, perhaps for lack of memory. Work on less data at a time.",
    "no_version": "Run it again on the newest version, from the start.",
    "cancelled": "",
}  # fmt: skip
BY_STATUS: Final = {
    401: _RECONNECT,
    403: "The account may not do this in the service. Give it the right there, or connect another account.",
    404: "What the step names is not there (any more). Check the ids and addresses in its input.",
    409: "The service says that this conflicts with what it has already. Check the step's input.",
    429: "The service takes fewer calls than we made. Wait a little, then retry.",
}
OTHERWISE: Final = "Compare the step's input with the message, correct the step, then retry from here."


@dataclass(frozen=True)
class Headline:
    """How a run stands. `text` may be empty; `busy` draws a spinner; `links`: words and addresses of runs it speaks of."""

    tone: str
    icon: str
    title: str
    text: str = ""
    advice: str = ""
    busy: bool = False
    code: str = ""
    links: tuple[tuple[str, str], ...] = ()


def advice(error: Mapping[str, Any]) -> str:
    """What to do about an error of the common shape, as a sentence; empty when there is nothing to do."""
    code, status = str(error.get("code", "")), error.get("status")
    if code in ADVICE:
        return ADVICE[code]
    if isinstance(status, int):
        known = BY_STATUS.get(status)
        service = "The service has a fault of its own. Retry in a while, or give the step a retry rule."
        return known or (service if status >= 500 else OTHERWISE)
    return OTHERWISE


def headline(room: RunRoom) -> Headline | None:
    """The banner above the steps; None for a run that simply succeeded."""
    if room.execution.is_final:
        return _ended(room)
    if room.live.is_stopping:
        return Headline("warn", "player-stop", "Stopping", "The step under way is finished first.", busy=True)
    if room.reason:
        return _queued(room, room.reason)
    if room.live.asked:
        return None  # the questions stand there instead
    return _under_way(room)


def _ended(room: RunRoom) -> Headline | None:
    execution = room.execution
    error = execution.error if isinstance(execution.error, dict) else {}
    message = str(error.get("message", ""))
    if execution.status == Status.CANCELLED:
        return Headline("idle", "player-stop", "Stopped", message)
    if execution.status == Status.COMPLETED:
        text = "Steps failed, and the run went on as the workflow says. They are marked below."
        return (
            Headline("warn", "alert-triangle", "Succeeded with errors", text)
            if execution.had_errors
            else None
        )
    where = room.failed_path
    step = where.rsplit(".", 1)[-1]
    title = "The run took too long" if execution.status == Status.TIMED_OUT else "The run failed"
    if step:
        title = f"Failed at {room.names.numbered(step)}{item_words(room, where)}"
    return Headline("bad", "alert-circle", title, message, advice(error), code=str(error.get("code", "")))


def _queued(room: RunRoom, why: Reason) -> Headline:
    if why.is_usual:
        return Headline("idle", "clock", why.title, why.text, busy=True)
    is_held = room.live.state == ActiveRun.State.HELD
    return Headline("warn", "hourglass" if is_held else "clock", why.title, why.text, links=why.links)


def _under_way(room: RunRoom) -> Headline | None:
    """What goes on now: the innermost step under way, what it waits for."""
    total = len(room.names.numbers)
    found = [(path, live) for path, live in room.live.progress.items() if live.get("state") != "WAITING"]
    busy = [(path, live) for path, live in found if not _is_around(path, found)]
    if busy:
        path, live = busy[0]
        if live.get("state") == "RETRYING":
            return _retrying(room, path, live)
        number = room.names.numbers.get(path.rsplit(".", 1)[-1], 0)
        more = f", and {len(busy) - 1:,} more at the same time" if len(busy) > 1 else ""
        return Headline(
            "run",
            "player-play",
            f"Running, step {number} of {total}",
            f"{item_title(room, path)}{more}".strip(", "),
            busy=True,
        )
    waiting = [(path, live) for path, live in room.live.progress.items() if live.get("state") == "WAITING"]
    if not waiting:
        return Headline("run", "player-play", "Running", busy=True)
    waiting = [(path, live) for path, live in waiting if path not in room.live.outside]
    if not waiting:
        return None  # who is asked stands there instead
    path, live = waiting[0]
    step = room.names.numbered(path.rsplit(".", 1)[-1])
    child = room.live.waits.get(path, {}).get("child")
    links = (("the run it started", reverse("workflows:run-detail", args=[child])),) if child else ()
    return Headline("warn", "hourglass", f"Waiting at {step}", waiting_words(room, path, live), links=links)


def _retrying(room: RunRoom, path: str, live: Mapping[str, Any]) -> Headline:
    step = room.names.numbered(path.rsplit(".", 1)[-1])
    text = f"{last_error(room, path)} Try {live.get('attempt', 2)} follows{_until(live)}."
    return Headline("warn", "refresh", f"{step} is tried again", text.strip())


def last_error(room: RunRoom, path: str) -> str:
    """What the newest failed try of a step under way said; empty when none failed."""
    last = next(iter(reversed(room.live.waits.get(path, {}).get("errors") or [])), None)
    return str(last.get("message", "")) if isinstance(last, dict) else ""


def _is_around(path: str, found: list[tuple[str, Any]]) -> bool:
    """Whether it is a loop with a step under way inside it."""
    return any(other.startswith(f"{path}[") for other, _ in found)


def waiting_words(room: RunRoom, path: str, live: Mapping[str, Any]) -> str:
    """What a waiting step waits for."""
    note = room.live.waits.get(path, {})
    kind, until = note.get("kind"), moment(live.get("until"))
    if kind == "retry":  # a rate limit, which counts as no try
        return f"{note.get('why') or 'The service takes no more calls just now.'} It goes on{_until(live)}, by itself."
    if kind == "child":
        return "It waits for the workflow it has started."
    if kind in WAITS:
        what = "people to answer" if kind == "approval" else "a call to its address"
        return f"It waits for {what}{f', at the latest until {at_words(until)}' if until else ''}."
    return f"It goes on{_until(live)}, by itself." if until else "It goes on when it is answered."


def _until(live: Mapping[str, Any]) -> str:
    until = moment(live.get("until"))
    return f" {at_words(until)}" if until else ""


def at_words(when: datetime) -> str:
    """A moment in the reader's zone, as part of a sentence: "at 14:02:07", "on 3 March at 09:00"."""
    local = timezone.localtime(when)
    if local.date() == timezone.localdate():
        return f"at {format_date(local, 'H:i:s')}"
    return f"on {format_date(local, 'j F')} at {format_date(local, 'H:i')}"


def item_words(room: RunRoom, path: str) -> str:
    """ ", item 3" for a step inside a loop; empty outside."""
    place = parse(path, room.graph)
    return f", item {place.items[-1][1] + 1:,}" if place and place.items else ""


def item_title(room: RunRoom, path: str) -> str:
    """Which item of how many a step under way belongs to; empty outside of loops."""
    place = parse(path, room.graph)
    if not place or not place.items:
        return ""
    loop, index = place.items[-1]
    total = room.states.items_of(place.loop_path(loop))
    return f"Item {index + 1:,} of {total:,}" if total else f"Item {index + 1:,}"

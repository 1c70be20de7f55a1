"""One run: its page, what is new in it, the data of a step."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from automate.lib import jsontypes
from workflows.models import WorkflowExecution
from workflows.views import run_rows
from workflows.views.frame import bar_of
from workflows.views.replies import asks_for
from workflows.views.run_ask import Question, questions
from workflows.views.run_panel import Panel, first_place, panel_of, value_of
from workflows.views.run_panel_parts import may_retry
from workflows.views.run_room import RunRoom, open_run
from workflows.views.run_shape import remembered, shape_of
from workflows.views.run_waits import waits
from workflows.views.run_words import headline
from workflows.views.runs import NOTHING_NEW, column, vary

STOP_POLLING: Final = 286  # what HTMX takes as the end of a poll


@require_GET
def run_detail(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """The whole page, open where the run failed or asks; `?show=run` opens the run itself, `?show=steps` nothing."""
    room = open_run(request, id)
    show = request.GET.get("show", "")
    where = "" if show in ("run", "steps") else first_place(room)
    if where:
        room = RunRoom(request, room.execution, where)
    return _shown(request, room, is_auto=show != "run")


@require_GET
def run_step(request: AppRequest, id: uuid.UUID, path: str) -> HttpResponse:
    """One step, item or the trigger (`trigger`). `?item=` (from 1) with `?loop=` goes to another item of a loop."""
    room = open_run(request, id, path)
    item = request.GET.get("item", "")
    if item and room.place:
        return redirect(_item_url(room, item, request.GET.get("loop", "")))
    return _shown(request, room)


@require_GET
def run_live(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """What is new since `?seq=`: 204 when nothing is, 286 with the last state when the run has ended."""
    room = open_run(request, id, request.GET.get("step", ""))
    seen = request.GET.get("seq", "")
    is_same = seen.isdecimal() and int(seen[:12]) >= room.seq and request.GET.get("why", "") == _why(room)
    if is_same and not room.execution.is_final:
        return HttpResponse(status=NOTHING_NEW)
    panel = panel_of(room, request.GET.get("tab", "data"), is_auto="auto" in request.GET)
    with_panel = _stamp(panel) != request.GET.get("stamp", "")
    response = live_answer(request, room, panel, with_panel=with_panel)
    if room.execution.is_final:
        response.status_code = STOP_POLLING
    return response


@require_GET
def run_data(request: AppRequest, id: uuid.UUID, path: str, name: str) -> HttpResponse:
    """A value whole, as a file: `input`, `output`, `error` or `request` of a step, or of the run (`run`)."""
    where = "" if path == "run" else path
    room = open_run(request, id, where)
    try:
        value = value_of(room, name)
    except KeyError:
        raise Http404 from None
    response = HttpResponse(jsontypes.dumps_bytes(value), content_type="application/json")
    file = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in f"{path}-{name}")
    response["Content-Disposition"] = f'attachment; filename="run-{room.execution.number or 0}-{file}.json"'
    return response


def open_place(request: AppRequest, execution: WorkflowExecution) -> tuple[str, str]:
    """The step and the tab that the page which asks has open, by its address; empty where nobody chose a step."""
    url = urlsplit(request.htmx.current_url or "")
    try:
        found = resolve(unquote(url.path))
    except Resolver404:
        return "", "data"
    tab = QueryDict(url.query).get("tab", "data")
    is_step = found.view_name == "workflows:run-step" and found.kwargs.get("id") == execution.pk
    return (str(found.kwargs["path"]), tab) if is_step else ("", tab)


# --- answers ------------------------------------------------------------------------------------------
def _shown(request: AppRequest, room: RunRoom, *, is_auto: bool = False) -> HttpResponse:
    """The page, or for a card that asks for `#panel` the panel, with the steps out of band."""
    panel = panel_of(room, request.GET.get("tab", "data"), is_auto=is_auto)
    if asks_for(request, "panel-data"):
        return vary(render(request, "workflows/_run_data.html", {"panel": panel, "room": room}))
    if asks_for(request, "panel"):
        context = run_context(request, room, panel) | {"focus": True}
        return remembered(request, render(request, "workflows/_run_panel_answer.html", context))
    context = run_context(request, room, panel) | page_context(room)
    return remembered(request, render(request, "workflows/run_detail.html", context))


def live_answer(
    request: AppRequest,
    room: RunRoom,
    panel: Panel,
    *,
    with_panel: bool = True,
    asked: Mapping[str, Question] | None = None,
) -> HttpResponse:
    """The steps, and out of band the bar, the run's row and, where it changed, the panel."""
    context = run_context(request, room, panel, asked) | {
        "with_panel": with_panel,
        "row": run_rows.shown([room.execution], current=room.execution.pk, tiles=False)[0],
    }
    return vary(render(request, "workflows/_run_live.html", context))


def page_context(room: RunRoom) -> dict[str, Any]:
    """What the page has besides the parts that change: the bar and the runs beside this one."""
    template = room.execution.template
    back = reverse("workflows:workflow-runs", args=[template.pk])
    return bar_of(template, "runs", room.rights, back_url=back) | {
        "column": column(template, room.execution.pk)
    }


def run_context(
    request: AppRequest, room: RunRoom, panel: Panel, asked: Mapping[str, Question] | None = None
) -> dict[str, Any]:
    """The parts that change while a run goes on."""
    execution = room.execution
    return {
        "room": room,
        "run": execution,
        "status": room.status,
        "status_text": "Stopping" if room.live.is_stopping else "",
        "how": run_rows.how(execution.trigger_type, execution.retry_of_id),
        "duration_ms": run_rows.duration_ms(execution, room.now),
        "headline": headline(room),
        "questions": list((asked or questions(room)).values()),
        "waits": waits(room),
        "items": room.items() if room.program else [],
        "panel": panel,
        "deeds": deeds(room),
        **shape_of(request, room),
        "live_url": _live_url(room, panel),
    }


def deeds(room: RunRoom) -> dict[str, Any]:
    """What this member may do with the run as it is now."""
    execution = room.execution
    again = may_retry(room)
    went_wrong = execution.had_errors or execution.status != WorkflowExecution.Status.COMPLETED
    newer = room.newer_version if again and not execution.is_test else None
    return {
        "stop": "execution.cancel" in room.rights and not execution.is_final and not room.live.is_stopping,
        "again": again,
        "resume": again and went_wrong,
        "newer": newer,
        "sample": "workflow.edit" in room.rights and execution.is_final,
        "resume_words": "Retry from failed step"
        if execution.is_failed or execution.had_errors
        else "Go on from where it stopped",
    }


def _live_url(room: RunRoom, panel: Panel) -> str:
    """Where the page asks what is new; empty when nothing will be."""
    if room.execution.is_final:
        return ""
    said: dict[str, str | int] = {
        "seq": room.seq,
        "step": room.where,
        "tab": panel.tab,
        "stamp": _stamp(panel),
    }
    if panel.is_auto:
        said["auto"] = "1"
    if why := _why(room):
        said["why"] = why
    return f"{reverse('workflows:run-live', args=[room.execution.pk])}?{urlencode(said)}"


def _why(room: RunRoom) -> str:
    """Differs when a run that has not begun waits for something else; its own rows do not change by that."""
    return run_rows.digest(repr(room.reason)) if room.reason else ""


def _stamp(panel: Panel) -> str:
    """Differs when the panel would look different: then it is sent anew."""
    people = panel.waiting.people if panel.waiting else ()
    seen = (panel.status, len(panel.log), panel.notices, panel.progress, panel.cards, people)
    return run_rows.digest(repr((*seen, [chooser.count for chooser in panel.choosers])))


def _item_url(room: RunRoom, item: str, loop: str) -> str:
    """Raises Http404 for what is no number or no loop around the place."""
    place = room.place
    assert place is not None
    loops = {name for name, _ in place.items} | (
        {place.key} if room.step(place.key).type == "loop" else set()
    )
    if not item.isdecimal() or not 0 < int(item[:7]) <= 100_000 or loop not in loops:
        raise Http404
    return room.url_of(place.at(loop, int(item) - 1).path)

"""Members answer an approval on the page of its run."""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.request import AppRequest, client_ip
from workflows.ingress.approvals import Answering
from workflows.ingress.files import Shelf
from workflows.ingress.refusals import Refused
from workflows.runs.answers import AlreadyAnswered, MayNotAnswer, NotAnswerable, answer_as_member, may_answer
from workflows.runs.questions import question_at
from workflows.views.run_deeds import told
from workflows.views.run_panel import panel_of
from workflows.views.run_room import RunRoom, open_run
from workflows.views.run_view import live_answer, page_context, run_context
from workflows.views.run_waits import wait_at


@require_POST
def run_decide(request: AppRequest, id: uuid.UUID, path: str) -> HttpResponse:
    """Approve or reject, as one of those asked or, who manages the workspace, in their place."""
    room = open_run(request, id, path)
    if room.place is None or room.step(room.place.key).type != "approval":
        raise Http404
    if not may_answer(room.execution, path, request.user):
        raise PermissionDenied(
            "Other people are asked here. Only they, and who manages the workspace, may answer."
        )
    answering = Answering.of(
        question_at(room.execution, path, dict(room.live.waits.get(path, {})) or None), request
    )
    if not answering.is_valid():
        return _refused(request, room, answering, "Some answers need another look.")
    shelf = Shelf(room.execution.tenant_id)
    try:
        answer_as_member(
            room.execution, path, answering.given(shelf), user=request.user, ip=client_ip(request),
            also=lambda: shelf.store(room.execution.pk),
        )  # fmt: skip
    except AlreadyAnswered as reason:
        who = f" by {reason.vote.by}" if reason.vote else ""
        return told(
            request,
            room.execution,
            f"This was answered before{who}. Your answer changed nothing.",
            status=409,
        )
    except NotAnswerable as reason:
        return told(request, room.execution, reason.message, status=409)
    except MayNotAnswer as reason:
        raise PermissionDenied(reason.message) from None
    except Refused as refused:
        return _refused(request, room, answering, refused.message)
    return told(request, room.execution, "Approved." if answering.approves else "Rejected.")


def _refused(request: AppRequest, room: RunRoom, answering: Answering, problem: str) -> HttpResponse:
    """The page, or its panel, with what is wrong beside the field."""
    panel = panel_of(room)
    panel.waiting = wait_at(room, room.where, answering, problem)
    if request.htmx:
        response = live_answer(request, room, panel)
        response.status_code = 422
        return response
    context = run_context(request, room, panel) | page_context(room)
    return render(request, "workflows/run_detail.html", context, status=422)

"""What people do with a run: stop it, run it again, say what happened."""

from __future__ import annotations

import json
import uuid
from typing import Literal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.request import AppRequest
from automate.lib.jsontypes import BadJSON, loads
from workflows.access import get_run_or_404, get_workflow_or_404
from workflows.builder import sample_run
from workflows.builder.forms.values import BadValue, clean, pretty
from workflows.errors import WorkflowError
from workflows.models import WorkflowExecution
from workflows.runs.answer import NothingToAnswer, answer_unknown
from workflows.runs.cancel import cancel
from workflows.runs.retry import retry
from workflows.views import replies
from workflows.views.run_ask import AnswerForm, questions
from workflows.views.run_panel import first_place, panel_of
from workflows.views.run_room import RunRoom, open_run
from workflows.views.run_view import live_answer, open_place, page_context, run_context

MAX_INPUT_CHARS = 1024 * 1024
SAID = {
    "rerun": "The step is sent again.",
    "done": "Taken as done. The run goes on.",
    "fail": "Taken as failed.",
}


@require_POST
def run_stop(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    execution = get_run_or_404(request, id, "execution.cancel")
    if cancel(execution, by=request.user):
        return told(request, execution, "The run stops.")
    return told(request, execution, "The run had ended already, so there was nothing to stop.", status=409)


@require_POST
def run_retry(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """A new run: `from` is `failed` or `start`, `version` is `same` or `newest`."""
    execution = get_run_or_404(request, id, "execution.retry")
    start = "start" if request.POST.get("from") == "start" else "failed"
    return _again(request, execution, start, "newest" if request.POST.get("version") == "newest" else "same")


@require_POST
def run_retry_from(request: AppRequest, id: uuid.UUID, path: str) -> HttpResponse:
    room = open_run(request, id, path, need="execution.retry")
    return _again(
        request, room.execution, path, "newest" if request.POST.get("version") == "newest" else "same"
    )


@require_http_methods(["GET", "POST"])
def run_edit_input(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Change what the run was started with, and run it again from the start."""
    execution = get_run_or_404(request, id, "execution.retry")
    given = execution.input if isinstance(execution.input, dict) else {}
    text, error = pretty(given.get("body")), ""
    if request.method == "POST":
        text = request.POST.get("body", "")
        try:
            new = _with_input(request, execution, text)
        except (BadJSON, BadValue, WorkflowError) as bad:
            error = getattr(bad, "message", "") or str(bad)
        else:
            return replies.go(request, reverse("workflows:run-detail", args=[new]))
    context = {
        "run": execution,
        "body": text,
        "error": error,
        "newer": RunRoom(request, execution).newer_version if not execution.is_test else None,
        "dialog_title": "Edit the input and run again",
        "dialog_sub": "A new run from the start. This run stays as it is.",
        "action": request.path,
        "back_url": reverse("workflows:run-detail", args=[execution.pk]),
    }
    status = 422 if error else 200
    return replies.dialog(request, "workflows/run_edit_input.html", context, status=status)


def _with_input(request: AppRequest, execution: WorkflowExecution, text: str) -> uuid.UUID:
    """Raises BadJSON, BadValue, WorkflowError."""
    if len(text) > MAX_INPUT_CHARS:
        raise BadValue(f"This is longer than {MAX_INPUT_CHARS:,} characters. Shorten it.")
    body = loads(clean(text))
    if body is None:
        raise BadValue("Nothing stands here. Write the data as JSON, such as {}.")
    version: Literal["same", "newest"] = "newest" if request.POST.get("version") == "newest" else "same"
    return retry(execution, start="start", version=version, input=body, by=request.user)


@require_POST
def run_use_as_sample(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Let the builder show the data of this run until it is told otherwise."""
    execution = get_run_or_404(request, id, "execution.view")
    template = get_workflow_or_404(request, execution.template_id, "workflow.edit")
    sample_run.choose(template, execution)
    messages.success(request, f"The builder works with the data of run #{execution.number or ''} now.")
    return redirect("workflows:workflow-build", template.pk)


@require_POST
def run_answer(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    room = open_run(request, id, need="execution.retry")
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _refused(request, room, form)
    given = form.cleaned_data
    output = given["output"] if given["answer"] == "done" else None
    try:
        answer_unknown(room.execution, given["step"], given["answer"], output=output, by=request.user)
    except NothingToAnswer:
        text = "Somebody has answered this already, or the run has ended. Your answer changed nothing."
        return told(request, room.execution, text, status=409)
    return told(request, room.execution, SAID[given["answer"]])


def _again(
    request: AppRequest, execution: WorkflowExecution, start: str, version: Literal["same", "newest"]
) -> HttpResponse:
    """To the new run; back to this one with a sentence when it cannot be repeated like that."""
    try:
        new = retry(execution, start=start, version=version, by=request.user)
    except WorkflowError as error:
        messages.error(request, error.message)
        return redirect("workflows:run-detail", execution.pk)
    return redirect("workflows:run-detail", new)


def told(request: AppRequest, execution: WorkflowExecution, text: str, *, status: int = 200) -> HttpResponse:
    """The run as it is now, with a message."""
    tone = "ok" if status == 200 else "warn"
    if not request.htmx:
        (messages.success if status == 200 else messages.warning)(request, text)
        return redirect("workflows:run-detail", execution.pk)
    where, tab = open_place(request, execution)
    room = open_run(request, execution.pk, where)
    if not where and (first := first_place(room)):
        room = RunRoom(request, room.execution, first)
    response = live_answer(request, room, panel_of(room, tab, is_auto=not where))
    response.status_code = status
    response["HX-Trigger"] = json.dumps({"toast": {"text": text, "tone": tone}})
    return response


def _refused(request: AppRequest, room: RunRoom, form: AnswerForm) -> HttpResponse:
    """The page or its steps with what is wrong beside the field."""
    asked = questions(room, form)
    open_room = RunRoom(request, room.execution, first_place(room))
    panel = panel_of(open_room, is_auto=True)
    if request.htmx:
        response = live_answer(request, open_room, panel, asked=asked, with_panel=False)
        response.status_code = 422
        return response
    context = run_context(request, open_room, panel, asked) | page_context(open_room)
    return render(request, "workflows/run_detail.html", context, status=422)

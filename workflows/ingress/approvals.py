"""`/approvals/<token>`: the page behind the link in a mail. Whoever was sent the link answers, without an account.

Looking decides nothing: mail scanners and previews follow links. Only the form's POST counts, and only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.request import client_ip
from automate.lib.jsontypes import JSON
from automate.lib.zones import check_zone, zone
from workflows.engine.form_fields import FormField, fields_of
from workflows.ingress.bodies import Body, Upload
from workflows.ingress.files import Shelf
from workflows.ingress.form_build import form_class, values_of
from workflows.ingress.limits import may_come
from workflows.models import WaitToken
from workflows.runs.answers import (
    MAX_COMMENT,
    AlreadyAnswered,
    Given,
    NotAnswerable,
    TimeIsUp,
    answer_by_link,
    why_not,
)
from workflows.runs.questions import Question, question_of
from workflows.runs.tokens import find

SENDS_PER_MINUTE: Final = 30


class DecisionForm(forms.Form):
    """What every approval asks; the step's own fields stand in a form of their own above it."""

    template_name = "ui/_form.html"
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    comment = forms.CharField(
        required=False, max_length=MAX_COMMENT, label="Comment", help_text="Goes on with your answer.",
        widget=forms.Textarea(attrs={"rows": 2, "data-grow": True}),
    )  # fmt: skip


@dataclass
class Answering:
    """An approval's two forms, filled in or not; pages of runs use it too. `prefix` keeps ids apart on one page."""

    question: Question
    decision: DecisionForm
    answers: forms.Form
    fields: tuple[FormField, ...]

    @classmethod
    def of(cls, question: Question, request: HttpRequest | None = None, *, prefix: str = "ask") -> Answering:
        fields = fields_of(question.schema)
        build = form_class(fields)
        data, files = (request.POST, request.FILES) if request is not None else (None, None)
        auto_id = f"{prefix}-%s"
        return cls(question, DecisionForm(data, auto_id=auto_id), build(data, files, auto_id=auto_id), fields)

    @property
    def is_bound(self) -> bool:
        return self.decision.is_bound

    @property
    def has_files(self) -> bool:
        return any(field.kind == "file" for field in self.fields)

    def is_valid(self) -> bool:
        """Whoever rejects need not fill in what an approval asks for."""
        fine = self.decision.is_valid()
        return fine and (self.answers.is_valid() or not self.approves)

    @property
    def approves(self) -> bool:
        return bool(self.decision.cleaned_data.get("decision") == "approve")

    def given(self, shelf: Shelf) -> Given:
        """The answer; files are put on the shelf. Raises Refused (413)."""

        def keep(upload: UploadedFile[bytes]) -> JSON:
            return shelf.value_of(
                Body(Upload(upload.name or "", (upload.content_type or "")[:120], upload.read()))
            )

        filled = self.answers.is_valid() and bool(self.fields)
        answers = values_of(self.answers, self.fields, keep) if filled else None
        return Given(self.approves, self.decision.cleaned_data["comment"], answers)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approval(request: HttpRequest, token: str) -> HttpResponse:
    found = find(token, "APPROVAL")
    question = question_of(found) if found else None
    if found is None or question is None:
        raise Http404
    with timezone.override(_zone(request, found)):
        reason = why_not(found)
        if reason is not None:
            return _over(request, question, reason)
        return _decide(request, found, question) if request.method == "POST" else _asked(request, question)


def _zone(request: HttpRequest, token: WaitToken) -> tzinfo:
    """The reader's own zone; for those without an account the workspace's."""
    if request.user.is_authenticated or check_zone(token.tenant.time_zone):
        return timezone.get_current_timezone()
    return zone(token.tenant.time_zone)


def _asked(
    request: HttpRequest,
    question: Question,
    answering: Answering | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"question": question, "answering": answering or Answering.of(question), "problem": problem}
    return _shown(request, "approval.html", context, status)


def _decide(request: HttpRequest, token: WaitToken, question: Question) -> HttpResponse:
    answering = Answering.of(question, request)
    if not may_come(f"approval:{token.pk}", SENDS_PER_MINUTE):
        return _asked(request, question, answering, problem="That was too often. Wait a minute.", status=429)
    if not answering.is_valid():
        said = (
            "Choose whether to approve or reject."
            if answering.decision.errors
            else "Some answers need another look."
        )
        return _asked(request, question, answering, problem=said, status=422)
    user = request.user if isinstance(request.user, User) else None
    shelf = Shelf(token.tenant_id)
    try:
        answer_by_link(
            token,
            answering.given(shelf),
            user=user,
            ip=client_ip(request),
            also=lambda: shelf.store(token.execution_id),
        )
    except NotAnswerable as reason:
        return _over(request, question, reason)
    return HttpResponseRedirect(request.path, status=303)


def _over(request: HttpRequest, question: Question, reason: NotAnswerable) -> HttpResponse:
    """Why there is nothing to answer here (any more): 409 for an answer that came second, 410 for one too late."""
    vote = reason.vote if isinstance(reason, AlreadyAnswered) else None
    answered = isinstance(reason, AlreadyAnswered)
    status = (409 if request.method == "POST" else 200) if answered else 410
    context: dict[str, Any] = {
        "question": question,
        "reason": reason,
        "vote": vote,
        "is_answered": answered,
        "is_late": isinstance(reason, TimeIsUp),
        "is_second": request.method == "POST" and answered,
        "is_mine": bool(vote and vote.by == question.person),
    }
    return _shown(request, "over.html", context, status)


def _shown(request: HttpRequest, name: str, context: dict[str, Any], status: int) -> HttpResponse:
    return render(request, f"workflows/approvals/{name}", context, status=status)

"""`/forms/<token>`: a page that people fill in, and that starts a run. Nobody signs in; plain HTML is enough.

In this order: the address, the proof of who is calling (where the form asks for one), the size, how often this
caller came, the trap for robots, the key against sending twice, the fields, the start.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.db import InterfaceError, OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import Tenant
from accounts.request import client_ip
from automate.lib import clock
from automate.lib.jsontypes import JSON, dumps_bytes
from workflows.engine.form_fields import FormField, fields_of
from workflows.errors import WorkflowError
from workflows.ingress import samples
from workflows.ingress.answers import step_answer
from workflows.ingress.bodies import Body, Upload
from workflows.ingress.files import Shelf
from workflows.ingress.form_build import form_class, values_of
from workflows.ingress.limits import may_come
from workflows.ingress.lookup import Hook, find_hook
from workflows.ingress.proof import prove
from workflows.ingress.refusals import Refused
from workflows.models import TriggerType
from workflows.runs.events import note_duplicate
from workflows.runs.start import DedupConflict, Receipt, start_run
from workflows.triggers.signatures import Call

TRAP: Final = "form_confirmation"  # people do not see this field, and robots fill in everything
KEY: Final = "_key"
KEY_AGE_S: Final = 24 * 3600  # receipts are kept for longer, so a key never starts two runs
SENDS_PER_MINUTE: Final = 30  # of one address to one form; an office behind one address still gets through
MAX_BYTES: Final = 4 * settings.MAX_BLOB_BYTES  # of all that is sent at once
_SALT: Final = "automate.form"


@csrf_exempt  # nobody is signed in here; `_key` is what another site cannot know
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, token: str) -> HttpResponse:
    found = find_hook(token, TriggerType.FORM.value)
    if found is None:
        raise Http404
    page = Page(request, found)
    try:
        if found.rule.auth is not None:
            prove(found, Call(_proofs(request), b""))
        if request.method == "POST":
            return _receive(page)
    except Refused as refused:
        return _refused(page, refused)
    except (OperationalError, InterfaceError):
        return page.shown(
            status=503, problem="Your answers could not be stored just now. Send them again in a moment."
        )
    sent = request.GET.get("sent", "")
    return page.thanks(recorded=sent == "kept") if sent else page.shown()


def _proofs(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


class Page:
    """One request for one form: what it asks for and how it is drawn."""

    def __init__(self, request: HttpRequest, found: Hook) -> None:
        self.request = request
        self.found = found
        self.config: Mapping[str, Any] = found.rule.form
        self.fields: tuple[FormField, ...] = fields_of(self.config.get("fields"))
        self.form_class = form_class(self.fields)

    def text(self, name: str, otherwise: str = "") -> str:
        value = self.config.get(name)
        return value if isinstance(value, str) and value.strip() else otherwise

    @property
    def onward(self) -> str:
        """Where people are sent on to after sending; empty for nowhere."""
        url = self.text("redirect") if self.config.get("respond") == "redirect" else ""
        return url if urlsplit(url).scheme in ("http", "https") else ""

    def shown(
        self, bound: forms.Form | None = None, *, status: int = 200, problem: str = "", again: bool = False
    ) -> HttpResponse:
        """The form; with `bound` as it was filled in, under a new key unless the old one is still good."""
        context = self._frame() | {
            "form": bound if bound is not None else self.form_class(),
            "button": self.text("button", "Send"),
            "description": self.text("description"),
            "key": new_key(self.found) if bound is None or again else self.request.POST.get(KEY, ""),
            "trap": TRAP,
            "problem": problem,
            "is_draft": self.found.deployment is None,
            "is_asleep": bool(self.found.asleep),
            "has_files": any(field.kind == "file" for field in self.fields),
        }
        response = render(self.request, "workflows/forms/form.html", context, status=status)
        response._csp_update = {"form-action": self._targets()}  # type: ignore[attr-defined]  # read by django-csp
        return response

    def thanks(self, *, recorded: bool = False) -> HttpResponse:
        words = self.text("thanks", "Thank you. Your answers have arrived.")
        return render(
            self.request,
            "workflows/forms/thanks.html",
            self._frame() | {"thanks": words, "recorded": recorded},
        )

    def _frame(self) -> dict[str, Any]:
        tenant = Tenant.objects.get(pk=self.found.live.tenant_id)
        return {"title": self.text("title", "Form"), "by": tenant.name, "url": self.request.path}

    def _targets(self) -> list[str]:
        """Where sending the form may lead: browsers hold the redirects that follow against this as well."""
        if self.config.get("respond") == "step":
            return ["https:", "http:"]
        parts = urlsplit(self.onward)
        return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


def new_key(found: Hook) -> str:
    """A key for one sending of this form: whatever is sent under it twice starts one run."""
    return signing.dumps([str(found.live.pk), uuid.uuid4().hex], salt=_SALT)


def _receive(page: Page) -> HttpResponse:
    request, found = page.request, page.found
    _hold_off(request, found)
    bound = page.form_class(request.POST, request.FILES)
    if request.POST.get(TRAP):
        raise Refused(422, "robot", "A field was filled in that people do not see, so a robot sent this.")
    key = _key_of(request, found)
    if not bound.is_valid():
        return page.shown(bound, status=422, again=not key, problem=_many(len(bound.errors)))
    if not key:
        said = "This page was open for a long time. Look over your answers, and send them again."
        return page.shown(bound, status=422, again=True, problem=said)
    shelf = Shelf(found.live.tenant_id)
    payload = _payload(page, bound, shelf)
    if found.asleep or found.deployment is None:
        with transaction.atomic():
            shelf.store(None)
            samples.record(found, payload)
        return HttpResponseRedirect(f"{request.path}?sent=kept", status=303)
    try:
        run = _start(found, payload, shelf, key)
    except DedupConflict:
        said = "You have sent this form already. To send these answers as well, press the button again."
        return page.shown(bound, status=409, again=True, problem=said)
    if run is None:
        said = (
            "An earlier answer is still being worked on, so this one was left out. Send it again in a while."
        )
        return page.shown(bound, status=409, again=True, problem=said)
    return _after(page, run)


def _hold_off(request: HttpRequest, found: Hook) -> None:
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdigit() and int(announced) > MAX_BYTES:
        raise Refused(
            413, "too_large", f"All files together may have {MAX_BYTES // (1024 * 1024):,} MB at most."
        )
    if not may_come(f"form:{found.live.pk}:{client_ip(request)}", SENDS_PER_MINUTE):
        raise Refused(429, "too_often", f"More than {SENDS_PER_MINUTE} forms a minute came from one address.")


def _key_of(request: HttpRequest, found: Hook) -> str:
    """The part of the key that is unique; empty for one that is too old or not of this form."""
    try:
        form_id, key = signing.loads(request.POST.get(KEY, ""), salt=_SALT, max_age=KEY_AGE_S)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(key) if form_id == str(found.live.pk) else ""


def _payload(page: Page, bound: forms.Form, shelf: Shelf) -> dict[str, JSON]:
    """What the run sees as `trigger`."""
    files: dict[str, JSON] = {}

    def keep(upload: UploadedFile[bytes]) -> JSON:
        return shelf.value_of(
            Body(Upload(upload.name or "", (upload.content_type or "")[:120], upload.read()))
        )

    body = values_of(bound, page.fields, keep)
    files = {field.key: body[field.key] for field in page.fields if field.kind == "file" and body[field.key]}
    live = page.found.live
    return {"type": "form", "key": live.key, "at": clock.now().isoformat(), "body": body, "files": files}


def _start(found: Hook, payload: dict[str, JSON], shelf: Shelf, key: str) -> uuid.UUID | None:
    """The run of this sending; the first one's, when it came twice; None when the overlap rule leaves it out.

    Raises DedupConflict, Refused (409).
    """
    assert found.deployment is not None
    try:
        with transaction.atomic():
            result = start_run(
                deployment=found.deployment,
                live_trigger=found.live,
                trigger=payload,
                trigger_type=TriggerType.FORM.value,
                receipt=Receipt(dedup_key=f"form:{key}", body_hash=_digest(payload)),
            )
            if result.execution_id is not None and not result.duplicate:
                shelf.store(result.execution_id)
    except DedupConflict:
        raise
    except WorkflowError as error:
        raise Refused(409, "not_started", error.message) from None
    if result.execution_id is None:
        return None
    if result.duplicate:
        note_duplicate(found.live, result.execution_id)
    elif found.rule.keep_samples:
        samples.keep_now_and_then(found.live, payload, result.execution_id)
    return result.execution_id


def _digest(payload: Mapping[str, JSON]) -> str:
    """Of what was filled in: files by their contents, since each sending stores them under a new id."""
    body = payload["body"]
    assert isinstance(body, dict)
    plain = {name: value["sha256"] if isinstance(value, dict) else value for name, value in body.items()}
    return hashlib.sha256(dumps_bytes(plain, sort_keys=True)).hexdigest()


def _after(page: Page, run: uuid.UUID) -> HttpResponse:
    """What people see: the run's own answer, another address, or the words of thanks."""
    if page.config.get("respond") == "step":
        answered = step_answer(page.found.live.tenant_id, run)
        if answered is not None:
            return answered
    return HttpResponseRedirect(page.onward or f"{page.request.path}?sent=1", status=303)


def _refused(page: Page, refused: Refused) -> HttpResponse:
    """The form again with what is wrong. A robot is told nothing: it sees the thanks, and nothing starts."""
    if refused.status != 401:
        samples.refuse(page.found, refused, {"method": page.request.method or "", "path": page.request.path})
    if refused.code == "robot":
        return page.thanks()
    if refused.status == 401:
        return refused.response()
    bound = page.form_class(page.request.POST, page.request.FILES) if refused.status != 413 else None
    response = page.shown(bound, status=refused.status, problem=_PROBLEMS.get(refused.code, refused.message))
    if refused.status == 429:
        response["Retry-After"] = "60"
    return response


_PROBLEMS: Final = {
    "too_often": "Too many forms came from your network within a minute. Wait a minute, then send yours again.",
    "too_large": "The files are too large to be sent together. Choose smaller ones.",
}


def _many(wrong: int) -> str:
    return "One answer needs another look." if wrong == 1 else f"{wrong} answers need another look."

"""One trigger in the side panel: show, save, its sample."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.request import AppRequest
from automate.lib import clock, jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from workflows import documents
from workflows.builder import answers
from workflows.builder.edit import Conflict, save_part
from workflows.builder.forms.json_part import read_json
from workflows.builder.forms.trigger import read_trigger
from workflows.builder.forms.values import BadValue, clean
from workflows.builder.panel import event_of, trigger_panel, workflows_of
from workflows.builder.room import Room, open_room
from workflows.engine.document import DocumentError, Trigger
from workflows.errors import WorkflowError
from workflows.models import Sample

MAX_SAMPLE_BYTES = 256 * 1024  # typed or pinned by hand


@require_http_methods(["GET", "POST"])
def trigger(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The panel of a trigger; posted, its form is saved."""
    room = open_room(request, id)
    tab = request.POST.get("tab") or request.GET.get("tab", "setup")
    if request.method == "GET":
        panel = trigger_panel(room, key, tab)
        return (
            answers.panel_only(request, room, panel)
            if request.htmx
            else answers.page(request, room, panel=panel)
        )
    old = room.trigger(key)
    if tab == "json":
        typed, errors = read_json(room.document, old, str(request.POST.get("_json", "")))
    else:
        known = workflows_of(room, old)
        typed, errors = read_trigger(old, event_of(room, old), _post(request), workflows=known)
    if errors and "_auto" not in request.POST:
        panel = trigger_panel(room, key, tab, trigger=typed, posted=_post(request), errors=errors)
        return answers.panel_only(request, room, panel, status=422)
    return _save(request, room, typed, tab, errors)


def _post(request: AppRequest) -> dict[str, str]:
    return {name: str(value) for name, value in request.POST.items()}


def _save(request: AppRequest, room: Room, typed: Trigger, tab: str, errors: dict[str, str]) -> HttpResponse:
    key = typed.key
    try:
        save_part(room, typed, base=request.POST.get("base", ""), label=f"Changed {typed.name}",
                  connection=_chosen(room, typed.connection, request.POST.get("_connection")))  # fmt: skip
        _bind_proof(room, key, request.POST.get("_auth_connection"))
    except Conflict as conflict:
        return answers.conflict(request, room, typed, conflict.theirs)
    except WorkflowError as refusal:
        return answers.refused(request, room, refusal.message)
    except DocumentError as error:
        panel = trigger_panel(room, key, tab, trigger=typed, errors={}) | {
            "form_error": error.faults[0].message
        }
        return answers.panel_only(request, room, panel, status=422)
    panel = trigger_panel(room, key, tab, errors=errors)
    return answers.saved(request, room, panel, whole="_auto" not in request.POST)


def _chosen(room: Room, slot: str | None, connection: str | None) -> str | None:
    if not connection or room.bindings.get(slot or "") == connection:
        return None
    return connection


def _bind_proof(room: Room, key: str, connection: str | None) -> None:
    """The connection that holds the secret callers must know."""
    auth = room.trigger(key).config.get("auth")
    slot = auth.get("connection") if isinstance(auth, dict) else None
    if slot and _chosen(room, slot, connection):
        documents.bind(room.template, {slot: connection}, by=room.user)
        room.__dict__.pop("bindings", None)


@require_POST
def keep_sample(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Sample data typed by hand, or the one shown pinned (`do=pin`) or let go (`do=unpin`)."""
    room = open_room(request, id)
    found = room.trigger(key)
    do = request.POST.get("do", "type")
    if do == "type":
        try:
            body = _typed_body(clean(request.POST.get("body", "")))
        except (BadJSON, BadValue) as error:
            panel = trigger_panel(room, key, "sample") | {
                "typed": request.POST.get("body", ""),
                "sample_error": str(error),
            }
            return answers.panel_only(request, room, panel, status=422)
        _keep(room, found, body)
    else:
        _pin(room, key, on=do == "pin")
    room.__dict__.pop("samples", None)
    panel = trigger_panel(room, key, "sample")
    return answers.panel_only(request, room, panel) if request.htmx else answers.to_panel(panel)


def _typed_body(text: str) -> JSON:
    if len(text.encode()) > MAX_SAMPLE_BYTES:
        raise BadValue(f"This sample is larger than {MAX_SAMPLE_BYTES // 1024} kB. Shorten it.")
    return jsontypes.loads(text)


def _keep(room: Room, trigger: Trigger, body: JSON) -> None:
    known = room.samples.triggers.get(trigger.key)
    former = known.data if known and isinstance(known.data, dict) else {}
    data = {**former, "type": trigger.type, "key": trigger.key, "at": clock.now().isoformat(), "body": body}
    Sample.objects.create(
        tenant_id=room.template.tenant_id,
        template=room.template,
        trigger_key=trigger.key,
        data=data,
        source=Sample.Source.TYPED,
    )


def _pin(room: Room, key: str, *, on: bool) -> None:
    """At most one sample of a trigger is pinned: it goes before newer ones."""
    rows = Sample.objects.for_tenant(room.template.tenant_id).filter(template=room.template, trigger_key=key)
    found = room.samples.triggers.get(key)
    rows.filter(pinned=True).update(pinned=False)
    if not on or found is None:
        return
    if found.id:
        rows.filter(pk=found.id).update(pinned=True)
        return
    Sample.objects.create(
        tenant_id=room.template.tenant_id,
        template=room.template,
        trigger_key=key,
        data=found.data,
        source=Sample.Source.PINNED,
        pinned=True,
    )

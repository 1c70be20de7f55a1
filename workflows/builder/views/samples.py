"""Sample data by hand: the next request caught live, outputs pinned, the data of a run let go."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_POST

from accounts.request import AppRequest
from automate.lib import jsontypes
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON, BadJSON
from workflows import documents
from workflows.builder import answers, sample_run
from workflows.builder.forms.values import BadValue, clean
from workflows.builder.panel import step_panel, trigger_panel
from workflows.builder.room import Room, open_room
from workflows.errors import WorkflowError
from workflows.ingress import requests
from workflows.models import Sample
from workflows.runs.pins import MAX_PINNED_BYTES, PINNABLE

NOTHING_NEW = 204
KEPT_OF_STEP = 20  # samples of one step; older ones go when a new one is kept


@require_GET
def wait(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Wait for the next request of a webhook or form: `?since=` is the id of the last thing that was seen.

    204 while nothing has come; a request that was refused is told, and the waiting goes on.
    """
    room = open_room(request, id)
    room.trigger(key)
    live = documents.addresses(room.template).get(key)
    if live is None or not live.token:
        raise Http404
    since = _id(request.GET.get("since", ""))
    found = requests.recent(room.template, live, since) if since else []
    if since and not found:
        return HttpResponse(status=NOTHING_NEW)
    caught = next((one for one in found if one.outcome != Sample.Outcome.REFUSED), None)
    context = {
        "room": room,
        "panel": trigger_panel(room, key, "sample"),
        "live": live,
        "caught": caught,
        "data": requests.data_of(room.template, caught.id) if caught else None,
        "refused": found[0] if found and not caught else None,
        "since": found[0].id if found else uuid7(),
    }
    if not request.htmx:
        return answers.page(request, room, panel=trigger_panel(room, key, "sample"))
    return answers.vary(HttpResponse(render_to_string("workflows/builder/_wait.html", context, request)))


@require_POST
def use_request(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Let the builder show one request (`request`), or with `do=newest` the newest data of everything again."""
    room = open_room(request, id)
    room.trigger(key)
    live = documents.addresses(room.template).get(key)
    if request.POST.get("do") == "newest":
        sample_run.choose(room.template, None)
    else:
        wanted = _id(request.POST.get("request", ""))
        if live is None or wanted is None:
            raise Http404
        try:
            requests.keep_as_sample(room.template, live, wanted)
        except WorkflowError as refusal:
            return answers.refused(request, room, refusal.message)
    room.__dict__.pop("samples", None)
    panel = trigger_panel(room, key, "sample")
    return answers.panel_only(request, room, panel) if request.htmx else answers.to_panel(panel)


@require_POST
def pin_step(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """`do`: `pin` the output that is shown, `type` one by hand (`output`, JSON), `unpin`."""
    room = open_room(request, id)
    step = room.step(key)
    do = request.POST.get("do", "pin")
    error = ""
    if do == "unpin":
        _rows(room, key).filter(pinned=True).update(pinned=False)
    elif step.type not in PINNABLE:
        said = (
            "The output of this step cannot be pinned: it decides which way a run goes, so it is always run."
        )
        return answers.refused(request, room, said)
    else:
        try:
            _pin(room, key, _output(room, key, do, request.POST.get("output", "")), typed=do == "type")
        except (BadJSON, BadValue) as bad:
            error = str(bad)
    for name in ("samples", "pinned"):
        room.__dict__.pop(name, None)
    panel = step_panel(room, key, "test") | {
        "pin_error": error,
        "typed": request.POST.get("output", "") if error else "",
    }
    if error:
        return answers.panel_only(request, room, panel, status=422)
    return answers.saved(request, room, panel, whole=True)


def _output(room: Room, key: str, do: str, text: str) -> JSON:
    """Raises BadJSON, BadValue."""
    if do == "type":
        value = jsontypes.loads(clean(text))
    else:
        found = room.samples.steps.get(key)
        if found is None:
            raise BadValue("There is no output to pin yet. Test the step first, or type one.")
        value = found.data
    if len(jsontypes.dumps_bytes(value)) > MAX_PINNED_BYTES:
        raise BadValue(
            f"This output is larger than {MAX_PINNED_BYTES // 1024} kB, which is the most that can be pinned."
        )
    return value


def _pin(room: Room, key: str, output: JSON, *, typed: bool) -> None:
    """At most one output of a step is pinned."""
    rows = _rows(room, key)
    rows.filter(pinned=True).update(pinned=False)
    Sample.objects.create(
        tenant_id=room.template.tenant_id,
        template=room.template,
        step_key=key,
        data=output,
        source=Sample.Source.TYPED if typed else Sample.Source.PINNED,
        pinned=True,
    )
    surplus = list(rows.filter(pinned=False).order_by("-id").values_list("pk", flat=True)[KEPT_OF_STEP:])
    if surplus:
        rows.filter(pk__in=surplus).delete()


def _rows(room: Room, key: str) -> QuerySet[Sample]:
    return Sample.objects.for_tenant(room.template.tenant_id).filter(template=room.template, step_key=key)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None

"""What can be added: step types, and the actions and events of all apps, searched by any words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from django.db.models import Count

from integrations.models import (
    IntegrationAction,
    IntegrationDefinition,
    IntegrationTrigger,
    UserIntegration,
)
from workflows.builder import used
from workflows.builder.commands import Place
from workflows.builder.finding import Entry, best, score
from workflows.builder.room import Room
from workflows.builder.used import Kind
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.engine.steps import RUNNABLE_TYPES

R = TypeVar("R")
MAX_FOUND: Final = 60  # actions shown for a search; more words find fewer
FLOW: Final = ("condition", "filter", "loop", "merge", "delay", "approval", "callback", "transform", "code", "state",
               "sub_workflow", "respond", "stop", "note")  # fmt: skip
FLOW_WORDS: Final = {
    "condition": ("Condition", "Choose a path"), "filter": ("Filter", "Go on only if…"),
    "loop": ("Loop", "Repeat for each item"), "merge": ("Merge", "Wait for branches to meet"),
    "delay": ("Delay", "Wait for a time"), "approval": ("Approval", "Ask a person"),
    "callback": ("Wait for a call", "Go on when somebody calls"), "transform": ("Transform", "Shape data"),
    "code": ("Code", "Run your own program"), "state": ("Remember", "Keep values between runs"),
    "sub_workflow": ("Sub-workflow", "Run another workflow"), "respond": ("Answer the caller", "Of a webhook"),
    "stop": ("Stop", "End the run here"), "note": ("Note", "Text for people"),
}  # fmt: skip
ALSO: Final = {
    "condition": "if else branch switch decide route case when", "filter": "if only unless continue",
    "loop": "for each iterate repeat every batch list", "merge": "join branches together wait",
    "delay": "wait sleep pause later until", "approval": "approve ask confirm review human person sign-off",
    "callback": "wait resume webhook signal", "transform": "map set fields format convert rename edit data json text",
    "code": "python javascript script function program", "state": "memory store counter save last value seen",
    "sub_workflow": "call run reuse child workflow", "respond": "answer reply return response webhook",
    "stop": "end exit fail cancel abort finish", "note": "comment sticky text remark",
    "webhook": "http request call url post api", "schedule": "time cron every hour day timer clock",
    "form": "page questions fields submit", "manual": "button run start api", "workflow": "called sub",
    "failure": "error failed alert", "http": "api rest url curl webhook call fetch any service",
}  # fmt: skip
HTTP: Final = ("action", "http", "request")  # what reaches any service
TRIGGERS: Final = ("webhook", "schedule", "form", "manual", "workflow", "failure")
TRIGGER_WORDS: Final = {
    "webhook": ("Webhook", "Starts when a service or app calls an address"),
    "schedule": ("Schedule", "Starts at times you choose"),
    "form": ("Form", "Starts when somebody fills in a page of yours"),
    "manual": ("By hand", "Starts when somebody presses Run, or by the API"),
    "failure": ("A workflow failed", "Starts when a run of another one fails"),
    "workflow": ("Another workflow", "Starts when a step of another workflow runs this one"),
}


@dataclass(frozen=True)
class Offer:
    """One thing to add: what the command needs (`args`), and what people read."""

    title: str
    sub: str
    tile: Any
    args: dict[str, str]
    command: str = "insert"


@dataclass(frozen=True)
class App:
    """One app, to look into."""

    slug: str
    title: str
    sub: str
    tile: Any


@dataclass(frozen=True)
class Palette:
    """`used`: what this person added last, `popular`: what the workspace uses most; `rescue`: the HTTP step, for what is not found."""

    flow: tuple[Offer, ...] = ()
    apps: tuple[App, ...] = ()
    found: tuple[Offer, ...] = ()
    used: tuple[Offer, ...] = ()
    popular: tuple[Offer, ...] = ()
    rescue: Offer | None = None
    query: str = ""
    app: str = ""
    place: dict[str, str] | None = None
    more: bool = False

    @property
    def query_string(self) -> str:
        """The place, for links."""
        return urlencode(self.place or {})

    @property
    def is_empty(self) -> bool:
        return not (self.flow or self.apps or self.found)

    @property
    def count(self) -> int:
        return len(self.flow) + len(self.found)


def steps(room: Room, place: Place, query: str = "", app: str = "") -> Palette:
    """What can be added as a step at a place."""
    args = place.as_args()
    actions = _rows(room, IntegrationAction, app)
    if app:
        return Palette(found=tuple(_action(row, args, in_app=True) for row in actions), app=app, place=args)
    if not query:
        mine, others = _habits(room, args, actions)
        return Palette(tuple(_flow(args)), tuple(_apps(room)), used=mine, popular=others, place=args)
    flow = _fitting(_flow(args), query, _entry_of)
    actions.sort(
        key=lambda row: row.kind == HTTP
    )  # of what fits equally well, what is made for it goes first
    ranked = _fitting(actions, query, lambda row: row.entry)
    http = next((row for row in actions if row.kind == HTTP), None)
    return Palette(
        tuple(flow),
        found=tuple(_action(row, args) for row in ranked[:MAX_FOUND]),
        rescue=_action(http, args) if http and not (flow or ranked) else None,
        query=query,
        place=args,
        more=len(ranked) > MAX_FOUND,
    )


def triggers(room: Room, query: str = "", app: str = "") -> Palette:
    """What can start a workflow: the built-in ways, and the events of apps."""
    place = {"what": "trigger"}
    events = _rows(room, IntegrationTrigger, app)
    if app:
        return Palette(found=tuple(_event(row, in_app=True) for row in events), app=app, place=place)
    flow = [
        Offer(*TRIGGER_WORDS[kind], kind, {"type": kind}, "add_trigger")
        for kind in TRIGGERS
        if kind in TRIGGER_KINDS
    ]
    if not query:
        apps = tuple(_apps(room, IntegrationTrigger, "event"))
        return Palette(tuple(flow), apps, place=place)
    ranked = _fitting(events, query, lambda row: row.entry)
    return Palette(
        tuple(_fitting(flow, query, _entry_of)),
        found=tuple(_event(row) for row in ranked[:MAX_FOUND]),
        query=query,
        place=place,
        more=len(ranked) > MAX_FOUND,
    )


def shelf(room: Room, *, after: str = "") -> Palette:
    """The step list beside the outline: adds behind the open step, else at the end."""
    place = Place(after=after) if after in room.graph.order else _end(room)
    return Palette(
        tuple(_flow(place.as_args())), tuple(_apps(room, connected_first=True)), place=place.as_args()
    )


def _end(room: Room) -> Place:
    nodes = room.names.outline.nodes
    return Place(after=nodes[-1].step.key) if nodes else Place()


def _flow(place: dict[str, str]) -> Iterator[Offer]:
    for kind in FLOW:
        if kind in STEP_KINDS and (kind in RUNNABLE_TYPES or kind == "note"):
            yield Offer(*FLOW_WORDS[kind], kind, {"type": kind, **place})


def _apps(
    room: Room, parts: Any = IntegrationAction, word: str = "action", *, connected_first: bool = False
) -> list[App]:
    """All apps that have such parts, connected ones first where asked (three SQL queries)."""
    tenant = room.template.tenant
    offered = IntegrationDefinition.objects.offered_to(tenant)
    known = parts.objects.filter(integration__in=offered, is_deprecated=False)
    counts = dict(known.order_by().values_list("integration").annotate(Count("pk")))
    mine: set[Any] = set()
    if connected_first:
        mine = set(
            UserIntegration.objects.usable_by(room.user, tenant).values_list("integration_id", flat=True)
        )
    rows = sorted(offered, key=lambda row: (row.pk not in mine, row.display_name.lower()))
    return [
        App(row.name, row.display_name, _count(counts[row.pk], word), row)
        for row in rows
        if counts.get(row.pk)
    ]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# --- actions and events of apps -------------------------------------------------------------------


@dataclass(frozen=True)
class AppRow:
    """One action or event of an app; `type`: of an event, as its trigger is stored."""

    name: str
    title: str
    description: str
    app: IntegrationDefinition
    type: str = ""

    @property
    def kind(self) -> Kind:
        return ("action", self.app.name, self.name)

    @property
    def entry(self) -> Entry:
        app = self.app
        return Entry(self.title, app.display_name, f"{app.category} {app.suite}", self.description,
                     f"{app.name} {self.name.replace('_', ' ')} {ALSO.get(app.name, '')}")  # fmt: skip


def _rows(room: Room, parts: Any, app: str = "") -> list[AppRow]:
    """Everything apps offer, without schemas (two SQL queries)."""
    shown = IntegrationDefinition.objects.offered_to(room.template.tenant)
    shown = shown.filter(name=app) if app else shown
    offered = {row.pk: row for row in shown.only(*APP_COLUMNS)}
    columns = ["integration_id", "name", "display_name", "description"]
    columns += ["type"] if parts is IntegrationTrigger else []
    rows = parts.objects.filter(integration__in=offered, is_deprecated=False)
    rows = rows.order_by("integration__display_name", "order", "name").values_list(*columns)
    return [AppRow(name, title or name, text, offered[pk], *more) for pk, name, title, text, *more in rows]


APP_COLUMNS: Final = ("name", "display_name", "category", "suite", "protocol")


def _action(row: AppRow, place: dict[str, str], *, in_app: bool = False) -> Offer:
    args = {"type": "action", "integration": row.app.name, "action": row.name, **place}
    return Offer(row.title, row.description if in_app else row.app.display_name, row.app, args)


def _event(row: AppRow, *, in_app: bool = False) -> Offer:
    """With the type of trigger that carries it out."""
    kind = "polling" if row.type == IntegrationTrigger.Type.POLLING else "event"
    kind = "email" if row.app.protocol == "imap" else kind
    args = {"type": kind, "integration": row.app.name, "event": row.name}
    return Offer(row.title, row.description if in_app else row.app.display_name, row.app, args, "add_trigger")


def _habits(
    room: Room, place: dict[str, str], actions: list[AppRow]
) -> tuple[tuple[Offer, ...], tuple[Offer, ...]]:
    """What this person added last, and what else the workspace uses most."""
    known = {row.kind: _action(row, place) for row in actions}
    known |= {(offer.args["type"], "", ""): offer for offer in _flow(place)}
    mine = [kind for kind in used.last(room) if kind in known]
    others = [kind for kind in used.popular(room) if kind in known and kind not in mine]
    return tuple(known[kind] for kind in mine), tuple(known[kind] for kind in others[: used.SHOWN])


# --- searching ------------------------------------------------------------------------------------


def _entry_of(offer: Offer) -> Entry:
    return Entry(offer.title, description=offer.sub, also=ALSO.get(offer.args["type"], ""))


def _fitting(rows: Iterable[R], query: str, entry: Callable[[R], Entry]) -> list[R]:
    """Those that fit, the best first."""
    scored = ((score(entry(row), query), row) for row in rows)
    return best((points, row) for points, row in scored if points)

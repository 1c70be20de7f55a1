"""What can be added: step types, and the actions and events of all apps, searched by any words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Q

from integrations.models import (
    IntegrationAction,
    IntegrationDefinition,
    IntegrationTrigger,
    UserIntegration,
)
from workflows.builder.commands import Place
from workflows.builder.room import Room
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.engine.steps import RUNNABLE_TYPES

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
    flow: tuple[Offer, ...] = ()
    apps: tuple[App, ...] = ()
    found: tuple[Offer, ...] = ()
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


def steps(room: Room, place: Place, query: str = "", app: str = "") -> Palette:
    """What can be added as a step at a place."""
    args = place.as_args()
    if app:
        return Palette(found=tuple(_actions(room, "", args, app)), app=app, place=args)
    flow = tuple(offer for offer in _flow(args) if _matches(query, offer.title, offer.sub))
    if not query:
        return Palette(flow, tuple(_apps(room)), place=args)
    found = tuple(_actions(room, query, args))
    return Palette(flow, found=found[:MAX_FOUND], query=query, place=args, more=len(found) > MAX_FOUND)


def triggers(room: Room, query: str = "", app: str = "") -> Palette:
    """What can start a workflow: the built-in ways, and the events of apps."""
    place = {"what": "trigger"}
    if app:
        return Palette(found=tuple(_events(room, "", app)), app=app, place=place)
    offers = (
        Offer(*TRIGGER_WORDS[kind], kind, {"type": kind}, "add_trigger")
        for kind in TRIGGERS
        if kind in TRIGGER_KINDS
    )
    flow = tuple(offer for offer in offers if _matches(query, offer.title, offer.sub))
    if not query:
        return Palette(flow, tuple(_apps(room, IntegrationTrigger, "event")), place=place)
    found = tuple(_events(room, query))
    return Palette(flow, found=found[:MAX_FOUND], query=query, place=place, more=len(found) > MAX_FOUND)


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


def _events(room: Room, query: str, app: str = "") -> Iterator[Offer]:
    """Each with the type of trigger that carries it out."""
    rows = _of_offered(room, IntegrationTrigger, app)
    for row in _ranked(_containing(rows, query), query)[: MAX_FOUND + 1]:
        kind = "polling" if row.type == IntegrationTrigger.Type.POLLING else "event"
        kind = "email" if row.integration.protocol == "imap" else kind
        args = {"type": kind, "integration": row.integration.name, "event": row.name}
        sub = row.integration.display_name if not app else row.description
        yield Offer(row.display_name or row.name, sub, row.integration, args, "add_trigger")


def _of_offered(room: Room, parts: Any, app: str) -> Any:
    offered = IntegrationDefinition.objects.offered_to(room.template.tenant)
    rows = parts.objects.filter(integration__in=offered, is_deprecated=False).select_related("integration")
    rows = rows.filter(integration__name=app) if app else rows
    return rows.defer("input_schema", "output_schema", "default_config", "sample")


def _actions(room: Room, query: str, place: dict[str, str], app: str = "") -> Iterator[Offer]:
    rows = _of_offered(room, IntegrationAction, app)
    for row in _ranked(_containing(rows, query), query)[: MAX_FOUND + 1]:
        args = {"type": "action", "integration": row.integration.name, "action": row.name, **place}
        title = row.display_name or row.name
        sub = row.integration.display_name if not app else row.description
        yield Offer(title, sub, row.integration, args)


def _containing(rows: Any, query: str) -> list[Any]:
    for word in query.split():
        rows = rows.filter(
            Q(display_name__icontains=word)
            | Q(name__icontains=word)
            | Q(description__icontains=word)
            | Q(integration__display_name__icontains=word)
            | Q(integration__category__icontains=word)
        )
    return list(rows.order_by("integration__display_name", "order", "name")[: 4 * MAX_FOUND])


def _ranked(rows: Iterable[Any], query: str) -> list[Any]:
    """What has the words in its own name comes before what only mentions them."""
    words = query.lower().split()

    def rank(row: Any) -> int:
        name = f"{row.integration.display_name} {row.display_name}".lower()
        return 0 if all(word in name for word in words) else 1

    return sorted(rows, key=rank)


def _matches(query: str, *texts: str) -> bool:
    text = " ".join(texts).lower()
    return all(word in text for word in query.lower().split())

"""What others changed in a draft since somebody's page was drawn, and whether a command would run over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import IntegerField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from workflows.builder.commands import TRIGGER, Args
from workflows.builder.commands.base import continuation, parts_of
from workflows.builder.field_words import field_title
from workflows.builder.room import Room
from workflows.documents.changes import Title, changes
from workflows.engine.document import Document, Step, Trigger, load
from workflows.models import DraftRevision

WHOLE: Final = frozenset({"delete", "delete_trigger", "duplicate", "toggle"})  # they depend on all of a part
MAX_SHOWN: Final = 12  # sentences


@dataclass(frozen=True)
class Meanwhile:
    """`by`: who, in words; `changes`: sentences; `clashes`: the command concerns what they changed."""

    by: str
    changes: tuple[str, ...]
    clashes: bool


def meanwhile(room: Room, command: str, args: Args) -> Meanwhile | None:
    """None when nobody else has changed the draft since the `version` the command was given with (one SQL query then)."""
    seen = args.get("version", "")
    if not seen.isdecimal() or int(seen[:9]) >= room.template.draft_version:
        return None
    rows = DraftRevision.objects.for_tenant(room.template.tenant_id).filter(template=room.template)
    dated = rows.annotate(made=Cast(KT("patch__version"), IntegerField()))
    newer = list(dated.filter(made__gt=int(seen[:9])).select_related("by").order_by("n"))
    others = [row for row in newer if row.by_id != room.user.pk]
    if not others:
        return None
    then = load(newer[0].patch["before"], complete=False)
    names = list(dict.fromkeys(row.by.shown_name if row.by else "Somebody" for row in others))
    sentences = changes(then, room.document, title=_title_in(room, then)) or [
        f"{row.patch['label']}." for row in others
    ]
    clashes = _touched(then, command, args) != _touched(room.document, command, args)
    return Meanwhile(" and ".join(names[:3]), tuple(sentences[:MAX_SHOWN]), clashes)


def _title_in(room: Room, then: Document) -> Title:
    steps = {step.key: step for step in (*then.steps, *room.document.steps)}
    return lambda key, name: field_title(room.catalogue, steps.get(key), name)


def _touched(document: Document, command: str, args: Args) -> list[object]:
    """What of a document a command concerns: when that is the same then and now, it means what was meant."""
    parts: Mapping[str, Step | Trigger] = {part.key: part for part in parts_of(document)}
    own = parts.get(args.get("key", ""))
    found: list[object] = []
    if command in WHOLE:
        found.append(own)
    elif command == "rename":
        found.append(document.name if args.get("what") == "workflow" else own and own.name)
    elif command in ("insert", "move", "link", "unlink", "paste"):
        found += [
            _way(document, parts, args),
            args.get("before", "") in parts,
            args.get("target", "") in parts,
        ]
        found.append(own.next if own else None)
    return found


def _way(document: Document, parts: Mapping[str, Step | Trigger], args: Args) -> object:
    """Where the way out leads that the command takes over."""
    source, port = args.get("source", ""), args.get("port") or "main"
    if args.get("at"):
        source = args["at"]
    part = parts.get(source.removeprefix(TRIGGER))
    if isinstance(part, Step):
        return part.next.get(port if not args.get("at") else continuation(part) or "")
    return part.next if part else document.start

"""What somebody added last, and what a workspace's workflows are made of most."""

from __future__ import annotations

from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Count

from automate.lib import clock
from workflows.builder.commands import Args
from workflows.builder.room import Room
from workflows.engine.kinds import STEP_KINDS
from workflows.models import UsedStep, WorkflowStep

Kind = tuple[str, str, str]  # type, integration, action
SHOWN: Final = 6
KEPT: Final = 40  # kinds remembered for one person


def remember(room: Room, args: Args) -> None:
    """A step was added by hand (two or three SQL statements)."""
    kind = (args.get("type", ""), args.get("integration", ""), args.get("action", ""))
    if kind[0] not in STEP_KINDS or kind[0] == "note" or len(kind[1]) > 60 or len(kind[2]) > 80:
        return
    own = UsedStep.objects.for_tenant(room.template.tenant_id).filter(user=room.user)
    mine = own.filter(type=kind[0], integration=kind[1], action=kind[2])
    if mine.update(used_at=clock.now()):
        return
    try:
        with transaction.atomic():
            UsedStep.objects.create(tenant_id=room.template.tenant_id, user=room.user, type=kind[0],
                                    integration=kind[1], action=kind[2])  # fmt: skip
    except IntegrityError:  # two windows at the same moment
        return
    surplus = list(own.order_by("-used_at").values_list("pk", flat=True)[KEPT:])
    if surplus:
        own.filter(pk__in=surplus).delete()


def last(room: Room) -> list[Kind]:
    """This person's, the newest first (one SQL query)."""
    rows = UsedStep.objects.for_tenant(room.template.tenant_id).filter(user=room.user).order_by("-used_at")
    return list(rows.values_list("type", "integration", "action")[:SHOWN])


def popular(room: Room) -> list[Kind]:
    """What most steps of the workspace do (one SQL query)."""
    rows = WorkflowStep.objects.for_tenant(room.template.tenant_id).exclude(type=WorkflowStep.Type.NOTE)
    counted = rows.order_by().values_list("type", "integration", "action").annotate(number=Count("pk"))
    found = counted.filter(number__gt=1).order_by("-number", "type", "integration", "action")[: 2 * SHOWN]
    return [(type.lower(), integration, action) for type, integration, action, _ in found]

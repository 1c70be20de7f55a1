"""Running many failed runs again with one press of a button."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from workflows.errors import WorkflowError
from workflows.models import WorkflowExecution
from workflows.runs.retry import retry

LIMIT: Final = 200  # runs of one press; each takes some milliseconds of the request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bulk:
    """`started`: the new runs; `refused`: a sentence for each run that could not be repeated."""

    started: list[uuid.UUID]
    refused: list[str]


def failed_ones(
    rows: QuerySet[WorkflowExecution], press: uuid.UUID, hidden: Collection[uuid.UUID] = ()
) -> QuerySet[WorkflowExecution]:
    """Those of `rows` that failed before `press` and were not run again by another press, newest first.

    `press` is a time-ordered id made when the question was asked; what fails later is not part of the answer.
    """
    first = _at(press)
    again = WorkflowExecution.objects.filter(retry_of=OuterRef("pk")).exclude(
        pk__gte=first, pk__lt=uuid.UUID(int=first.int + (1 << 80))
    )
    found = rows.filter(is_failed=True, pk__lt=press).exclude(Exists(again))
    return found.exclude(template_id__in=hidden).order_by("-pk") if hidden else found.order_by("-pk")


def retry_all(
    rows: QuerySet[WorkflowExecution],
    press: uuid.UUID,
    *,
    start: str = "failed",
    version: Literal["same", "newest"] = "same",
    by: User,
) -> Bulk:
    """Run the newest LIMIT of `rows` (as `failed_ones` gives them) again, one new run each, each committed by itself.

    The same press twice starts nothing new: the ids of the new runs follow from it.
    """
    bulk = Bulk([], [])
    for execution in rows.select_related("tenant", "template")[:LIMIT]:
        try:
            new = retry(execution, start=start, version=version, by=by, id=id_of(press, execution.pk))
        except WorkflowError as error:
            bulk.refused.append(error.message)
        except IntegrityError:  # the same press, at the same moment, in another process
            logger.info("run was retried meanwhile", extra={"execution": str(execution.pk)})
        else:
            bulk.started.append(new)
    return bulk


def id_of(press: uuid.UUID, execution_id: uuid.UUID) -> uuid.UUID:
    """The id of the run that this press makes of that run: of the press's moment, the rest worked out."""
    digest = int.from_bytes(hashlib.sha256(press.bytes + execution_id.bytes).digest()[:10], "big")
    return uuid.UUID(int=_at(press).int | digest & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def _at(press: uuid.UUID) -> uuid.UUID:
    """The smallest id of the press's millisecond."""
    return uuid.UUID(int=press.int >> 80 << 80)

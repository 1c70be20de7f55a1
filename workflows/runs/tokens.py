"""Wait tokens: unguessable addresses that end a wait, and who is to be told about them.

The secret in an address is derived from the row's id under the server's secret key, and the id from the run and the
step. So an address is the same however often it is asked for, also after a crash, and only its hash is stored.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.models import hash_token
from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.models import ActiveRun, StepExecution, WaitNotice, WaitToken

if TYPE_CHECKING:
    from workflows.runs.shapes import Claimed, Entry

Kind = Literal["APPROVAL", "CALLBACK"]
PLACES: Final = {"APPROVAL": "approvals", "CALLBACK": "callbacks"}
WAITS: Final = {"approval": "APPROVAL", "callback": "CALLBACK"}  # kinds of notes → kinds of tokens


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be stored with the journal. `run`: what its id is made of, with path and person."""

    kind: Kind
    run: uuid.UUID
    path: str
    person: str = ""
    expires_at: datetime | None = None

    @property
    def id(self) -> uuid.UUID:
        return uuid.uuid5(self.run, f"{self.kind}:{self.path}:{self.person}")

    @property
    def url(self) -> str:
        return address(self.kind, self.id)

    @property
    def hash(self) -> str:
        return hash_token(secret_of(self.id))


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Somebody to be told. `token`: whose link it brings; None for a channel, which gets the run's address."""

    id: uuid.UUID
    path: str
    to: str
    due_at: datetime
    token: uuid.UUID | None = None
    slot: str = ""
    is_reminder: bool = False


def secret_of(token_id: uuid.UUID) -> str:
    """43 characters, 256 bits."""
    digest = salted_hmac("automate wait token v1", token_id.hex, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def address(kind: str, token_id: uuid.UUID) -> str:
    """The whole address that ends the wait."""
    return f"{settings.AUTOMATE_BASE_URL}/{PLACES[kind]}/{secret_of(token_id)}"


def find(secret: str, kind: Kind) -> WaitToken | None:
    """The token of this address with its workspace (one SQL query)."""
    rows = WaitToken.objects.select_related("tenant").filter(token_hash=hash_token(secret), kind=kind)
    return rows.first() if 20 <= len(secret) <= 64 else None


def renew(token: WaitToken) -> None:
    """After the server's secret key was changed: let the address as it is derived now be the one that works."""
    now = hash_token(secret_of(token.pk))
    if token.token_hash != now:
        token.token_hash = now
        token.save(update_fields=["token_hash"])


# --- with the journal -----------------------------------------------------------------------------
def store_waits(entries: Iterable[Entry]) -> None:
    """Write the tokens and notices of these entries (no SQL without any). What is there already stays.

    A token that was made when its address was first used gets the time until which its step waits.
    """
    for entry in entries:
        if entry.tokens:
            _store_tokens(entry, [token for token in entry.tokens if token.expires_at is None])
            _store_tokens(entry, [token for token in entry.tokens if token.expires_at is not None])
        if entry.notices:
            rows = [_notice_row(entry, notice) for notice in entry.notices]
            WaitNotice.objects.bulk_create(rows, ignore_conflicts=True)


def _store_tokens(entry: Entry, tokens: Collection[NewToken]) -> None:
    rows = {token.id: _token_row(entry, token) for token in tokens}
    if not rows:
        return
    if next(iter(rows.values())).expires_at is None:
        WaitToken.objects.bulk_create(rows.values(), ignore_conflicts=True)
        return
    WaitToken.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["id"], update_fields=["expires_at"]
    )


def _token_row(entry: Entry, token: NewToken) -> WaitToken:
    return WaitToken(
        id=token.id,
        tenant_id=entry.lease.tenant_id,
        execution_id=entry.lease.execution_id,
        path=token.path,
        token_hash=token.hash,
        kind=token.kind,
        person=token.person,
        expires_at=token.expires_at,
    )


def _notice_row(entry: Entry, notice: NewNotice) -> WaitNotice:
    return WaitNotice(
        id=notice.id,
        tenant_id=entry.lease.tenant_id,
        execution_id=entry.lease.execution_id,
        path=notice.path,
        token_id=notice.token,
        to=notice.to[:254],
        slot=notice.slot,
        is_reminder=notice.is_reminder,
        due_at=notice.due_at,
    )


def notice(path: str, to: str, due_at: datetime, **more: Any) -> NewNotice:
    return NewNotice(uuid7(), path, to, due_at, **more)


# --- what came ------------------------------------------------------------------------------------
def wait_answers(claims: Iterable[Claimed]) -> None:
    """Fill in what came for the approvals and callbacks these runs wait for (one SQL query, none when none does)."""
    wanted: dict[uuid.UUID, Claimed] = {}
    paths: set[str] = set()
    for claimed in claims:
        for path, note in claimed.cursor.get("waits", {}).items():
            if note.get("kind") in WAITS:
                wanted[claimed.lease.execution_id] = claimed
                paths.add(path)
    if not wanted:
        return
    found = WaitToken.objects.filter(execution_id__in=list(wanted), path__in=paths, answered_at__isnull=False)
    for run, path, answer in found.order_by("answered_at", "id").values_list(
        "execution_id", "path", "answer"
    ):
        wanted[run].answers.setdefault(path, []).append(answer)


def answers_to(execution_id: uuid.UUID, path: str) -> list[JSON]:
    """What came for this step, in order (one SQL query)."""
    rows = WaitToken.objects.filter(execution_id=execution_id, path=path, answered_at__isnull=False)
    return list(rows.order_by("answered_at", "id").values_list("answer", flat=True))


def close(execution_id: uuid.UUID, path: str) -> list[JSON]:
    """End a wait whose time is up; gives what came before that.

    An answer that is being committed just now is waited for: it counts, and none is taken after this.
    """
    with transaction.atomic():
        rows = WaitToken.objects.filter(execution_id=execution_id, path=path)
        rows.filter(answered_at=None, closed_at=None).update(closed_at=clock.now())
        return answers_to(execution_id, path)


def take_along(former: uuid.UUID, execution_id: uuid.UUID, kept: Collection[str]) -> None:
    """Calls to addresses that kept steps have given away are for the retry from now on (three SQL statements).

    `kept`: the paths that stay as they are. A call that a step had used up which now runs again is forgotten.
    """
    ran = StepExecution.objects.filter(execution_id=former, step_type="CALLBACK", step_status="COMPLETED")
    again = set(ran.values_list("path", flat=True)).difference(kept)
    rows = WaitToken.objects.filter(execution_id=former, kind=WaitToken.Kind.CALLBACK)
    rows.filter(path__in=again).update(answered_at=None, answer=None)
    rows.exclude(path__in=kept).update(execution_id=execution_id, closed_at=None, expires_at=None)


def is_open(execution_id: uuid.UUID) -> bool:
    """Whether the run is still there to be answered."""
    return ActiveRun.objects.filter(pk=execution_id, cancel_requested=False).exists()

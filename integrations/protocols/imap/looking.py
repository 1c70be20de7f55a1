"""New mail of a folder, each once: by UIDs, which only grow, as long as the folder keeps its UIDVALIDITY (RFC 9051, 2.3.1.1).

When a server numbers a folder anew, mails of the last days are known by their Message-ID.

    {"v": 1, "validity": UIDVALIDITY, "uid": the highest seen, "day": of the newest, "recent": hashes of Message-IDs}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.errors import InputError
from integrations.protocols.imap.conversation import Server, ask, look_into
from integrations.protocols.imap.messages import read_mail, received_at
from integrations.values import Batch, Item

MAX_MAIL_BYTES: Final = 25 * 1024 * 1024  # of larger ones only the head is read
MAX_MAILS: Final = 20  # of one look
MAX_BYTES: Final = 32 * 1024 * 1024  # of one look
LAST: Final = 10  # mails that a look for the last ones reads
KEPT: Final = 1_000  # hashes of Message-IDs
DAYS_BACK: Final = 2
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIELD: Final = {
    "uid": re.compile(rb"\bUID (\d+)"),
    "size": re.compile(rb"\bRFC822\.SIZE (\d+)"),
    "date": re.compile(rb'\bINTERNALDATE "([^"]*)"'),
}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a mail before it is read. `mark`: a hash of its Message-ID, or of what stands for it."""

    uid: int
    size: int
    date: str
    mark: str

    @property
    def day(self) -> str:
        moment = received_at(self.date)
        return moment[:10] if moment else ""


def look(server: Server, given: Mapping[str, JSON], state: Mapping[str, Any], first: str | None) -> Batch:
    """The mails that came since. Raises ActionError."""
    folder, query = str(given.get("folder") or "INBOX"), _query(given)
    validity, following = look_into(server, folder)
    highest = following - 1 if following else _highest(server)
    is_known = bool(state) and state.get("validity") == validity
    recent = [str(mark) for mark in state.get("recent", [])]
    if first is not None or not state:
        heads = _heads(server, _search(server, "ALL" if first != "nothing" else _since(_today()), query))
        wanted = {"all": heads, "last": heads[-LAST:]}.get(str(first), [])
    elif is_known:
        heads = _heads(
            server, [uid for uid in _search(server, f"UID {state['uid'] + 1}:*", query) if uid > state["uid"]]
        )
        wanted = heads
    else:
        heads = _heads(server, _search(server, _since(str(state.get("day") or _today())), query))
        wanted = [head for head in heads if head.mark not in recent]
    taken = _portion(wanted)
    items = [item for head in taken if (item := _read(server, folder, validity, head)) is not None]
    reading = _Reading(
        validity, highest, recent, heads, taken, len(taken) < len(wanted), dict(state), is_known
    )
    return Batch(items, reading.has_more, reading.state_after(items))


@dataclass(frozen=True)
class _Reading:
    """One look's result, and what to remember of it."""

    validity: int
    highest: int
    recent: list[str]
    heads: list[Head]
    taken: list[Head]
    has_more: bool
    former: dict[str, Any]
    is_known: bool

    def state_after(self, items: Sequence[Item]) -> Any:
        uids = [int(item.key.rpartition("-")[2]) for item in items]

        def after(n: int) -> dict[str, Any]:
            if n < len(items) or self.has_more:
                return self._partly(uids[n - 1] if n else 0)
            return self._whole()

        return after

    def _whole(self) -> dict[str, Any]:
        uid = max([self.highest, *(head.uid for head in self.heads)])
        return self._state(uid, self.heads)

    def _partly(self, uid: int) -> dict[str, Any]:
        """Up to one mail. After a new numbering the old one stays until all are through, known by their marks."""
        done = [head for head in self.heads if head.uid <= uid]
        if self.former and not self.is_known:
            marks = [*self.recent, *(head.mark for head in done)][-KEPT:]
            return {**self.former, "recent": marks}
        return self._state(uid or int(self.former.get("uid", 0)), done)

    def _state(self, uid: int, heads: list[Head]) -> dict[str, Any]:
        marks = list(dict.fromkeys([*self.recent, *(head.mark for head in heads)]))[-KEPT:]
        day = max([str(self.former.get("day") or _today()), *(head.day for head in heads)])
        return {"v": 1, "validity": self.validity, "uid": uid, "day": day, "recent": marks}


def _portion(heads: list[Head]) -> list[Head]:
    taken: list[Head] = []
    size = 0
    for head in heads[:MAX_MAILS]:
        size += min(head.size, MAX_MAIL_BYTES)
        if taken and size > MAX_BYTES:
            break
        taken.append(head)
    return taken


def _query(given: Mapping[str, JSON]) -> str:
    query = str(given.get("query") or "").strip()
    if _CONTROL.search(query):
        raise InputError("What mails count is one line, in IMAP's words.", field="query")
    return query


def _search(server: Server, criteria: str, query: str) -> list[int]:
    words = f"{criteria} {query}".strip()
    charset = () if words.isascii() else ("CHARSET", "UTF-8")
    found = ask(server, "SEARCH", *charset, words)
    numbers = b" ".join(part for part in found if isinstance(part, bytes)).split()
    return sorted(int(number) for number in numbers if number.isdigit())


def _highest(server: Server) -> int:
    return max(_search(server, "UID *", ""), default=0)


def _since(day: str) -> str:
    """IMAP's days are the server's own, so a little more is asked for."""
    moment = date.fromisoformat(day) - timedelta(days=DAYS_BACK)
    return f"SINCE {moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"


def _today() -> str:
    return clock.now().date().isoformat()


def _heads(server: Server, uids: list[int]) -> list[Head]:
    """In the order of their numbers; mails that were deleted meanwhile are left out."""
    found: dict[int, Head] = {}
    for start in range(0, len(uids), 200):
        part = ",".join(map(str, uids[start : start + 200]))
        answer = ask(
            server, "FETCH", part, "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        )
        for head in _read_heads(answer):
            found[head.uid] = head
    return [found[uid] for uid in uids if uid in found]


def _read_heads(answer: list[Any]) -> list[Head]:
    """imaplib gives (`… {size}`, literal) and what follows the literal as the next entry."""
    heads = []
    for at, part in enumerate(answer):
        if not isinstance(part, tuple):
            continue
        after = answer[at + 1] if at + 1 < len(answer) and isinstance(answer[at + 1], bytes) else b""
        said = part[0] + b" " + after
        values = {
            name: found[1] if (found := pattern.search(said)) else b"" for name, pattern in _FIELD.items()
        }
        if values["uid"]:
            named = part[1].strip() or b"%s %s" % (values["date"], values["size"])
            mark = hashlib.sha256(named).hexdigest()[:16]
            heads.append(
                Head(
                    int(values["uid"]),
                    int(values["size"] or 0),
                    values["date"].decode("ascii", "replace"),
                    mark,
                )
            )
    return heads


def _read(server: Server, folder: str, validity: int, head: Head) -> Item | None:
    """None for a mail that was deleted meanwhile."""
    is_whole = head.size <= MAX_MAIL_BYTES
    answer = ask(
        server, "FETCH", str(head.uid), "(UID BODY.PEEK[])" if is_whole else "(UID BODY.PEEK[HEADER])"
    )
    raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
    if raw is None:
        return None
    value, files = read_mail(raw, is_whole=is_whole)
    key = f"{validity}-{head.uid}"
    attached: list[JSON] = [{"name": one.name, "mime": one.mime, "size": len(one.data)} for one in files]
    more: dict[str, JSON] = {
        "id": key, "folder": folder, "size": head.size, "received_at": received_at(head.date), "attachments": attached
    }  # fmt: skip
    return Item(key, {**value, **more}, None, files)

"""Reads answers: the body as a value, and whether it means success or which named error."""

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from automate.lib import clock, jsontypes
from automate.lib.expressions import ExpressionError
from automate.lib.http import Response
from automate.lib.jsontypes import JSON
from integrations.actions.mapping import Names, Node, compiled, is_true, value_of
from integrations.errors import ActionError
from integrations.manifest import Http

RETRYABLE_STATUSES = frozenset((408, 425, 429, 500, 502, 503, 504, 529))
EPOCH_FROM = 1_000_000_000  # a Retry-After above this is a moment, not a duration
MAX_RETRY_AFTER_S = 24 * 3600.0
MAX_SAID_CHARS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON where the service sent JSON, text where it sent text, else null (see `content`)."""

    status: int
    headers: dict[str, str]
    body: JSON
    url: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Judge:
    """A service's own words for success and failure, prepared."""

    name: str
    ok: Node | None
    message: Node | None
    code: Node | None
    retry: frozenset[str]
    reconnect: frozenset[str]
    retry_after: Node | None  # None: the header

    def refusal(self, answer: Answer, names: Names, ok: Node | None = None) -> ActionError | None:
        """None when the answer means success. An `ok` of the action decides alone, whatever the status."""
        seen: Names = {**names, "status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        if ok is not None:
            good = is_true(_tried(ok, seen))
        else:
            good = answer.status < 400 and (self.ok is None or is_true(_tried(self.ok, seen)))
        return None if good else self._error(answer, seen)

    def _error(self, answer: Answer, names: Names) -> ActionError:
        said = _text(_tried(self.message, names)) or said_in(answer.body)
        code = _text(_tried(self.code, names)) or f"http_{answer.status}"
        known = {code, str(answer.status)}
        retry_after_s = self._retry_after(answer, names)
        listed = bool(known & self.retry)
        return ActionError(
            refusal_sentence(self.name, answer.status, said),
            code=code,
            status=answer.status,
            retryable=listed or answer.status in RETRYABLE_STATUSES,
            reconnect=bool(known & self.reconnect) or (answer.status == 401 and not listed),
            retry_after_s=retry_after_s,
            sent=True,
        )

    def _retry_after(self, answer: Answer, names: Names) -> float | None:
        if self.retry_after is not None:
            found = retry_after_s(_text(_tried(self.retry_after, names)))
            if found is not None:
                return found
        return retry_after_s(answer.headers.get("retry-after", ""))


def prepare_judge(name: str, http: Http) -> Judge:
    error = http.error
    return Judge(
        name=name,
        ok=None if http.ok is None else compiled(http.ok),
        message=None if error.message is None else compiled(error.message),
        code=None if error.code is None else compiled(error.code),
        retry=frozenset(map(str, error.retry)),
        reconnect=frozenset(map(str, error.reconnect)),
        retry_after=None if http.retry_after == "header" else compiled(http.retry_after),
    )


def refusal_sentence(name: str, status: int, said: str) -> str:
    if said:
        return f"{name} refused: {said.rstrip('.')}."
    phrase = _phrase(status)
    return f"{name} answered {status} ({phrase})."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "without a further word"


def said_in(body: JSON) -> str:
    """What services usually call their message, found by the names they usually use."""
    if isinstance(body, dict):
        for key in (
            "message",
            "error_description",
            "detail",
            "title",
            "error",
            "errors",
            "errorMessages",
            "msg",
        ):
            found = said_in(body[key]) if key in body and not isinstance(body[key], str) else body.get(key)
            if isinstance(found, str) and found:
                return found[:MAX_SAID_CHARS]
    if isinstance(body, list) and body:
        return body[0][:MAX_SAID_CHARS] if isinstance(body[0], str) else said_in(body[0])
    return ""


def retry_after_s(text: str) -> float | None:
    """Seconds to wait: from a number of seconds, a Unix moment or an HTTP date; never negative, at most a day."""
    text = text.strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return _until_date(text)
    if not math.isfinite(number):
        return None
    wait = number - clock.now().timestamp() if number > EPOCH_FROM else number
    return min(max(0.0, wait), MAX_RETRY_AFTER_S)


def _until_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - clock.now()).total_seconds()), MAX_RETRY_AFTER_S)


def _tried(node: Node | None, names: Names) -> JSON:
    """Null where the answer lacks what the expression asks for: an error answer may look like anything."""
    if node is None:
        return None
    try:
        return value_of(node, names)
    except (ActionError, ExpressionError):
        return None


def _text(value: JSON) -> str:
    if value is None or isinstance(value, (dict, list, bool)):
        return ""
    return str(value)[:MAX_SAID_CHARS]


def read(response: Response) -> Answer:
    """JSON and text become values; anything else stays `content`. Raises ActionError for JSON that is none."""
    return Answer(response.status, response.headers, _value(response), response.url, response.body)


def _value(response: Response) -> JSON:
    kind = response.headers.get("content-type", "").lower()
    if not response.body:
        return None
    if "json" in kind or (not kind and response.body[:1] in b"{["):
        return read_json(response.body, response.status)
    return decoded_text(response.body, kind) if is_text(kind) else None


def read_json(body: bytes, status: int) -> JSON:
    """An error answer that is no JSON is taken as text: its status says enough."""
    try:
        return jsontypes.loads(body)
    except jsontypes.BadJSON as error:
        if status >= 400:
            return body[:2000].decode("utf-8", "replace")
        raise ActionError(
            f"The answer says it is JSON but cannot be read: {error}",
            code="bad_answer",
            status=status,
            sent=True,
        ) from None


def is_text(kind: str) -> bool:
    return kind.startswith("text/") or any(
        word in kind for word in ("xml", "javascript", "x-www-form", "yaml", "csv")
    )


def decoded_text(body: bytes, kind: str) -> str:
    charset = kind.partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
    try:
        return body.decode(charset, "replace").replace("\x00", "�")
    except LookupError:
        return body.decode("utf-8", "replace").replace("\x00", "�")

"""The `http` integration's `request`: any address, any method, with the person's own words for what is a failure."""

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from automate.lib.http import Response
from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.actions.answers import (
    RETRYABLE_STATUSES,
    Answer,
    decoded_text,
    is_text,
    read_json,
    refusal_sentence,
    retry_after_s,
    said_in,
)
from integrations.actions.bodies import add_body, header_texts, query_pairs
from integrations.actions.paging import all_pages, prepare_paging
from integrations.actions.sender import Sender
from integrations.errors import ActionError, InputError
from integrations.manifest import Paginate, Way
from integrations.values import ActionResult, Connection, FileStore, Outgoing

KEY_HEADER = "Idempotency-Key"
BODIES = ("json", "form", "multipart", "text", "raw")
_WITHOUT_KEY = frozenset(("GET", "HEAD", "OPTIONS"))  # reads; repeating them needs no key


def run(
    given: Mapping[str, JSON],
    way: Way | None,
    connection: Connection | None,
    send: Sender,
    idempotency_key: str | None,
    files: FileStore | None,
) -> ActionResult:
    """`{status, headers, body}`, or with paginate `{status, items, pages}`. Raises ActionError."""
    out = _built(given, idempotency_key, files)
    _sign(out, given, way, connection)
    send.follow_redirects = given.get("follow_redirects") is not False

    def ask(one: Outgoing) -> Answer:
        response = send(one)
        try:
            return _judged(response, given, files)
        except ActionError as error:
            raise send.failed(error, response) from None

    paginate = given.get("paginate")
    if isinstance(paginate, dict):
        pages = all_pages(prepare_paging(_paginate(paginate)), out, ask, {})
        return ActionResult(
            {"status": pages.last.status, "items": pages.items, "pages": pages.count}, send.log()
        )
    answer = ask(out)
    return ActionResult(
        {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}, send.log()
    )


def secrets(given: JSON) -> list[str]:
    """The texts in `auth` and in telling headers that must not be shown."""
    found = given.get("auth") if isinstance(given, dict) else None
    if not isinstance(found, dict):
        return []
    return [
        value
        for key, value in found.items()
        if key in ("password", "token", "key", "value") and isinstance(value, str)
    ]


def _built(given: Mapping[str, JSON], key: str | None, files: FileStore | None) -> Outgoing:
    out = Outgoing(str(given["method"]).upper(), str(given["url"]).strip())
    out.headers.update(header_texts(given.get("headers")))
    out.query += query_pairs(given.get("query"))
    kinds = [kind for kind in BODIES if kind in given and (kind == "json" or given[kind] is not None)]
    if len(kinds) > 1:
        raise InputError(f"Give one body only: {' or '.join(kinds)}.", field=kinds[1])
    for kind in kinds:
        add_body(out, kind, given[kind], files)
    if (
        key
        and out.method not in _WITHOUT_KEY
        and not any(name.lower() == KEY_HEADER.lower() for name in out.headers)
    ):
        out.headers[KEY_HEADER] = key
    return out


def _sign(out: Outgoing, given: Mapping[str, JSON], way: Way | None, connection: Connection | None) -> None:
    own = given.get("auth")
    if isinstance(own, dict) and own.get("type", "none") != "none":
        kind = str(own["type"])
        values = {**own, "key": own.get("key", own.get("value"))}
        auth.apply(out, Way(type=kind), Connection("", "http", kind, values))  # type: ignore[arg-type]  # the schema lists them
    elif connection is not None and way is not None:
        _check_hosts(out.url, connection)
        auth.apply(out, way, connection)


def _check_hosts(url: str, connection: Connection) -> None:
    """A connection may name the only hosts that get to see its credentials."""
    allowed = [host.strip().lower() for host in connection.text("hosts").split(",") if host.strip()]
    host = (urlsplit(url).hostname or "").lower()
    if allowed and host not in allowed:
        raise ActionError(
            f"This connection may not be used for “{host}”, only for {', '.join(allowed)}.",
            code="foreign_host",
            sent=False,
        )


def _paginate(given: Mapping[str, JSON]) -> Paginate:
    """The schema has held the values already; expressions are no longer in them, only paths."""
    return Paginate(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def _judged(response: Response, given: Mapping[str, JSON], files: FileStore | None) -> Answer:
    host = urlsplit(response.url).hostname or "The server"
    if _fails(response.status, given.get("fail_on")):
        said = said_in(_value(response, "auto", None))
        raise ActionError(
            refusal_sentence(host, response.status, said),
            code=f"http_{response.status}",
            status=response.status,
            retryable=response.status in RETRYABLE_STATUSES,
            reconnect=response.status == 401,
            retry_after_s=retry_after_s(response.headers.get("retry-after", "")),
            sent=True,
        )
    body = _value(response, str(given.get("expect") or "auto"), files)
    return Answer(response.status, response.headers, body, response.url, response.body)


def _fails(status: int, rules: JSON) -> bool:
    """Rules: `404`, `"4xx"`, `"400-499"`, `">=400"`; `"never"` or an empty list for none; default from 400 on."""
    if rules is None:
        return status >= 400
    return any(
        _matches(status, str(rule).strip().lower())
        for rule in (rules if isinstance(rules, list) else [rules])
    )


def _matches(status: int, rule: str) -> bool:
    if rule == "never":
        return False
    if rule.startswith(">="):
        return status >= int(rule[2:])
    if rule.endswith("xx"):
        return status // 100 == int(rule[0])
    low, _, high = rule.partition("-")
    return int(low) <= status <= int(high or low)


def _value(response: Response, expect: str, files: FileStore | None) -> JSON:
    kind = response.headers.get("content-type", "").lower()
    if expect == "json":
        return read_json(response.body, response.status) if response.body else None
    if expect == "text":
        return decoded_text(response.body, kind)
    if expect == "bytes":
        return _kept(response, kind, files)
    if not response.body:
        return None
    if "json" in kind or not kind:
        try:
            return read_json(response.body, response.status)
        except ActionError:
            return decoded_text(response.body, kind)
    return decoded_text(response.body, kind) if is_text(kind) else _kept(response, kind, files)


def _kept(response: Response, kind: str, files: FileStore | None) -> JSON:
    """A file value; where files cannot be kept, its bytes in base64."""
    name = urlsplit(response.url).path.rsplit("/", 1)[-1] or "file"
    mime = kind.partition(";")[0].strip() or "application/octet-stream"
    if files is None:
        return {"name": name, "mime": mime, "base64": base64.b64encode(response.body).decode()}
    return files.save(response.body, name=name, mime=mime)

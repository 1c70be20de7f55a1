"""A `curl …` command read as the input of the HTTP step. Pure: nothing is run, no file is opened.

Secrets do not go into the document: what signs in is left out, and `Curl.sign_in` says what was there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlsplit, urlunsplit

from automate.lib import jsontypes
from automate.lib.jsontypes import BadJSON
from workflows.builder.forms.shell_words import BadCurl, split_words

MAX_CHARACTERS: Final = 100_000
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
SECRET_HEADER: Final = re.compile(
    r"(?i)authorization|proxy-authorization|cookie|(x-)?(api|auth|access|secret|private)[-_]?(key|token)|x-.*(token|secret|key)"
)
SECRET_NAME: Final = re.compile(
    r"(?i)(api|access|auth|app|client)?[-_]?(key|token|secret|password|passwd|sig|signature)"
)
WHOLE: Final = re.compile(r"-?[1-9]\d{0,14}|0")
FORM: Final = "application/x-www-form-urlencoded"
SECRET_FIELD: Final = re.compile(
    r"(?i).*(password|passwd|secret|api[-_]?key|access[-_]?token).*"
)  # of a body
# Letters that take a value, and what they are called in full; the rest are switches or of no use here.
VALUED: Final = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "b": "cookie", "A": "user-agent", "e": "referer",
    "T": "upload-file", "o": "output", "m": "max-time", "x": "proxy", "w": "write-out", "E": "cert", "K": "config", "c": "cookie-jar",
    "D": "dump-header", "Y": "speed-limit", "y": "speed-time", "z": "time-cond", "r": "range", "C": "continue-at", "U": "proxy-user",
    "t": "telnet-option", "Q": "quote", "P": "ftp-port",
}  # fmt: skip
SWITCHES: Final = {"G": "get", "I": "head", "L": "location", "k": "insecure"}
TAKES_VALUE: Final = frozenset(VALUED.values()) | {
    "data-raw", "data-binary", "data-ascii", "data-urlencode", "json", "form-string", "url", "oauth2-bearer", "url-query", "connect-timeout", "retry",
    "retry-delay", "retry-max-time", "cacert", "capath", "key", "cert-type", "key-type", "resolve", "connect-to", "interface", "ciphers",
    "tls-max", "max-redirs", "limit-rate", "max-filesize", "noproxy", "aws-sigv4", "unix-socket", "dns-servers", "trace", "trace-ascii",
    "stderr", "proto", "pass", "engine", "form-escape", "variable", "doh-url", "rate", "socks5", "socks5-hostname", "expect100-timeout",
}  # fmt: skip


@dataclass
class Curl:
    """`input`: the fields of the HTTP step. `sign_in`: bearer, basic, api_key, cookie or "". `notes`: sentences about what was left out."""

    input: dict[str, Any] = field(default_factory=dict)
    sign_in: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class _Asked:
    """What the options say, before it is put together."""

    url: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    json: bool = False
    get: bool = False
    head: bool = False
    user: bool = False
    bearer: bool = False
    cookie: bool = False
    location: bool = False
    insecure: bool = False


def is_curl(text: str) -> bool:
    return re.match(r"\s*(\$\s+)?curl(\.exe)?\s", text) is not None


def parse_curl(text: str) -> Curl:
    """Raises BadCurl."""
    if len(text) > MAX_CHARACTERS:
        raise BadCurl(f"This command is longer than {MAX_CHARACTERS:,} characters. Shorten its body.")
    words = split_words(text.strip().removeprefix("$").strip())
    if not words or words[0] not in ("curl", "curl.exe"):
        raise BadCurl("This is not a curl command. It begins with curl, then comes an address.")
    asked = _Asked()
    for name, value in _options(words[1:]):
        _apply(asked, name, value)
    if not asked.url:
        raise BadCurl("There is no address in this command. Give one that begins with https://.")
    return _made(asked)


# --- options --------------------------------------------------------------------------------------


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """(name, value) in full; an address is `url`."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--") and len(word) > 2:
            name, has_value, value = word[2:].partition("=")
            yield name, value if has_value else _value(rest, word) if name in TAKES_VALUE else ""
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word[1:], rest)
        else:
            yield "url", word


def _short(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for at, letter in enumerate(letters):
        if letter in VALUED:
            yield VALUED[letter], letters[at + 1 :] or _value(rest, f"-{letter}")
            return
        yield SWITCHES.get(letter, ""), ""


def _value(rest: Iterator[str], word: str) -> str:
    value = next(rest, None)
    if value is None:
        raise BadCurl(f"Nothing comes after {word}. Copy the whole command.")
    return value


def _apply(asked: _Asked, name: str, value: str) -> None:
    deed = _DEEDS.get(name)
    if deed:
        deed(asked, value)
    elif name in _REFUSED:
        raise BadCurl(_REFUSED[name])


def _no_file(value: str, option: str) -> str:
    if value.startswith(("@", "<")):
        raise BadCurl(f"{option} takes its data from the file “{value[1:]}” on your computer, which a workflow cannot see. "
                      "Put the content itself into the command, or use a file of an earlier step afterwards.")  # fmt: skip
    return value


def _set_url(asked: _Asked, value: str) -> None:
    if asked.url:
        raise BadCurl("There are two addresses in this command. Paste one request at a time.")
    asked.url = value if re.match(r"(?i)[a-z][a-z0-9+.-]*://|\{\{", value) else f"http://{value}"


def _set_method(asked: _Asked, value: str) -> None:
    if value.upper() not in METHODS:
        raise BadCurl(f"The HTTP step knows no method “{value}”. It knows {', '.join(METHODS)}.")
    asked.method = value.upper()


def _add_header(asked: _Asked, value: str) -> None:
    name, colon, text = _no_file(value, "-H").partition(":")
    if colon and text.strip():
        asked.headers[name.strip()] = text.strip()


def _add_urlencoded(asked: _Asked, value: str) -> None:
    name, sign, text = value.partition("=")
    if not sign:
        if "@" in value:
            _no_file(f"@{value.partition('@')[2]}", "--data-urlencode")
        asked.data.append(quote_plus(value))
    else:
        asked.data.append(f"{name}={quote_plus(text)}" if name else quote_plus(text))


def _add_json(asked: _Asked, value: str) -> None:
    asked.json = True
    asked.data.append(_no_file(value, "--json"))


def _add_part(asked: _Asked, value: str) -> None:
    name, _, text = value.partition("=")
    _no_file(text, "-F")
    asked.parts[name] = re.sub(r";\s*(type|filename)=[^;]*$", "", text).strip('"')


def _set_cookie(asked: _Asked, value: str) -> None:
    asked.cookie = True


def _flag(name: str) -> Callable[[_Asked, str], None]:
    return lambda asked, _value: setattr(asked, name, True)


_DEEDS: Final[dict[str, Callable[[_Asked, str], None]]] = {
    "url": _set_url,
    "request": _set_method,
    "header": _add_header,
    "user-agent": lambda asked, value: asked.headers.update({"User-Agent": value}),
    "referer": lambda asked, value: asked.headers.update({"Referer": value}),
    "data": lambda asked, value: asked.data.append(re.sub(r"[\r\n]", "", _no_file(value, "-d"))),
    "data-ascii": lambda asked, value: asked.data.append(
        re.sub(r"[\r\n]", "", _no_file(value, "--data-ascii"))
    ),
    "data-binary": lambda asked, value: asked.data.append(_no_file(value, "--data-binary")),
    "data-raw": lambda asked, value: asked.data.append(value),
    "data-urlencode": _add_urlencoded,
    "json": _add_json,
    "form": _add_part,
    "form-string": lambda asked, value: asked.parts.__setitem__(
        value.partition("=")[0], value.partition("=")[2]
    ),
    "url-query": lambda asked, value: asked.query.append(value.removeprefix("+")),
    "get": _flag("get"),
    "head": _flag("head"),
    "location": _flag("location"),
    "location-trusted": _flag("location"),
    "insecure": _flag("insecure"),
    "user": _flag("user"),
    "oauth2-bearer": _flag("bearer"),
    "cookie": _set_cookie,
}
_REFUSED: Final = {
    "upload-file": "-T sends a file of your computer, which a workflow cannot see. Use a file of an earlier step as the body.",
    "config": "-K reads options from a file of your computer, which a workflow cannot see. Put them into the command.",
    "aws-sigv4": "Requests signed for AWS need a connection to AWS; the HTTP step cannot sign them.",
}


# --- together -------------------------------------------------------------------------------------


def _made(asked: _Asked) -> Curl:
    curl = Curl()
    url = urlsplit(asked.url)
    if url.scheme not in ("http", "https"):
        raise BadCurl(
            f"The address begins with {url.scheme}://. The HTTP step sends to http:// and https:// only."
        )
    if url.username or url.password:
        asked.user = True
    as_query = [*([*asked.data] if asked.get else []), *asked.query]
    given = "&".join(part for part in (url.query, *as_query) if part)
    curl.input["method"] = _method(asked)
    curl.input["url"] = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
    if query := _without_secrets(_pairs(given), curl):
        curl.input["query"] = query
    headers = _headers(asked, curl)
    body = _without_secret_fields(_body(asked, headers) if not asked.get else {}, curl)
    if headers:
        curl.input["headers"] = headers
    curl.input |= body
    _say_what_is_left_out(asked, curl)
    return curl


def _method(asked: _Asked) -> str:
    if asked.method:
        return asked.method
    if asked.head:
        return "HEAD"
    return "POST" if (asked.data or asked.parts) and not asked.get else "GET"


def _pairs(text: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, typed in parse_qsl(text, keep_blank_values=True):
        value = int(typed) if WHOLE.fullmatch(typed) else typed  # sent the same, and read without quotes
        former = made.get(name)
        made[name] = (
            value if former is None else [*former, value] if isinstance(former, list) else [former, value]
        )
    return made


def _without_secrets(query: dict[str, Any], curl: Curl) -> dict[str, Any]:
    hidden = [name for name in query if SECRET_NAME.fullmatch(name) and "{{" not in str(query[name])]
    if hidden:
        curl.sign_in = "api_key"
        curl.notes.append(f"“{hidden[0]}” in the address looks like a key, so it was left out.")
    return {name: value for name, value in query.items() if name not in hidden}


def _without_secret_fields(body: dict[str, Any], curl: Curl) -> dict[str, Any]:
    for fields in body.values():
        for name in [*fields] if isinstance(fields, dict) else ():
            if SECRET_FIELD.fullmatch(name) and isinstance(fields[name], str) and "{{" not in fields[name]:
                fields[name] = ""
                curl.notes.append(
                    f"“{name}” in the body was left empty. Keep it in a variable of the type Secret, and use that here."
                )
    return body


def _headers(asked: _Asked, curl: Curl) -> dict[str, str]:
    kept = {}
    for name, value in asked.headers.items():
        if not SECRET_HEADER.fullmatch(name) or "{{" in value:
            kept[name] = value
        elif name.lower() == "cookie":
            asked.cookie = True
        elif name.lower() == "authorization":
            word = value.partition(" ")[0].lower()
            asked.user, asked.bearer = asked.user or word == "basic", asked.bearer or word == "bearer"
            curl.sign_in = curl.sign_in or ("" if word in ("basic", "bearer") else "api_key")
            if curl.sign_in:
                curl.notes.append("The header Authorization was left out.")
        else:
            curl.sign_in = curl.sign_in or "api_key"
            curl.notes.append(f"The header {name} was left out.")
    return kept


def _body(asked: _Asked, headers: dict[str, str]) -> dict[str, Any]:
    """The body, under the field that fits it; a Content-Type that the field brings by itself goes."""
    if asked.parts:
        _drop(headers, "content-type")
        return {"multipart": asked.parts}
    if not asked.data:
        return {}
    text = ("" if asked.json else "&").join(asked.data)
    kind = (
        next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        .split(";")[0]
        .strip()
        .lower()
    )
    looks_json = asked.json or kind.endswith("json") or (not kind and text.lstrip()[:1] in ("{", "["))
    if looks_json:
        try:
            value = jsontypes.loads(text)
        except BadJSON:
            return {"text": text}
        if kind in ("", "application/json"):
            _drop(headers, "content-type")
        return {"json": value}
    if kind in ("", FORM) and re.fullmatch(r"[^=&\s]+=[^&\n]*(&[^=&\s]+=[^&\n]*)*", text):
        _drop(headers, "content-type")
        return {"form": _pairs(text)}
    if not kind:
        headers["Content-Type"] = FORM
    return {"text": text}


def _drop(headers: dict[str, str], wanted: str) -> None:
    for name in [name for name in headers if name.lower() == wanted]:
        del headers[name]


def _say_what_is_left_out(asked: _Asked, curl: Curl) -> None:
    if asked.bearer:
        curl.sign_in = "bearer"
        curl.notes.append("The token in the header Authorization was left out.")
    if asked.user:
        curl.sign_in = "basic"
        curl.notes.append("The user name and the password were left out.")
    if asked.cookie:
        curl.sign_in = curl.sign_in or "cookie"
        curl.notes.append("The cookies were left out.")
    if asked.insecure:
        curl.notes.append("-k was left out: certificates are always checked.")
    if curl.sign_in:
        curl.notes.append(
            "Secrets do not belong into a workflow: choose a connection that holds them, or make one."
        )

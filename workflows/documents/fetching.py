"""A document at a web address, brought in through the guarded client."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from automate.lib.http import AnswerTooLarge, EgressBlocked, HttpError, Request
from integrations.connections import egress_client
from workflows.engine.document import MAX_TEXT_BYTES, DocumentError, Fault

TIMEOUT_S: Final = 10.0
_GITHUB_PAGE: Final = re.compile(r"https://github\.com/([^/]+/[^/]+)/blob/(.+)")
_ACCEPT: Final = "application/yaml, application/json, text/plain, */*;q=0.5"


def fetch_document(url: str) -> bytes:
    """The text at the address, at most `MAX_TEXT_BYTES`. Raises DocumentError with a sentence.

    Addresses in private networks are refused, also as the target of a redirect, unless AUTOMATE_EGRESS_ALLOW names them.
    """
    wanted = file_address(url)
    host = urlsplit(wanted).hostname or wanted[:80]
    request = Request(
        "GET",
        wanted,
        {"Accept": _ACCEPT},
        timeout_s=TIMEOUT_S,
        max_bytes=MAX_TEXT_BYTES,
        follow_redirects=True,
    )
    try:
        answer = egress_client().send(request)
    except AnswerTooLarge:
        raise _refusal(
            f"What {host} sends is larger than {MAX_TEXT_BYTES:,} bytes, the most a workflow may have."
        ) from None
    except EgressBlocked as error:
        raise _refusal(f"{error.message} Save the file and choose it here instead.") from None
    except HttpError as error:
        raise _refusal(f"The workflow could not be fetched. {error.message}") from None
    if answer.status != 200:
        raise _refusal(
            f"{host} answers with status {answer.status}. Check the address, and that it opens without signing in."
        )
    if _is_page(answer.headers.get("content-type", ""), answer.body):
        raise _refusal(
            f"At this address {host} shows a web page, not a workflow. Use the address of the file itself "
            "(on GitHub: the button Raw)."
        )
    return answer.body


def file_address(url: str) -> str:
    """The address of the file where people give that of the page around it; https where they leave it out."""
    url = url.strip()
    if "://" not in url:
        url = f"https://{url}"
    page = _GITHUB_PAGE.fullmatch(url.partition("?")[0].partition("#")[0])
    return f"https://raw.githubusercontent.com/{page[1]}/{page[2]}" if page else url


def _is_page(content_type: str, body: bytes) -> bool:
    return "html" in content_type.lower() or body.lstrip()[:15].lower().startswith(
        (b"<!doctype html", b"<html")
    )


def _refusal(message: str) -> DocumentError:
    return DocumentError([Fault("", message)])

"""Why a call from outside is not taken, as the answer it gets."""

from __future__ import annotations

from django.http import HttpResponse

from automate.lib.jsontypes import JSON, dumps_bytes

RETRY_AFTER_S = 5  # a database that restarts is back within seconds; senders try again by themselves


class Refused(Exception):
    """A call we answer with an error status. `message` is a sentence for whoever wrote the sender."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        super().__init__(message)

    def response(self) -> HttpResponse:
        body: JSON = {"error": {"code": self.code, "message": self.message, "where": None}}
        return json_response(body, status=self.status, headers=self.headers)


def unreadable(message: str) -> Refused:
    return Refused(400, "unreadable", message)


def too_large(limit: int) -> Refused:
    return Refused(413, "too_large", f"The body is larger than the {limit:,} bytes this address takes.")


def away() -> Refused:
    message = "The call could not be stored just now. Nothing was started; send it again."
    return Refused(503, "try_again", message, {"Retry-After": str(RETRY_AFTER_S)})


def json_response(body: JSON, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(dumps_bytes(body), status=status, content_type="application/json", headers=headers)

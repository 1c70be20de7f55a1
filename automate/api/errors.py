"""Every error of the API has one shape: `{"error": {"code", "message", "where"}}`, with `faults` for documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from automate.lib.jsontypes import dumps_bytes
from workflows.engine.errors import DocumentError, Fault
from workflows.errors import ConnectionRefused, DraftConflict, WorkflowError

RETRY_AFTER_S = 5
NOT_FOUND = "There is nothing at this address, or nothing that this token may see."


class ApiError(Exception):
    """Answered with `status`. `message` is a sentence; `where` names the place in what was sent."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        where: str | None = None,
        *,
        faults: Iterable[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.where = where
        self.faults = tuple(faults)
        self.headers = headers or {}
        super().__init__(message)

    def response(self) -> HttpResponse:
        error: dict[str, Any] = {"code": self.code, "message": self.message, "where": self.where}
        if self.faults:
            error["faults"] = [fault_shape(fault) for fault in self.faults]
        body = dumps_bytes({"error": error})
        return HttpResponse(body, status=self.status, content_type="application/json", headers=self.headers)


def fault_shape(fault: Fault) -> dict[str, Any]:
    return {
        "path": fault.path,
        "message": fault.message,
        "step": fault.step,
        "field": fault.field,
        "severity": fault.severity,
    }


def not_found() -> ApiError:
    return ApiError(404, "not_found", NOT_FOUND)


def faulty(code: str, faults: Iterable[Fault]) -> ApiError:
    """A document with faults: the first one speaks, all are listed."""
    found = tuple(faults)
    more = f" ({len(found) - 1} more below.)" if len(found) > 1 else ""
    message, where = (
        (f"{found[0].message}{more}", found[0].path) if found else ("The document has faults.", None)
    )
    return ApiError(422, code, message, where, faults=found)


def _from_validation(error: ValidationError) -> ApiError:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    message = str(first["msg"]).rstrip(".")
    return ApiError(422, "invalid", f"{where}: {message}.", where)


def _from_ninja(error: HttpError) -> ApiError:
    if isinstance(error.__cause__, ApiError):  # our parser's own words, wrapped by ninja
        return error.__cause__
    return ApiError(error.status_code, "unreadable" if error.status_code == 400 else "refused", error.message)


def _unauthorized(_error: Exception) -> ApiError:
    message = "Send a valid token: `Authorization: Bearer …`. Tokens are made under Settings → API tokens."
    return ApiError(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def _away(_error: Exception) -> ApiError:
    message = "The database cannot be reached just now. Nothing was changed; try again."
    return ApiError(503, "try_again", message, headers={"Retry-After": str(RETRY_AFTER_S)})


def _too_big(_error: Exception) -> ApiError:
    return ApiError(413, "too_large", "The body is larger than this address takes.")


_HANDLERS: dict[type[Exception], Callable[[Any], ApiError]] = {
    ApiError: lambda error: error,
    ValidationError: _from_validation,
    HttpError: _from_ninja,
    AuthenticationError: _unauthorized,
    Http404: lambda _error: not_found(),
    PermissionDenied: lambda error: ApiError(403, "forbidden", str(error) or "You may not do this."),
    RequestDataTooBig: _too_big,
    UnreadablePostError: lambda _error: ApiError(
        400, "unreadable", "The body ended before its announced length."
    ),
    DocumentError: lambda error: faulty("invalid_document", error.faults),
    DraftConflict: lambda error: ApiError(409, "conflict", error.message, "If-Match"),
    ConnectionRefused: lambda error: ApiError(422, "connection_refused", error.message, "connections"),
    WorkflowError: lambda error: ApiError(409, "refused", error.message),
    OperationalError: _away,
    InterfaceError: _away,
}


def install(api: NinjaAPI) -> None:
    """Answer every error that an operation may raise in the one shape."""
    for kind, make in _HANDLERS.items():
        api.add_exception_handler(kind, _handler(make))


def _handler(make: Callable[[Any], ApiError]) -> Callable[[HttpRequest, Any], HttpResponse]:
    return lambda _request, error: make(error).response()


def as_error(error: Exception) -> ApiError | None:
    """What an exception outside an operation is answered with, or None for a fault of ours."""
    for kind in type(error).__mro__:
        if kind in _HANDLERS:
            return _HANDLERS[kind](error)
    return None

"""The guarded client: every outgoing connection of the product passes here, or at least asks its EgressPolicy."""

from automate.lib.http.client import HttpClient, default_tls
from automate.lib.http.connection import dial
from automate.lib.http.errors import (
    AnswerTooLarge,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    EgressBlocked,
    HttpError,
    InvalidRequest,
    NameLookupFailed,
    NameNotFound,
    TimedOut,
    TlsFailed,
    TooManyRedirects,
)
from automate.lib.http.message import Origin, Request, Response, parse_url
from automate.lib.http.policy import EgressPolicy

__all__ = [
    "AnswerTooLarge",
    "BadAnswer",
    "ConnectFailed",
    "ConnectionLost",
    "EgressBlocked",
    "EgressPolicy",
    "HttpClient",
    "HttpError",
    "InvalidRequest",
    "NameLookupFailed",
    "NameNotFound",
    "Origin",
    "Request",
    "Response",
    "TimedOut",
    "TlsFailed",
    "TooManyRedirects",
    "default_tls",
    "dial",
    "parse_url",
]

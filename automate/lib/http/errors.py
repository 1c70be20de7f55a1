"""What can go wrong on the way out. Each error says whether the request may have reached the other side."""


class HttpError(Exception):
    """Root of the client's errors.

    `message` is a sentence for people. `sent` is False when the request certainly never reached the service, True when
    it certainly did, None when nobody can know. `retryable`: trying the same again later may help.
    """

    code = "http_error"
    sent: bool | None = None
    retryable = False

    def __init__(self, message: str, *, sent: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        if sent is not None:
            self.sent = sent


class InvalidRequest(HttpError):
    """The address, a header or the method cannot be sent as given."""

    code = "invalid_request"
    sent = False


class EgressBlocked(HttpError):
    """The address lies in a network this installation may not be made to call."""

    code = "blocked_address"
    sent = False


class NameNotFound(HttpError):
    """The host's name has no address."""

    code = "name_not_found"
    sent = False


class NameLookupFailed(HttpError):
    """The name service gave no answer (in time)."""

    code = "name_lookup_failed"
    sent = False
    retryable = True


class ConnectFailed(HttpError):
    """Refused, unreachable, or no answer to the connection attempt."""

    code = "connect_failed"
    sent = False
    retryable = True


class TlsFailed(HttpError):
    """No secure connection could be agreed on; the request was not sent."""

    code = "tls_failed"
    sent = False


class TimedOut(HttpError):
    """The deadline passed after sending had begun."""

    code = "timeout"
    retryable = True


class ConnectionLost(HttpError):
    """The other side hung up before its answer was complete."""

    code = "connection_lost"
    retryable = True


class BadAnswer(HttpError):
    """The answer is not HTTP, or its compression is damaged."""

    code = "bad_answer"
    sent = True


class AnswerTooLarge(HttpError):
    """The answer, decompressed, exceeds the request's limit."""

    code = "answer_too_large"
    sent = True


class TooManyRedirects(HttpError):
    code = "too_many_redirects"
    sent = True

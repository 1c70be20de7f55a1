"""What can go wrong between us and a service."""

from dataclasses import dataclass

from automate.lib.jsontypes import JSON


class IntegrationError(Exception):
    """Root of this package's errors; `message` is a sentence for people and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Fault:
    """Something a manifest says wrongly, and where: `actions.send_message.input`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ManifestError(IntegrationError, ValueError):
    """A manifest cannot be used; `faults` names each place."""

    def __init__(self, faults: list[Fault], name: str = "The manifest") -> None:
        super().__init__(f"{name} cannot be used: " + " ".join(str(fault) for fault in faults[:5]))
        self.faults = faults


class ActionError(IntegrationError):
    """An action did not do what it was asked to.

    `sent`: False when the request certainly never reached the service, True when it certainly did, None when nobody
    knows. `retryable`: the same again later may work. `reconnect`: the connection's credentials are no longer accepted.
    `code` is the service's own word where it gives one, `status` the HTTP status if there was an answer, `field` the
    input at fault if one is. `request_log` is what ActionResult would have carried.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "failed",
        status: int | None = None,
        retryable: bool = False,
        reconnect: bool = False,
        retry_after_s: float | None = None,
        sent: bool | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retryable = retryable
        self.reconnect = reconnect
        self.retry_after_s = retry_after_s
        self.sent = sent
        self.field = field
        self.request_log: dict[str, JSON] | None = None

    def as_json(self) -> dict[str, JSON]:
        """The product's one shape of an error, without the step, which only the engine knows."""
        return {
            "message": self.message,
            "code": self.code,
            "retryable": self.retryable,
            "status": self.status,
        }


class InputError(ActionError):
    """The input does not fit the action; nothing was sent."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message, code="invalid_input", sent=False, field=field)


class RateLimited(ActionError):
    """Our own limit for this service is used up for now; nothing was sent and it should not count as an attempt."""

    def __init__(self, message: str, *, wait_s: float, has_turn: bool = False) -> None:
        """`has_turn`: the place for then is taken, so that who comes back asks for none."""
        super().__init__(message, code="rate_limited", retryable=True, retry_after_s=wait_s, sent=False)
        self.has_turn = has_turn

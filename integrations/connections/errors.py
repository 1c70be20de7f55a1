"""What can go wrong with a connection itself."""

from __future__ import annotations

from automate.lib.crypto import CannotDecrypt
from integrations.errors import ActionError, IntegrationError


class ConnectionExpired(ActionError):
    """The service no longer accepts the connection; only a person can mend it, by connecting again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="connection_expired", reconnect=True, sent=False)


class ConnectionUnavailable(ActionError):
    """There is no such connection (any more), or it may not be used here."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="connection_unavailable", sent=False)


class CannotOpen(ConnectionUnavailable, CannotDecrypt):
    """What is stored of a connection does not decrypt: its key is gone, or the row was tampered with."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The stored access of the connection “{name}” cannot be opened with this server's encryption keys. "
            "Reconnect it, or give the server its earlier AUTOMATE_ENCRYPTION_KEYS back."
        )


class RefreshFailed(ActionError):
    """A new token could not be had at this moment; the connection itself is as it was."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message, code="refresh_failed", retryable=retryable, sent=False)


class ConnectionRefused(IntegrationError):
    """A connection cannot be made or changed like this; `field` is the one to correct, if it is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotSetUp(IntegrationError):
    """This installation has no OAuth client for the service: only its administrator can help."""


class SignInFailed(IntegrationError):
    """A sign-in at a service did not lead to a connection. `back`: where the person came from, within our pages."""

    def __init__(self, message: str, *, back: str = "", title: str = "That did not connect") -> None:
        super().__init__(message)
        self.back = back
        self.title = title

"""What the accounts package refuses, in sentences for the person who asked."""

from __future__ import annotations


class AccountsError(Exception):
    """`message` is a full sentence that may be shown as it is."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MembershipRefused(AccountsError):
    """A member or a role was not changed."""


class InvitationRefused(AccountsError):
    """An invitation was not made or not accepted."""

"""Who calls the API: the bearer token, the workspace it is bound to, and what both its scope and its owner's role allow."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from accounts.models import ApiToken, Membership, Tenant, User
from accounts.permissions import PERMISSIONS, SCOPE_PERMISSIONS, has_permission, membership_of
from accounts.tokens import find_token
from automate.api.errors import ApiError

MAX_TOKEN_CHARS = 200


class ApiRequest(HttpRequest):
    """A request whose token was accepted."""

    user: User
    auth: ApiToken
    workspace: Tenant
    membership: Membership


class Token(HttpBearer):
    """Accepts tokens that may do `need`; two SQL queries."""

    def __init__(self, need: str) -> None:
        if need not in PERMISSIONS:
            raise ValueError(f"There is no permission called {need!r}.")
        self.need = need
        super().__init__()

    def authenticate(self, request: HttpRequest, token: str) -> Any | None:
        found = find_token(token) if token.isascii() and len(token) <= MAX_TOKEN_CHARS else None
        membership = membership_of(found.user, found.tenant) if found else None
        if found is None or membership is None:
            return None
        request.user = found.user
        request.workspace = found.tenant  # type: ignore[attr-defined]  # declared on ApiRequest
        request.membership = membership  # type: ignore[attr-defined]
        if self.need not in SCOPE_PERMISSIONS[found.scopes]:
            raise ApiError(
                403,
                "scope",
                f"A token with the scope `{found.scopes}` may not do this. Use one with a wider scope.",
            )
        if not has_permission(membership, self.need):
            raise ApiError(
                403,
                "forbidden",
                f"The role {membership.role.name} does not include: {PERMISSIONS[self.need].lower()}.",
            )
        return found

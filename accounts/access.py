"""The one way into a workspace: who is it, whose is it, what may they do there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import Membership, Tenant, User
from accounts.permissions import PERMISSIONS, has_permission
from accounts.request import AppRequest
from accounts.workspaces import remember

P = ParamSpec("P")
View = Callable[Concatenate[AppRequest, P], HttpResponseBase]


def workspace_view(need: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """For views below `/w/<slug:workspace_slug>/`: opens that workspace, then calls the view with all its arguments.

    Strangers get 404, members without the permission 403. One SQL query.
    """
    if need not in PERMISSIONS:
        raise ValueError(f"There is no permission called {need!r}: the names are in accounts/permissions.py.")

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def opened(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            _enter(request, need, tenant__slug=kwargs["workspace_slug"])
            return view(request, *args, **kwargs)  # type: ignore[arg-type] # signed in: see _enter

        return opened

    return decorate


def open_workspace(request: HttpRequest, tenant: Tenant | None, need: str) -> None:
    """For an object's page: sets request.workspace and request.membership from the object's tenant (one SQL query).

    Raises Http404 for strangers (and for no tenant), PermissionDenied for members who lack the permission.
    """
    if tenant is None:
        raise Http404
    _enter(request, need, tenant_id=tenant.pk)


def _enter(request: HttpRequest, need: str, **which: object) -> None:
    user = request.user
    if not isinstance(user, User):
        raise Http404
    membership = Membership.objects.filter(user=user, **which).select_related("tenant", "role").first()
    if membership is None:
        raise Http404
    membership.user = user  # the same row: nobody has to read it again
    request.workspace = membership.tenant  # type: ignore[attr-defined] # declared on AppRequest
    request.membership = membership  # type: ignore[attr-defined]
    remember(request, membership.tenant)
    demand(membership, need)


def demand(membership: Membership, need: str) -> None:
    """Raises PermissionDenied with a sentence for the person unless the membership has the permission."""
    if not has_permission(membership, need):
        raise PermissionDenied(
            f"Your role in {membership.tenant.name} is {membership.role.name}, which does not include this: "
            f"{PERMISSIONS[need].lower()}. Ask an owner or admin of the workspace to change your role."
        )

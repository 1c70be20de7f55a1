"""`/integrations`: people's connections. Credentials go in; they never come out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from ninja import Field, Router, Schema
from ninja.responses import Status

from accounts.request import client_ip
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import picked
from integrations import connections
from integrations.connections import ConnectionRefused, TestResult
from integrations.models import IntegrationDefinition, UserIntegration

router = Router(tags=["integrations"])
FIELDS = (
    *("id", "name", "auth_type", "account_label", "scopes", "sharing", "is_active", "needs_reconnect"),
    *("last_checked_at", "last_error", "token_expires_at", "created_at", "updated_at"),
)
Sharing = Literal["PRIVATE", "WORKSPACE"]
AuthWord = Annotated[
    str, Field(pattern=r"^[A-Z0-9_]{2,30}$", description="One of the integration's ways to connect.")
]


class NewConnection(Schema):
    """`credentials`: the fields of the chosen way to connect, by key."""

    model_config = {"extra": "forbid"}

    integration: str = Field(max_length=60, description="Name (slug) of the integration type.")
    auth_type: AuthWord
    name: str = Field("", max_length=120)
    credentials: dict[str, Any] = Field(default_factory=dict)
    sharing: Sharing = "PRIVATE"


class Trial(Schema):
    model_config = {"extra": "forbid"}

    integration: str = Field(max_length=60)
    auth_type: AuthWord
    credentials: dict[str, Any] = Field(default_factory=dict)


class Change(Schema):
    """Only what is given changes; credentials left empty stay as they are."""

    model_config = {"extra": "forbid"}

    name: str | None = Field(None, max_length=120)
    credentials: dict[str, Any] | None = None
    sharing: Sharing | None = None


@router.get("", auth=Token("connection.view"), summary="List one's own and the shared connections")
def list_connections(
    request: ApiRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, integration: str | None = None
) -> dict[str, Any]:
    rows = UserIntegration.objects.usable_by(request.user, request.workspace).select_related("integration")
    if integration is not None:
        rows = rows.filter(integration__name=integration)
    return page(rows, limit, cursor, _shapes)


@router.post("", auth=Token("connection.edit"), response={201: Any}, summary="Connect an app")
def create_connection(request: ApiRequest, body: NewConnection) -> Any:
    try:
        connection = connections.create_connection(
            tenant=request.workspace,
            user=request.user,
            integration=_integration(request, body.integration),
            auth_type=body.auth_type,
            name=body.name,
            credentials=body.credentials,
            sharing=body.sharing,
            ip=client_ip(request),
        )
    except ConnectionRefused as error:
        raise _refusal(error) from None
    return Status(201, _shape(connection))


@router.post("/test", auth=Token("connection.edit"), summary="Try credentials without saving them")
def test_before_saving(request: ApiRequest, body: Trial) -> dict[str, Any]:
    integration = _integration(request, body.integration)
    if body.auth_type not in {str(way.get("type", "")).upper() for way in integration.auth_config}:
        message = f"{integration.display_name} cannot be connected by {body.auth_type}."
        raise ApiError(422, "invalid", message, "auth_type")
    return _result(connections.test_credentials(integration, body.auth_type, body.credentials))


@router.get("/{uuid:id}", auth=Token("connection.view"), summary="A connection")
def get_connection(request: ApiRequest, id: uuid.UUID) -> dict[str, Any]:
    return _shape(_get(request, id))


@router.patch("/{uuid:id}", auth=Token("connection.edit"), summary="Change a connection")
def patch_connection(request: ApiRequest, id: uuid.UUID, body: Change) -> dict[str, Any]:
    connection = _get(request, id, manage=True)
    try:
        changed = connections.update_connection(
            connection, by=request.user, ip=client_ip(request), **body.dict(exclude_none=True)
        )
    except ConnectionRefused as error:
        raise _refusal(error) from None
    return _shape(changed)


@router.delete(
    "/{uuid:id}", auth=Token("connection.edit"), response={204: None}, summary="Remove a connection"
)
def delete_connection(request: ApiRequest, id: uuid.UUID) -> HttpResponse:
    connections.delete_connection(_get(request, id, manage=True), by=request.user, ip=client_ip(request))
    return HttpResponse(status=204)


@router.post("/{uuid:id}/test", auth=Token("connection.use"), summary="Try a connection")
def test_connection(request: ApiRequest, id: uuid.UUID) -> dict[str, Any]:
    return _result(connections.test_connection(_get(request, id)))


def _get(request: ApiRequest, id: uuid.UUID, *, manage: bool = False) -> UserIntegration:
    """Raises Http404 for unknown, foreign and other people's private ones; PermissionDenied for what is not one's own."""
    connection = connections.find_visible(request.user, request.workspace, id)
    if connection is None:
        raise Http404
    if manage and not connections.may_manage(connection, request.user):
        raise PermissionDenied(
            f'"{connection.name}" belongs to somebody else. Only they or an admin may change it.'
        )
    return connection


def _integration(request: ApiRequest, name: str) -> IntegrationDefinition:
    rows = IntegrationDefinition.objects.offered_to(request.workspace).filter(name=name)
    found = rows.order_by("tenant").first()
    if found is None:
        raise ApiError(422, "invalid", f"There is no integration called {name!r} here.", "integration")
    return found


def _refusal(error: ConnectionRefused) -> ApiError:
    where = (
        error.field
        if error.field in (None, "name", "sharing", "auth_type", "integration")
        else f"credentials.{error.field}"
    )
    return ApiError(422, "connection_refused", error.message, where)


def _result(result: TestResult) -> dict[str, Any]:
    return {"ok": result.ok, "account": result.account, "message": result.message}


def _shape(connection: UserIntegration) -> dict[str, Any]:
    return {**picked(connection, FIELDS), "integration": connection.integration.name}


def _shapes(rows: Sequence[UserIntegration]) -> list[dict[str, Any]]:
    return [_shape(row) for row in rows]

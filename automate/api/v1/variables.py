"""`/variables`: values that the workspace's workflows share. A secret is written, never read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from ninja import Field, Router, Schema
from ninja.responses import Status

from accounts import audit
from accounts.models import Environment
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import picked
from automate.lib import clock
from automate.lib.jsontypes import dumps
from workflows.models import WorkflowVariable
from workflows.runs.secret_values import conceal, reveal

router = Router(tags=["variables"])
Kind = Literal["STRING", "NUMBER", "BOOLEAN", "JSON", "SECRET"]
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,), "NUMBER": (int, float), "BOOLEAN": (bool,), "JSON": (object,), "SECRET": (str,)
}  # fmt: skip


class NewVariable(Schema):
    model_config = {"extra": "forbid"}

    key: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,59}$")]
    type: Kind = "STRING"
    value: Any = None
    environment: str | None = Field(None, description="Name of an environment; all of them without it.")


class NewValue(Schema):
    model_config = {"extra": "forbid"}

    value: Any


@router.get("", auth=Token("variable.view"), summary="List variables; secrets without their value")
def list_variables(
    request: ApiRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> dict[str, Any]:
    rows = WorkflowVariable.objects.for_tenant(request.workspace).select_related("environment")
    return page(rows, limit, cursor, _shapes)


@router.post("", auth=Token("variable.edit"), response={201: Any}, summary="Create a variable")
def create_variable(request: ApiRequest, body: NewVariable) -> Any:
    variable = WorkflowVariable(
        tenant=request.workspace,
        key=body.key,
        type=body.type,
        environment=_environment(request, body.environment),
    )
    _put(variable, body.value)
    taken = ApiError(409, "conflict", f"There is a variable {body.key} already. Change that one.", "key")
    try:
        with transaction.atomic():
            if _is_taken(variable):
                raise taken
            variable.save()
            audit.record(request.workspace, request.user, "variable.created", variable)
    except IntegrityError:
        raise taken from None
    return Status(201, _shape(variable))


@router.get("/{uuid:id}", auth=Token("variable.view"), summary="A variable")
def get_variable(request: ApiRequest, id: uuid.UUID) -> dict[str, Any]:
    return _shape(_get(request, id))


@router.patch("/{uuid:id}", auth=Token("variable.edit"), summary="Give a variable a new value")
def patch_variable(request: ApiRequest, id: uuid.UUID, body: NewValue) -> dict[str, Any]:
    variable = _get(request, id)
    _put(variable, body.value)
    with transaction.atomic():
        variable.save()
        audit.record(request.workspace, request.user, "variable.changed", variable)
    return _shape(variable)


@router.delete("/{uuid:id}", auth=Token("variable.edit"), response={204: None}, summary="Delete a variable")
def delete_variable(request: ApiRequest, id: uuid.UUID) -> HttpResponse:
    variable = _get(request, id)
    with transaction.atomic():
        audit.record(request.workspace, request.user, "variable.deleted", variable)
        variable.delete()
    return HttpResponse(status=204)


def _get(request: ApiRequest, id: uuid.UUID) -> WorkflowVariable:
    rows = WorkflowVariable.objects.for_tenant(request.workspace).select_related("environment")
    variable = rows.filter(pk=id).first()
    if variable is None:
        raise Http404
    return variable


def _is_taken(variable: WorkflowVariable) -> bool:
    """Asked because SQLite has no unique keys in which two nulls are the same."""
    rows = WorkflowVariable.objects.for_tenant(variable.tenant_id).filter(key=variable.key)
    return rows.filter(environment=variable.environment).exists()


def _put(variable: WorkflowVariable, value: Any) -> None:
    """Raises ApiError (422, 409) when the value is not of the variable's type, or the product set it."""
    if variable.is_system:
        raise ApiError(409, "refused", f"{variable.key} is set by the product and cannot be changed.")
    fits = isinstance(value, _PYTHON_TYPES[variable.type]) and (
        variable.type == "BOOLEAN" or not isinstance(value, bool)
    )
    if not fits and variable.type != "JSON":
        raise ApiError(
            422, "invalid", f"The value of {variable.key} must be of the type {variable.type}.", "value"
        )
    variable.updated_at = clock.now()
    if variable.type == "SECRET":
        conceal(variable, value)
    else:
        variable.value = value if variable.type == "STRING" else dumps(value)


def _environment(request: ApiRequest, name: str | None) -> Environment | None:
    if name is None:
        return None
    found = Environment.objects.for_tenant(request.workspace).filter(name=name).first()
    if found is None:
        raise ApiError(
            422, "invalid", f"This workspace has no environment called {name[:60]!r}.", "environment"
        )
    return found


def _shape(variable: WorkflowVariable) -> dict[str, Any]:
    return {
        **picked(variable, ("id", "key", "type", "is_encrypted", "is_system", "updated_at")),
        "environment": variable.environment.name if variable.environment else None,
        "value": None if variable.is_encrypted else reveal(variable),
    }


def _shapes(variables: Sequence[WorkflowVariable]) -> list[dict[str, Any]]:
    return [_shape(variable) for variable in variables]

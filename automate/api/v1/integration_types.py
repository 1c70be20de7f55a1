"""`/integration-types`: the services that can be connected, and adding one by its manifest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from django.db import IntegrityError, transaction
from django.http import Http404
from ninja import Body, Router
from ninja.responses import Status

from accounts import audit
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import picked
from integrations.errors import Fault, ManifestError
from integrations.manifest import Manifest, from_data
from integrations.models import IntegrationAction, IntegrationDefinition, IntegrationTrigger
from integrations.sync import renew_digest, write_definition

router = Router(tags=["integration types"])
FIELDS = (
    *("id", "name", "display_name", "suite", "category", "description", "logo", "docs_url", "auth_type"),
    *("parameters", "base_url", "source", "version"),
)
ACTION_FIELDS = (
    *("name", "display_name", "description", "method", "endpoint", "input_schema", "output_schema", "scopes"),
    *("effect", "sample", "is_deprecated"),
)
TRIGGER_FIELDS = (
    *("name", "display_name", "description", "type", "input_schema", "output_schema", "scopes", "sample"),
    "is_deprecated",
)


@router.get("", auth=Token("connection.view"), summary="List integration types")
def list_integration_types(
    request: ApiRequest,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    search: str = "",
    category: str | None = None,
) -> dict[str, Any]:
    rows = IntegrationDefinition.objects.offered_to(request.workspace).matching(search)
    if category is not None:
        rows = rows.filter(category=category)
    return page(rows, limit, cursor, _shapes)


@router.post(
    "", auth=Token("integration.manage"), response={201: Any}, summary="Add an integration by its manifest"
)
def create_integration_type(
    request: ApiRequest,
    manifest: Annotated[dict[str, Any], Body(description="A manifest, as in docs/manifests.md.")],
) -> Any:
    read = _read(manifest)
    definition = IntegrationDefinition(tenant=request.workspace, source=IntegrationDefinition.Source.CUSTOM)
    taken = ApiError(409, "conflict", f"This workspace has an integration {read.slug!r} already.", "slug")
    try:
        with transaction.atomic():
            if IntegrationDefinition.objects.for_tenant(request.workspace).filter(name=read.slug).exists():
                raise taken  # asked because SQLite has no unique keys in which two nulls are the same
            write_definition(read, digest="", row=definition)
            renew_digest(definition)
            audit.record(request.workspace, request.user, "integration.created", definition)
    except IntegrityError:
        raise taken from None
    return Status(201, _full(definition))


@router.get(
    "/{uuid:id}", auth=Token("connection.view"), summary="An integration type with its actions and triggers"
)
def get_integration_type(request: ApiRequest, id: uuid.UUID) -> dict[str, Any]:
    definition = IntegrationDefinition.objects.offered_to(request.workspace).filter(pk=id).first()
    if definition is None:
        raise Http404
    return _full(definition)


def _read(data: dict[str, Any]) -> Manifest:
    """Raises ApiError (422) with every fault."""
    try:
        return from_data(data)
    except ManifestError as error:
        raise _refusal(error.faults) from None


def _refusal(faults: Sequence[Fault]) -> ApiError:
    first = faults[0]
    return ApiError(422, "invalid_manifest", " ".join(str(fault) for fault in faults[:5]), first.path or None)


def _shapes(definitions: Sequence[IntegrationDefinition]) -> list[dict[str, Any]]:
    return [picked(definition, FIELDS) for definition in definitions]


def _full(definition: IntegrationDefinition) -> dict[str, Any]:
    actions = IntegrationAction.objects.filter(integration=definition)
    triggers = IntegrationTrigger.objects.filter(integration=definition)
    return {
        **picked(definition, FIELDS),
        "auth_config": definition.auth_config,
        "actions": [picked(row, ACTION_FIELDS) for row in actions],
        "triggers": [picked(row, TRIGGER_FIELDS) for row in triggers],
    }

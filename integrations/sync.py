"""The catalogue's manifests as rows, and rows as the manifest that the executor takes."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Manager

from automate.lib import jsontypes
from integrations import auth
from integrations.actions.effects import effect_of
from integrations.manifest import CATALOGUE, InputField, Manifest, Way, as_data, from_data, load
from integrations.models import AuthType, IntegrationAction, IntegrationDefinition, IntegrationTrigger

ROWS_VERSION = 1  # raise it when what is written to rows changes: then every manifest is written again
MANIFESTS_KEPT = 256  # read manifests in one process
EMPTY_INPUT: dict[str, Any] = {"type": "object", "properties": {}}
COMMON_COLUMNS = [
    "display_name",
    "description",
    "input_schema",
    "output_schema",
    "scopes",
    "sample",
    "is_deprecated",
    "default_config",
    "order",
]

_manifests: OrderedDict[tuple[uuid.UUID, int, str], Manifest] = OrderedDict()
_lock = threading.Lock()


@dataclass
class SyncResult:
    """Slugs by what happened to them."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


def sync_catalogue(folder: Path = CATALOGUE) -> SyncResult:
    """Make the shipped integrations' rows say what the manifests say. One SELECT when nothing changed.

    Nothing is ever removed: actions, triggers and input fields that are gone from a manifest are marked as
    deprecated, and an integration without a manifest is no longer offered. Raises ManifestError.
    """
    result = SyncResult()
    rows = {row.name: row for row in IntegrationDefinition.objects.filter(tenant=None, source="CATALOGUE")}
    paths = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    for slug, path in paths.items():
        row, digest = rows.get(slug), _digest_of(path.read_bytes())
        if row is not None and row.digest == digest and row.is_active:
            result.unchanged.append(slug)
            continue
        write_definition(load(path), digest=digest, row=row)
        (result.created if row is None else result.updated).append(slug)
    result.retired = [slug for slug, row in rows.items() if slug not in paths and row.is_active]
    if result.retired:
        IntegrationDefinition.objects.filter(tenant=None, name__in=result.retired).update(is_active=False)
    return result


def _digest_of(source: bytes) -> str:
    return hashlib.sha256(b"%d:" % ROWS_VERSION + source).hexdigest()


@transaction.atomic
def write_definition(
    manifest: Manifest, *, digest: str, row: IntegrationDefinition | None = None
) -> IntegrationDefinition:
    """Write one manifest to its rows. `row`: the one it replaces; without it a shipped definition is made."""
    definition = row or IntegrationDefinition(tenant=None, source=IntegrationDefinition.Source.CATALOGUE)
    data: dict[str, Any] = as_data(manifest)
    _copy_head(manifest, data, definition)
    definition.digest, definition.is_active = digest, True
    definition.save()
    _write_actions(manifest, data.get("actions", []), definition)
    _write_triggers(manifest, data.get("triggers", []), definition)
    return definition


def _copy_head(manifest: Manifest, data: dict[str, Any], definition: IntegrationDefinition) -> None:
    http = data.get("http", {})
    ways = manifest.connections
    definition.name, definition.display_name = manifest.slug, manifest.name
    definition.suite, definition.category = manifest.suite, manifest.category
    definition.description, definition.docs_url = manifest.description, manifest.docs_url
    definition.version, definition.protocol = manifest.version, manifest.protocol
    definition.logo = f"logos/{manifest.slug}.svg"
    definition.auth_type = ways[0].type.upper() if ways else AuthType.NONE
    definition.auth_config = data.get("connections", [])
    definition.parameters = parameters_schema(ways[0]) if ways else {}
    definition.base_url = http.pop("base_url", "")
    definition.http = http


def parameters_schema(way: Way) -> dict[str, Any]:
    """What a person fills in for a way to connect, as JSON Schema."""
    entries = auth.fields(way)
    required = [entry.key for entry in entries if entry.required]
    return {
        "type": "object",
        "properties": {entry.key: _field_schema(entry) for entry in entries},
        "required": required,
    }


def _field_schema(entry: InputField) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "integer" if entry.type == "number" else "string",
        "title": entry.label,
        "description": entry.help,
        "default": entry.default,
        "enum": list(entry.options),
        "x-secret": entry.type == "secret",
        "x-advanced": entry.advanced,
        "x-multiline": entry.type == "multiline",
    }
    return {key: value for key, value in schema.items() if value not in (None, "", [], False)}


def _write_actions(
    manifest: Manifest, entries: list[dict[str, Any]], definition: IntegrationDefinition
) -> None:
    existing = {row.name: row for row in definition.actions.all()}
    rows = []
    for order, (action, data) in enumerate(zip(manifest.actions, entries, strict=True)):
        row = existing.get(action.name) or IntegrationAction(integration=definition, name=action.name)
        row.order, row.effect = order, effect_of(manifest, action, {})
        row.endpoint, row.method = data.pop("path", ""), data.pop("method", "")
        _copy_common(data, row)
        rows.append(row)
    _save(IntegrationAction.objects, existing, rows, ["endpoint", "method", "effect"])


def _write_triggers(
    manifest: Manifest, entries: list[dict[str, Any]], definition: IntegrationDefinition
) -> None:
    existing = {row.name: row for row in definition.triggers.all()}
    rows = []
    for order, data in enumerate(entries):
        row = existing.get(data["name"]) or IntegrationTrigger(integration=definition, name=data["name"])
        row.order, row.type = order, data.pop("type").upper()
        _copy_common(data, row)
        rows.append(row)
    _save(IntegrationTrigger.objects, existing, rows, ["type"])


def _copy_common(data: dict[str, Any], row: IntegrationAction | IntegrationTrigger) -> None:
    """What actions and triggers have alike; `data` loses it, and the rest of the entry stays as it is written."""
    row.display_name, row.description = data.pop("display_name"), data.pop("description", "")
    row.input_schema = with_former_fields(data.pop("input", EMPTY_INPUT), row.input_schema)
    row.output_schema = data.pop("output_schema", {})
    row.scopes, row.sample = data.pop("scopes", []), data.pop("sample", None)
    row.is_deprecated = bool(data.get("deprecated"))
    data.pop("name")
    row.default_config = data


def with_former_fields(schema: dict[str, Any], former: dict[str, Any]) -> dict[str, Any]:
    """The schema, still taking the fields it once had: published workflows go on naming them."""
    properties = schema.get("properties", {})
    gone = {
        key: {**field, "deprecated": True}
        for key, field in former.get("properties", {}).items()
        if key not in properties and isinstance(field, dict)
    }
    return {**schema, "properties": {**properties, **gone}} if gone else schema


def _save(manager: Manager[Any], existing: dict[str, Any], rows: list[Any], columns: list[str]) -> None:
    """Insert and update in bulk; rows whose entry is gone stay, marked as deprecated."""
    new = [row for row in rows if row.name not in existing]
    kept = [row for row in rows if row.name in existing]
    gone = [row for name, row in existing.items() if name not in {row.name for row in rows}]
    for row in gone:
        row.is_deprecated = True
    manager.bulk_create(new)
    manager.bulk_update([*kept, *gone], [*COMMON_COLUMNS, *columns], batch_size=100)


def definition_manifest(definition: IntegrationDefinition) -> Manifest:
    """The manifest of a row, kept per process by id, version and digest (two SQL queries the first time).

    Raises ManifestError for rows written by hand that say something a manifest cannot.
    """
    key = (definition.pk, definition.version, definition.digest)
    with _lock:
        known = _manifests.get(key) if definition.digest else None
    if known is not None:
        return known
    manifest = from_data(manifest_data(definition), name=definition.display_name)
    if definition.digest:
        with _lock:
            _manifests[key] = manifest
            while len(_manifests) > MANIFESTS_KEPT:
                _manifests.popitem(last=False)
    return manifest


def manifest_data(definition: IntegrationDefinition) -> dict[str, Any]:
    """A row and its actions and triggers as a manifest's plain data."""
    http = {**definition.http, "base_url": definition.base_url} if definition.base_url else definition.http
    return {
        "slug": definition.name,
        "name": definition.display_name,
        "suite": definition.suite,
        "category": definition.category,
        "description": definition.description,
        "docs_url": definition.docs_url,
        "version": definition.version,
        "protocol": definition.protocol,
        "connections": definition.auth_config,
        "http": http,
        "actions": [_action_data(row, definition) for row in definition.actions.all()],
        "triggers": [_trigger_data(row) for row in definition.triggers.all()],
    }


def _action_data(row: IntegrationAction, definition: IntegrationDefinition) -> dict[str, Any]:
    data = {**_common_data(row), "path": row.endpoint}
    if row.method:
        data["method"] = row.method
    if definition.source != IntegrationDefinition.Source.CATALOGUE:
        data.setdefault("effect", row.effect)  # a manifest may leave it to the method; people choose it
    return data


def _trigger_data(row: IntegrationTrigger) -> dict[str, Any]:
    return {**_common_data(row), "type": row.type.lower()}


def _common_data(row: IntegrationAction | IntegrationTrigger) -> dict[str, Any]:
    data = {
        **row.default_config,
        "name": row.name,
        "display_name": row.display_name,
        "description": row.description,
        "input": row.input_schema or EMPTY_INPUT,
        "scopes": row.scopes,
        "sample": row.sample,
    }
    if row.output_schema:
        data["output_schema"] = row.output_schema
    return data


def renew_digest(definition: IntegrationDefinition) -> None:
    """After rows were edited by hand: every process reads them again (saves the definition)."""
    data = jsontypes.dumps_bytes(manifest_data(definition), sort_keys=True)
    definition.digest = hashlib.sha256(data).hexdigest()
    definition.save(update_fields=["digest"])

"""Opening a connection for use, and running actions with it: the path that every run takes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db.models import F

from accounts.models import Tenant
from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.connections import vault
from integrations.connections.clients import runner
from integrations.connections.errors import ConnectionUnavailable
from integrations.connections.refresh import EARLY, RENEWED_TYPES, mark_refused, renewed
from integrations.errors import ActionError
from integrations.manifest import Manifest
from integrations.models import AuthType, IntegrationDefinition, UserIntegration
from integrations.sync import definition_manifest
from integrations.values import ActionResult, Connection, FileStore

KEPT_S = (
    20.0  # how long a process may act on what it has read: a removed connection works no longer than this
)
MAX_KEPT = 2000

V = TypeVar("V")


@dataclass
class _Kept(Generic[V]):
    """Values with an end, in the memory of one process. Safe to share between threads."""

    values: dict[object, tuple[float, V]] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: object, make: Callable[[], tuple[float, V]]) -> V:
        """The kept value, else what `make` gives: how long it may be kept in seconds, and the value."""
        now = clock.monotonic()
        found = self.values.get(key)
        if found is not None and found[0] > now:
            return found[1]
        keep_s, value = make()
        with self.lock:
            if len(self.values) >= MAX_KEPT:
                self.values.clear()
            self.values[key] = (now + keep_s, value)
        return value

    def forget(self, key: object) -> None:
        with self.lock:
            self.values.pop(key, None)

    def clear(self) -> None:
        with self.lock:
            self.values.clear()


@dataclass(frozen=True)
class Service:
    """An integration as a workspace sees it."""

    definition_id: uuid.UUID
    manifest: Manifest


@dataclass(frozen=True)
class Opened:
    """A connection ready for use, with the row it was read from."""

    row: UserIntegration
    connection: Connection = field(repr=False)


_services: _Kept[Service] = _Kept()
_opened: _Kept[Opened] = _Kept()


def forget(connection_id: uuid.UUID) -> None:
    """What was kept of a connection in this process is read again."""
    _opened.forget(connection_id)


def forget_everything() -> None:
    """For tests, and after the catalogue was synced in this process."""
    _services.clear()
    _opened.clear()


def find_service(slug: str, tenant: Tenant | uuid.UUID) -> Service:
    """The workspace's own integration of that name, else the shipped one. Raises ActionError. No SQL while kept."""
    tenant_id = tenant.pk if isinstance(tenant, Tenant) else tenant
    return _services.get((tenant_id, slug), lambda: (KEPT_S, _read_service(slug, tenant_id)))


def find_shipped(slug: str) -> Service:
    """The integration of that name that all workspaces share. Raises ActionError. No SQL while kept."""
    return _services.get((None, slug), lambda: (KEPT_S, _read_service(slug, None)))


def _read_service(slug: str, tenant_id: uuid.UUID | None) -> Service:
    offered = IntegrationDefinition.objects.filter(tenant=None) | IntegrationDefinition.objects.filter(
        tenant=tenant_id
    )
    definition = offered.filter(name=slug).order_by(F("tenant").asc(nulls_last=True)).first()
    if definition is None:
        raise ActionError(f"There is no integration “{slug}” here.", code="unknown_integration", sent=False)
    return Service(definition.pk, definition_manifest(definition))


def open_credentials(connection: UserIntegration) -> Connection:
    """Decrypt for use; first renew a token that ends within 60 s (one call to the service).

    Raises ConnectionExpired when the service refuses the refresh, RefreshFailed when it cannot be asked.
    """
    row = renewed(connection)
    return connection_value(row)


def connection_value(row: UserIntegration) -> Connection:
    """What the executor takes, with the token as it is stored."""
    return Connection(
        id=str(row.pk),
        integration=row.integration.name,
        auth_type=row.auth_type.lower(),
        values={**row.public_values, **vault.unseal_credentials(row)},
    )


def opened(connection_id: uuid.UUID | str, tenant: Tenant | uuid.UUID, service: Service) -> Opened:
    """A connection of this workspace and integration, ready for use. No SQL while kept.

    Raises ConnectionUnavailable (removed, another workspace's, another integration's), ConnectionExpired, RefreshFailed.
    """
    try:
        key = connection_id if isinstance(connection_id, uuid.UUID) else uuid.UUID(connection_id)
    except ValueError:
        raise ConnectionUnavailable("The step names a connection that does not exist.") from None
    found = _opened.get(key, lambda: _open(key))
    if found.row.tenant_id != (tenant.pk if isinstance(tenant, Tenant) else tenant):
        raise ConnectionUnavailable(
            "The connection of this step does not exist (any more). Choose another one."
        )
    if found.row.integration_id != service.definition_id:
        raise ConnectionUnavailable(
            f"The connection “{found.row.name}” belongs to {found.row.integration}, "
            f"but the step uses {service.manifest.name}. Choose another connection."
        )
    return found


def _open(key: uuid.UUID) -> tuple[float, Opened]:
    row = UserIntegration.objects.select_related("integration").filter(pk=key, is_active=True).first()
    if row is None:
        raise ConnectionUnavailable("The connection of this step was removed. Choose another one.")
    row = renewed(row)
    return _keep_s(row), Opened(row, connection_value(row))


def _keep_s(row: UserIntegration) -> float:
    if row.auth_type not in RENEWED_TYPES or row.token_expires_at is None:
        return KEPT_S
    return max(0.0, min(KEPT_S, (row.token_expires_at - EARLY - clock.now()).total_seconds()))


def run_action(
    slug: str,
    action: str,
    *,
    tenant: Tenant | uuid.UUID,
    input: JSON,
    connection_id: uuid.UUID | str | None = None,
    idempotency_key: str | None = None,
    timeout_s: float = 30.0,
    files: FileStore | None = None,
) -> ActionResult:
    """Run one action of a workspace's integration. No SQL while definition and connection are kept (20 s).

    A refused token is renewed once, and the action sent again, where nothing of it has happened yet.
    Raises ActionError.
    """
    service = find_service(slug, tenant)
    access = opened(connection_id, tenant, service) if connection_id else None

    def run(connection: Connection | None) -> ActionResult:
        return runner().run(
            service.manifest, action, input=input, connection=connection,
            idempotency_key=idempotency_key, timeout_s=timeout_s, files=files,
        )  # fmt: skip

    return with_renewal(service, access, run)


def with_renewal(
    service: Service,
    access: Opened | None,
    work: Callable[[Connection | None], V],
    *,
    may_repeat: bool = False,
) -> V:
    """Do the work with the connection, once more with a renewed token where the first was refused. Raises ActionError.

    `may_repeat`: the work only reads, so that it may begin anew after several calls.
    """
    if access is None or service.manifest.protocol == "http_request":  # any server may say 401 to that one
        return work(access.connection if access else None)
    try:
        result = work(access.connection)
    except ActionError as error:
        if not error.reconnect:
            raise
        result = _again(access, error, work, may_repeat)
    if access.row.needs_reconnect:
        _mark_working(access.row)
    return result


def _again(access: Opened, error: ActionError, work: Callable[[Connection | None], V], may_repeat: bool) -> V:
    """With a renewed token, where there can be one and nothing has happened yet; else pages say “Reconnect”."""
    row = access.row
    forget(row.pk)
    has_several_calls = bool((error.request_log or {}).get("calls")) and not may_repeat
    if not _can_renew(row) or has_several_calls:
        mark_refused(row, error.message)
        raise error
    row = renewed(row, refused=True)
    try:
        return work(connection_value(row))
    except ActionError as again:
        if again.reconnect:
            mark_refused(row, again.message)
        raise


def _can_renew(row: UserIntegration) -> bool:
    return row.auth_type == AuthType.OAUTH2_CLIENT_CREDENTIALS or bool(row.refresh_token)


def _mark_working(row: UserIntegration) -> None:
    rows = UserIntegration.objects.filter(pk=row.pk, credentials=row.credentials)
    rows.update(needs_reconnect=False, last_error="", updated_at=clock.now())
    forget(row.pk)

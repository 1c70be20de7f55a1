"""What this installation lends to every connection: the guarded client, the runner, OAuth clients, addresses."""

from __future__ import annotations

import os
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from automate.lib.http import EgressPolicy, HttpClient
from automate.lib.jsontypes import JSON
from integrations.actions import ActionRunner
from integrations.actions.plans import base_maker, check_host
from integrations.auth.oauth2 import Client
from integrations.connections.errors import NotSetUp
from integrations.connections.limits import ProcessBuckets, RedisBuckets
from integrations.manifest import Way
from integrations.models import IntegrationDefinition
from integrations.values import Limiter

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CALLBACK_PATH = "/oauth/callback"


def egress_client() -> HttpClient:
    """The one client of this process that may call out, with AUTOMATE_EGRESS_ALLOW."""
    return _client(os.getpid(), tuple(settings.AUTOMATE_EGRESS_ALLOW))


@lru_cache(maxsize=4)
def _client(process_id: int, allow: tuple[str, ...]) -> HttpClient:
    # By process: kept connections must not be shared with a child after a fork.
    return HttpClient(EgressPolicy(allow))


def runner() -> ActionRunner:
    """The executor of this process, with the installation's addresses and rate limits."""
    overrides = settings.AUTOMATE_CONNECTOR_BASE_URLS
    own = own_urls(settings.AUTOMATE_BASE_URL)
    return _runner(egress_client(), tuple(sorted(overrides.items())), settings.REDIS_URL, own)


@lru_cache(maxsize=4)
def _runner(
    client: HttpClient, overrides: tuple[tuple[str, str], ...], redis_url: str, own: tuple[str, ...]
) -> ActionRunner:
    base_urls = {slug: url for slug, url in overrides if "." not in slug}
    limiter: Limiter = RedisBuckets(redis_url) if redis_url else ProcessBuckets()
    return ActionRunner(client, base_urls=base_urls, limiter=limiter, own_urls=own)


@lru_cache(maxsize=4)
def own_urls(base_url: str) -> tuple[str, ...]:
    """How our own addresses begin, by the base URL and by the names of this machine where that is one of them."""
    scheme, host, port = origin(base_url)
    names = LOOPBACK if host in LOOPBACK else (host,)
    shown = [f"[{name}]" if ":" in name else name for name in names]
    usual = {"http": 80, "https": 443}.get(scheme)
    places = [f"{name}:{port or usual}" for name in shown]
    places += shown if port in (None, usual) else []
    return tuple(f"{scheme}://{place}{end}" for place in places for end in "/?")


def redirect_uri() -> str:
    """The one address that services send people back to, exactly as it must be registered there."""
    return f"{settings.AUTOMATE_BASE_URL}{CALLBACK_PATH}"


def oauth_client(definition: IntegrationDefinition, values: dict[str, JSON]) -> Client:
    """Our registration at a service: typed with the connection, else the installation's. Raises NotSetUp.

    The installation's clients are for shipped integrations alone: a workspace could otherwise have the secret
    sent to a token address of its own choice.
    """
    typed = values.get("client_id")
    if isinstance(typed, str) and typed:
        return Client(typed, str(values.get("client_secret") or ""))
    known = settings.AUTOMATE_OAUTH_CLIENTS.get(definition.name) if definition.tenant_id is None else None
    if not isinstance(known, dict) or not known.get("client_id"):
        raise NotSetUp(
            f"This server is not registered with {definition.display_name} yet, "
            "so nobody can sign in there from here."
        )
    return Client(
        str(known["client_id"]),
        str(known.get("client_secret") or ""),
        str(known.get("private_key") or ""),
        str(known.get("key_id") or ""),
    )


def is_set_up(definition: IntegrationDefinition, way: Way) -> bool:
    """Whether people can use this way to connect here (only OAuth needs the administrator first)."""
    if way.type != "oauth2" or any(entry.key == "client_id" for entry in way.fields):
        return True
    try:
        oauth_client(definition, {})
    except NotSetUp:
        return False
    return True


def endpoint(definition: IntegrationDefinition, way: Way, kind: str, values: dict[str, JSON]) -> str:
    """The `authorize_url`, `token_url` or `revoke_url`; it may name what the person typed (`{{ connection.shop }}`).

    Raises ActionError for a host that the manifest does not allow.
    """
    override = settings.AUTOMATE_CONNECTOR_BASE_URLS.get(f"{definition.name}.{kind}")
    if override and definition.tenant_id is None:
        return str(override)
    url: str = getattr(way, kind)
    if "{{" in url:
        url = base_maker(url)({"connection": values})
        check_host(way, url)
    return url


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, to tell whether two addresses belong together."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port

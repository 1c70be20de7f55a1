"""One dialog of connecting: which integration, by which way, for whom, and where the person came from."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.permissions import has_permission
from accounts.request import AppRequest
from automate.lib.crypto import CannotDecrypt
from automate.lib.jsontypes import JSON
from integrations.connections import TestResult, is_set_up, redirect_uri, vault
from integrations.forms import ConnectionForm
from integrations.manifest import Manifest, Way
from integrations.models import IntegrationDefinition, UserIntegration
from integrations.sync import definition_manifest
from integrations.views.shelf import auth_word

MAX_SLOT_CHARS = 40


@dataclass(frozen=True)
class Choice:
    """A way to connect, as one of several to choose from."""

    way: Way
    label: str
    url: str
    active: bool
    is_set_up: bool


@dataclass
class Room:
    """`connection`: the one that is changed or reconnected, if it is not a new one."""

    request: AppRequest
    definition: IntegrationDefinition
    connection: UserIntegration | None = None

    @cached_property
    def manifest(self) -> Manifest:
        return definition_manifest(self.definition)

    @cached_property
    def ways(self) -> list[Way]:
        if self.connection is not None:
            return [way for way in [self.manifest.way(self.connection.auth_type)] if way is not None]
        return [way for way in self.manifest.connections if way.type != "none"]

    @cached_property
    def way(self) -> Way | None:
        """The one asked for, else the first that works here."""
        asked = self._given("way")
        ready = [way for way in self.ways if is_set_up(self.definition, way)]
        named = [way for way in self.ways if way.type == asked]
        return next(iter([*named, *ready, *self.ways]), None)

    @property
    def auth_type(self) -> str:
        return self.way.type.upper() if self.way else ""

    @property
    def is_sign_in(self) -> bool:
        return self.way is not None and self.way.type == "oauth2"

    @cached_property
    def next(self) -> str:
        """Where the person came from: a path of ours, or empty."""
        return safe_path(self.request, self._given("next"))

    @property
    def opened_from(self) -> str:
        """The page whose field opened this dialog: where a sign-in that leaves our pages comes back to."""
        return safe_path(self.request, self.request.htmx.current_url_abs_path or "") if self.slot else ""

    @cached_property
    def slot(self) -> str:
        return self._given("slot")[:MAX_SLOT_CHARS]

    @property
    def url(self) -> str:
        if self.connection is not None:
            return reverse("integrations:connection-reconnect", args=[self.connection.pk])
        return reverse(
            "integrations:connection-new", args=[self.request.workspace.slug, self.definition.name]
        )

    @property
    def home(self) -> str:
        """The page to return to when none was named."""
        return reverse(
            "integrations:integration-detail", args=[self.request.workspace.slug, self.definition.name]
        )

    def _given(self, name: str) -> str:
        return self.request.POST.get(name) or self.request.GET.get(name) or ""

    def form(self, data: Any = None) -> ConnectionForm:
        may_share = self.connection is None and has_permission(self.request.membership, "connection.share")
        return ConnectionForm(
            data,
            way=self.way,
            may_share=may_share,
            with_name=self.connection is None or not self.is_sign_in,
            stored=self.stored(),
            initial={"name": self.connection.name if self.connection else self.suggested_name()},
            auto_id="connect_%s",
        )

    def stored(self) -> dict[str, JSON]:
        if self.connection is None:
            return {}
        with contextlib.suppress(CannotDecrypt):  # its key is gone: everything is typed anew
            return {**self.connection.public_values, **vault.unseal_credentials(self.connection)}
        return dict(self.connection.public_values)

    def suggested_name(self) -> str:
        """The app's name, with a number when the person has one already (one SQL query)."""
        rows = UserIntegration.objects.usable_by(self.request.user, self.request.workspace)
        count = rows.filter(integration=self.definition).count()
        return f"{self.definition.display_name} {count + 1}" if count else self.definition.display_name

    def choices(self) -> list[Choice]:
        query = {key: value for key, value in (("next", self.next), ("slot", self.slot)) if value}
        return [
            Choice(
                way,
                way.label or auth_word(way.type),
                f"{self.url}?{urlencode({**query, 'way': way.type})}",
                way is self.way,
                is_set_up(self.definition, way),
            )
            for way in self.ways
        ]

    def page(
        self, form: ConnectionForm, *, test: TestResult | None = None, status: int = 200
    ) -> HttpResponse:
        """The dialog for HTMX, the same form on a page of its own otherwise."""
        context = {
            "nav": "integrations",
            "room": self,
            "form": form,
            "test": test,
            "dialog_title": f"{'Reconnect' if self.connection else 'Connect'} {self.definition.display_name}",
            "dialog_sub": f"{self.way.label or auth_word(self.auth_type)} · stored encrypted"
            if self.way
            else "",
            "dialog_tile": self.definition,
            "is_set_up": self.way is not None and is_set_up(self.definition, self.way),
            "redirect_uri": redirect_uri(),
        }
        name = (
            "integrations/_connect_dialog.html" if self.request.htmx else "integrations/connection_new.html"
        )
        if self.request.htmx.target == "connect-form":
            name = "integrations/_connect_form.html"
        return render(self.request, name, context, status=status)


def safe_path(request: AppRequest, url: str) -> str:
    """The address if it leads to a page of ours, else empty."""
    fine = url.startswith("/") and url_has_allowed_host_and_scheme(
        url, allowed_hosts=None, require_https=request.is_secure()
    )
    return url if fine and len(url) <= 1000 else ""


def came_back(url: str, connection_id: uuid.UUID, slot: str) -> str:
    """The address with `connection=<id>` and, for the builder, `slot=<key>` added."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("connection", "slot")]
    query += [("connection", str(connection_id))] + ([("slot", slot)] if slot else [])
    return urlunsplit(parts._replace(query=urlencode(query)))

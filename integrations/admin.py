"""Integrations and connections for those who run the server. What opens a service is never shown, not even sealed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.request import client_ip
from integrations.connections import delete_connection, forget, forget_everything
from integrations.errors import ManifestError
from integrations.manifest import check, from_data
from integrations.models import IntegrationAction, IntegrationDefinition, IntegrationTrigger, UserIntegration
from integrations.sync import manifest_data, renew_digest

Source = IntegrationDefinition.Source


class EntryInline(admin.StackedInline):  # type: ignore[type-arg] # not generic at run time
    """Actions and triggers: folded, and fixed where the catalogue writes them."""

    extra = 0
    classes = ["collapse"]
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj)


class ActionInline(EntryInline):
    model = IntegrationAction
    fields = [
        ("name", "display_name", "effect", "is_deprecated"),
        ("method", "endpoint"),
        "description",
        "input_schema",
        "output_schema",
        "default_config",
        ("scopes", "sample", "order"),
    ]


class TriggerInline(EntryInline):
    model = IntegrationTrigger
    fields = [
        ("name", "display_name", "type", "is_deprecated"),
        "description",
        "input_schema",
        "output_schema",
        "default_config",
        ("scopes", "sample", "order"),
    ]


def is_ours(definition: IntegrationDefinition | None) -> bool:
    """Made here, so that it may be changed here; shipped ones are written by `sync_catalogue`."""
    return definition is None or definition.source != Source.CATALOGUE


@admin.register(IntegrationDefinition)
class DefinitionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "display_name",
        "name",
        "category",
        "source",
        "auth_type",
        "actions_count",
        "connections_count",
        "tenant",
        "is_active",
    ]
    list_filter = ["source", "is_active", "auth_type", "category"]
    search_fields = ["display_name", "name", "description", "suite"]
    list_select_related = ["tenant"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    autocomplete_fields = ["tenant"]
    inlines = [ActionInline, TriggerInline]
    fields = [
        ("display_name", "name", "tenant"),
        ("suite", "category", "docs_url", "logo"),
        "description",
        ("auth_type", "base_url", "protocol"),
        "auth_config",
        "http",
        "parameters",
        ("source", "version", "is_active", "digest"),
    ]
    readonly_fields = ["source", "digest"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IntegrationDefinition]:
        rows: QuerySet[IntegrationDefinition] = super().get_queryset(request)
        return rows.annotate(
            n_actions=Count("actions", distinct=True), n_connections=Count("connections", distinct=True)
        )

    @admin.display(description="actions", ordering="n_actions")
    def actions_count(self, row: Any) -> int:
        return int(row.n_actions)

    @admin.display(description="connections", ordering="n_connections")
    def connections_count(self, row: Any) -> int:
        return int(row.n_connections)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_ours(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and is_ours(obj) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: IntegrationDefinition, form: Any, change: bool) -> None:
        if not change:
            obj.source = Source.CUSTOM
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Every process reads the changed rows again; what a manifest would be refused for is said at once."""
        super().save_related(request, form, formsets, change)
        definition = IntegrationDefinition.objects.get(pk=form.instance.pk)
        renew_digest(definition)
        forget_everything()
        try:
            faults = check(from_data(manifest_data(definition), name=definition.display_name))
        except ManifestError as error:
            faults = error.faults
        for fault in faults:
            messages.warning(request, f"This cannot run yet. {fault}")


@admin.register(UserIntegration)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Look, switch off, remove. Credentials, tokens and locks are not among the fields on purpose."""

    list_display = [
        "name",
        "integration",
        "tenant",
        "user",
        "auth_type",
        "sharing",
        "health",
        "token_expires_at",
        "last_checked_at",
        "is_active",
    ]
    list_filter = ["needs_reconnect", "is_active", "sharing", "auth_type", "integration"]
    search_fields = ["name", "account_label", "user__email", "tenant__name", "tenant__slug"]
    list_select_related = ["integration", "tenant", "user"]
    date_hierarchy = "created_at"
    fields = [
        ("name", "integration", "auth_type"),
        ("tenant", "user", "sharing", "workflow"),
        ("account_label", "scopes"),
        ("health", "last_error", "last_checked_at"),
        ("token_expires_at", "is_active"),
        ("created_at", "updated_at"),
    ]
    readonly_fields = [
        "name", "integration", "auth_type", "tenant", "user", "sharing", "workflow", "account_label", "scopes",
        "health", "last_error", "last_checked_at", "token_expires_at", "is_active", "created_at", "updated_at",
    ]  # fmt: skip
    actions = ["switch_off", "switch_on"]

    @admin.display(description="health")
    def health(self, row: UserIntegration) -> str:
        if row.needs_reconnect:
            return "reconnect"
        return "last try failed" if row.last_error else "OK"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Switch off the chosen connections")
    def switch_off(self, request: HttpRequest, rows: QuerySet[UserIntegration]) -> None:
        self._switch(request, rows, on=False)

    @admin.action(description="Switch on the chosen connections")
    def switch_on(self, request: HttpRequest, rows: QuerySet[UserIntegration]) -> None:
        self._switch(request, rows, on=True)

    def _switch(self, request: HttpRequest, rows: QuerySet[UserIntegration], *, on: bool) -> None:
        verb = "connection.switched_on" if on else "connection.switched_off"
        for row in rows.exclude(is_active=on).select_related("tenant"):
            row.is_active = on
            row.save(update_fields=["is_active", "updated_at"])
            audit.record(row.tenant, request.user, verb, row, ip=client_ip(request))  # type: ignore[arg-type] # staff
            forget(row.pk)
        messages.success(request, f"Switched {'on' if on else 'off'}. Runs notice within 20 seconds.")

    def delete_model(self, request: HttpRequest, obj: UserIntegration) -> None:
        """Takes the access back at the service too, as on the connection's own page."""
        delete_connection(obj, by=request.user, ip=client_ip(request))  # type: ignore[arg-type] # staff

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserIntegration]) -> None:
        for row in queryset.select_related("integration", "tenant"):
            self.delete_model(request, row)

"""What a workspace shares: its variables, and the templates it offers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.request import client_ip
from workflows.admin.base import ReadOnly, Rows, staff
from workflows.admin.showing import ENCRYPTED, hidden
from workflows.engine.document import dump, load
from workflows.engine.errors import DocumentError
from workflows.gallery.entries import Entry
from workflows.models import WorkflowTemplateLibrary, WorkflowVariable

Type = WorkflowVariable.Type


@admin.register(WorkflowVariable)
class WorkflowVariableAdmin(ReadOnly):
    """Look and remove; values are given on the workspace's own page, which checks them against their type."""

    list_display = ["key", "tenant", "environment", "type", "value_shown", "is_system", "updated_at"]
    list_filter = ["type", "is_encrypted", "is_system", "updated_at"]
    search_fields = ["key", "tenant__name", "tenant__slug"]
    list_select_related = ["tenant", "environment"]
    fields = [("key", "type"), ("tenant", "environment"), "value_shown", ("is_system", "updated_at")]

    @admin.display(description="value")
    def value_shown(self, row: WorkflowVariable) -> str:
        if row.is_encrypted or row.type == Type.SECRET:
            return ENCRYPTED
        shown = hidden({row.key: row.value})
        return str(shown[row.key])

    def has_delete_permission(self, request: HttpRequest, obj: WorkflowVariable | None = None) -> bool:
        is_ours = obj is None or not obj.is_system
        return is_ours and super(Rows, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: WorkflowVariable) -> None:
        with transaction.atomic():
            audit.record(obj.tenant, staff(request), "variable.deleted", obj, ip=client_ip(request))
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WorkflowVariable]) -> None:
        for row in queryset.filter(is_system=False).select_related("tenant"):
            self.delete_model(request, row)


class LibraryForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """The document is checked like any other, and stored as it will be read."""

    class Meta:
        model = WorkflowTemplateLibrary
        fields = [
            "tenant", "slug", "name", "description", "category", "template_data", "samples", "is_published",
            "is_featured", "is_premium", "order",
        ]  # fmt: skip

    def clean_tenant(self) -> Any:
        tenant = self.cleaned_data["tenant"]
        if tenant is None:
            raise ValidationError(
                "Choose a workspace: templates for everybody come with the product, and the next start of the "
                "server would remove this one."
            )
        return tenant

    def clean_template_data(self) -> dict[str, Any]:
        try:
            return dump(load(self.cleaned_data["template_data"]))
        except DocumentError as error:
            raise ValidationError([f"{fault.path}: {fault.message}" for fault in error.faults]) from None


@admin.register(WorkflowTemplateLibrary)
class LibraryAdmin(Rows):
    """A workspace's own templates can be changed; shipped ones are files, written to rows by `sync_gallery`."""

    form = LibraryForm
    list_display = [
        "name", "slug", "category", "tenant", "is_published", "is_featured", "uses", "order", "created_at",
    ]  # fmt: skip
    list_filter = [
        ("tenant", admin.EmptyFieldListFilter), "is_published", "is_featured", "is_premium", "category",
    ]  # fmt: skip
    search_fields = ["name", "slug", "description", "search_text", "tenant__name"]
    list_select_related = ["tenant"]
    date_hierarchy = "created_at"
    heavy = ("template_data", "samples", "search_text")
    autocomplete_fields = ["tenant"]
    prepopulated_fields = {"slug": ["name"]}
    fields = [
        ("name", "slug", "tenant"),
        "description",
        ("category", "order"),
        ("is_published", "is_featured", "is_premium"),
        "template_data",
        "samples",
        ("source_apps", "destination_apps", "required_integrations"),
        ("uses", "created_at"),
    ]
    readonly_fields = ["source_apps", "destination_apps", "required_integrations", "uses", "created_at"]
    actions = ["publish", "withdraw"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_own(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_own(obj) and super().has_delete_permission(request, obj)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.prepopulated_fields if self.has_change_permission(request, obj) else {}

    def save_model(self, request: HttpRequest, obj: WorkflowTemplateLibrary, form: Any, change: bool) -> None:
        entry = Entry(slug=obj.slug, category=obj.category, document=load(obj.template_data))
        for name in ("source_apps", "destination_apps", "required_integrations", "search_text"):
            setattr(obj, name, getattr(entry, name))
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WorkflowTemplateLibrary]) -> None:
        super().delete_queryset(request, queryset.exclude(tenant=None))

    @admin.action(description="Offer the chosen templates", permissions=["change"])
    def publish(self, request: HttpRequest, rows: QuerySet[WorkflowTemplateLibrary]) -> None:
        self._offer(request, rows, is_published=True)

    @admin.action(description="Withdraw the chosen templates", permissions=["change"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[WorkflowTemplateLibrary]) -> None:
        self._offer(request, rows, is_published=False)

    def _offer(
        self, request: HttpRequest, rows: QuerySet[WorkflowTemplateLibrary], *, is_published: bool
    ) -> None:
        changed = rows.exclude(tenant=None).update(is_published=is_published)
        left = rows.filter(tenant=None).count()
        word = "offered" if is_published else "withdrawn"
        self.message_user(
            request, f"Templates {word}: {changed}. Shipped templates left as they are: {left}."
        )


def is_own(row: WorkflowTemplateLibrary | None) -> bool:
    return row is None or row.tenant_id is not None

"""People and workspaces for those who run the server. Hashes of passwords, tokens and invitations are never shown."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin
from django.contrib.auth import password_validation
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.models import (
    ApiToken,
    AuditEvent,
    Environment,
    Group,
    Invitation,
    Membership,
    Role,
    Tenant,
    User,
)
from accounts.signup import complete_account

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign] # one sign-in, one rate limit
admin.site.site_header, admin.site.site_title = "automate administration", "automate"
admin.site.index_title = "Everything on this server"


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NewUserForm(forms.ModelForm):  # type: ignore[type-arg]
    password = forms.CharField(widget=forms.PasswordInput, strip=False)

    class Meta:
        model = User
        fields = ["email", "name", "password"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password)
        return password


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    fields = ["tenant", "user", "role", "created_at"]
    readonly_fields = ["tenant", "user", "role", "created_at"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members come and go on the workspace's own page, which keeps an owner and writes the audit log."""
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["email", "name", "is_active", "is_staff", "workspaces", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff", "is_superuser", "date_joined"]
    search_fields = ["email", "name"]
    ordering = ["-date_joined"]
    date_hierarchy = "date_joined"
    fields = [
        ("email", "name"),
        ("time_zone", "theme"),
        ("is_active", "is_staff", "is_superuser"),
        ("last_login", "date_joined"),
    ]
    readonly_fields = ["last_login", "date_joined"]
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(workspace_count=Count("memberships"))

    @admin.display(ordering="workspace_count")
    def workspaces(self, user: User) -> int:
        return user.workspace_count  # type: ignore[attr-defined,no-any-return] # annotated above

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else NewUserForm

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Switch people off instead: their workspaces and the audit log need them."""
        return False

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.fields if obj else ["email", "name", "password"]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """The address belongs to the person: it changes on their own page, where it is confirmed."""
        return [*self.readonly_fields, "email"] if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.set_password(form.cleaned_data["password"])
        super().save_model(request, obj, form, change)
        complete_account(obj, verified=True)


class EnvironmentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Environment
    extra = 0


@admin.register(Tenant)
class TenantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "is_personal", "people", "retention_days", "created_at"]
    list_filter = ["is_personal", "require_mfa", "created_at"]
    search_fields = ["name", "slug", "members__email"]
    ordering = ["-created_at"]
    readonly_fields = ["slug", "is_personal", "created_at"]
    inlines = [EnvironmentInline, MembershipInline]
    actions = ["check_audit_log"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        tenants: QuerySet[Tenant] = super().get_queryset(request)
        return tenants.annotate(people_count=Count("memberships"))

    @admin.display(ordering="people_count")
    def people(self, tenant: Tenant) -> int:
        return tenant.people_count  # type: ignore[attr-defined,no-any-return] # annotated above

    @admin.action(description="Check the audit log for changed or missing events")
    def check_audit_log(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            faults = audit.verify_chain(tenant)
            text = " ".join(faults) or "The audit log is whole."
            self.message_user(request, f"{tenant.name}: {text}", level="error" if faults else "success")


@admin.register(Role)
class RoleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "tenant"]
    list_filter = [("tenant", admin.EmptyFieldListFilter)]
    search_fields = ["name", "tenant__name"]
    autocomplete_fields = ["tenant"]
    list_select_related = ["tenant"]

    def has_change_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        """What built-in roles may do is code."""
        return (obj is None or obj.tenant_id is not None) and super().has_change_permission(request, obj)

    has_delete_permission = has_change_permission


@admin.register(Group)
class GroupAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "tenant"]
    search_fields = ["name", "tenant__name"]
    autocomplete_fields = ["tenant"]
    list_select_related = ["tenant"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["email", "tenant", "role", "invited_by", "created_at", "expires_at", "accepted_at"]
    list_filter = [("accepted_at", admin.EmptyFieldListFilter), "created_at"]
    search_fields = ["email", "tenant__name"]
    list_select_related = ["tenant", "role", "invited_by"]
    exclude = ["token_hash"]
    ordering = ["-created_at"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """Deleting a token revokes it."""

    list_display = ["name", "prefix", "user", "tenant", "scopes", "created_at", "last_used_at", "expires_at"]
    list_filter = ["scopes", "created_at", "last_used_at"]
    search_fields = ["name", "prefix", "user__email", "tenant__name"]
    list_select_related = ["user", "tenant"]
    exclude = ["hash"]
    ordering = ["-created_at"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ["at", "tenant", "number", "actor", "verb", "target"]
    list_filter = ["verb", "at"]
    search_fields = ["detail__actor_name", "detail__target_name", "target_id", "tenant__name"]
    list_select_related = ["tenant", "detail"]
    date_hierarchy = "at"
    ordering = ["-at"]
    fields = ["tenant", "number", "at", "actor", "verb", "target", "before", "after", "ip"]
    readonly_fields = ["actor", "target", "before", "after", "ip"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events go with their workspace only."""
        match = request.resolver_match
        return match is not None and (match.url_name or "").startswith("accounts_tenant_")

    @admin.display
    def actor(self, event: AuditEvent) -> str:
        return event.actor_shown

    @admin.display
    def target(self, event: AuditEvent) -> str:
        return f"{event.target_type} {event.shown('target_name') or event.target_id}".strip()

    @admin.display
    def before(self, event: AuditEvent) -> Any:
        return event.shown("before")

    @admin.display
    def after(self, event: AuditEvent) -> Any:
        return event.shown("after")

    @admin.display
    def ip(self, event: AuditEvent) -> Any:
        return event.shown("ip")

"""What people fill in about themselves and their workspaces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts import extensions
from accounts.models import ApiToken, Membership, Role, Tenant, User
from accounts.permissions import has_permission
from accounts.timezones import zone_choices
from automate.lib import clock

MAX_FAILURES = 1_000
MAX_PARALLEL_RUNS = 100_000
MAX_RETENTION_DAYS = 3650  # ten years; what is kept longer belongs into an export
NO_END = "never"
TOKEN_LIFETIMES_DAYS = {"30": "30 days", "90": "90 days", "365": "1 year", NO_END: "Until revoked"}


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    time_zone = forms.ChoiceField(choices=zone_choices, help_text="Times on pages are shown in this zone.")
    theme = forms.ChoiceField(choices=User.Theme.choices, widget=forms.RadioSelect)
    steps_view = forms.ChoiceField(
        choices=User.StepsView.choices,
        widget=forms.RadioSelect,
        label="Steps of a workflow",
        help_text="What the builder and runs show first on a wide screen; phones begin with the outline.",
    )
    single_key_shortcuts = forms.BooleanField(
        required=False,
        label="Single-key shortcuts",
        help_text="Keys like / and ? act when you are not typing. Ctrl shortcuts always work.",
    )

    class Meta:
        model = User
        fields = ["name", "time_zone", "theme", "steps_view", "single_key_shortcuts"]
        help_texts = {"name": "What others in your workspaces see. Empty: the first part of your address."}


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """Name and zone are enough for a new one."""

    time_zone = forms.ChoiceField(
        choices=zone_choices, help_text="Schedules use it unless they name their own."
    )

    class Meta:
        model = Tenant
        fields = ["name", "time_zone"]


class WorkspaceSettingsForm(WorkspaceForm):
    retention_days = forms.IntegerField(
        min_value=1,
        max_value=MAX_RETENTION_DAYS,
        label="Keep runs for (days)",
        help_text="Older runs are deleted with their data.",
    )
    max_parallel_runs = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_PARALLEL_RUNS,
        label="Runs at once",
        help_text="When this many runs of the workspace are being worked on, further starts wait for their turn. "
        "Runs that only wait do not count, nor do test runs. Empty: no limit.",
    )
    pause_after_failures = forms.IntegerField(
        required=False,
        min_value=2,
        max_value=MAX_FAILURES,
        label="Pause after failed runs in a row",
        help_text="A workflow that fails so often, one run after the other, is paused, and those who made it are told. "
        "Empty: it goes on.",
    )
    on_failure = forms.ChoiceField(
        required=False,
        label="When a run fails",
        help_text="This workflow is started with the error, unless the failed workflow names its own.",
    )

    class Meta(WorkspaceForm.Meta):
        fields = [
            "name",
            "time_zone",
            "retention_days",
            "max_parallel_runs",
            "pause_after_failures",
            "on_failure",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = dict(extensions.failure_workflows(self.instance))
        chosen = self.instance.on_failure
        if chosen and chosen not in choices:
            choices[chosen] = f"{chosen} (no longer there)"
        self.fields["on_failure"].choices = [("", "Do nothing"), *choices.items()]  # type: ignore[attr-defined]


class RoleField(forms.ModelChoiceField):  # type: ignore[type-arg] # not generic at run time
    """A choice of the roles the given member may hand out."""

    def label_from_instance(self, role: object) -> str:
        return str(role).capitalize()


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = RoleField(queryset=Role.objects.none(), empty_label=None)

    def __init__(self, *args: Any, roles: list[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        field.queryset = Role.objects.filter(pk__in=[role.pk for role in roles])  # type: ignore[attr-defined]
        field.choices = [(role.pk, role.name.capitalize()) for role in roles]  # type: ignore[attr-defined]
        field.initial = next((role.pk for role in roles if role.name == "editor"), None)


class RoleForm(forms.Form):
    role = RoleField(queryset=Role.objects.none(), empty_label=None)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].queryset = Role.objects.offered_in(tenant)  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="Where it will be used, for example “Nightly backup”.")
    workspace = forms.ModelChoiceField(queryset=Tenant.objects.none(), empty_label=None)
    scope = forms.ChoiceField(choices=ApiToken.Scope.choices, initial=ApiToken.Scope.WRITE, label="May")
    lifetime = forms.ChoiceField(choices=list(TOKEN_LIFETIMES_DAYS.items()), initial="90", label="Valid for")

    def __init__(self, *args: Any, memberships: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = [m.tenant_id for m in memberships if has_permission(m, "token.manage")]
        self.fields["workspace"].queryset = Tenant.objects.filter(pk__in=ids).order_by("name")  # type: ignore[attr-defined]

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return None if days == NO_END else clock.now() + timedelta(days=int(days))

"""What people fill in about a variable."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Environment, Tenant
from automate.lib import jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from workflows.models import WorkflowVariable

Kind = WorkflowVariable.Type


class VariableForm(forms.Form):
    """A variable of a workspace. Its name and type stay as they are once it exists: workflows rely on both."""

    key = forms.RegexField(
        r"^[A-Za-z_][A-Za-z0-9_]{0,59}$",
        label="Name",
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono-input"}),
        error_messages={"invalid": "Use letters, digits and _, and do not begin with a digit."},
    )
    type = forms.ChoiceField(choices=Kind.choices, label="Type")
    environment = forms.ModelChoiceField(
        queryset=Environment.objects.none(), required=False, empty_label="All environments"
    )
    value = forms.CharField(required=False, strip=False)

    def __init__(
        self,
        data: Any = None,
        *,
        tenant: Tenant,
        variable: WorkflowVariable | None = None,
        kind: str = "",
        **more: Any,
    ) -> None:
        super().__init__(data, **more)
        self.tenant, self.variable = tenant, variable
        asked = str((data or {}).get("type") or kind)
        self.kind = variable.type if variable else asked if asked in Kind else Kind.STRING.value
        self.fields["value"] = _value_field(self.kind, is_new=variable is None)
        environments = Environment.objects.for_tenant(tenant)
        if variable is not None:
            del self.fields["key"], self.fields["type"], self.fields["environment"]
        elif environments.count() > 1:
            self.fields["environment"].queryset = environments  # type: ignore[attr-defined]  # a ModelChoiceField
        else:
            del self.fields["environment"]

    def clean_value(self) -> JSON:
        """As the variable's type has it; None for a secret that stays."""
        text: str = self.cleaned_data["value"]
        if self.kind == Kind.SECRET:
            return text or None
        if self.kind == Kind.STRING:
            return text
        return _parsed(text.strip(), self.kind)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.variable is None and "key" in data and _is_taken(self.tenant, data):
            self.add_error("key", f"There is a variable {data['key']} already. Change that one.")
        return data


def _value_field(kind: str, *, is_new: bool) -> forms.Field:
    if kind == Kind.BOOLEAN:
        return forms.ChoiceField(label="Value", choices=[("true", "Yes"), ("false", "No")])
    if kind == Kind.SECRET:
        return forms.CharField(
            label="Value" if is_new else "New value",
            required=is_new,
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            help_text="Stored encrypted. Nobody can read it again, not even you; only steps can use it."
            if is_new
            else "Leave it empty to keep the stored one.",
        )
    if kind == Kind.NUMBER:
        number = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        return forms.CharField(label="Value", widget=number)
    rows = {"rows": 5, "class": "mono-input", "spellcheck": "false"} if kind == Kind.JSON else {"rows": 2}
    area = forms.Textarea(attrs=rows)
    return forms.CharField(label="Value", required=kind == Kind.JSON, strip=False, widget=area)


def _parsed(text: str, kind: str) -> JSON:
    try:
        value = jsontypes.loads(text)
    except BadJSON as error:
        if kind == Kind.NUMBER:
            raise forms.ValidationError(
                "Enter a number, with a point before its fraction, such as 12.5."
            ) from None
        raise forms.ValidationError(f"This is not valid JSON: {error}") from None
    if kind == Kind.NUMBER and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise forms.ValidationError("Enter a number, with a point before its fraction, such as 12.5.")
    return value


def _is_taken(tenant: Tenant, data: dict[str, Any]) -> bool:
    """Asked because SQLite has no unique keys in which two nulls are the same."""
    rows = WorkflowVariable.objects.for_tenant(tenant).filter(key=data["key"])
    return rows.filter(environment=data.get("environment")).exists()

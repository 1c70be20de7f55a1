"""What people fill in to connect: a name, who may use it, and the fields of the chosen way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.connections.errors import ConnectionRefused
from integrations.connections.fields import clean
from integrations.connections.store import MAX_NAME_CHARS
from integrations.connections.vault import masked
from integrations.manifest import InputField, Way
from integrations.models import UserIntegration

PREFIX = "field_"  # a manifest may call its own fields `name` or `sharing`
Sharing = UserIntegration.Sharing


class ManifestField(forms.CharField):
    """One field of a manifest. `stored`: what is kept of it, so that a secret may be left empty to keep it."""

    def __init__(self, entry: InputField, *, stored: JSON = None) -> None:
        self.entry = entry
        self.keeps_stored = entry.type == "secret" and bool(stored)
        super().__init__(
            required=entry.required and not self.keeps_stored,
            label=entry.label,
            help_text=entry.help,
            widget=_widget(entry, masked(stored) if self.keeps_stored else entry.placeholder),
            strip=False,
            initial=entry.default if stored is None else stored,
        )
        if entry.type == "secret":
            self.initial = None

    def clean(self, value: Any) -> Any:
        if value in (None, "") and self.keeps_stored:
            return ""
        try:
            return clean(self.entry, value)
        except ConnectionRefused as refusal:
            raise forms.ValidationError(refusal.message) from None


def _widget(entry: InputField, placeholder: str) -> forms.Widget:
    attrs: dict[str, Any] = {"placeholder": placeholder} if placeholder else {}
    if entry.type == "secret":
        # `new-password` keeps browsers from offering the person's password for this site
        return forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password", "spellcheck": "false"})
    if entry.type == "select":
        empty = [] if entry.required else [("", "—")]
        return forms.Select(choices=empty + [(option, option) for option in entry.options])
    if entry.type == "multiline":
        return forms.Textarea(attrs={**attrs, "rows": 4, "spellcheck": "false"})
    kind = {"url": "url", "number": "number"}.get(entry.type, "text")
    return forms.TextInput(attrs={**attrs, "type": kind, "autocomplete": "off"})


class ConnectionForm(forms.Form):
    """`values()` are the credentials, `basic` and `advanced` the fields in the order pages show them."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, label="Connection name")
    sharing = forms.ChoiceField(
        choices=Sharing.choices, label="Who may use it", widget=forms.RadioSelect, initial=Sharing.PRIVATE
    )

    def __init__(
        self,
        *args: Any,
        way: Way | None,
        may_share: bool,
        with_name: bool = True,
        stored: dict[str, JSON] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not may_share:
            del self.fields["sharing"]
        if not with_name:
            del self.fields["name"]
        self.entries: Sequence[InputField] = auth.fields(way) if way is not None else []
        for entry in self.entries:
            field = ManifestField(entry, stored=(stored or {}).get(entry.key))
            if self.is_bound and entry.type == "secret":
                # the answer never holds the secret; HTMX keeps the element in which it was typed
                field.widget.attrs["hx-preserve"] = "true"
            self.fields[PREFIX + entry.key] = field

    def values(self) -> dict[str, JSON]:
        """The cleaned fields of the way by key; a secret left empty to keep the stored one is empty."""
        return {entry.key: self.cleaned_data[PREFIX + entry.key] for entry in self.entries}

    def name_value(self) -> str:
        return str(self.cleaned_data.get("name", ""))

    def sharing_value(self, otherwise: str = Sharing.PRIVATE) -> str:
        return str(self.cleaned_data.get("sharing") or otherwise)

    def add_refusal(self, refusal: ConnectionRefused) -> None:
        """Show what the store refused beside its field, if the form has it."""
        candidates = [PREFIX + (refusal.field or ""), refusal.field or ""]
        field = next((name for name in candidates if name in self.fields), None)
        self.add_error(field, refusal.message)

    def basic(self) -> list[BoundField]:
        return [self[PREFIX + entry.key] for entry in self.entries if not entry.advanced]

    def advanced(self) -> list[BoundField]:
        return [self[PREFIX + entry.key] for entry in self.entries if entry.advanced]

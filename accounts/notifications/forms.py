"""What a person chooses about notifications: which workflows, and for each kind the list and the mail."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.notifications.kinds import ABOUT, Kind
from accounts.notifications.models import NotificationSettings


class SettingsForm(forms.Form):
    which = forms.ChoiceField(
        choices=NotificationSettings.Which.choices,
        widget=forms.RadioSelect,
        label="About which workflows",
        help_text="Approvals that wait for you, and your own connections, are always yours.",
    )

    def __init__(self, *args: Any, row: NotificationSettings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.fields["which"].initial = row.which
        for kind, about in ABOUT.items():
            for channel in ("app", "mail"):
                if channel == "mail" and about.by_mail is None:
                    continue
                wanted = row.wants(kind, channel)
                self.fields[f"{kind}_{channel}"] = forms.BooleanField(required=False, initial=wanted)

    def kinds(self) -> list[dict[str, Any]]:
        """A row of the table: the kind in words, the box for the list, and the one for the mail where there is one."""
        return [
            {
                "label": kind.label,
                "about": about,
                "app": self[f"{kind.value}_app"],
                "mail": self[f"{kind.value}_mail"] if f"{kind.value}_mail" in self.fields else None,
            }
            for kind, about in ABOUT.items()
        ]

    def save(self) -> None:
        data = self.cleaned_data
        self.row.which = data["which"]
        self.row.choices = {
            kind.value: {
                channel: bool(data[f"{kind.value}_{channel}"])
                for channel in ("app", "mail")
                if f"{kind.value}_{channel}" in data
            }
            for kind in Kind
        }
        self.row.save()

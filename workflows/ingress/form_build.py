"""The fields of a form trigger as a Django form, and what was filled in as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from automate.lib.jsontypes import JSON
from workflows.engine.form_fields import FormField

MAX_TEXT: Final = 1_000  # characters of a text, unless the schema says otherwise
MAX_LONG_TEXT: Final = 20_000
MAX_DIGITS: Final = 30
PREFIX: Final = "f"  # fields are named `f-<key>`, so that none meets a name of ours
_EMPTY: Final = "Fill this in."


def form_class(fields: Iterable[FormField]) -> type[forms.Form]:
    """A form with one field per question, in order."""
    made = {field.key: _field(field) for field in fields}
    return type("FilledForm", (forms.Form,), {**made, "prefix": PREFIX, "template_name": "ui/_form.html"})


def values_of(
    form: forms.Form, fields: Iterable[FormField], keep: Callable[[UploadedFile[bytes]], JSON]
) -> dict[str, JSON]:
    """What was filled in, by key: null for what was left empty. `keep` makes a file value of an upload."""
    found: dict[str, JSON] = {}
    for field in fields:
        value = form.cleaned_data.get(field.key)
        found[field.key] = keep(value) if isinstance(value, UploadedFile) else _plain(field, value)
    return found


def _plain(field: FormField, value: Any) -> JSON:
    if field.kind == "checkbox":
        return bool(value)
    if value in (None, ""):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and field.kind == "integer" else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if field.kind == "choice":
        chosen: JSON = next(choice for choice in field.choices if str(choice) == value)
        return chosen
    return str(value).replace("\r\n", "\n")


def _field(field: FormField) -> forms.Field:
    common: dict[str, Any] = {
        "label": field.shown_label,
        "help_text": field.help,
        "required": field.required,
        "initial": field.default,
    }
    made = _MAKERS[field.kind](field, common)
    made.error_messages["required"] = _REQUIRED.get(field.kind, _EMPTY)
    return made


_REQUIRED: Final = {
    "choice": "Choose one.",
    "checkbox": "This has to be ticked.",
    "file": "Choose a file.",
    "date": "Choose a date.",
}


def _text(field: FormField, common: dict[str, Any]) -> forms.Field:
    most = MAX_LONG_TEXT if field.kind == "long" else MAX_TEXT
    limit = int(min(field.limit("maxLength") or most, most))
    least = field.limit("minLength")
    more: dict[str, Any] = (
        {"widget": forms.Textarea(attrs={"rows": 5, "data-grow": True})} if field.kind == "long" else {}
    )
    return forms.CharField(max_length=limit, min_length=int(least) if least else None, **common, **more)


def _number(field: FormField, common: dict[str, Any]) -> forms.Field:
    low, high = field.limit("minimum"), field.limit("maximum")
    made = forms.DecimalField(
        max_digits=MAX_DIGITS,
        decimal_places=0 if field.kind == "integer" else None,
        min_value=None if low is None else Decimal(str(low)),
        max_value=None if high is None else Decimal(str(high)),
        **common,
    )
    words = "a whole number, such as 12" if field.kind == "integer" else "a number, such as 12.5"
    made.error_messages["invalid"] = f"Write {words}."
    made.error_messages["max_decimal_places"] = f"Write {words}."
    return made


def _choice(field: FormField, common: dict[str, Any]) -> forms.Field:
    choices = [("", "Choose…"), *((str(choice), str(choice)) for choice in field.choices)]
    made = forms.ChoiceField(choices=choices, **common)
    made.error_messages["invalid_choice"] = "Choose one of the list."
    return made


def _checkbox(_field: FormField, common: dict[str, Any]) -> forms.Field:
    return forms.BooleanField(**common)


def _date(_field: FormField, common: dict[str, Any]) -> forms.Field:
    made = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
    made.error_messages["invalid"] = "Write the date as year, month, day: 2026-12-24."
    return made


def _email(_field: FormField, common: dict[str, Any]) -> forms.Field:
    made = forms.EmailField(max_length=254, **common)
    made.error_messages["invalid"] = "This is no e-mail address. One looks like name@example.com."
    made.widget.attrs["autocomplete"] = "email"
    return made


def _file(field: FormField, common: dict[str, Any]) -> forms.Field:
    accept = ",".join(field.accept)
    widget = forms.FileInput(attrs={"accept": accept} if accept else {})
    return TakenFile(accept=field.accept, widget=widget, max_length=255, **common)


class TakenFile(forms.FileField):
    """A file of at most MAX_BLOB_BYTES; with `accept` only with one of these endings (such as ".pdf")."""

    def __init__(self, *, accept: tuple[str, ...], **more: Any) -> None:
        self.accept = tuple(ending.lower() for ending in accept if ending.startswith("."))
        super().__init__(**more)
        self.error_messages["empty"] = "This file is empty. Choose another one."

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file and file.size > settings.MAX_BLOB_BYTES:
            most = settings.MAX_BLOB_BYTES // (1024 * 1024)
            raise forms.ValidationError(
                f"This file is larger than {most:,} MB. Make it smaller, or choose another one."
            )
        if file and self.accept and PurePath(file.name).suffix.lower() not in self.accept:
            raise forms.ValidationError(f"Choose a file that ends in {' or '.join(self.accept)}.")
        return file


_MAKERS: Final[dict[str, Callable[[FormField, dict[str, Any]], forms.Field]]] = {
    "text": _text, "long": _text, "number": _number, "integer": _number, "choice": _choice, "checkbox": _checkbox,
    "date": _date, "email": _email, "file": _file,
}  # fmt: skip

"""What people fill in to bring a workflow in."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile

from workflows.engine.document import MAX_TEXT_BYTES

MAX_ADDRESS: Final = 2000


class ImportForm(forms.Form):
    """A document as a file, at an address, or pasted; the first of these that is given counts."""

    file = forms.FileField(
        required=False,
        label="File",
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml,.json"}),
    )
    url = forms.CharField(
        required=False,
        max_length=MAX_ADDRESS,
        label="Or its web address",
        widget=forms.TextInput(attrs={"placeholder": "https://…", "inputmode": "url", "autocomplete": "off"}),
        help_text="Of a file that opens without signing in, such as one on GitHub.",
    )
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or its text",
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono-input", "spellcheck": "false"}),
        help_text="YAML or JSON, as “Export” writes it. The older form with nodes and connections is understood too.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file: UploadedFile[bytes] | None = data.get("file")
        given = file is not None or data.get("url", "").strip() or str(data.get("text", "")).strip()
        if not given and not self.errors:
            raise forms.ValidationError("Choose a file, give an address, or paste the text of a workflow.")
        if file is not None and (file.size or 0) > MAX_TEXT_BYTES:
            raise forms.ValidationError(
                f"The file has {file.size:,} bytes. {MAX_TEXT_BYTES:,} is the most a workflow may have."
            )
        return data

    @property
    def file_bytes(self) -> bytes | None:
        file: UploadedFile[bytes] | None = self.cleaned_data.get("file")
        return file.read() if file is not None else None

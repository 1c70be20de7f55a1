"""Documents as files to keep."""

from __future__ import annotations

import json

from django.http import HttpResponse

from workflows.engine.document import Document, dump, dump_yaml


def as_file(document: Document, name: str, form: str) -> HttpResponse:
    """The document as a download; `form` is "json" or anything else for YAML."""
    if form == "json":
        text = json.dumps(dump(document), indent=2, ensure_ascii=False) + "\n"
        return _download(text, f"{name}.json", "application/json")
    return _download(dump_yaml(document), f"{name}.yaml", "application/yaml")


def _download(text: str, name: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type=f"{content_type}; charset=utf-8", headers=headers)

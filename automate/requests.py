"""Requests that no header can break."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIRequest


class SturdyRequest(WSGIRequest):
    """Django raises over some malformed Content-Type headers before any view or middleware can answer.

    Of those only the media type is kept, so that the view refuses the body, or reads it, with a sentence.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # missing from the stubs
        except (ValueError, LookupError):
            self.content_type = str(meta.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
            self.content_params = {}

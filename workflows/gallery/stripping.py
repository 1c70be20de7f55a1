"""Secrets that people typed into a workflow stay behind when it becomes a template. Pure.

Documents hold no connections, only slots for them; what is left is text that somebody pasted into a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from workflows.engine.document import Document, Step, Trigger

Schema = Mapping[str, Any]
SchemaOf = Callable[[Step | Trigger], Schema | None]  # the JSON Schema of what goes into a part
LEFT_OUT: Final = "(left out)"
_TELLING: Final = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|credential|bearer", re.IGNORECASE
)
_IN_ADDRESS: Final = re.compile(
    r"(?i)([?&](?:api[-_]?key|key|token|access_token|auth|secret|password|sig|signature)=)([^&\s#{}]+)"
)
_KNOWN: Final = re.compile(
    r"xox[a-z]-[\w-]{8,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|sk[-_](?:live|test|proj|ant)[-_][\w-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?i:\b(?:bearer|basic) )(?=\S*\d)[\w.~+/=-]{16,}"
)
_USERINFO: Final = re.compile(r"(\w+://[^\s:/@{}]+:)([^\s/@{}]+)(@)")


@dataclass
class _Stripper:
    places: list[str] = field(default_factory=list)

    def value(self, place: str, value: Any, schema: Schema | None, telling: bool = False) -> Any:
        """The value without what is secret in it."""
        secret = telling or bool(schema and schema.get("x-secret"))
        if isinstance(value, str):
            return self._text(place, value, secret)
        if isinstance(value, dict):
            properties = schema.get("properties") if schema else None
            known = properties if isinstance(properties, Mapping) else {}
            kept = {
                key: self.value(f"{place}.{key}", inner, known.get(key), _tells(key, inner))
                for key, inner in value.items()
            }
            return {key: inner for key, inner in kept.items() if inner is not None or value[key] is None}
        if isinstance(value, list):
            return [self.value(f"{place}[{at}]", inner, None) for at, inner in enumerate(value)]
        return value

    def _text(self, place: str, text: str, secret: bool) -> str | None:
        if secret and text and "{{" not in text:
            self.places.append(place)
            return None
        clean = _KNOWN.sub(LEFT_OUT, text)
        clean = _IN_ADDRESS.sub(rf"\g<1>{LEFT_OUT}", clean)
        clean = _USERINFO.sub(rf"\g<1>{LEFT_OUT}\g<3>", clean)
        if clean != text:
            self.places.append(place)
        return clean


def _tells(key: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_TELLING.search(key))


def stripped(document: Document, schema_of: SchemaOf) -> tuple[Document, list[str]]:
    """The document without typed secrets, and the places they stood in."""
    stripper = _Stripper()
    steps = tuple(_step(stripper, step, schema_of(step)) for step in document.steps)
    triggers = tuple(_trigger(stripper, trigger, schema_of(trigger)) for trigger in document.triggers)
    description = stripper.value("description", document.description, None) or ""
    return replace(document, steps=steps, triggers=triggers, description=description), stripper.places


def _step(stripper: _Stripper, step: Step, schema: Schema | None) -> Step:
    at = f"steps.{step.key}"
    return replace(
        step,
        input=stripper.value(f"{at}.input", step.input, schema) or {},
        config=stripper.value(f"{at}.config", step.config, None) or {},
        notes=stripper.value(f"{at}.notes", step.notes, None) or "",
    )


def _trigger(stripper: _Stripper, trigger: Trigger, schema: Schema | None) -> Trigger:
    wanted = {"properties": {"input": schema}} if schema else None
    return replace(
        trigger, config=stripper.value(f"triggers.{trigger.key}.config", trigger.config, wanted) or {}
    )

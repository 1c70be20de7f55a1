"""From YAML to a Manifest: strict, with a path and a sentence for everything that does not fit."""

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from integrations.errors import Fault, ManifestError
from integrations.manifest.shape import Manifest

CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue"
MAX_MANIFEST_CHARS = 1_000_000
LOADED_KEPT = 256  # manifests a process keeps read; reading one takes about 0.1 s


class _Constructor(SafeConstructor):
    """Dates stay text, as everywhere in the product."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def load(source: Path | str) -> Manifest:
    """Raises ManifestError."""
    path = source if isinstance(source, Path) else Path(source) if "\n" not in source else None
    text = path.read_text(encoding="utf-8") if path else str(source)
    name = path.name if path else "The manifest"
    if len(text) > MAX_MANIFEST_CHARS:
        raise ManifestError([Fault("", f"It is longer than {MAX_MANIFEST_CHARS:,} characters.")], name)
    return _read(text, name)


@lru_cache(maxsize=LOADED_KEPT)
def _read(text: str, name: str) -> Manifest:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        data = yaml.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        first = " ".join(str(error).split())[:300]
        raise ManifestError([Fault("", f"It is not YAML 1.2: {first}.")], name) from None
    return from_data(data, name=name)


def from_data(data: object, *, name: str = "The manifest") -> Manifest:
    """From the plain data that `as_data` or a YAML reader gives. Raises ManifestError."""
    if not isinstance(data, dict):
        raise ManifestError(
            [Fault("", "It must be an object with slug, name, connections and actions.")], name
        )
    try:
        return _adapter().validate_json(jsontypes.dumps_bytes(data))  # JSON mode: strict about every type
    except (TypeError, BadJSON) as error:
        raise ManifestError([Fault("", f"It holds something that is not data: {error}")], name) from None
    except ValidationError as error:
        faults = [Fault(_path(one["loc"], data), _sentence(one)) for one in error.errors(include_url=False)]
        raise ManifestError(faults, name) from None


def as_data(manifest: Manifest) -> dict[str, JSON]:
    """The plain data of a manifest, without what is left at its default; `from_data` reads it back."""
    data: dict[str, JSON] = _adapter().dump_python(
        manifest, mode="json", by_alias=True, exclude_defaults=True
    )
    return data


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest, as shipped in `integrations/manifest.schema.json`."""
    schema = _adapter().json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "automate integration manifest",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def shipped_slugs() -> list[str]:
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))


def shipped(slug: str) -> Manifest:
    """The manifest of a shipped integration. Raises KeyError for an unknown slug."""
    if slug not in shipped_slugs():
        raise KeyError(slug)
    return load(CATALOGUE / f"{slug}.yaml")


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _path(place: tuple[int | str, ...], data: object) -> str:
    """`actions.send_message.path`: list entries by their name where they have one; union tags left out."""
    parts: list[str] = []
    for key in place:
        if isinstance(key, int) and isinstance(data, list) and key < len(data):
            data = data[key]
            named = (
                data.get("name") or data.get("key") or data.get("type") if isinstance(data, Mapping) else None
            )
            parts.append(str(named or key))
        elif isinstance(data, Mapping):
            parts.append(str(key))
            data = data.get(key)
    return ".".join(parts)


def _sentence(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return "This key is not known here. Check its spelling or remove it."
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return "This key is missing."
    if kind == "literal_error":
        return f"It must be one of {context['expected']}."
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"It {message[0].lower()}{message[1:]}."

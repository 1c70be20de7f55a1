"""Workflow documents: read them from YAML, JSON or a dict, write them in one canonical way, and tell them apart.

document = load(text)            # or DocumentError with every fault found
load(dump(document)) == document
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from workflows.engine import legacy, yaml_io, yaml_text
from workflows.engine.completeness import missing
from workflows.engine.errors import DocumentError, Fault
from workflows.engine.parts import (
    FORMAT,
    Config,
    Document,
    Retry,
    Settings,
    Slot,
    Step,
    Trigger,
    port_name,
    ports,
)
from workflows.engine.reader import Reader
from workflows.engine.schema import SCHEMA, schema_json
from workflows.engine.shapes import shown
from workflows.engine.writer import write

__all__ = [
    "FORMAT", "MAX_TEXT_BYTES", "SCHEMA", "Config", "Document", "DocumentError", "Fault", "Retry", "Settings", "Slot",
    "Step", "Trigger", "digest", "dump", "dump_yaml", "load", "parse", "port_name", "ports", "schema_json", "shape_faults",
]  # fmt: skip

MAX_TEXT_BYTES: Final = 1_048_576  # a document of 500 full steps is a third of this
MAX_DEPTH: Final = 64


def load(source: str | bytes | Mapping[str, Any], *, complete: bool = True) -> Document:
    """Read a document, or the older nodes/connections form. Raises DocumentError with all faults.

    `complete=False` reads a draft: what is there must be right, but things may still be missing (an action not yet chosen).
    """
    data = parse(source)
    if legacy.is_legacy(data):
        data, _notes = legacy.convert(data, {})
    reader = Reader()
    document = reader.read(data)
    faults = reader.faults + (_lacks(document, reader.faults) if complete else [])
    if faults:
        raise DocumentError(faults)
    return document


def parse(source: str | bytes | Mapping[str, Any]) -> Config:
    """The text or dict as a plain object, within the limits of size and depth. Raises DocumentError."""
    try:
        value = (
            jsontypes.check(source, max_depth=MAX_DEPTH)
            if isinstance(source, Mapping)
            else _parse_text(source)
        )
    except (BadJSON, yaml_io.BadYAML) as error:
        raise DocumentError([Fault("", str(error))]) from None
    if not isinstance(value, dict):
        raise DocumentError(
            [Fault("", f"A workflow document is an object with `format: {FORMAT}`, not {shown(value)}.")]
        )
    return value


def dump(document: Document) -> Config:
    """The canonical plain dict: fixed order of keys, defaults left out."""
    return write(document)


def dump_yaml(document: Document) -> str:
    """The canonical form as YAML 1.2."""
    return yaml_text.dumps(write(document))


def digest(document: Document) -> str:
    """SHA-256 (hex) of what the workflow does: the canonical form without `layout`. The order of people's own names counts:
    it is that of columns."""
    data = write(document)
    data.pop("layout", None)
    return hashlib.sha256(jsontypes.dumps_bytes(data)).hexdigest()


def shape_faults(document: Document) -> list[Fault]:
    """What `load(dump(document))` would refuse; for documents that were put together in code or from rows."""
    reader = Reader()
    reader.read(write(document))
    return reader.faults + _lacks(document, reader.faults)


def _lacks(document: Document, said: list[Fault]) -> list[Fault]:
    """What is missing, but for fields that are there and were refused."""
    refused = tuple(re.split(r"[.\[]", fault.path)[:3] for fault in said)
    return [fault for fault in missing(document) if re.split(r"[.\[]", fault.path)[:3] not in refused]


def _parse_text(source: str | bytes) -> JSON:
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise BadJSON(
            f"The document has {size:,} bytes. {MAX_TEXT_BYTES:,} is the most; move parts into sub-workflows."
        )
    text = _decoded(source) if isinstance(source, bytes) else source.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "[") and text.lstrip()[1:].lstrip()[:1] in ('"', "}", "{", "]"):
        return jsontypes.loads(text, max_depth=MAX_DEPTH)
    return jsontypes.check(yaml_io.loads(text, max_depth=MAX_DEPTH), max_depth=MAX_DEPTH)


def _decoded(source: bytes) -> str:
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadJSON("The document is UTF-16. Save it as UTF-8.")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadJSON(f"Byte {error.start + 1} is not valid UTF-8. Save the document as UTF-8.") from None

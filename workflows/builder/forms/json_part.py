"""One step or trigger as JSON: everything a document can say, for what forms do not show."""

from __future__ import annotations

from typing import Any, overload

from automate.lib import jsontypes
from automate.lib.jsontypes import BadJSON
from workflows.builder.forms.values import BadValue, clean
from workflows.engine.document import Document, DocumentError, Step, Trigger, dump, load

Errors = dict[str, str]


@overload
def read_json(document: Document, part: Step, text: str) -> tuple[Step, Errors]: ...
@overload
def read_json(document: Document, part: Trigger, text: str) -> tuple[Trigger, Errors]: ...
def read_json(document: Document, part: Step | Trigger, text: str) -> tuple[Step | Trigger, Errors]:
    """The part as typed, or as it was with an error under `_json`. Its key and its lines stay as they are."""
    try:
        data = jsontypes.loads(clean(text))
        if not isinstance(data, dict):
            raise BadValue("This must be an object, in { and }.")
        return _loaded(document, part, data), {}
    except (BadJSON, BadValue) as error:
        return part, {"_json": str(error)}
    except DocumentError as error:
        return part, {"_json": "\n".join(fault.message for fault in error.faults)}


def _loaded(document: Document, part: Step | Trigger, data: dict[str, Any]) -> Step | Trigger:
    """Read through the document's own loader, so that every check of its shape holds."""
    room = "steps" if isinstance(part, Step) else "triggers"
    whole = dump(document)
    plain = {name: value for name, value in data.items() if name not in ("next", "on_error")}
    at = next(index for index, other in enumerate(whole[room]) if other["key"] == part.key)
    links = {name: whole[room][at][name] for name in ("next", "on_error") if name in whole[room][at]}
    whole[room][at] = {**plain, "key": part.key, **links}
    loaded = load(whole, complete=False)
    return loaded.steps[at] if isinstance(part, Step) else loaded.triggers[at]

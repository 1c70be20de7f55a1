"""Parts of a step's output that it does not have, as far as can be known before it has run."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflows.engine.catalogue import Catalogue
from workflows.engine.parts import Step
from workflows.engine.words import did_you_mean

Schema = Mapping[str, Any]
_EXACT: Final = {"loop": ("count", "failed", "results"), "merge": ("taken", "first")}


def missing_part(step: Step, path: tuple[str, ...], catalogue: Catalogue) -> str | None:
    """A sentence when `steps.<key>.<path>` leads to something the step will not give; None when it may.

    A schema that is open counts as knowing only when the name looks like a slip of the pen.
    """
    if not path or path[0] == "error":
        return None
    schema = _output_schema(step, catalogue)
    done = f"steps.{step.key}"
    for part in path:
        known = schema.get("properties") if schema else None
        if schema and not known and part.isdigit():
            items = schema.get("items")
            schema = items if isinstance(items, Mapping) else None
            continue
        if not isinstance(known, Mapping) or not known:
            return None
        if part not in known:
            hint = did_you_mean(part, known)
            is_certain = schema is not None and schema.get("additionalProperties") is False
            return f"`{done}` has no `{part}`. {hint}" if is_certain or hint.startswith("Did") else None
        inner = known[part]
        schema = inner if isinstance(inner, Mapping) else None
        done = f"{done}.{part}"
    return None


def _output_schema(step: Step, catalogue: Catalogue) -> Schema | None:
    if step.output is not None:
        return _exactly(step.output)
    made = step.config.get("set") if step.type == "transform" else None
    if isinstance(made, dict):
        return _exactly(made)
    if step.type in _EXACT:
        return _exactly(_EXACT[step.type])
    info = catalogue.action(step.integration, step.action) if step.integration and step.action else None
    return info.output_schema if info else None


def _exactly(names: Iterable[str]) -> Schema:
    return {"properties": {name: {} for name in names}, "additionalProperties": False}

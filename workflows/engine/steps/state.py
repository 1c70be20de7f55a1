"""Remembers values between the runs of a workflow: here the deed is worked out; it happens with the step's record.

Whoever writes the record does the deed in the same transaction, under a lock on the keys: two runs that count at the
same time both count, and a run whose worker dies in between has either done both or nothing.
"""

from __future__ import annotations

from typing import Final

from automate.lib import jsontypes
from automate.lib.expressions.compare import as_number
from automate.lib.jsontypes import JSON
from workflows.engine.kinds import STATE_DEEDS
from workflows.engine.outcome import Deed, Outcome, UseMemory
from workflows.engine.steps.context import StepContext, StepFault

MAX_NAMES: Final = 100  # of one step
MAX_NAME_CHARS: Final = 120
MAX_VALUE_BYTES: Final = 256 * 1024  # of one key, as JSON; what is bigger belongs into a database
MAX_LIST: Final = 10_000


class Nothing:
    """In place of a value: nothing is kept under that name."""


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    deed = next((name for name in STATE_DEEDS if name in config), None)
    if deed is None:
        raise StepFault("The step does not say what to do. Let it get, set, increment, append or delete.")
    single = deed == "get" and not isinstance(config["get"], list)
    names = _names(context, deed, config[deed])
    for name, value in names.items():
        _check(deed, name, value)
    return UseMemory(deed, names, _seconds(context), _keep(context), single)


def _names(context: StepContext, deed: Deed, given: JSON) -> dict[str, JSON]:
    if deed in ("get", "delete"):
        wanted = context.value(given)
        found = wanted if isinstance(wanted, list) else [wanted]
        default = context.value(context.step.config.get("default")) if deed == "get" else None
        return {_name(name): default for name in found}
    if not isinstance(given, dict) or not given:
        raise StepFault(f"`{deed}` must be an object of names and values.")
    return {_name(context.value(name)): context.value(value) for name, value in given.items()}


def _name(name: JSON) -> str:
    text = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
    if not text.strip() or len(text) > MAX_NAME_CHARS:
        raise StepFault(
            f"A name in the memory is a text of at most {MAX_NAME_CHARS} characters, not {name!r:.60}."
        )
    return text


def _check(deed: Deed, name: str, value: JSON) -> None:
    if deed == "increment" and as_number(value) is None:
        raise StepFault(f"“{name}” can be raised by a number only, not by {value!r:.60}.")


def _seconds(context: StepContext) -> float | None:
    if "expires_s" not in context.step.config:
        return None
    seconds = as_number(context.setting("expires_s"))
    if seconds is None or seconds <= 0:
        raise StepFault("`expires_s` must be a number of seconds above 0.")
    return float(seconds)


def _keep(context: StepContext) -> int | None:
    if "keep" not in context.step.config:
        return None
    count = context.setting("keep")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_LIST:
        raise StepFault(f"`keep` must be a whole number from 1 to {MAX_LIST:,}.")
    return count


# --- the deeds, on values -------------------------------------------------------------------------


def after(use: UseMemory, name: str, kept: JSON | Nothing) -> JSON | Nothing:
    """What is kept under a name when the deed is done. Raises StepFault."""
    given = use.names[name]
    if use.deed == "get":
        return kept
    if use.deed == "delete":
        return Nothing()
    value: JSON = given
    if use.deed == "increment":
        value = _raised(name, kept, given)
    elif use.deed == "append":
        value = _appended(name, kept, given, use.keep)
    if value is None:
        return Nothing()
    size = len(jsontypes.dumps_bytes(value))
    if size > MAX_VALUE_BYTES:
        raise StepFault(
            f"“{name}” would hold {size:,} bytes; one name of the memory holds {MAX_VALUE_BYTES:,}. "
            "Keep less under it, or keep it in a database or a sheet.",
            "too_large",
        )
    return value


def _raised(name: str, kept: JSON | Nothing, by: JSON) -> JSON:
    addend = as_number(by)
    current = 0 if isinstance(kept, Nothing) else as_number(kept)
    if current is None or addend is None:
        raise StepFault(
            f"“{name}” holds {kept!r:.60}, which is no number to count on. Delete it, or use another name."
        )
    total = current + addend
    if total - total != 0:
        raise StepFault(f"“{name}” would grow beyond every number. Delete it, or use another name.")
    return total


def _appended(name: str, kept: JSON | Nothing, item: JSON, keep: int | None) -> JSON:
    if not isinstance(kept, Nothing | list):
        raise StepFault(
            f"“{name}” holds {kept!r:.60}, which is no list to append to. Delete it, or use another name."
        )
    items: list[JSON] = [*(kept if isinstance(kept, list) else []), item]
    if keep is None and len(items) > MAX_LIST:
        raise StepFault(
            f"“{name}” holds {MAX_LIST:,} items already, the most there may be. Say in `keep` how many of the newest stay.",
            "too_large",
        )
    return items if keep is None else items[-keep:]


def output(use: UseMemory, before: dict[str, JSON | Nothing], now: dict[str, JSON | Nothing]) -> JSON:
    """What the step gives: the value itself for one `get`, else an object of the names and what is kept now."""
    if use.deed == "delete":
        return {"deleted": [name for name in use.names if not isinstance(before[name], Nothing)]}
    missing = use.names if use.deed == "get" else dict.fromkeys(use.names)
    made = {name: missing[name] if isinstance(now[name], Nothing) else now[name] for name in use.names}
    return next(iter(made.values())) if use.is_single else made  # type: ignore[return-value]  # no Nothing is left

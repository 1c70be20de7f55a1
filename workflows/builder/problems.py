"""What keeps a draft from being published, each with the address of the field where it can be put right."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from workflows.builder.room import Room
from workflows.engine.errors import Fault

_INDEX: Final = re.compile(r"\[(\d+)\]")
ERROR_TAB: Final = ("retry", "timeout_s", "effect", "after_unknown", "config.effect", "config.after_unknown")
PLAIN: Final = (
    "input",
    "config",
    "cases",
    "when",
    "output",
    "notes",
    "auth",
    "errors",
)  # heads of names in the form
NOWHERE: Final = ("next", "on_error")  # lines are drawn, not typed


class Problem:
    """One fault. `url` opens the step on the right tab; with an anchor, for browsers without scripts, it is `href`."""

    def __init__(self, room: Room, fault: Fault) -> None:
        self.message = fault.message
        self.severity = fault.severity
        self.url = self.href = room.addresses.page
        key, is_trigger = _part_of(room, fault)
        if not key:
            return
        tab, field = _place(fault.field or "")
        self.url = room.addresses.of(key, trigger=is_trigger) + (f"&tab={tab}" if tab != "setup" else "")
        if field:
            self.url += "&" + urlencode({"field": field})
        self.href = self.url + (f"#{anchor_of(field)}" if field else "")


def _part_of(room: Room, fault: Fault) -> tuple[str, bool]:
    """The key of the step or trigger, and whether it is a trigger; "" for the workflow itself."""
    head, _, rest = fault.path.partition(".")
    key = rest.split(".")[0].split("[")[0]
    triggers = {trigger.key for trigger in room.document.triggers}
    if head == "steps" and key in room.graph.steps:
        return key, False
    if head == "triggers" and key in triggers:
        return key, True
    if fault.step in room.graph.steps:
        return str(fault.step), False
    return (str(fault.step), True) if fault.step in triggers else ("", False)


def _place(field: str) -> tuple[str, str]:
    """The tab a field is on, and its name in the form: "cases[0].when" is `cases.0.when`."""
    name = _INDEX.sub(r".\1", field).strip(".")
    head = name.split(".")[0]
    if head in NOWHERE:
        return "setup", ""
    if head in ERROR_TAB or name in ERROR_TAB:
        return "errors", f"errors.{name.rpartition('.')[2]}"
    if head == "connection":
        return "setup", "_connection"
    if name == "config":
        return "setup", "when"
    if name.startswith("config.cases"):
        return "setup", name.removeprefix("config.")
    return "setup", name if not name or head in PLAIN else f"config.{name}"


def anchor_of(field: str) -> str:
    """The id a field of that name has on the page."""
    return "f-" + re.sub(r"[^A-Za-z0-9_]+", "-", field)

"""Approvals and callbacks in the side panel: lengths of time with their unit, how many must approve, who is told how."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from automate.lib.expressions import has_expression
from workflows.builder.forms.specs import Spec

Values = dict[str, Any]
FACTORS: Final = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_UNITS: Final = tuple((unit, unit.capitalize()) for unit in reversed(FACTORS))
_NEEDS: Final = (("any", "One of them"), ("all", "Everybody who is asked"), ("some", "As many as I say"))
_WAYS: Final = (("email", "By e-mail with a link"), ("inbox", "On their first page here"))
_METHODS: Final = tuple((name, name) for name in ("GET", "POST", "PUT", "PATCH"))


def _length(name: str, label: str, help: str, *, advanced: bool = False) -> tuple[Spec, Spec]:
    return (
        Spec(f"{name}_amount", "number", label, help, low=0, advanced=advanced),
        Spec(f"{name}_unit", "choice", "Unit", data=False, choices=_UNITS, advanced=advanced),
    )


APPROVAL: Final = (
    Spec("assignees", "list", "Who may answer", "E-mail addresses, or names of groups and roles of this workspace, one per line. "
         "People outside the workspace answer by the link in their mail.", required=True),
    Spec("message", "area", "What they read", "They see it with the name of this step."),
    Spec("need", "choice", "Who must approve", "One rejection is enough to reject.", data=False, choices=_NEEDS, redraws=True),
    Spec("count", "integer", "How many must approve", data=False, low=1),
    *_length("timeout", "Wait for an answer at most", "Then the run goes on by “No answer in time”. Empty: for ever. An expression "
             "counts seconds."),
    Spec("ways", "multi", "How they hear of it", "Their first page always lists it.", data=False, choices=_WAYS, advanced=True),
    *_length("reminder", "Remind them once after", "Those who have not answered get one more mail.", advanced=True),
    Spec("channels", "list", "Also tell a channel", "One per line: the connection slot of another step, a colon and the channel, such as "
         "slack: #approvals. The message leads to the run's page, where members answer.", advanced=True),
)  # fmt: skip
CALLBACK: Final = (
    *_length("timeout", "Wait for a call at most", "Then the run goes on by “No answer in time”. Empty: for ever. An expression counts "
             "seconds."),
    Spec("methods", "multi", "Methods it takes", "None chosen: POST. With GET, whoever merely opens the address ends the wait.",
         data=False, choices=_METHODS, advanced=True),
    Spec("auth", "auth", "Proof of who calls", 'Besides knowing the address. For example {"type": "header", "connection": "slot", '
         '"header": "X-Secret"}.', data=False, advanced=True),
)  # fmt: skip


def approval_shown(values: Values) -> Container[str]:
    names = [spec.name for spec in APPROVAL]
    return names if values.get("need") == "some" else [name for name in names if name != "count"]


def approval_there(config: Values) -> Values:
    """Keys of the document → fields of the form."""
    kept: Values = {name: config[name] for name in ("message", "fields") if name in config}
    shown: Values = {**kept, **_lengths_there(config, "timeout", "reminder")}
    if "assignees" in config:
        shown["assignees"] = _lines(config["assignees"])
    need = config.get("need", "any")
    shown |= {"need": need} if need in ("any", "all") else {"need": "some", "count": need}
    return {**shown, **_notify_there(config["notify"])} if "notify" in config else shown


def _notify_there(notify: Any) -> Values:
    if not isinstance(notify, list):
        return {"notify": notify}
    channels = [
        f"{way.get('connection', '')}: {way.get('channel', '')}" for way in notify if isinstance(way, dict)
    ]
    ways = [way for way in notify if isinstance(way, str)]
    return {"ways": ways, "channels": channels} if channels else {"ways": ways}


def approval_back(values: Values) -> Values:
    """Fields of the form → keys of the document; what is as usual is left out."""
    made: Values = {name: values[name] for name in ("assignees", "message", "fields") if name in values}
    made |= _lengths_back(values, "timeout", "reminder")
    need = values.get("need", "any")
    if need == "some":
        made["need"] = values.get("count", 2)
    elif need != "any":
        made["need"] = need
    notify = _notify_back(values)
    return made if notify is None else {**made, "notify": notify}


def _notify_back(values: Values) -> Any:
    """None where they are told as usual."""
    if "notify" in values:
        return values["notify"]
    lines = values.get("channels")
    posts = []
    for line in lines if isinstance(lines, list) else []:
        slot, _, channel = str(line).partition(":")
        posts.append({"connection": slot.strip(), "channel": channel.strip()})
    ways = values.get("ways")
    return [*(ways or (["email"] if posts else [])), *posts] or None


def callback_there(config: Values) -> Values:
    kept: Values = {name: config[name] for name in ("methods", "auth") if name in config}
    return {**kept, **_lengths_there(config, "timeout")}


def callback_back(values: Values) -> Values:
    kept: Values = {name: values[name] for name in ("methods", "auth") if name in values}
    return {**kept, **_lengths_back(values, "timeout")}


def _lines(value: Any) -> Any:
    """Text with commas is the same as a list of its parts."""
    if isinstance(value, str) and not has_expression(value):
        return [
            part.strip() for part in value.replace(";", ",").replace("\n", ",").split(",") if part.strip()
        ]
    return value


def _lengths_there(config: Values, *names: str) -> Values:
    shown: Values = {}
    for name in names:
        seconds = config.get(f"{name}_s")
        unit = "hours" if seconds is None else "seconds"
        if isinstance(seconds, int | float) and not isinstance(seconds, bool):
            unit = next(word for word, factor in FACTORS.items() if seconds % factor == 0 or factor == 1)
            seconds = seconds / FACTORS[unit]
            seconds = int(seconds) if seconds == int(seconds) else seconds
        shown[f"{name}_unit"] = unit
        if seconds is not None:
            shown[f"{name}_amount"] = seconds
    return shown


def _lengths_back(values: Values, *names: str) -> Values:
    made: Values = {}
    for name in names:
        amount = values.get(f"{name}_amount")
        factor = FACTORS.get(str(values.get(f"{name}_unit")), 1)
        if isinstance(amount, int | float) and not isinstance(amount, bool):
            made[f"{name}_s"] = amount * factor
        elif amount not in (None, ""):
            made[f"{name}_s"] = amount
    return made

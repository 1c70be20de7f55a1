"""The form of one trigger: its fields by type, the times of a schedule in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from workflows.builder.forms import schedule
from workflows.builder.forms.fields import BoundField, Errors, Post, show
from workflows.builder.forms.form_rows import FormRows, read_rows, show_rows
from workflows.builder.forms.reading import read
from workflows.builder.forms.schema_rows import SchemaForm, read_schema, show_schema
from workflows.builder.forms.specs import AUTH_SPECS, Choice, Spec, from_fields, from_schema
from workflows.builder.forms.values import ABSENT, BadValue
from workflows.engine.catalogue import TriggerInfo
from workflows.engine.document import Trigger
from workflows.engine.kinds import TRIGGER_KINDS
from workflows.triggers import schedules

ADVANCED: Final = (
    "dedup",
    "max_bytes",
    "missed",
    "input",
    "first_poll",
    "first_items",
    "button",
    "respond",
    "thanks",
    "redirect",
    "query",
    "workflows",
)
AUTH_WORDS: Final = {
    "": "Anybody who knows the address", "basic": "User name and password", "header": "A secret in a header",
    "hmac": "A signature (HMAC)", "jwt": "A signed token (JWT)",
}  # fmt: skip
AUTH_NEEDS: Final = {
    "basic": (), "header": ("header", "prefix"), "jwt": ("header", "algorithm"),
    "hmac": ("header", "algorithm", "encoding", "prefix", "timestamp_header", "tolerance_s"),
}  # fmt: skip
FORM_AUTH: Final = ("", "basic")  # what a browser can ask people for
FIRES: Final = 5
FORM_WORDS: Final[dict[str, dict[str, Any]]] = {
    "title": {"placeholder": "Form", "help": ""},
    "description": {"kind": "area", "label": "Text above the fields", "help": ""},
    "button": {"label": "Words on the button", "placeholder": "Send"},
    "respond": {"label": "After sending", "choices": (
        ("thanks", "Words of thanks"), ("redirect", "Another page"), ("step", "What the workflow answers"))},
    "thanks": {"kind": "area", "label": "Words of thanks", "placeholder": "Thank you. Your answers have arrived."},
    "redirect": {"label": "Page to go on to", "placeholder": "https://example.com/thanks", "input_type": "url",
                 "help": "For “Another page”: its whole address."},
}  # fmt: skip


@dataclass(frozen=True)
class TriggerForm:
    main: tuple[BoundField, ...] = ()
    more: tuple[BoundField, ...] = ()
    errors: Errors = field(default_factory=dict)
    schema: SchemaForm | None = None
    schema_name: str = ""
    schema_label: str = ""
    auth: AuthForm | None = None
    questions: FormRows | None = None
    schedule: schedule.Schedule | None = None


@dataclass(frozen=True)
class AuthForm:
    type: str
    choices: tuple[tuple[str, str], ...]
    fields: tuple[BoundField, ...]


@dataclass(frozen=True)
class Times:
    """A schedule in words: what it says, and when it fires next; or what is wrong with it."""

    words: str = ""
    fires: tuple[datetime, ...] = ()
    zone: str = ""
    error: str = ""


def show_trigger(
    trigger: Trigger,
    info: TriggerInfo | None,
    *,
    workflows: Iterable[Choice] = (),
    posted: Post | None = None,
    errors: Errors | None = None,
) -> TriggerForm:
    errors = errors or {}
    found: list[BoundField] = []
    if trigger.type in ("polling", "event"):
        inner = trigger.config.get("input")
        specs = from_schema(info.input_schema) if info else ()
        found += show(specs, inner if isinstance(inner, dict) else {}, "input", posted=posted, errors=errors)
    specs = _with_workflows(_specs(trigger, info), trigger, workflows)
    found += show(specs, trigger.config, "config", posted=posted, errors=errors)
    name = _schema_name(trigger)
    schema = show_schema(trigger.config.get(name, ABSENT)) if name else None
    questions = None
    if trigger.type == "form":
        questions, schema = show_rows("config.fields", trigger.config.get("fields", ABSENT), errors), None
    return TriggerForm(
        main=tuple(one for one in found if not one.spec.advanced),
        more=tuple(one for one in found if one.spec.advanced),
        errors=errors,
        schema=schema,
        schema_name=f"config.{name}" if name else "",
        schema_label="Input fields",
        questions=questions,
        schedule=schedule.show(trigger.config, posted, errors) if trigger.type == "schedule" else None,
        auth=_auth(trigger, posted, errors) if trigger.type in ("webhook", "form") else None,
    )


def read_trigger(
    trigger: Trigger, info: TriggerInfo | None, post: Post, *, workflows: Iterable[Choice] = ()
) -> tuple[Trigger, Errors]:
    """The trigger as typed, and what could not be read; the latter keeps its old value."""
    errors: Errors = {}
    specs = _with_workflows(_specs(trigger, info), trigger, workflows)
    config = read(specs, post, trigger.config, "config", errors)
    if trigger.type in ("polling", "event") and info:
        old = trigger.config.get("input")
        inner = read(
            from_schema(info.input_schema), post, old if isinstance(old, dict) else {}, "input", errors
        )
        config = {**config, "input": inner}
    if name := _schema_name(trigger):
        _put(config, name, _read_schema(f"config.{name}", post, trigger.config.get(name, ABSENT), errors))
    if trigger.type in ("webhook", "form"):
        _put(config, "auth", _read_auth(trigger, post, errors))
    if trigger.type == "schedule":
        config = schedule.read(trigger.config, config, post, errors)
    return replace(trigger, config=config), errors


def times(trigger: Trigger, zone: str, now: datetime) -> Times:
    """What a schedule means. `zone` serves if the trigger names none."""
    where = str(trigger.config.get("time_zone") or zone)
    cron, every = trigger.config.get("cron"), trigger.config.get("every_s")
    if cron is None and every is None:
        return Times(zone=where)
    try:
        fires = schedules.next_fires(trigger.config, zone, now, FIRES)
        words = schedule.sentence(trigger.config)
    except ValueError as error:
        return Times(zone=where, error=str(error))
    return Times(words, tuple(fires), where)


def _specs(trigger: Trigger, info: TriggerInfo | None = None) -> tuple[Spec, ...]:
    fields = [f for f in TRIGGER_KINDS[trigger.type].fields if f.shape not in ("schema", "auth")]
    leave = ("input",) if trigger.type in ("polling", "event") else ()
    specs = from_fields(fields, advanced=ADVANCED, leave=leave)
    if trigger.type == "email" and info is not None:  # the folders of the mailbox can be chosen from
        known = {spec.name: spec for spec in from_schema(info.input_schema)}
        specs = tuple(known.get(spec.name, spec) for spec in specs)
    if trigger.type == "form":
        return tuple(replace(s, **FORM_WORDS.get(s.name, {})) for s in specs)
    if trigger.type != "schedule":
        return specs
    return tuple(s for s in specs if s.name not in schedule.OWN)


def _with_workflows(
    specs: tuple[Spec, ...], trigger: Trigger, workflows: Iterable[Choice]
) -> tuple[Spec, ...]:
    """The workflows whose failures are told, to be ticked; chosen ones that are gone meanwhile stay choosable."""
    if trigger.type != "failure":
        return specs
    chosen = trigger.config.get("workflows")
    known = dict(workflows)
    gone = [(key, key) for key in chosen if key not in known] if isinstance(chosen, list) else []
    changes: dict[str, Any] = {
        "kind": "multi", "label": "Which workflows", "help": "None ticked: every workflow of the workspace.",
        "choices": (*known.items(), *gone), "advanced": False, "data": False,
    }  # fmt: skip
    return tuple(replace(spec, **changes) if spec.name == "workflows" else spec for spec in specs)


def _schema_name(trigger: Trigger) -> str:
    return next((f.name for f in TRIGGER_KINDS[trigger.type].fields if f.shape == "schema"), "")


def _read_schema(name: str, post: Post, old: Any, errors: Errors) -> Any:
    try:
        if name == "config.fields":
            return read_rows(name, post, old, errors)
        return read_schema(name, post, old)
    except BadValue as error:
        errors[name] = str(error)
        return old


def _auth(trigger: Trigger, posted: Post | None, errors: Errors) -> AuthForm:
    auth = trigger.config.get("auth")
    given = auth if isinstance(auth, dict) else {}
    kind = str(given.get("type", ""))
    specs = [spec for spec in AUTH_SPECS if spec.name in AUTH_NEEDS.get(kind, ())]
    words = [
        (name, said) for name, said in AUTH_WORDS.items() if trigger.type == "webhook" or name in FORM_AUTH
    ]
    return AuthForm(kind, tuple(words), show(specs, given, "auth", posted=posted, errors=errors))


def _read_auth(trigger: Trigger, post: Post, errors: Errors) -> Any:
    auth = trigger.config.get("auth", ABSENT)
    if "auth.type" not in post:
        return auth
    kind = post["auth.type"]
    if kind not in AUTH_NEEDS:
        return ABSENT
    old = auth if isinstance(auth, dict) else {}
    if old.get("type") != kind:
        return {"type": kind, **({"connection": old["connection"]} if old.get("connection") else {})}
    specs = [spec for spec in AUTH_SPECS if spec.name in AUTH_NEEDS[kind]]
    return read(specs, post, old, "auth", errors)


def _put(config: dict[str, Any], name: str, value: Any) -> None:
    if value is ABSENT:
        config.pop(name, None)
    else:
        config[name] = value

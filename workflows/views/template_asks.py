"""The questions of a template: what each looks like on the set-up page, and what was answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.builder.forms.fields import shown_text
from workflows.builder.forms.reading import read_one
from workflows.builder.forms.specs import Choice, Spec, from_field, from_schema
from workflows.builder.forms.values import ABSENT, BadValue, as_text
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.catalogue import ActionInfo, TriggerInfo
from workflows.engine.checks_inputs import value_complaints
from workflows.engine.document import Document, Step, Trigger
from workflows.engine.kinds import SETTINGS_FIELDS, STEP_KINDS, TRIGGER_KINDS
from workflows.engine.words import humanise
from workflows.gallery.asks import MISSING, Ask, value_at
from workflows.views import template_times

Post = Mapping[str, str]
EVERY: Final = (
    (60, "Every minute"), (300, "Every 5 minutes"), (600, "Every 10 minutes"), (900, "Every 15 minutes"),
    (1800, "Every 30 minutes"), (3600, "Every hour"), (21_600, "Every 6 hours"), (86_400, "Once a day"),
)  # fmt: skip
_ADDRESS: Final = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_WEB: Final = re.compile(r"https?://\S+")
SIMPLE: Final = frozenset(
    ("text", "area", "source", "number", "integer", "flag", "choice", "options", "list", "times")
)


@dataclass(frozen=True)
class Question:
    """One question with what stands in its field. `part`: the step or trigger it belongs to; `schema`: of its value."""

    n: int
    ask: Ask
    spec: Spec
    part: Step | Trigger | None
    schema: Mapping[str, Any] | None = None
    value: Any = ABSENT
    text: str = ""
    error: str = ""
    loaded: bool = False
    failed: str = ""
    times: template_times.Times | None = None

    @property
    def name(self) -> str:
        return f"ask-{self.n}"

    @property
    def slot(self) -> str:
        """The connection slot of its step: where choices come from."""
        return (self.part.connection or "") if self.part else ""

    @property
    def app(self) -> str:
        return (self.part.integration or self.part.type) if self.part else ""

    @property
    def hint(self) -> str:
        """The grey text in the empty box."""
        if self.ask.example and self.value is not ABSENT:
            return f"Such as {as_text(self.value) if not isinstance(self.value, list) else as_text(self.value[0])}"
        return self.spec.placeholder

    @property
    def proposed(self) -> str:
        """What stands there unless the person says otherwise, as people read it."""
        return dict(self.spec.choices).get(self.text, self.text)

    @property
    def is_other_choice(self) -> bool:
        return bool(self.text) and self.text not in dict(self.spec.choices)

    @property
    def rows(self) -> int:
        return {"list": 3, "area": 5, "source": 8, "json": 5}.get(self.spec.kind, 1)


def questions(
    document: Document, asks: Sequence[Ask], catalogue: TenantCatalogue, *, posted: Post | None = None
) -> list[Question]:
    """Each with what the template proposes, or with what was typed."""
    return [_with_text(question_of(n, ask, document, catalogue), posted) for n, ask in enumerate(asks)]


def question_of(n: int, ask: Ask, document: Document, catalogue: TenantCatalogue) -> Question:
    """The question alone. A place that is gone is asked for as text."""
    part, path = _part_of(document, ask.place)
    value = value_at(document, ask.place)
    value = ABSENT if value is MISSING else value
    spec, schema = _spec(part, path, value, catalogue)
    if ask.choices:
        spec = _choice(spec, ask.choices)
    elif spec.name == "every_s":
        spec = _choice(spec, EVERY)
    spec = replace(
        spec, label=ask.label or spec.label, help=ask.help or spec.help, required=not ask.optional, advanced=False,
        data=False, input_type={"email": "text", "url": "url"}.get(ask.format, spec.input_type),
    )  # fmt: skip
    return Question(n, ask, spec, part, schema, value)


def read_answers(found: Sequence[Question], post: Post) -> tuple[dict[str, Any], list[Question]]:
    """What was answered, by place, and the questions with what is wrong with the answers."""
    answers: dict[str, Any] = {}
    seen: list[Question] = []
    for question in found:
        try:
            value = _read(question, post)
        except BadValue as error:
            seen.append(replace(question, error=str(error)))
            continue
        answers[question.ask.place] = MISSING if value is ABSENT else value
        seen.append(question)
    return answers, seen


def _read(question: Question, post: Post) -> Any:
    """Raises BadValue with a sentence."""
    spec, old = question.spec, ABSENT if question.ask.example else question.value
    if question.times:
        return template_times.read(question.name, post) if f"{question.name}.days" in post else old
    value: Any = old
    if spec.kind == "list" and question.name in post:
        value = [line.strip() for line in post[question.name].splitlines() if line.strip()] or ABSENT
    elif spec.kind != "list":
        value = read_one(spec, post, old, question.name, {})
    if value is ABSENT:
        if spec.required:
            raise BadValue("Fill this in.")
        return value
    _check_format(question, value)
    for _path, words, is_warning in value_complaints(value, question.schema) if question.schema else ():
        if not is_warning:
            raise BadValue(f"“{spec.label}” {words}.")
    return value


def _check_format(question: Question, value: Any) -> None:
    entries = value if isinstance(value, list) else re.split(r"\s*,\s*", str(value))
    for entry in entries:
        said = str(entry)
        if "{{" in said or not said:
            continue
        inner = said[said.find("<") + 1 :].rstrip("> ") if "<" in said else said
        if question.ask.format == "email" and not _ADDRESS.fullmatch(inner.strip()):
            raise BadValue(f"“{said[:80]}” is not an e-mail address.")
        if question.ask.format == "url" and not _WEB.fullmatch(str(value)):
            raise BadValue("Give the whole address, beginning with https://.")


def _with_text(question: Question, posted: Post | None) -> Question:
    if question.spec.kind == "times":
        return replace(question, times=template_times.show(question.name, question.value, posted))
    if posted is not None and question.name in posted:
        return replace(question, text=posted[question.name])
    shown = ABSENT if question.ask.example else question.value
    return replace(question, text="" if shown is ABSENT else shown_text(question.spec, shown))


# --- of what kind -----------------------------------------------------------------------------------


def _part_of(document: Document, place: str) -> tuple[Step | Trigger | None, list[str]]:
    room, *rest = place.split(".")
    if room == "settings":
        return None, rest
    parts: Sequence[Step | Trigger] = document.steps if room == "steps" else document.triggers
    return next((part for part in parts if part.key == rest[0]), None), rest[1:]


def _spec(
    part: Step | Trigger | None, path: list[str], value: Any, catalogue: TenantCatalogue
) -> tuple[Spec, Mapping[str, Any] | None]:
    """The field for a place, and the JSON Schema of what goes there where an app gives one."""
    info, inner = _input_of(part, path, catalogue)
    schema = _schema_at(info.input_schema if info else None, inner)
    if schema is not None:
        spec = from_schema({"properties": {inner[-1]: schema}})[0]
        return (_by_value(spec, value) if spec.kind not in SIMPLE else spec), schema
    name = path[-1]
    if isinstance(part, Trigger) and path == ["config", "cron"]:
        return Spec(name, "times", "When"), None
    fields = {field.name: field for field in SETTINGS_FIELDS} if part is None else _fields_of(part)
    if name in fields and len(path) <= 2:
        spec = from_field(fields[name])
        return (_by_value(spec, value) if spec.kind not in SIMPLE else spec), None
    return _by_value(Spec(name, "any", humanise(name)), value), None


def _fields_of(part: Step | Trigger) -> dict[str, Any]:
    return (STEP_KINDS if isinstance(part, Step) else TRIGGER_KINDS)[part.type].by_name


def _input_of(
    part: Step | Trigger | None, path: list[str], catalogue: TenantCatalogue
) -> tuple[ActionInfo | TriggerInfo | None, list[str]]:
    if isinstance(part, Step) and path[0] == "input" and part.integration and part.action:
        return catalogue.action(part.integration, part.action), path[1:]
    if isinstance(part, Trigger) and path[:2] == ["config", "input"] and part.integration and part.event:
        return catalogue.trigger(part.integration, part.event), path[2:]
    if isinstance(part, Trigger) and part.type == "email" and path[0] == "config":
        return catalogue.trigger("imap", "new_mail"), path[1:]
    return None, []


def _schema_at(schema: Any, path: list[str]) -> Mapping[str, Any] | None:
    for name in path:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        schema = properties.get(name) if isinstance(properties, Mapping) else None
    return schema if path and isinstance(schema, Mapping) else None


def _by_value(spec: Spec, value: Any) -> Spec:
    """A field that takes anything, as one for the kind of value that stands there."""
    if isinstance(value, bool):
        return replace(spec, kind="flag")
    if isinstance(value, (int, float)):
        return replace(spec, kind="number")
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return replace(spec, kind="list")
    if isinstance(value, str):
        return replace(spec, kind="area" if "\n" in value else "text")
    return replace(spec, kind="text" if value is ABSENT else "json")


def _choice(spec: Spec, choices: Sequence[tuple[Any, str]]) -> Spec:
    shown: tuple[Choice, ...] = tuple((as_text(value), words) for value, words in choices)
    raw = {as_text(value): value for value, _ in choices if not isinstance(value, str)}
    return replace(spec, kind="choice", choices=shown, raw=raw)

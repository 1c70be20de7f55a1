"""The form of one step: which fields its type or action has, how they are shown, and the step that was typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from workflows.builder.forms.cases import read_cases, show_cases
from workflows.builder.forms.fields import BoundField, Errors, Post, show
from workflows.builder.forms.form_rows import FormRows, read_rows, show_rows
from workflows.builder.forms.reading import read
from workflows.builder.forms.special import SPECIAL
from workflows.builder.forms.specs import Choice, Spec, from_fields, from_schema
from workflows.builder.forms.values import ABSENT, BadValue
from workflows.engine.catalogue import ActionInfo
from workflows.engine.document import Retry, Step, ports
from workflows.engine.kinds import RETRY_FIELDS, STEP_KINDS, TIMEOUT_FIELD

TABS: Final = ("setup", "test", "errors", "json")
OUTPUT: Final = Spec(
    "output", "rows", "Shape the output", advanced=True,
    help="Names and expressions over `result`, what the action gave. Without any, the output is the result itself.",
)  # fmt: skip
NOTES: Final = Spec(
    "notes", "area", "Notes", "For people; the workflow does not read them.", advanced=True, data=False
)
FREE_INPUT: Final = Spec("input", "rows", "Input", "Names and values that go into the action.")
ADVANCED: Final = {
    "condition": ("value", "mode"),
    "loop": ("as", "while", "state", "batch", "collect", "max_items"),
    "stop": (),
    "code": ("timeout_s", "memory_mb"),
}  # fmt: skip
QUESTIONS: Final = "config.fields"
ERROR_FIELDS: Final = ("effect", "after_unknown")
HIDDEN: Final = ("integration", "action", "connection", "input", "output", "cases", *ERROR_FIELDS)


@dataclass(frozen=True)
class StepForm:
    """Groups of fields in the order they are drawn; `more` stands under "More options". `questions`: what an approval has
    people fill in."""

    main: tuple[BoundField, ...] = ()
    more: tuple[BoundField, ...] = ()
    errors: Errors = field(default_factory=dict)
    questions: FormRows | None = None

    @property
    def all(self) -> tuple[BoundField, ...]:
        return (*self.main, *self.more)


def show_step(
    step: Step,
    info: ActionInfo | None,
    *,
    workflows: Iterable[Choice] = (),
    posted: Post | None = None,
    errors: Errors | None = None,
) -> StepForm:
    """The fields of the Setup tab."""
    errors = errors or {}
    found: list[BoundField] = []
    if step.type == "action":
        found += _show_input(step, info, posted, errors)
    else:
        specs = [_with_workflows(spec, workflows) for spec in _own_specs(step)]
        found += show(specs, _own_values(step), "config", posted=posted, errors=errors)
        if step.type == "condition":
            found.insert(0, show_cases(step.config, posted=posted, errors=errors))
        if step.type in ("sub_workflow", "code"):
            given = show([_free_input(step)], {"input": step.input}, "step", posted=posted, errors=errors)
            found = [*given, *found] if step.type == "code" else [*found, *given]
    own = {"notes": step.notes} | ({"output": step.output} if step.output is not None else {})
    found += show(
        [OUTPUT, NOTES] if step.type == "action" else [NOTES], own, "step", posted=posted, errors=errors
    )
    form = _grouped(found, errors)
    if step.type != "approval":
        return form
    return replace(form, questions=show_rows(QUESTIONS, step.config.get("fields", ABSENT), errors))


def read_step(step: Step, info: ActionInfo | None, post: Post) -> tuple[Step, Errors]:
    """The step as typed in the Setup tab, and what could not be read; the latter keeps its old value."""
    errors: Errors = {}
    own = read([OUTPUT, NOTES], post, {"output": step.output, "notes": step.notes}, "step", errors)
    step = replace(step, notes=str(own.get("notes") or ""))
    if step.type == "action":
        return replace(step, input=_read_input(step, info, post, errors), output=own.get("output")), errors
    if step.type in ("sub_workflow", "code"):
        made = read([FREE_INPUT], post, {"input": step.input}, "step", errors)
        step = replace(step, input=made.get("input", {}))
    special = SPECIAL.get(step.type)
    old = _own_values(step)
    values = read(_own_specs(step), post, old, "config", errors)
    if special:
        values = special.back(values)
    if step.type == "approval":
        values = _with_questions(values, step, post, errors)
    return _with_values(step, values, post, errors), errors


def _with_questions(values: dict[str, Any], step: Step, post: Post, errors: Errors) -> dict[str, Any]:
    old = step.config.get("fields", ABSENT)
    try:
        schema = read_rows(QUESTIONS, post, old, errors)
    except BadValue as error:
        errors[QUESTIONS], schema = str(error), old
    kept = {name: value for name, value in values.items() if name != "fields"}
    return kept if schema is ABSENT else {**kept, "fields": schema}


def show_errors(step: Step, *, posted: Post | None = None, errors: Errors | None = None) -> StepForm:
    """The fields of the tab "Errors & retries"."""
    errors = errors or {}
    values = (
        _retry_values(step) | {"timeout_s": step.timeout_s}
        if step.timeout_s is not None
        else _retry_values(step)
    )
    values |= {name: step.config[name] for name in ERROR_FIELDS if name in step.config}
    found = show(_error_specs(step), values, "errors", posted=posted, errors=errors)
    return _grouped(list(found), errors)


def read_errors(step: Step, post: Post) -> tuple[Step, Errors]:
    errors: Errors = {}
    specs = _error_specs(step)
    old = _retry_values(step) | ({"timeout_s": step.timeout_s} if step.timeout_s is not None else {})
    old |= {name: step.config[name] for name in ERROR_FIELDS if name in step.config}
    values = read(specs, post, old, "errors", errors)
    names = {spec.name for spec in RETRY_FIELDS}
    retry = {name: value for name, value in values.items() if name in names}
    config = {name: value for name, value in step.config.items() if name not in ERROR_FIELDS}
    config |= {name: values[name] for name in ERROR_FIELDS if name in values}
    given = Retry(**retry) if retry else None
    if given == Retry():
        given = None
    return replace(step, retry=given, timeout_s=values.get("timeout_s"), config=config), errors


# --- which fields ---------------------------------------------------------------------------------


def _own_specs(step: Step) -> tuple[Spec, ...]:
    special = SPECIAL.get(step.type)
    if special:
        return special.specs_for(_own_values(step))
    kind = STEP_KINDS[step.type]
    specs = from_fields(kind.fields, advanced=ADVANCED.get(step.type, ()), leave=HIDDEN)
    return tuple(replace(spec, data=True) if spec.name == "collect" else spec for spec in specs)


def _own_values(step: Step) -> dict[str, Any]:
    """The values of a type's own fields by name, wherever they lie in the step."""
    kind = STEP_KINDS[step.type]
    values = dict(step.config)
    values |= {
        f.name: step.when
        for f in kind.fields
        if f.where == "attr" and f.name == "when" and step.when is not None
    }
    special = SPECIAL.get(step.type)
    return special.there(values) if special else values


def _with_values(step: Step, values: dict[str, Any], post: Post, errors: Errors) -> Step:
    if step.type == "condition":
        with_value = {name: value for name, value in values.items() if name != "cases"}
        values = {**with_value, "cases": read_cases({**step.config}, post, errors)}
        values["cases"] = _fitting(values)
    when = values.pop("when", None) if STEP_KINDS[step.type].by_name.get("when") else step.when
    step = replace(step, config=values, when=when)
    known = ports(step)
    return replace(step, next={port: targets for port, targets in step.next.items() if port in known})


def _fitting(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cases by `equals` when there is a value to compare, by `when` otherwise."""
    wrong = "when" if "value" in values else "equals"
    return [{name: part for name, part in case.items() if name != wrong} for case in values["cases"]]


def _show_input(step: Step, info: ActionInfo | None, posted: Post | None, errors: Errors) -> list[BoundField]:
    specs = from_schema(info.input_schema) if info else ()
    if not specs:
        values = {"input": step.input} if step.input else {}
        return (
            list(show([FREE_INPUT], values, "step", posted=posted, errors=errors))
            if info or step.input
            else []
        )
    return list(show(specs, step.input, "input", posted=posted, errors=errors))


def _read_input(step: Step, info: ActionInfo | None, post: Post, errors: Errors) -> dict[str, Any]:
    specs = from_schema(info.input_schema) if info else ()
    if not specs:
        made = read([FREE_INPUT], post, {"input": step.input} if step.input else {}, "step", errors).get(
            "input", {}
        )
        return made if isinstance(made, dict) else step.input
    return read(specs, post, step.input, "input", errors)


def _error_specs(step: Step) -> tuple[Spec, ...]:
    kind = STEP_KINDS[step.type]
    specs = list(from_fields(RETRY_FIELDS, advanced=("factor", "max_s", "retry_if"))) if kind.can_fail else []
    specs += from_fields([TIMEOUT_FIELD]) if kind.has_timeout and "timeout_s" not in kind.by_name else []
    if step.type == "action":
        specs += from_fields([f for f in kind.fields if f.name in ERROR_FIELDS])
    return tuple(replace(spec, data=spec.name == "retry_if") for spec in specs)


def _retry_values(step: Step) -> dict[str, Any]:
    if step.retry is None:
        return {}
    default = Retry()
    names = [f.name for f in fields(Retry)]
    return {
        name: getattr(step.retry, name)
        for name in names
        if getattr(step.retry, name) != getattr(default, name)
    }


def _with_workflows(spec: Spec, workflows: Iterable[Choice]) -> Spec:
    return replace(spec, kind="choice", choices=tuple(workflows)) if spec.kind == "workflow" else spec


def _free_input(step: Step) -> Spec:
    if step.type != "code":
        return FREE_INPUT
    return replace(
        FREE_INPUT, help='Names and values that the program sees as input: input["name"], or input.name.'
    )


def _grouped(found: list[BoundField], errors: Errors) -> StepForm:
    main = tuple(one for one in found if not one.spec.advanced)
    more = tuple(one for one in found if one.spec.advanced)
    return StepForm(main, more, errors)

"""What a field gives with sample data, in the words that stand under it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from automate.lib.expressions import OPERATORS, ExpressionError, Scope, UnknownName, evaluate, has_expression
from automate.lib.expressions.moments import parse_iso
from automate.lib.jsontypes import JSON
from workflows.builder.forms import conditions
from workflows.builder.forms.expression_rows import from_expression
from workflows.builder.forms.fields import MAX_ROWS, Block, BoundField, Post
from workflows.builder.forms.step import StepForm
from workflows.builder.forms.values import ABSENT, clean, from_text
from workflows.builder.scope import MAX_SHOWN, SampleScope, shortened
from workflows.engine.conditions import holds
from workflows.engine.errors import ConditionError

TEXTS: Final = ("text", "area", "source", "secret", "options", "choice")  # what is typed stays text
SHORT: Final = 60  # characters of a value within a sentence
OPS: Final = "config.ops."


@dataclass(frozen=True)
class Line:
    """One row of several: a name with its value, or a comparison with whether it holds."""

    text: str = ""
    name: str = ""
    error: str = ""
    holds: bool | None = None


@dataclass(frozen=True)
class Preview:
    """The result as text, or the error in plain words; `lines` where a field has rows."""

    text: str = ""
    error: str = ""
    lines: tuple[Line, ...] = ()
    verdict: str = ""
    kinds: tuple[str, ...] = ()  # of the left sides of a condition's rows, group after group


def of_text(text: str, scope: Scope, kind: str = "text") -> Preview:
    """What one box gives; JSON that holds expressions as the value it stands for."""
    try:
        value = evaluate(text if kind in TEXTS else _typed(text, kind), scope)
    except ExpressionError as error:
        return Preview(error=error.message)
    return Preview(text=_result(value))


def of_rows(rows: Iterable[tuple[str, JSON]], scope: Scope) -> Preview:
    """Names and values: the rows with expressions."""
    return Preview(lines=tuple(_row(name, value, scope) for name, value in rows if _holds_some(value)))


def of_condition(when: Any, scope: Scope) -> Preview:
    """Each comparison with both sides as they are now, and whether all of it holds."""
    parts = from_expression(when) if isinstance(when, str) else when
    lines = tuple(_comparisons(parts, scope)) if parts is not None else ()
    found = _whole(when, scope)
    return replace(found, error="" if lines else found.error, lines=lines)


def with_kinds(form: conditions.ConditionForm, scope: Scope) -> conditions.ConditionForm:
    """Each row with the type of its left side, so that the comparisons that fit come first."""
    rows = tuple(replace(row, kind=_kind_of(row.left, scope)) for row in form.rows)
    groups = tuple(
        replace(group, rows=tuple(replace(row, kind=_kind_of(row.left, scope)) for row in group.rows))
        for group in form.groups
    )
    return replace(form, rows=rows, groups=groups)


def _kind_of(left: str, scope: Scope) -> str:
    if not has_expression(left):
        return ""
    try:
        value = evaluate(_value(left), scope)
    except ExpressionError:
        return ""
    if isinstance(value, str):
        return "date" if parse_iso(value, scope.zone) else "text"
    return {bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}.get(
        type(value), ""
    )


def of_post(name: str, kind: str, post: Post, scope: Scope) -> Preview | None:
    """What is being typed in one field; None where there is nothing to say. Raises BadValue."""
    if kind == "condition":
        when = conditions.read(name, post)
        return None if when is ABSENT else replace(of_condition(when, scope), kinds=_kinds(when, scope))
    if f"{name}.v.0" in post:
        return of_rows(_typed_rows(name, post), scope)
    text = clean(post.get(name, "") or post.get(f"{name}.data", ""))
    return of_text(text, scope, kind) if has_expression(text) else None


def _kinds(when: Any, scope: Scope) -> tuple[str, ...]:
    form = with_kinds(conditions.show(when), scope)
    rows = (*form.rows, *(row for group in form.groups for row in group.rows))
    return tuple(row.kind for row in rows if row.left or row.right)


def _typed_rows(name: str, post: Post) -> Iterator[tuple[str, JSON]]:
    for at in range(MAX_ROWS):
        if f"{name}.v.{at}" in post:
            yield post.get(f"{name}.k.{at}", ""), _value(clean(post[f"{name}.v.{at}"]))


def scope_of(name: str, config: Mapping[str, Any], samples: SampleScope) -> Scope:
    """What the expressions of a field see; those of operations on a list also see `item`, here its first."""
    if not name.startswith(OPS):
        return samples.scope()
    try:
        items = evaluate(config.get("items"), samples.scope())
    except ExpressionError:
        items = None
    return samples.scope({"item": items[0] if isinstance(items, list) and items else None})


# --- of a whole form ------------------------------------------------------------------------------


def with_previews(form: StepForm, config: Mapping[str, Any], samples: SampleScope) -> StepForm:
    """Under each field that holds expressions, what it gives with sample data."""
    main = tuple(_previewed(one, config, samples) for one in form.main)
    return replace(form, main=main, more=tuple(_previewed(one, config, samples) for one in form.more))


def has_data(form: StepForm) -> bool:
    """Whether any field holds an expression, so that samples have to be looked up."""
    return any(_has_data(one) for one in form.all)


def _has_data(bound: BoundField) -> bool:
    own = has_expression(bound.text) or any(has_expression(pair.value) for pair in bound.pairs)
    inner = (*bound.fields, *(one for block in bound.blocks for one in block.fields))
    return own or (bound.condition is not None and not bound.condition.is_empty) or any(map(_has_data, inner))


def _previewed(bound: BoundField, config: Mapping[str, Any], samples: SampleScope) -> BoundField:
    scope = scope_of(bound.name, config, samples)
    shown: Preview | None = None
    if bound.condition is not None:
        form = with_kinds(bound.condition, scope)
        bound = replace(bound, condition=form)
        shown = None if form.is_empty else of_condition(form.value, scope)
    elif bound.pairs and bound.spec.data:
        rows = of_rows(((pair.name, from_text(pair.value)) for pair in bound.pairs if pair.value), scope)
        shown = rows if rows.lines else None
    elif bound.spec.data and has_expression(bound.text):
        shown = of_text(bound.text, scope, bound.spec.kind)
    fields = tuple(_previewed(inner, config, samples) for inner in bound.fields)
    blocks = tuple(_previewed_block(block, config, samples) for block in bound.blocks)
    return replace(bound, preview=shown, fields=fields, blocks=blocks)


def _previewed_block(block: Block, config: Mapping[str, Any], samples: SampleScope) -> Block:
    return replace(block, fields=tuple(_previewed(inner, config, samples) for inner in block.fields))


# --- one row --------------------------------------------------------------------------------------


def _typed(text: str, kind: str) -> JSON:
    """The value that is stored for what was typed."""
    lines: list[JSON] = [line.strip() for line in text.split("\n") if line.strip()]
    return lines if kind == "list" and len(lines) > 1 else _value(text)


def _result(value: JSON) -> str:
    """A result in few words: a file by its name, a list with its length."""
    if isinstance(value, dict) and "$file" in value:
        return f"the file {value.get('name') or value['$file']}"
    if isinstance(value, list):
        inner = shortened(value, SHORT * 3)
        return f"{len(value)} {'item' if len(value) == 1 else 'items'}: {inner}"
    return shortened(value, SHORT * 3 if isinstance(value, dict) else MAX_SHOWN)


def _value(text: str) -> JSON:
    value = from_text(text)
    return "" if value is ABSENT else value


def _holds_some(value: JSON) -> bool:
    if isinstance(value, str):
        return has_expression(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_some(part) for part in parts)


def _row(name: str, value: JSON, scope: Scope) -> Line:
    try:
        return Line(shortened(_result(evaluate(value, scope)), SHORT * 3), name)
    except ExpressionError as error:
        return Line(name=name, error=error.message)


def _whole(when: JSON, scope: Scope) -> Preview:
    try:
        does = holds(when, scope)
    except (ExpressionError, ConditionError) as error:
        return Preview(error=str(error))
    return Preview(
        verdict="This holds with the sample data." if does else "This does not hold with the sample data."
    )


def _comparisons(when: Any, scope: Scope) -> Iterator[Line]:
    """The comparisons of a condition in their order."""
    if not isinstance(when, dict):
        yield _expression(when, scope)
        return
    inner = next((when[group] for group in ("all", "any", "not") if group in when), None)
    if inner is None:
        yield _comparison(when, scope)
    for part in inner if isinstance(inner, list) else [inner] if inner is not None else []:
        yield from _comparisons(part, scope)


def _expression(when: JSON, scope: Scope) -> Line:
    try:
        return Line(shortened(when, SHORT), holds=bool(evaluate(when, scope)))
    except ExpressionError as error:
        return Line(error=error.message)


def _comparison(part: dict[str, Any], scope: Scope) -> Line:
    known = OPERATORS.get(str(part.get("op")))
    try:
        does = holds(part, scope)
    except (ExpressionError, ConditionError) as error:
        return Line(error=str(error))
    try:
        left = evaluate(part.get("left"), scope)
    except UnknownName:  # what looks whether something exists may find nothing
        left = None
    label = known.label if known else str(part.get("op"))
    right = "" if known is None or known.arity == 1 else f" {_said(evaluate(part.get('right'), scope))}"
    return Line(f"{_said(left)} {label}{right}", holds=does)


def _said(value: JSON) -> str:
    """A value within a sentence; text that is empty or has blanks around it stands in quotes."""
    if isinstance(value, str):
        shown = shortened(value, SHORT)
        return shown if shown and shown == shown.strip() else f"“{shown}”"
    return "nothing" if value is None else shortened(value, SHORT)

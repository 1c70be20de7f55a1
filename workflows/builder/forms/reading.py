"""What was posted → values. Nothing typed is ever lost.

A value that comes back as it was shown is kept as it was, so that a form never alters what it cannot edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from automate.lib.expressions import has_expression
from workflows.builder.forms import conditions
from workflows.builder.forms.fields import MAX_ROWS, Errors, Post, fits_rows, pairs_of, shown_text
from workflows.builder.forms.operations import FIRST_OPS, OP_SPECS, specs_of
from workflows.builder.forms.specs import Spec
from workflows.builder.forms.values import (
    ABSENT,
    BadValue,
    clean,
    from_text,
    json_from_text,
    number_from_text,
)
from workflows.engine.list_shapes import AGGREGATES


def read(
    specs: Iterable[Spec], post: Post, old: Mapping[str, Any], prefix: str, errors: Errors
) -> dict[str, Any]:
    """The object that was typed. Fields the form does not show keep their old values; wrong ones too, with an error."""
    specs = list(specs)
    known = {spec.name for spec in specs}
    made = {}
    for spec in specs:
        name = f"{prefix}.{spec.name}"
        was = old.get(spec.name, ABSENT)
        try:
            value = read_one(spec, post, was, name, errors)
        except BadValue as error:
            errors[name] = str(error)
            value = was
        if value is not ABSENT:
            made[spec.name] = value
    return {**{key: value for key, value in old.items() if key not in known}, **made}


def read_one(spec: Spec, post: Post, old: Any, name: str, errors: Errors) -> Any:
    """One value; ABSENT for an empty field. Raises BadValue."""
    special = _READERS.get(spec.kind)
    if special is not None:
        found = special(spec, post, old, name, errors)
        if found is not NotPosted:
            return found
    instead = clean(post.get(f"{name}.data", "")).strip()
    if instead:
        return instead
    if name not in post:
        return old
    text = clean(post[name])
    if old is not ABSENT and text == shown_text(spec, old) and spec.kind != "secret":
        return old
    return _from_box(spec, text, old)


class NotPosted:
    """A reader's answer when its own fields are not in the post, and a plain box may be."""


def _from_box(spec: Spec, text: str, old: Any) -> Any:
    wanted = spec.input_type if spec.kind == "options" else spec.kind
    if wanted in ("number", "integer"):
        return number_from_text(text, whole=wanted == "integer")
    if spec.kind == "any":
        return from_text(text)
    if spec.kind == "list":
        return _lines(text)
    if spec.kind in ("json", "object", "rows", "sums", "schema", "auth", "multi", "ops", "items"):
        return json_from_text(text)
    if spec.kind == "secret":
        return text or old
    if spec.kind == "flag":
        return _flag(text)
    if spec.kind == "choice":
        return _choice(spec, text)
    if spec.kind == "text" and spec.data:
        text = text.replace("\n", " ")
    return text if text.strip() else ABSENT


def _lines(text: str) -> Any:
    if text.strip().startswith("["):
        return json_from_text(text)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) == 1 and lines[0].startswith("{{") and lines[0].endswith("}}"):
        return lines[0]
    return lines or ABSENT


def _flag(text: str) -> Any:
    return {"true": True, "false": False}.get(text.strip(), ABSENT) if not has_expression(text) else text


def _choice(spec: Spec, text: str) -> Any:
    if not text:
        return ABSENT
    if text not in {value for value, _ in spec.choices} and not has_expression(text):
        raise BadValue(f'"{text[:40]}" is not one of the choices.')
    return spec.raw.get(text, text)


def _read_object(spec: Spec, post: Post, old: Any, name: str, errors: Errors) -> Any:
    if not any(key.startswith(f"{name}.") for key in post):
        return NotPosted
    made = read(spec.children, post, old if isinstance(old, dict) else {}, name, errors)
    return made or (old if old == {} else ABSENT)


def _read_rows(_spec: Spec, post: Post, old: Any, name: str, _errors: Errors) -> Any:
    if not any(key.startswith(f"{name}.k.") for key in post):
        return NotPosted
    shown = {pair.name: pair for pair in pairs_of(old)} if fits_rows(old) else {}
    made: dict[str, Any] = {}
    for at in range(MAX_ROWS):
        key = clean(post.get(f"{name}.k.{at}", "")).strip()
        text = clean(post.get(f"{name}.v.{at}", ""))
        if not key and text.strip():
            raise BadValue(f"Row {at + 1} has a value but no name. Give it a name.")
        if not key:
            continue
        if key in made:
            raise BadValue(f'The name "{key}" is used twice. Give each row its own name.')
        same = key in shown and shown[key].value == text and isinstance(old, dict)
        made[key] = old[key] if same else _row_value(text)
    return made or (old if old == {} else ABSENT)


def _read_sums(_spec: Spec, post: Post, old: Any, name: str, _errors: Errors) -> Any:
    if not any(key.startswith(f"{name}.k.") for key in post):
        return NotPosted
    made: dict[str, Any] = {}
    for at in range(MAX_ROWS):
        key = clean(post.get(f"{name}.k.{at}", "")).strip()
        of = clean(post.get(f"{name}.of.{at}", "")).strip()
        fn = post.get(f"{name}.fn.{at}", "sum")
        if not key and of:
            raise BadValue(f"Row {at + 1} has a field but no name. Give it a name.")
        if not key:
            continue
        if key in made or fn not in AGGREGATES:
            raise BadValue(f'The name "{key}" is used twice. Give each row its own name.')
        former = old.get(key) if isinstance(old, dict) else None
        was = former if isinstance(former, dict) else {}
        kept = {"separator": was["separator"]} if "separator" in was and fn == "join" else {}
        made[key] = {"fn": fn, **({"of": of} if of else {}), **kept}
    return made or (old if old == {} else ABSENT)


def _row_value(text: str) -> Any:
    value = from_text(text)
    return "" if value is ABSENT else value


def _read_multi(spec: Spec, post: Post, old: Any, name: str, _errors: Errors) -> Any:
    if f"{name}.shown" not in post:
        return NotPosted
    chosen = [value for value, _ in spec.choices if f"{name}.{value}" in post]
    return chosen or ABSENT


def _read_condition(_spec: Spec, post: Post, old: Any, name: str, _errors: Errors) -> Any:
    return conditions.read(name, post, old) if f"{name}.mode" in post else old


def _read_ops(_spec: Spec, post: Post, old: Any, name: str, errors: Errors) -> Any:
    if f"{name}.shown" not in post:
        return NotPosted
    made = [
        _read_op(op, post, f"{name}.{at}", errors)
        for at, op in enumerate(old if isinstance(old, list) else [])
    ]
    made = _rearranged(made, post.get("_do", ""), post.get(f"{name}.new", ""))
    return made or (old if old == [] else ABSENT)


def _read_op(op: Any, post: Post, name: str, errors: Errors) -> Any:
    if not isinstance(op, dict) or op.get("op") not in OP_SPECS:
        return op
    specs = specs_of(op)
    rest = {key: value for key, value in op.items() if key != "op"}
    return {"op": op["op"], **read(specs, post, rest, name, errors)}


def _rearranged(ops: list[Any], do: str, new: str) -> list[Any]:
    """What the buttons of the list ask for: one more, one less, one earlier."""
    if not do.startswith("ops:"):
        return ops
    first = {"op": new, **FIRST_OPS.get(new, {})} if new in OP_SPECS else None
    return _moved(ops, do.removeprefix("ops:"), first)


def _moved(items: list[Any], what: str, first: Any) -> list[Any]:
    """`add`, `drop:<at>` or `up:<at>`; `first` is what is added, None for nothing."""
    verb, _, at_text = what.partition(":")
    at = int(at_text) if at_text.isdigit() else -1
    if verb == "add" and first is not None and len(items) < MAX_ROWS:
        return [*items, first]
    if verb == "drop" and 0 <= at < len(items):
        return items[:at] + items[at + 1 :]
    if verb == "up" and 0 < at < len(items):
        return [*items[: at - 1], items[at], items[at - 1], *items[at + 1 :]]
    return items


def _read_items(spec: Spec, post: Post, old: Any, name: str, errors: Errors) -> Any:
    """A list of objects, each with fields of its own."""
    if f"{name}.shown" not in post or clean(post.get(f"{name}.data", "")).strip():
        return NotPosted
    shown = old if isinstance(old, list) else []
    made = [read(spec.children, post, item, f"{name}.{at}", errors) for at, item in enumerate(shown)]
    do = post.get("_do", "")
    if do.startswith(f"items:{name}:"):
        made = _moved(made, do.removeprefix(f"items:{name}:"), {})
    return made or (old if old == [] else ABSENT)


_READERS: Final[dict[str, Callable[[Spec, Post, Any, str, Errors], Any]]] = {
    "object": _read_object,
    "rows": _read_rows,
    "sums": _read_sums,
    "multi": _read_multi,
    "condition": _read_condition,
    "ops": _read_ops,
    "items": _read_items,
}

"""Random documents that are right in shape, made of the same table the loader reads."""

from typing import Any

from hypothesis import strategies as st

from workflows.engine.document import Document, Retry, Settings, Slot, Step, Trigger, ports
from workflows.engine.kinds import RETRY_FIELDS, SETTINGS_FIELDS, STEP_KINDS, TRIGGER_KINDS
from workflows.engine.list_shapes import AGGREGATES, LIST_OPS
from workflows.engine.shapes import CASE_RESERVED, RESERVED, Field
from workflows.engine.structures import AUTH_FIELDS, BINARY_OPS, NOTIFY_FIELDS, OPS

keys = st.from_regex(r"\A[a-z][a-z0-9_]{0,7}\Z").filter(lambda key: key not in CASE_RESERVED | RESERVED)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.one_of(
    texts.filter(bool),
    st.sampled_from(("no", "1:30", "2024-01-01", "null", "~", "- a", "#b", "a: b\n c", "  x\n\n")),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), names
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
objects = st.dictionaries(names, values, max_size=3)
expression_texts = names.map(lambda text: "{{ steps.a }}" + text)


def _comparison(op: str) -> st.SearchStrategy[dict[str, Any]]:
    right = st.lists(values, min_size=2, max_size=2) if op == "between" else values
    return st.fixed_dictionaries(
        {"left": values, "op": st.just(op)} | ({"right": right} if op in BINARY_OPS else {})
    )


conditions = st.recursive(
    st.one_of(expression_texts, st.booleans(), st.sampled_from(OPS).flatmap(_comparison)),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=3,
)
cases = st.lists(
    st.one_of(
        st.fixed_dictionaries({"key": keys, "when": conditions}, optional={"name": names}),
        st.fixed_dictionaries({"key": keys, "equals": values}),
    ),
    unique_by=lambda case: case["key"],
    min_size=1,
    max_size=3,
)


def _numbers(field: Field) -> st.SearchStrategy[Any]:
    low, high = field.low or 0, field.high or 10_000
    if field.shape == "count":
        plain: st.SearchStrategy[Any] = st.integers(int(low), int(high))
    else:
        plain = st.one_of(st.floats(low, high), st.integers(int(low) + 1, int(high)))
    return st.one_of(plain, expression_texts) if field.expr else plain


def _operations() -> st.SearchStrategy[Any]:
    aggregate = st.dictionaries(keys, st.fixed_dictionaries({"fn": st.sampled_from(AGGREGATES)}), max_size=2)
    made = []
    for name, fields in LIST_OPS.items():
        parts = {field.name: value_of(field) for field in fields}
        if name in ("aggregate", "group"):
            parts["fields"] = aggregate
        required = {field.name: parts.pop(field.name) for field in fields if field.required}
        made.append(st.fixed_dictionaries({"op": st.just(name), **required}, optional=parts))
    return st.lists(st.one_of(made), max_size=2)


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """Values that have the field's shape and, where it is required, are not empty."""
    by_shape: dict[str, st.SearchStrategy[Any]] = {
        "any": values.filter(lambda value: value not in (None, "", [])) if field.required else values,
        "text": names,
        "source": names,
        "flag": st.booleans(),
        "object": objects,
        "schema": st.just({"type": "object", "properties": {"naïve": {}}}),
        "list": st.lists(values, max_size=2),
        "texts": st.lists(st.sampled_from(field.choices) if field.choices else names, max_size=2),
        "choice": st.sampled_from(field.choices or ("",)),
        "key": keys,
        "slug": keys,
        "name": keys,
        "name_or_names": st.one_of(names, st.lists(names, min_size=1, max_size=2)),
        "workflow": keys.map(lambda key: key + "-x"),
        "condition": conditions,
        "cases": cases,
        "need": st.sampled_from(("all", "any", 2)),
        "workflows": st.one_of(st.just("all"), st.lists(keys, max_size=2)),
    }
    if field.shape in ("count", "number"):
        return _numbers(field)
    if field.shape == "ops":
        return _operations()
    if field.shape == "auth":
        return st.one_of(
            st.just("none"), st.fixed_dictionaries({part.name: value_of(part) for part in AUTH_FIELDS})
        )
    if field.shape == "notify":
        parts = st.fixed_dictionaries({part.name: value_of(part) for part in NOTIFY_FIELDS})
        return st.lists(st.one_of(st.just("email"), parts), max_size=2)
    return by_shape[field.shape]


def _some(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    required = {field.name: value_of(field) for field in fields if field.required}
    optional = {field.name: value_of(field) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional)


_FIELDS = {name: _some(kind.fields) for name, kind in STEP_KINDS.items()}
_CONFIGS = {name: _some(kind.fields) for name, kind in TRIGGER_KINDS.items()}
_RETRIES = st.none() | _some(RETRY_FIELDS).map(lambda given: Retry(**given))


@st.composite
def steps(draw: st.DrawFn, key: str) -> Step:
    kind = STEP_KINDS[draw(st.sampled_from(sorted(STEP_KINDS)))]
    given = draw(_FIELDS[kind.type])
    attributes = {field.name for field in kind.fields if field.where == "attr"}
    plain = Step(
        key=key,
        type=kind.type,
        name=draw(names),
        enabled=draw(st.booleans()),
        notes=draw(texts),
        retry=draw(_RETRIES) if kind.can_fail else None,
        timeout_s=draw(st.none() | st.integers(1, 100)) if kind.has_timeout else None,
        config={name: value for name, value in given.items() if name not in attributes},
        **{name: value for name, value in given.items() if name in attributes},
    )
    links = {port: tuple(draw(st.lists(keys, max_size=2))) for port in ports(plain)}
    return Step(**{**vars(plain), "next": links})


@st.composite
def triggers(draw: st.DrawFn, key: str) -> Trigger:
    kind = TRIGGER_KINDS[draw(st.sampled_from(sorted(TRIGGER_KINDS)))]
    return Trigger(
        key=key,
        type=kind.type,
        name=draw(names),
        config=draw(_CONFIGS[kind.type]),
        next=tuple(draw(st.lists(keys, max_size=2))),
        enabled=draw(st.booleans()),
        **{name: draw(keys) for name in kind.connects},
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    step_keys = draw(st.lists(keys, max_size=4, unique=True))
    trigger_keys = draw(st.lists(keys, max_size=2, unique=True))
    slots = draw(st.lists(keys, max_size=2, unique=True))
    return Document(
        key=draw(keys),
        name=draw(names),
        description=draw(texts),
        settings=Settings(**draw(_some(SETTINGS_FIELDS))),
        connections={key: Slot(key, "slack") for key in slots},
        triggers=tuple(draw(triggers(key)) for key in trigger_keys),
        start=tuple(draw(st.lists(keys, max_size=2))),
        steps=tuple(draw(steps(key)) for key in step_keys),
        layout=draw(objects),
    )

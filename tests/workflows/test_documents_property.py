"""Whatever a document holds, rows give it back."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Tenant, User
from workflows import documents
from workflows.engine.document import Document, Retry, Settings, Slot, Step, Trigger, digest

KEYS = [f"{letter}{number}" for letter in "abc" for number in range(3)]
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: number + 0.0)  # jsonb has no minus zero
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=8), VALUES, max_size=4)
TRIGGERS: list[tuple[str, dict[str, Any]]] = [
    ("webhook", {"respond": "step"}),
    ("manual", {}),
    ("schedule", {"every_s": 60}),
]
SECONDS = st.integers(1, 3_600) | st.sampled_from([1.5, 2.25, 1000.125])


@st.composite
def graphs(draw: st.DrawFn) -> Document:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=6))
    return Document(
        key=draw(st.sampled_from(["alpha", "beta-2"])),
        name=draw(TEXT),
        description=draw(TEXT),
        settings=Settings(
            timeout_s=draw(st.none() | SECONDS), overlap=draw(st.sampled_from(["parallel", "queue"]))
        ),
        connections={
            key: Slot(key, "chat") for key in draw(st.lists(st.sampled_from(["x", "y"]), unique=True))
        },
        triggers=tuple(
            Trigger(
                f"t{n}",
                kind,
                draw(TEXT),
                config=config,
                next=tuple(_some(draw, keys)),
                enabled=draw(st.booleans()),
            )
            for n, (kind, config) in enumerate(
                draw(
                    st.lists(
                        st.sampled_from(TRIGGERS),
                        max_size=3,
                    )
                )
            )
        ),
        start=tuple(_some(draw, keys)),
        steps=tuple(_step(draw, key, keys) for key in keys),
        layout=draw(st.just({}) | st.just({"a0": {"x": 1, "y": 2}})),
    )


def _some(draw: st.DrawFn, keys: list[str]) -> list[str]:
    return draw(st.lists(st.sampled_from(keys), unique=True, max_size=3)) if keys else []


def _step(draw: st.DrawFn, key: str, keys: list[str]) -> Step:
    common: dict[str, Any] = {
        "name": draw(TEXT),
        "enabled": draw(st.booleans()),
        "notes": draw(TEXT),
        "retry": draw(st.none() | st.builds(Retry, attempts=st.integers(1, 20), backoff_s=SECONDS)),
        "timeout_s": draw(st.none() | SECONDS),
    }
    following = {port: tuple(_some(draw, keys)) for port in ("main", "error")}
    kind = draw(st.sampled_from(["action", "transform", "filter"]))
    if kind == "action":
        own: dict[str, Any] = {
            "integration": "chat",
            "action": "send",
            "connection": draw(st.none() | st.just("x")),
            "input": draw(OBJECTS),
            "output": draw(st.none() | OBJECTS),
        }
    elif kind == "filter":
        own = {"when": draw(st.just("{{ now }}") | st.booleans())}
    else:
        own = {"config": {"set": draw(OBJECTS)}}
    return Step(key, kind, next=following, **own, **common)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=graphs(), second=graphs())
def test_rows_give_back_what_was_saved(
    alice: User, workspace: Tenant, first: Document, second: Document
) -> None:
    template = documents.create(workspace, first, by=alice)
    made = documents.load_draft(template)
    changed = Document(**{**vars(second), "key": template.template_id})

    documents.save(template, changed, by=alice, label="changed")

    assert documents.same(made, Document(**{**vars(first), "key": template.template_id}))
    assert documents.same(documents.load_draft(template), changed)
    assert digest(documents.load_draft(template)) == digest(changed)
    documents.undo(template, by=alice)
    assert documents.same(documents.load_draft(template), made)

"""The cases of a condition: what each is called, and when it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflows.builder.forms.fields import Block, BoundField, Errors, Post, show
from workflows.builder.forms.reading import read
from workflows.builder.forms.specs import Spec
from workflows.engine.shapes import CASE_RESERVED

NAME: Final = Spec("name", "text", "Called", data=False, placeholder="Yes")
WHEN: Final = Spec("when", "condition", "Holds when")
EQUALS: Final = Spec("equals", "any", "Holds when the value equals")


def show_cases(config: Mapping[str, Any], *, posted: Post | None, errors: Errors) -> BoundField:
    """One block per case; with a `value` to compare, each has what it must equal."""
    specs = _specs(config)
    blocks = []
    for at, case in enumerate(_cases(config)):
        fields = show(specs, case, f"cases.{at}", posted=posted, errors=errors)
        blocks.append(Block(at, case.get("name") or case.get("key", ""), case.get("key", ""), fields))
    spec = Spec("cases", "cases", "Cases", required=True)
    return BoundField(spec, "cases", error=errors.get("cases", ""), blocks=tuple(blocks))


def read_cases(config: Mapping[str, Any], post: Post, errors: Errors) -> list[dict[str, Any]]:
    """The cases as typed; `_do` may add one, drop one or move one up."""
    old = _cases(config)
    made = [
        {"key": case["key"], **read(_specs(config), post, _without_key(case), f"cases.{at}", errors)}
        for at, case in enumerate(old)
    ]
    verb, _, at_text = post.get("_do", "").removeprefix("cases:").partition(":")
    if not post.get("_do", "").startswith("cases:"):
        return made
    at = int(at_text) if at_text.isdigit() else -1
    if verb == "add":
        made.append({"key": _free(made), "name": f"Case {len(made) + 1}"})
    elif verb == "drop" and 0 <= at < len(made):
        del made[at]
    elif verb == "up" and 0 < at < len(made):
        made[at - 1 : at + 1] = [made[at], made[at - 1]]
    return made


def _cases(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    cases = config.get("cases")
    return (
        [case for case in cases if isinstance(case, dict) and "key" in case]
        if isinstance(cases, list)
        else []
    )


def _specs(config: Mapping[str, Any]) -> tuple[Spec, ...]:
    return (NAME, EQUALS) if "value" in config else (NAME, WHEN)


def _without_key(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name != "key"}


def _free(cases: list[dict[str, Any]]) -> str:
    taken = {case["key"] for case in cases} | CASE_RESERVED
    number = len(cases) + 1
    while f"case_{number}" in taken:
        number += 1
    return f"case_{number}"

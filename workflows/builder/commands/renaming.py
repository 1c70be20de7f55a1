"""New keys for steps inside the values of other steps: `{{ steps.old.x }}` becomes `{{ steps.new.x }}`. Text is never touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from automate.lib.expressions.errors import ExpressionSyntaxError
from automate.lib.expressions.source import Expression, split

_PLACES = re.compile(
    r"""(?P<lead>(?<![\w.])steps\s*\[\s*|(?<![\w.])callback_url\(\s*)(?P<quote>["'])(?P<key>\w+)(?P=quote)"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<dotted>(?<![\w.])steps\s*\.\s*)(?P<step>\w+)"""
    r"""|(?<![\w.])(?P<name>[a-z]\w*)(?!\s*=[^=])""",
    re.DOTALL,
)


def renamed(value: Any, steps: Mapping[str, str], names: Mapping[str, str]) -> Any:
    """A JSON value with the keys of steps, and the names of loops' items, put anew wherever expressions use them."""
    if isinstance(value, str):
        return _text(value, steps, names)
    if isinstance(value, dict):
        return {key: renamed(inner, steps, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, steps, names) for inner in value]
    return value


def _text(text: str, steps: Mapping[str, str], names: Mapping[str, str]) -> str:
    if "{{" not in text:
        return text
    try:
        parts = split(text)
    except ExpressionSyntaxError:
        return text  # what cannot be read is shown as a problem of the step, as it is
    return "".join(
        f"{{{{{_expression(part.source, steps, names)}}}}}" if isinstance(part, Expression) else part
        for part in parts
    )


def _expression(source: str, steps: Mapping[str, str], names: Mapping[str, str]) -> str:
    def put(found: re.Match[str]) -> str:
        if found["key"]:
            return f"{found['lead']}{found['quote']}{steps.get(found['key'], found['key'])}{found['quote']}"
        if found["text"]:
            return found["text"]
        if found["dotted"]:
            return f"{found['dotted']}{steps.get(found['step'], found['step'])}"
        return names.get(found["name"], found["name"])

    return _PLACES.sub(put, source)

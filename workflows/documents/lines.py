"""In which line of a typed document a fault stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


def lines_of(text: str, paths: Iterable[str]) -> dict[str, int]:
    """Path (`steps.alert.next`, `nodes[2].type`) → line, counted from 1. Only what can be found is in it.

    Where the last parts of a path are not there, the line of what is there serves: something is missing in it.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, RecursionError, ValueError):
        return {}
    return {path: line for path in paths if path and root is not None and (line := _line(root, path))}


def _line(root: Any, path: str) -> int | None:
    node: Node = root
    found = None
    for part in _PART.findall(path):
        inner = _child(node, part)
        if inner is None:
            break
        node, found = inner
    return found


def _child(node: Any, part: str) -> tuple[Node, int] | None:
    """The node a part of a path leads to, and the line it stands in."""
    if isinstance(node, SequenceNode):
        if part.startswith("["):
            at = int(part[1:-1])
            return (node.value[at], node.value[at].start_mark.line + 1) if at < len(node.value) else None
        inner = next((entry for entry in node.value if _key_of(entry) == part), None)
        return None if inner is None else (inner, inner.start_mark.line + 1)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == part:
                return value, key.start_mark.line + 1
    return None


def _key_of(node: Any) -> str | None:
    """The `key` (or `id`) of a step, trigger or node."""
    if not isinstance(node, MappingNode):
        return None
    names = {key.value: value.value for key, value in node.value if isinstance(key, ScalarNode)}
    return names.get("key", names.get("id"))

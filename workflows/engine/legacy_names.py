"""Names of the older form made fit for documents, and which app a node means."""

import difflib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.shapes import RESERVED

_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PARAM_HINTS: Final = (
    (frozenset(("channel", "text")), "slack", "send_message"),
    (frozenset(("channel", "message")), "slack", "send_message"),
    (frozenset(("to", "subject")), "smtp", "send_email"),
    (frozenset(("project", "summary")), "jira", "create_issue"),
    (frozenset(("repo", "title")), "github", "create_issue"),
    (frozenset(("query",)), "sql", "query"),
    (frozenset(("url",)), "http", "request"),
)


def slug(text: str) -> str:
    """`sendMessage`, `Send Message` and `send-message` are all `send_message`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def workflow_key(name: str) -> str:
    """The key of a workflow of this name."""
    key = slug(name).replace("_", "-")[:80].strip("-")
    return key if key[:1].isalpha() else f"workflow-{key}".strip("-")


def unique_key(text: str, taken: set[str]) -> str:
    """A key made of the text that is free; it is added to `taken`."""
    base = slug(text)
    if not base[:1].isalpha():
        base = f"n_{base}".strip("_")
    if base in RESERVED:
        base += "_step"
    base = base[:36]
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    taken.add(key)
    return key


def rewritten(value: Any, references: Mapping[str, str]) -> Any:
    """The value with `{{ node_1.output.x }}` and `{{ nodes.node_1.x }}` written the way documents do."""
    if isinstance(value, dict):
        return {name: rewritten(inner, references) for name, inner in value.items()}
    if isinstance(value, list):
        return [rewritten(inner, references) for inner in value]
    if not isinstance(value, str) or not references or "{{" not in value:
        return value
    ids = "|".join(re.escape(name) for name in sorted(references, key=len, reverse=True))
    old = re.compile(rf"(?<![\w.\"'])(?:nodes\.|steps\.)?({ids})(?:\.output\b)?(?=[.\[\s|)}}])")
    return _EXPRESSION.sub(lambda found: old.sub(lambda part: references[part[1]], found[0]), value)


@dataclass(frozen=True)
class Integrations:
    """What can be known of the apps: `known` their actions, `slots` what a person has said."""

    known: Mapping[str, Set[str]]
    slots: Mapping[str, str]

    def guess(
        self, slot: str | None, task: str | None, params: Mapping[str, Any], kind: str
    ) -> tuple[str | None, str | None]:
        """The integration and the action, each None when nothing tells."""
        app, action = self._from_task(task)
        app = (self.slots.get(slot) if slot else None) or app or self._named_by(slot)
        if app is None and kind == "http":
            app, action = "http", "request"
        if app is None and action is not None:
            having = [name for name, actions in self.known.items() if action in actions]
            app = having[0] if len(having) == 1 else None
        if app is None:
            app, action = self._from_params(params, action)
        return app, self._action_of(app, action)

    def is_certain(self, slot: str | None, app: str) -> bool:
        """Whether somebody said so, or the id of the slot does."""
        return app == "http" or (slot is not None and (self.slots.get(slot) == app or slot == app))

    def _from_task(self, task: str | None) -> tuple[str | None, str | None]:
        if not task:
            return None, None
        head, _, rest = re.sub(r"[:/]", ".", task).partition(".")
        if rest and (slug(head) in self.known or not self.known):
            return slug(head), slug(rest)
        return None, slug(task)

    def _named_by(self, slot: str | None) -> str | None:
        """`slack_prod` and `my_slack` name slack."""
        words = slot.split("_") if slot else []
        named = [app for app in self.known if slug(app) == slot or set(slug(app).split("_")) <= set(words)]
        return max(named, key=len) if named else None

    def _from_params(self, params: Mapping[str, Any], action: str | None) -> tuple[str | None, str | None]:
        for names, app, usual in _PARAM_HINTS:
            if names <= set(params) and (app in self.known or not self.known):
                return app, action if action and app != "http" else usual
        return None, action

    def _action_of(self, app: str | None, action: str | None) -> str | None:
        actions = self.known.get(app or "", set())
        if action is None or action in actions or not actions:
            return action
        close = difflib.get_close_matches(action, sorted(actions), n=1, cutoff=0.75)
        return close[0] if close else action

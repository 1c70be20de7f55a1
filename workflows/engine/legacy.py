"""The older form of a workflow as a document.

    {"name": …, "nodes": [{"id", "type", "integration_id", "task", "params"}], "connections": [{"from", "to"}]}

Nodes become steps or triggers, `integration_id` a connection slot of the same name. What cannot be carried over is a
fault with its place; what had to be guessed is a note in words.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.engine.errors import DocumentError, Fault
from workflows.engine.legacy_names import Integrations, rewritten, slug, unique_key, workflow_key
from workflows.engine.legacy_nodes import NODE_KINDS, as_step, as_trigger, port_of
from workflows.engine.parts import FORMAT
from workflows.engine.shapes import shown
from workflows.engine.words import did_you_mean, listed

Known = Mapping[str, Set[str]]
_NODE_KEYS: Final = frozenset(("id", "type", "integration_id", "task", "params", "name", "position"))
_TOP_KEYS: Final = frozenset(("name", "description", "nodes", "connections", "id", "version"))


def is_legacy(data: Mapping[str, Any]) -> bool:
    """Whether this is the older form: nodes, and no `format`."""
    return "nodes" in data and "format" not in data


def convert(
    data: Mapping[str, Any], known: Known, *, slots: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The document (a draft: an app nobody could guess is left open) and notes on what was guessed or is still to say.

    `known` maps integrations to their actions; `slots` says which integration a slot's connection belongs to, once
    somebody has chosen it (`--connection integration_1=<id>`). Raises DocumentError for what cannot be carried over.
    """
    conversion = _Conversion(data, Integrations(known, slots or {}))
    document = conversion.document()
    if conversion.faults:
        raise DocumentError(conversion.faults)
    return document, conversion.notes


def slots_of(
    data: Mapping[str, Any], known: Known, *, slots: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """The connection slots the older form names, each with its integration; None where a person must be asked."""
    conversion = _Conversion(data, Integrations(known, slots or {}))
    conversion.document()
    return dict(conversion.asked)


@dataclass
class _Node:
    id: str
    kind: str
    key: str
    raw: Mapping[str, Any]
    is_trigger: bool


@dataclass
class _Conversion:
    data: Mapping[str, Any]
    integrations: Integrations
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: dict[str, str | None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        for unknown in self.data:
            if unknown not in _TOP_KEYS:
                self._fault(
                    unknown,
                    f"`{unknown}` is not a key of the older form. {did_you_mean(unknown, sorted(_TOP_KEYS))}",
                )
        nodes = self._nodes()
        by_id = {node.id: node for node in nodes}
        links = self._links(by_id)
        steps = [self._step(node, by_id, links) for node in nodes if not node.is_trigger]
        triggers = [self._trigger(node, links) for node in nodes if node.is_trigger]
        targets = {target for (_source, _port), found in links.items() for target in found}
        name = self.data.get("name")
        title = name if isinstance(name, str) and name.strip() else "Imported workflow"
        document: dict[str, Any] = {"format": FORMAT, "key": workflow_key(title), "name": title}
        if isinstance(self.data.get("description"), str):
            document["description"] = self.data["description"]
        document["connections"] = {key: {"integration": found} for key, found in self.asked.items() if found}
        document["triggers"] = triggers or [self._manual()]
        document["start"] = [node.key for node in nodes if not node.is_trigger and node.key not in targets]
        document["steps"] = steps
        return document

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))

    def _manual(self) -> dict[str, Any]:
        self.notes.append(
            "The older form has no trigger; a manual one was added. Add a webhook or a schedule if it should start by itself."
        )
        return {"key": "manual", "type": "manual"}

    def _nodes(self) -> list[_Node]:
        given = self.data.get("nodes")
        if not isinstance(given, list):
            self._fault("nodes", f"`nodes` must be a list, not {shown(given)}.")
            return []
        found: list[_Node] = []
        taken: set[str] = set()
        for index, raw in enumerate(given):
            node = self._node(f"nodes[{index}]", raw, taken)
            if node is not None and any(node.id == other.id for other in found):
                self._fault(
                    f"nodes[{index}].id",
                    f"Node {shown(node.id)}: the id is used by another node too. Give each its own.",
                )
            elif node is not None:
                found.append(node)
        return found

    def _node(self, path: str, raw: Any, taken: set[str]) -> _Node | None:
        if not isinstance(raw, Mapping):
            self._fault(path, f"`{path}` must be an object with id and type, not {shown(raw)}.")
            return None
        node_id = raw.get("id")
        if isinstance(node_id, bool) or not isinstance(node_id, (str, int)) or node_id == "":
            self._fault(f"{path}.id", f"`{path}` has no `id`. Give it one, so that connections can name it.")
            return None
        for name in raw:
            if name not in _NODE_KEYS:
                self._fault(
                    f"{path}.{name}",
                    f"Node {shown(node_id)}: `{name}` is not a key of a node. {did_you_mean(name, sorted(_NODE_KEYS))}",
                )
        if not isinstance(raw.get("params", {}), Mapping) and raw.get("params") is not None:
            self._fault(
                f"{path}.params",
                f"Node {shown(node_id)}: `params` must be an object, not {shown(raw['params'])}.",
            )
            return None
        kind = self._kind(path, node_id, raw)
        if kind is None:
            return None
        key = unique_key(str(node_id), taken)
        return _Node(
            str(node_id), kind, key, raw, is_trigger=kind in ("manual", "webhook", "schedule", "event")
        )

    def _kind(self, path: str, node_id: Any, raw: Mapping[str, Any]) -> str | None:
        given = raw.get("type", "task")
        word = slug(given) if isinstance(given, str) else ""
        kind = NODE_KINDS.get(word)
        if word == "trigger":
            asked = slug(str((raw.get("params") or {}).get("type") or raw.get("task") or "manual"))
            kind = NODE_KINDS.get(asked)
            if kind not in ("manual", "webhook", "schedule"):
                kind = "event" if raw.get("integration_id") is not None else "manual"
        if kind is None:
            hint = did_you_mean(word, NODE_KINDS) or f"Known types are {listed(NODE_KINDS)}."
            self._fault(
                f"{path}.type",
                f"Node {shown(node_id)} has the type {shown(given)}, which has no counterpart. {hint}",
            )
        return kind

    def _links(self, by_id: Mapping[str, _Node]) -> dict[tuple[str, str], list[str]]:
        """(source key, port) → target keys."""
        given = self.data.get("connections") or []
        if not isinstance(given, list):
            self._fault("connections", f"`connections` must be a list of {{from, to}}, not {shown(given)}.")
            return {}
        links: dict[tuple[str, str], list[str]] = {}
        for index, raw in enumerate(given):
            ends = self._ends(f"connections[{index}]", raw, by_id)
            if ends is None:
                continue
            source, target = ends
            taken = {port for key, port in links if key == source.key}
            port = port_of(source.kind, raw, taken)
            targets = links.setdefault((source.key, port), [])
            if target.key not in targets:
                targets.append(target.key)
        return links

    def _ends(self, path: str, raw: Any, by_id: Mapping[str, _Node]) -> tuple[_Node, _Node] | None:
        if not isinstance(raw, Mapping) or "from" not in raw or "to" not in raw:
            self._fault(path, f"`{path}` must be an object with `from` and `to`.")
            return None
        ends = []
        for end in ("from", "to"):
            node = by_id.get(str(raw[end]))
            if node is None:
                hint = did_you_mean(str(raw[end]), by_id)
                self._fault(
                    f"{path}.{end}",
                    f"`{path}.{end}` names the node {shown(raw[end])}, which does not exist. {hint}".rstrip(),
                )
                return None
            ends.append(node)
        if ends[1].is_trigger:
            self._fault(
                f"{path}.to",
                f"`{path}.to` leads into the trigger {shown(raw['to'])}. Triggers only start; remove the connection.",
            )
            return None
        return ends[0], ends[1]

    def _step(
        self, node: _Node, by_id: Mapping[str, _Node], links: Mapping[tuple[str, str], list[str]]
    ) -> dict[str, Any]:
        params = rewritten(dict(node.raw.get("params") or {}), self._references(by_id))
        step: dict[str, Any] = {"key": node.key}
        if isinstance(node.raw.get("name"), str):
            step["name"] = node.raw["name"]
        step |= as_step(node.kind, params)
        if step["type"] == "action":
            step |= self._integration(node, params, node.kind)
        following = {port: targets for (key, port), targets in links.items() if key == node.key}
        on_error = following.pop("error", None)
        if following:
            step["next"] = following
        return step | ({"on_error": on_error} if on_error else {})

    def _references(self, by_id: Mapping[str, _Node]) -> dict[str, str]:
        return {
            node.id: "trigger.body" if node.is_trigger else f"steps.{node.key}" for node in by_id.values()
        }

    def _integration(self, node: _Node, params: Mapping[str, Any], kind: str) -> dict[str, Any]:
        slot = self._slot_of(node)
        task = node.raw.get("task")
        app, action = self.integrations.guess(slot, task if isinstance(task, str) else None, params, kind)
        found: dict[str, Any] = {"integration": app} if app else {}
        if action:
            found["action"] = action
        if slot:
            found["connection"] = slot
            self.asked[slot] = app or self.asked.get(slot)
        who = f"Node {shown(node.id)}"
        if app is None:
            say = (
                f"Say which connection it is: --connection {slot}=<id>."
                if slot
                else "Choose its integration in the builder."
            )
            self.notes.append(f"{who}: its app could not be guessed from its task and params. {say}")
        elif not self.integrations.is_certain(slot, app):
            self.notes.append(
                f"{who} was taken for {app}{f', action {action}' if action else ''}. Check that this is right."
            )
        return found

    def _slot_of(self, node: _Node) -> str | None:
        given = node.raw.get("integration_id")
        if isinstance(given, bool) or not isinstance(given, (str, int)) or given == "":
            return None
        return unique_key(str(given), set())

    def _trigger(self, node: _Node, links: Mapping[tuple[str, str], list[str]]) -> dict[str, Any]:
        trigger = {"key": node.key, **as_trigger(node.kind, node.raw.get("params") or {})}
        if isinstance(node.raw.get("name"), str):
            trigger["name"] = node.raw["name"]
        if node.kind == "event":
            found = self._integration(node, {}, "task")
            event = slug(str(node.raw.get("task") or "").replace(":", ".").rpartition(".")[2])
            trigger |= {name: found[name] for name in ("integration", "connection") if name in found}
            trigger |= {"event": event} if event else {}
        targets = links.get((node.key, "main"))
        return trigger | ({"next": targets} if targets else {})

"""Faults against the catalogue: integrations, actions and events that do not exist, slots, and inputs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.engine.catalogue import Catalogue, IntegrationInfo
from workflows.engine.checks_inputs import schema_fault, value_complaints
from workflows.engine.errors import Fault
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.engine.parts import Document, Step, Trigger
from workflows.engine.words import did_you_mean

CHANNEL_ACTION: Final = "send_message"  # what chat services call it; takes `channel` and `text`


def catalogue_faults(document: Document, catalogue: Catalogue) -> Iterator[Fault]:
    """Everything in the document that the catalogue does not know or would not accept."""
    for slot in document.connections.values():
        if catalogue.integration(slot.integration) is None:
            place = f"connections.{slot.key}.integration"
            yield Fault(place, f"Connection `{slot.key}`: {_no_integration(slot.integration)}")
    for trigger in document.triggers:
        yield from _Part(document, catalogue, trigger).faults()
    for step in document.steps:
        yield from _Part(document, catalogue, step).faults()


def _no_integration(slug: str) -> str:
    return (
        f"there is no integration `{slug}`. Choose one from the integration library, or add it there first."
    )


class _Part:
    """One step or trigger and what it uses."""

    def __init__(self, document: Document, catalogue: Catalogue, part: Step | Trigger) -> None:
        self._document = document
        self._catalogue = catalogue
        self._part = part
        self._step = part.key if isinstance(part, Step) else None
        self._who = f"{'Step' if isinstance(part, Step) else 'Trigger'} `{part.key}`"
        self._base = f"{'steps' if isinstance(part, Step) else 'triggers'}.{part.key}"

    def faults(self) -> Iterator[Fault]:
        part = self._part
        info = self._catalogue.integration(part.integration) if part.integration else None
        if part.integration and info is None:
            yield self._fault("integration", _no_integration(part.integration))
        elif info is not None:
            yield from self._operation(info)
        if part.connection is not None:
            yield from self._slot("connection", part.connection, part.integration)
        yield from self._other_slots()
        yield from self._schemas()

    def _fault(self, field: str, words: str, *, warning: bool = False) -> Fault:
        severity = "warning" if warning else "error"
        return Fault(f"{self._base}.{field}", f"{self._who}: {words}", self._step, field, severity)  # type: ignore[arg-type]  # one of the two words

    def _operation(self, info: IntegrationInfo) -> Iterator[Fault]:
        part = self._part
        if isinstance(part, Step):
            name, word, names = part.action, "action", info.actions
            found: Any = self._catalogue.action(info.slug, name) if name else None
        else:
            name, word, names = part.event, "event", info.triggers
            found = self._catalogue.trigger(info.slug, name) if name else None
        if not name:
            return
        if found is None:
            yield self._fault(
                word, f"{info.name} has no {word} `{name}`. {did_you_mean(name, names)}".rstrip()
            )
            return
        if found.needs_connection and part.connection is None:
            yield self._fault(
                "connection", f"{info.name} needs a connection. Name a slot of `connections` here."
            )
        yield from self._input(found.input_schema)

    def _input(self, schema: Mapping[str, Any]) -> Iterator[Fault]:
        part = self._part
        field = "input" if isinstance(part, Step) else "config.input"
        value = part.input if isinstance(part, Step) else part.config.get("input", {})
        if not schema or not isinstance(value, dict):
            return
        for path, words, warning in value_complaints(value, schema):
            title = self._title(schema, path)
            yield self._fault(
                f"{field}{path}", f"`{field}{path}`{title} {words}.".replace("?.", "?"), warning=warning
            )

    def _title(self, schema: Mapping[str, Any], path: str) -> str:
        properties = schema.get("properties")
        spec = properties.get(path.lstrip(".")) if isinstance(properties, Mapping) else None
        title = spec.get("title") if isinstance(spec, Mapping) else None
        return f" ({title})" if isinstance(title, str) and title else ""

    def _slot(self, field: str, key: str, integration: str | None) -> Iterator[Fault]:
        slot = self._document.connections.get(key)
        if slot is None:
            hint = (
                did_you_mean(key, self._document.connections)
                or "Add it to `connections` with its integration."
            )
            yield self._fault(field, f"there is no connection slot `{key}`. {hint}")
        elif integration is not None and slot.integration != integration:
            yield self._fault(
                field,
                f"the slot `{key}` is for {slot.integration}, but this uses {integration}. Choose a slot for {integration}.",
            )

    def _other_slots(self) -> Iterator[Fault]:
        config = self._part.config
        auth = config.get("auth")
        if isinstance(auth, dict) and isinstance(auth.get("connection"), str):
            yield from self._slot("config.auth.connection", auth["connection"], None)
        notify = config.get("notify") if isinstance(self._part, Step) else None
        for index, entry in enumerate(notify if isinstance(notify, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("connection"), str):
                yield from self._channel(f"config.notify[{index}].connection", entry["connection"])

    def _channel(self, field: str, key: str) -> Iterator[Fault]:
        """The slot of a service that can post to a channel."""
        yield from self._slot(field, key, None)
        slot = self._document.connections.get(key)
        info = self._catalogue.integration(slot.integration) if slot else None
        if info is not None and self._catalogue.action(info.slug, CHANNEL_ACTION) is None:
            yield self._fault(
                field, f"{info.name} cannot post to a channel. Name the slot of a chat service such as Slack."
            )

    def _schemas(self) -> Iterator[Fault]:
        kinds: Mapping[str, Any] = STEP_KINDS if isinstance(self._part, Step) else TRIGGER_KINDS
        kind = kinds.get(self._part.type)
        for spec in kind.fields if kind else ():
            value = self._part.config.get(spec.name) if spec.shape == "schema" else None
            words = schema_fault(value) if isinstance(value, dict) else None
            if words:
                yield self._fault(f"config.{spec.name}", f"`config.{spec.name}` {words}")

"""A plain dict as a document. Reads on after each fault, so that people see all of them at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.engine.errors import Fault
from workflows.engine.kinds import (
    MAX_STEPS,
    RETRY_FIELDS,
    SETTINGS_FIELDS,
    STEP_KINDS,
    TIMEOUT_FIELD,
    TRIGGER_KINDS,
)
from workflows.engine.parts import FORMAT, Document, Retry, Settings, Slot, Step, Trigger
from workflows.engine.reading import Place, Reading
from workflows.engine.shapes import Field, shown
from workflows.engine.words import did_you_mean, listed

DOCUMENT_KEYS: Final = (
    *("format", "key", "name", "description", "settings"),
    *("connections", "triggers", "start", "steps", "layout"),
)
TRIGGER_KEYS: Final = (
    "key",
    "name",
    "type",
    "integration",
    "event",
    "connection",
    "config",
    "next",
    "enabled",
)
_SLUG: Final = Field("integration", "slug", "", literal=True)
_CONNECTING: Final = {
    "integration": _SLUG,
    "event": Field("event", "name", "", literal=True),
    "connection": Field("connection", "key", "", literal=True),
}


class Reader(Reading):
    """Reads one document; what it gives is whole only when there are no `faults`."""

    def read(self, data: Mapping[str, Any]) -> Document:
        top = Place("", "The document")
        self.unknown(top, data, DOCUMENT_KEYS)
        if data.get("format") != FORMAT:
            self.say(top.below("format"), f"must say `format: {FORMAT}`, not {shown(data.get('format'))}.")
        return Document(
            key=self._workflow_key(data.get("key")),
            name=self.text(top, data, "name"),
            description=self.text(top, data, "description"),
            settings=Settings(
                **self.fields(Place("settings", "The document"), data.get("settings"), SETTINGS_FIELDS)
            ),
            connections=self._slots(data.get("connections")),
            triggers=self._triggers(data.get("triggers")),
            start=self.targets(top.below("start"), data.get("start")),
            steps=self._steps(data.get("steps")),
            layout=self.mapping(top, data, "layout"),
        )

    def _workflow_key(self, value: Any) -> str:
        place = Place("key", "The document")
        if value is None:
            self.faults.append(
                Fault("key", "The document has no `key`. Give it a short name such as order-follow-up.")
            )
            return ""
        spec = Field("key", "workflow", "")
        return str(value) if self.hold(place, spec, value) else ""

    # -- the parts

    def _slots(self, data: Any) -> dict[str, Slot]:
        place = Place("connections", "The document")
        if data is not None and not isinstance(data, Mapping):
            self.say(place, f"must be an object of slots, not {shown(data)}.")
        slots = {}
        for key, value in data.items() if isinstance(data, Mapping) else ():
            inner = Place(f"connections.{key}", f"Connection `{key}`", base=f"connections.{key}")
            fits = self.own_key(inner, key)
            fields = self.fields(inner, value, (_SLUG,))
            if not isinstance(value, Mapping) or value.get("integration") is None:
                self.say(
                    inner, "has no `integration`. Say which app it connects, such as {integration: slack}."
                )
            elif fits and "integration" in fields:
                slots[key] = Slot(key, fields["integration"])
        return slots

    def _parts(self, name: str, data: Any, one: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """The objects of a list with the place of each; keys given twice are faults."""
        if data is not None and not isinstance(data, list):
            self.say(Place(name, "The document"), f"must be a list, not {shown(data)}.")
        seen: set[str] = set()
        for index, entry in enumerate(data if isinstance(data, list) else ()):
            if not isinstance(entry, Mapping):
                self.say(
                    Place(f"{name}[{index}]", "The document"),
                    f"must be an object with a key, not {shown(entry)}.",
                )
                continue
            place = self._place(name, index, entry.get("key"), one)
            if place.step is not None and place.step in seen:
                self.say(place.below("key"), f"is used by another {one.lower()} too. Give each its own key.")
            seen.add(place.step or "")
            yield place, entry

    def _place(self, name: str, index: int, key: Any, one: str) -> Place:
        usable = isinstance(key, str) and 0 < len(key) <= 80
        path = f"{name}.{key}" if usable else f"{name}[{index}]"
        place = Place(
            path, f"{one} `{key}`" if usable else f"{one} {index + 1}", key if usable else None, path
        )
        if key is None:
            self.say(place, "has no `key`. Give it a short name of its own, such as send_mail.")
        else:
            self.own_key(place, key)
        return place

    def _kind(self, place: Place, value: Any, kinds: Mapping[str, Any]) -> str | None:
        if isinstance(value, str) and value in kinds:
            return value
        if value is None:
            self.say(place, f"has no `type`. Choose {listed(kinds)}.")
        else:
            hint = did_you_mean(str(value), kinds)
            self.say(
                place.below("type"), f"must be one of {listed(kinds)}, not {shown(value)}. {hint}".rstrip()
            )
        return None

    def _triggers(self, data: Any) -> tuple[Trigger, ...]:
        triggers = []
        for found, entry in self._parts("triggers", data, "Trigger"):
            place = Place(found.path, found.words, base=found.base)
            kind = self._kind(place, entry.get("type"), TRIGGER_KINDS)
            if kind is None:
                continue
            plain = [key for key in TRIGGER_KEYS if key not in _CONNECTING]
            self.unknown(place, entry, [*plain, *TRIGGER_KINDS[kind].connects])
            triggers.append(self._trigger(place, entry, kind))
        return tuple(triggers)

    def _trigger(self, place: Place, entry: Mapping[str, Any], kind: str) -> Trigger:
        names = TRIGGER_KINDS[kind].connects
        given = {name: entry[name] for name in names if entry.get(name) is not None}
        connecting = {
            name: value
            for name, value in given.items()
            if self.hold(place.below(name), _CONNECTING[name], value)
        }
        return Trigger(
            key=str(entry.get("key") or ""),
            type=kind,
            name=self.text(place, entry, "name"),
            config=self.fields(place.below("config"), entry.get("config"), TRIGGER_KINDS[kind].fields),
            next=self.targets(place.below("next"), entry.get("next")),
            enabled=self.enabled(place, entry),
            **connecting,
        )

    def _steps(self, data: Any) -> tuple[Step, ...]:
        if isinstance(data, list) and len(data) > MAX_STEPS:
            self.faults.append(
                Fault(
                    "steps",
                    f"The document has {len(data)} steps. {MAX_STEPS} is the most; move parts into sub-workflows.",
                )
            )
            return ()
        steps = []
        for place, entry in self._parts("steps", data, "Step"):
            kind = self._kind(place, entry.get("type"), STEP_KINDS)
            if kind is not None:
                steps.append(self._step(place, entry, kind))
        return tuple(steps)

    def _step(self, place: Place, entry: Mapping[str, Any], kind: str) -> Step:
        fields = STEP_KINDS[kind].fields
        beside = [spec for spec in fields if spec.where != "config"]
        inner = [spec for spec in fields if spec.where == "config"]
        self._step_keys(place, entry, kind, beside, inner)
        own = {spec.name: entry[spec.name] for spec in beside if spec.name in entry}
        values = self.fields(place, own, beside)
        attributes = {spec.name for spec in beside if spec.where == "attr"}
        config = self.fields(place.below("config"), entry.get("config"), inner) if inner else {}
        timeout = self.fields(place, {"timeout_s": entry.get("timeout_s")}, (TIMEOUT_FIELD,))
        return Step(
            key=str(entry.get("key") or ""),
            type=kind,
            name=self.text(place, entry, "name"),
            next=self._next(place, entry),
            retry=self._retry(place, entry.get("retry")),
            enabled=self.enabled(place, entry),
            notes=self.text(place, entry, "notes"),
            config={**{name: value for name, value in values.items() if name not in attributes}, **config},
            **{name: value for name, value in values.items() if name in attributes},
            **timeout,
        )

    def _step_keys(
        self, place: Place, entry: Mapping[str, Any], kind: str, beside: list[Field], inner: list[Field]
    ) -> None:
        known = [*STEP_KINDS[kind].common, *(spec.name for spec in beside), *(["config"] if inner else [])]
        misplaced = {spec.name for spec in inner} - set(known)
        for name in entry:
            if name in misplaced:
                self.say(place.below(name), f"belongs under `config:` in a {kind} step. Move it there.")
        self.unknown(place, {name: None for name in entry if name not in misplaced}, known)

    def _retry(self, place: Place, value: Any) -> Retry | None:
        if value is None:
            return None
        return Retry(**self.fields(place.below("retry"), value, RETRY_FIELDS))

    # -- links

    def _next(self, place: Place, entry: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        value = entry.get("next")
        links: dict[str, tuple[str, ...]] = {}
        if isinstance(value, Mapping):
            for port, targets in value.items():
                links[port] = self.targets(place.below(f"next.{port}"), targets)
        elif value is not None:
            links["main"] = self.targets(place.below("next"), value)
        if "error" in links:
            self.say(place.below("next.error"), "is written `on_error:`, beside `next`. Move it there.")
        if entry.get("on_error") is not None:
            links["error"] = self.targets(place.below("on_error"), entry["on_error"])
        return links

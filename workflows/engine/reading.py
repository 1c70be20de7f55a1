"""Saying what is wrong while reading, and the small values every part of a document is made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.engine.errors import Fault
from workflows.engine.parts import Config
from workflows.engine.shapes import MAX_STRANGE, RESERVED, Field, shown
from workflows.engine.structures import complaints
from workflows.engine.words import did_you_mean

_ELSEWHERE: Final = {"params": "input", "parameters": "input", "inputs": "input", "arguments": "input", "task": "action",
                     "outputs": "output", "foreach": "over", "timeout": "timeout_s", "error": "on_error", "id": "key",
                     "nodes": "steps", "app": "integration"}  # fmt: skip
_KEY: Final = Field("key", "key", "")


@dataclass(frozen=True)
class Place:
    """Where the reader is: `path` as faults give it, `words` as sentences begin."""

    path: str
    words: str
    step: str | None = None
    base: str = ""  # the path of the step or trigger this lies in

    def below(self, name: str) -> "Place":
        name = name if len(name) <= 80 else name[:79] + "…"
        path = self.path + name if name.startswith("[") or not self.path else f"{self.path}.{name}"
        return Place(path, self.words, self.step, self.base)


@dataclass
class Reading:
    """Collects faults, and gives what could be read."""

    faults: list[Fault] = field(default_factory=list)

    # -- saying what is wrong

    def say(self, place: Place, words: str) -> None:
        inner = place.path.removeprefix(place.base).lstrip(".") if place.base else place.path
        subject = (
            f"{place.words}: `{inner}`" if inner and place.base else f"`{inner}`" if inner else place.words
        )
        self.faults.append(
            Fault(place.path, f"{subject} {words}", place.step, (inner or None) if place.base else None)
        )

    def unknown(self, place: Place, data: Mapping[str, Any], known: Iterable[str]) -> None:
        names = list(known)
        strange = [name for name in data if name not in names]
        for name in strange[:MAX_STRANGE]:
            meant = _ELSEWHERE.get(name)
            hint = f"Did you mean `{meant}`?" if meant in names else did_you_mean(name, names)
            self.say(place.below(name), f"is not a key this can have. {hint}".rstrip())
        if len(strange) > MAX_STRANGE:
            self.say(place, f"has {len(strange) - MAX_STRANGE:,} more keys it cannot have. Remove them.")

    def hold(self, place: Place, spec: Field, value: Any) -> bool:
        """Whether the value has the field's shape; says so if not."""
        found = list(complaints(spec, value))
        for path, words in found:
            self.say(
                place if not path else Place(place.path + path, place.words, place.step, place.base),
                words if words.endswith((".", "?")) else f"{words}.",
            )
        return not found

    # -- small values

    def text(self, place: Place, data: Mapping[str, Any], name: str) -> str:
        value = data.get(name)
        if value is None or not self.hold(place.below(name), Field(name, "text", "", literal=True), value):
            return ""
        return str(value)

    def mapping(self, place: Place, data: Mapping[str, Any], name: str) -> Config:
        value = data.get(name)
        if value is None or not self.hold(place.below(name), Field(name, "object", ""), value):
            return {}
        return dict(value)

    def enabled(self, place: Place, data: Mapping[str, Any]) -> bool:
        value = data.get("enabled", True)
        return not self.hold(place.below("enabled"), Field("enabled", "flag", ""), value) or bool(value)

    def fields(self, place: Place, data: Any, fields: Iterable[Field]) -> Config:
        """The known fields of an object that hold what they should."""
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            self.say(place, f"must be an object (names and values), not {shown(data)}.")
            return {}
        known = {spec.name: spec for spec in fields}
        self.unknown(place, data, known)
        kept = {}
        for name, value in data.items():
            spec = known.get(name)
            if (
                spec
                and (value is not None or spec.shape == "any")
                and self.hold(place.below(name), spec, value)
            ):
                kept[name] = value
        return kept

    def own_key(self, place: Place, key: Any) -> bool:
        if not self.hold(place.below("key"), _KEY, key):
            return False
        if key in RESERVED:
            self.say(
                place.below("key"),
                f'may not be "{key}", which has a meaning in expressions. Choose another key.',
            )
        return key not in RESERVED

    def targets(self, place: Place, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        keys = [value] if isinstance(value, str) else value
        if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            self.say(place, f"must be the key of a step or a list of keys, not {shown(value)}.")
            return ()
        return tuple(keys)

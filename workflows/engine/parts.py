"""The parts of a workflow document as values. Frozen; nothing here may be changed in place, the dicts included.

Everything is kept in one normal form (a name is never empty, a port never leads nowhere, a default is never written),
so that two documents that mean the same compare equal. The dicts hold JSON of documented shape, see docs/workflow-document.md.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from automate.lib.jsontypes import JSON
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS, port_label
from workflows.engine.shapes import Field
from workflows.engine.words import humanise

FORMAT: Final = "automate/1"
Config = dict[str, Any]  # JSON values; `Any` because every reader knows the shape of the key it asks for


@dataclass(frozen=True)
class Slot:
    """A place for a connection; which connection sits in it is decided at publishing."""

    key: str
    integration: str


@dataclass(frozen=True)
class Retry:
    """`attempts` counts the first try. Waits are in seconds; `retry_if` is an expression over `error`."""

    attempts: int = 1
    backoff_s: float = 2
    factor: float = 2
    max_s: float = 60
    retry_if: str | None = None


@dataclass(frozen=True)
class Settings:
    timeout_s: float | None = None
    time_zone: str | None = None
    overlap: str = "parallel"
    max_parallel_runs: int | None = None
    keep_data: str = "all"
    on_failure: str | None = None
    input_schema: Config | None = None

    @property
    def run_limit(self) -> int | None:
        """How many runs may be unfinished at once; None is unlimited."""
        if self.max_parallel_runs is not None:
            return self.max_parallel_runs
        return None if self.overlap == "parallel" else 1


def _without_defaults(config: Config, fields: dict[str, Field]) -> Config:
    kept = {}
    for name, value in config.items():
        known = fields.get(name)
        is_default = (
            known is not None
            and known.default is not None
            and type(value) is type(known.default)
            and value == known.default
        )
        if not is_default:
            kept[name] = value
    return kept


@dataclass(frozen=True)
class Trigger:
    """`next` is empty when the trigger leads to the document's `start`."""

    key: str
    type: str
    name: str = ""
    integration: str | None = None
    event: str | None = None
    connection: str | None = None
    config: Config = field(default_factory=dict)
    next: tuple[str, ...] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", humanise(self.key))
        kind = TRIGGER_KINDS.get(self.type)
        if kind is not None and self.config:
            object.__setattr__(self, "config", _without_defaults(self.config, kind.by_name))

    def setting(self, name: str) -> Any:
        """A value of `config`, or its default from the table of types."""
        if name in self.config:
            return self.config[name]
        return TRIGGER_KINDS[self.type].by_name[name].default


@dataclass(frozen=True)
class Step:
    """`next` maps ports to steps, `error` included. `config` holds all other keys of the type under their own names."""

    key: str
    type: str
    name: str = ""
    integration: str | None = None
    action: str | None = None
    connection: str | None = None
    when: JSON = None
    input: Config = field(default_factory=dict)
    output: Config | None = None
    next: dict[str, tuple[str, ...]] = field(default_factory=dict)
    retry: Retry | None = None
    timeout_s: float | None = None
    enabled: bool = True
    notes: str = ""
    config: Config = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", humanise(self.key))
        if not all(self.next.values()):
            object.__setattr__(
                self, "next", {port: targets for port, targets in self.next.items() if targets}
            )
        kind = STEP_KINDS.get(self.type)
        if kind is not None and self.config:
            object.__setattr__(self, "config", _without_defaults(self.config, kind.by_name))

    def setting(self, name: str) -> Any:
        """A value of `config`, or its default from the table of types."""
        if name in self.config:
            return self.config[name]
        return STEP_KINDS[self.type].by_name[name].default

    @property
    def cases(self) -> list[Config]:
        """The cases of a condition: `{key, name?, when? | equals?}`; empty for other types."""
        cases = self.config.get("cases")
        return [case for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []


@dataclass(frozen=True)
class Document:
    """A workflow, as ARCHITECTURE section 3 describes it."""

    key: str
    name: str = ""
    description: str = ""
    settings: Settings = field(default_factory=Settings)
    connections: dict[str, Slot] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    start: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    layout: Config = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", humanise(self.key))


def ports(step: Step) -> tuple[str, ...]:
    """The ports the step has, in the order people read them; `error` comes last."""
    kind = STEP_KINDS.get(step.type)
    if kind is None:
        return ()
    own = kind.ports
    if step.type == "condition":
        own = (*(str(case["key"]) for case in step.cases if isinstance(case.get("key"), str)), *own)
    return (*own, "error") if kind.can_fail else own


def port_name(step: Step, port: str) -> str:
    """What people read on the port: a case's own name, else the words of the type."""
    for case in step.cases:
        if case.get("key") == port and isinstance(case.get("name"), str) and case["name"]:
            return str(case["name"])
    return port_label(port)

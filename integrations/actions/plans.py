"""Manifests made ready to run: templates compiled, schemas prepared. Done once per manifest and process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from integrations.actions.answers import Judge, prepare_judge
from integrations.actions.bodies import BODY_KINDS
from integrations.actions.inputs import InputSchema
from integrations.actions.mapping import Names, Node, compiled, compiled_path
from integrations.actions.paging import Paging, prepare_paging
from integrations.errors import ActionError
from integrations.manifest import Action, AfterConnect, Call, Manifest, OutputFile, Send, Way
from integrations.manifest.validation import finds

PLANS_KEPT = 512  # services whose preparation one process remembers

PathMaker = Callable[[Names], str]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One request. `is_fixed`: its base address holds no expression, so the manifest itself vouches for the host."""

    id: str | None
    when: Node | None
    method: str
    path: PathMaker
    base: PathMaker | None
    is_fixed: bool
    query: Node | None
    headers: Node | None
    body: tuple[str, Node] | None
    ok: Node | None


@dataclass(frozen=True, slots=True)
class FilePlan:
    spec: OutputFile
    data: Node
    name: Node
    mime: Node


@dataclass(frozen=True, slots=True)
class ActionPlan:
    action: Action
    schema: InputSchema
    calls: tuple[CallPlan, ...]
    paging: Paging | None
    output: Node | None
    file: FilePlan | None


class ServicePlan:
    """A manifest with everything that its actions share."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.judge: Judge = prepare_judge(manifest.name, manifest.http)
        self.headers = manifest.http.headers
        self._base = base_maker(manifest.http.base_url)
        self._actions: dict[str, ActionPlan] = {}

    def action(self, name: str) -> ActionPlan:
        """Raises ActionError for an unknown name."""
        plan = self._actions.get(name)
        if plan is None:
            action = self.manifest.action(name)
            if action is None:
                raise ActionError(
                    f"{self.manifest.name} has no action “{name}”.", code="unknown_action", sent=False
                )
            plan = self._actions[name] = prepare_action(action)
        return plan

    def base_url(self, call: CallPlan, names: Names, override: str | None) -> str:
        if override is not None and (call.base is None or call.is_fixed):
            return override.rstrip("/")
        return (self._base if call.base is None else call.base)(names).rstrip("/")

    def may_sign(self, call: CallPlan, url: str, names: Names, override: str | None) -> bool:
        """Credentials go to hosts the manifest names, not to addresses that an answer brought."""
        if call.base is None or call.is_fixed:
            return True
        own = override if override is not None else self._base(names)
        return _origin(own) == _origin(url)


def check_host(way: Way | None, url: str) -> None:
    """Addresses that came with a connection must lie where the manifest says. Raises ActionError."""
    if way is None or way.host_pattern is None:
        return
    host = urlsplit(url).hostname or ""
    if not finds(f"^(?:{way.host_pattern})$", host.lower()):
        raise ActionError(
            f"“{host}” is not an address of this service. Connect again.", code="foreign_host", sent=False
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def prepare_action(action: Action) -> ActionPlan:
    calls = action.requests or [
        Call(
            method=action.method or "GET",
            path=action.path,
            base_url=action.base_url,
            send=action.send,
            ok=action.ok,
        )
    ]
    return ActionPlan(
        action=action,
        schema=InputSchema(action.input),
        calls=tuple(prepare_call(call) for call in calls),
        paging=prepare_paging(action.paginate) if action.paginate else None,
        output=None if action.output is None else compiled(action.output),
        file=_prepare_file(action.output_file),
    )


def prepare_call(call: Call | AfterConnect) -> CallPlan:
    send = call.send
    return CallPlan(
        id=getattr(call, "id", None),
        when=_optional(getattr(call, "when", None)),
        method=call.method,
        path=compiled_path(call.path),
        base=None if call.base_url is None else base_maker(call.base_url),
        is_fixed="{{" not in (call.base_url or ""),
        query=_optional(send.query),
        headers=_optional(send.headers),
        body=_body(send),
        ok=_optional(call.ok),
    )


def _optional(template: object) -> Node | None:
    return None if template is None else compiled(template)  # type: ignore[arg-type]  # pydantic's name for JSON


def _body(send: Send) -> tuple[str, Node] | None:
    for part in fields(send):
        template = getattr(send, part.name)
        if part.name in BODY_KINDS and template is not None:
            return part.name, compiled(template)
    return None


def _prepare_file(spec: OutputFile | None) -> FilePlan | None:
    if spec is None:
        return None
    return FilePlan(spec, compiled(spec.data), compiled(spec.name), compiled(spec.mime))


def base_maker(template: str) -> PathMaker:
    """A base address. An expression at its start may bring a whole address; later ones only a quoted part of it."""
    if not template.startswith("{{"):
        return compiled_path(template)
    head, mark, rest = template.partition("}}")
    whole, tail = compiled(head + mark), compiled_path(rest)
    return lambda names: str(whole(names)).rstrip("/") + tail(names)


class Plans:
    """The preparations of a process, by the identity of their manifests. Safe to share between threads."""

    def __init__(self) -> None:
        self._plans: dict[int, ServicePlan] = {}
        self._lock = threading.Lock()

    def of(self, manifest: Manifest) -> ServicePlan:
        plan = self._plans.get(id(manifest))
        if plan is None or plan.manifest is not manifest:
            plan = ServicePlan(manifest)
            with self._lock:
                if len(self._plans) >= PLANS_KEPT:
                    self._plans.clear()
                self._plans[id(manifest)] = plan
        return plan

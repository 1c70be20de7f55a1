"""The one executor of shipped, hand-made and imported integrations."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from automate.lib.http import HttpClient, Request, Response
from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.actions import http_request
from integrations.actions.answers import Answer
from integrations.actions.asking import detail_of, pages_of
from integrations.actions.bodies import with_query
from integrations.actions.calls import Job, ask, built, run_calls
from integrations.actions.effects import effect_of
from integrations.actions.inputs import InputSchema
from integrations.actions.mapping import compiled, value_of
from integrations.actions.options import choices, options_of
from integrations.actions.plans import Plans, prepare_call
from integrations.actions.polling import Look
from integrations.actions.sender import Sender
from integrations.errors import ActionError, InputError
from integrations.manifest import Action, AfterConnect, Call, Manifest, Trigger, Way
from integrations.masking import Masker
from integrations.protocols import LOOK_THEMSELVES, PROTOCOLS, looker, module_of
from integrations.values import ActionResult, Batch, Connection, Context, FileStore, Limiter, Outgoing

T = TypeVar("T")
DEFAULT_TIMEOUT_S = 30.0
MAX_LABEL_CHARS = 200
OPTIONS_TIMEOUT_S = 10.0  # a person waits for the drop-down


class ActionRunner:
    """Safe to share between threads.

    `base_urls`: slug to address, replacing the manifests' own (AUTOMATE_CONNECTOR_BASE_URLS). `files`: where file
    values are read from and saved to; without it actions that need files are refused. `own_urls`: how our own
    addresses begin, in lower case.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        base_urls: Mapping[str, str] | None = None,
        limiter: Limiter | None = None,
        files: FileStore | None = None,
        own_urls: tuple[str, ...] = (),
    ) -> None:
        self.client = client
        self.own_urls = own_urls
        self.base_urls = base_urls or {}
        self.limiter = limiter
        self.files = files
        self._plans = Plans()

    def run(
        self,
        manifest: Manifest,
        action: Action | str,
        *,
        input: JSON,
        connection: Connection | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        files: FileStore | None = None,
    ) -> ActionResult:
        """Run one action; `timeout_s` bounds all its requests together. Raises ActionError, InputError, RateLimited."""
        service = self._plans.of(manifest)
        plan = service.action(action if isinstance(action, str) else action.name)
        given = plan.schema.check(input)
        store = files or self.files
        if manifest.protocol in PROTOCOLS:
            context = Context(
                self.client.policy, timeout_s, idempotency_key, store, self.client.tls, self.client
            )
            return _by_protocol(manifest, plan.action.name, given, connection, context)
        way = way_of(manifest, connection)
        is_safe = effect_of(manifest, plan.action, given) == "safe"
        send = self._sender(manifest, way, connection, timeout_s, is_safe, http_request.secrets(given))
        try:
            if manifest.protocol == "http_request":
                return http_request.run(given, way, connection, send, idempotency_key, store)
            base_url = self.base_urls.get(manifest.slug)
            names = _names(given, connection)
            return run_calls(
                Job(service, way, connection, names, send, base_url, store, idempotency_key), plan
            )
        except ActionError as error:
            raise _logged(error, send) from None

    def call(
        self,
        manifest: Manifest,
        call: Call | AfterConnect,
        *,
        connection: Connection | None,
        input: dict[str, JSON] | None = None,
        names: Mapping[str, JSON] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Answer:
        """One request of a manifest outside its actions: after_connect, subscriptions, polls. Raises ActionError.

        `names`: what it sees besides `input` and `connection`, such as `hook` and `stored`.
        """
        way = way_of(manifest, connection)
        send = self._sender(manifest, way, connection, timeout_s, call.method in ("GET", "HEAD"))
        base_url = self.base_urls.get(manifest.slug)
        seen = {**_names(input or {}, connection), **(names or {})}
        job = Job(self._plans.of(manifest), way, connection, seen, send, base_url, self.files)
        try:
            plan = prepare_call(call)
            return ask(job, plan, built(job, plan))
        except ActionError as error:
            raise _logged(error, send) from None

    def look(
        self,
        manifest: Manifest,
        trigger: Trigger,
        *,
        input: JSON,
        connection: Connection | None,
        state: Mapping[str, Any],
        now: datetime,
        first: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Batch:
        """The new items of a polling trigger. `state`: what the last look said to remember, {} before the first.

        `first`: what a first look is to start (`nothing`, `last`, `all`); None for a later one. Raises ActionError.
        """
        given = InputSchema(trigger.input).check(input)
        if manifest.protocol in LOOK_THEMSELVES:
            context = Context(self.client.policy, timeout_s, tls=self.client.tls, client=self.client)
            chosen = _needed(manifest, connection)
            return _scrubbed(
                manifest, chosen, lambda: looker(manifest.protocol).look(given, chosen, context, state, first)
            )

        def act(name: str, asked: JSON) -> JSON:
            return self.run(manifest, name, input=asked, connection=connection, timeout_s=timeout_s).output

        way = way_of(manifest, connection)
        send = self._sender(manifest, way, connection, timeout_s, is_safe=True)
        look = Look(trigger, _names(given, connection), state, now, first)
        base_url = self.base_urls.get(manifest.slug)
        job = Job(self._plans.of(manifest), way, connection, dict(look.names), send, base_url, self.files)
        try:
            return look.run(pages_of(job, trigger, look.marks, act), detail_of(job, trigger))
        except ActionError as error:
            raise _logged(error, send) from None

    def after_connect(
        self, manifest: Manifest, connection: Connection, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> dict[str, JSON]:
        """What the manifest wants kept of its `after_connect` request; {} without one. Raises ActionError."""
        way = way_of(manifest, connection)
        if way is None or way.after_connect is None:
            return {}
        answer = self.call(manifest, way.after_connect, connection=connection, timeout_s=timeout_s)
        names = _names({}, connection)
        names.update({"body": answer.body, "headers": dict(answer.headers)})
        return {key: value_of(compiled(template), names) for key, template in way.after_connect.save.items()}

    def test(
        self, manifest: Manifest, connection: Connection, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> str:
        """Try a connection; the account's label, empty where the service names none. Raises ActionError."""
        if manifest.protocol in PROTOCOLS:
            context = Context(self.client.policy, timeout_s, tls=self.client.tls)
            return _scrubbed(
                manifest, connection, lambda: module_of(manifest.protocol).test(connection, context)
            )
        way = way_of(manifest, connection)
        if way is None or way.test is None:
            return ""
        answer = self.call(manifest, way.test, connection=connection, timeout_s=timeout_s)
        return self.account_label(manifest, connection, answer.body)

    def options(
        self,
        manifest: Manifest,
        part: str,
        field: str,
        *,
        input: JSON,
        connection: Connection | None,
        of_trigger: bool = False,
    ) -> list[dict[str, JSON]]:
        """The choices of a field with `x-options`: `[{value, label}]`, given the fields filled in so far.

        `part` names an action, or a trigger. Empty when a field it depends on is still empty. Raises ActionError.
        """
        trigger = manifest.trigger(part) if of_trigger else None
        wanted = options_of(trigger or self._plans.of(manifest).action(part).action, field)
        names = _names(input if isinstance(input, dict) else {}, connection)
        given = value_of(compiled(wanted.get("input") or {}), names) or {}
        try:
            result = self.run(
                manifest,
                str(wanted["action"]),
                input=given,
                connection=connection,
                timeout_s=OPTIONS_TIMEOUT_S,
            )
        except InputError:
            return []
        return choices(result.output, str(wanted["value"]), str(wanted["label"]))

    def account_label(self, manifest: Manifest, connection: Connection, body: JSON = None) -> str:
        """Whose account it is, as the manifest words it (sees `connection` and the test's `body`)."""
        way = way_of(manifest, connection)
        if way is None or way.account_label is None:
            return ""
        try:
            label = value_of(compiled(way.account_label), {**_names({}, connection), "body": body})
        except ActionError:
            return ""
        return Masker(auth.secrets(way, connection)).text("" if label is None else str(label))[
            :MAX_LABEL_CHARS
        ]

    def send(self, out: Outgoing, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Response:
        """A ready-made request, such as one for tokens; redirects are not followed. Raises HttpError."""
        url = with_query(out.url, out.query)
        return self.client.send(Request(out.method, url, out.headers, out.body, timeout_s=timeout_s))

    def _sender(
        self,
        manifest: Manifest,
        way: Way | None,
        connection: Connection | None,
        timeout_s: float,
        is_safe: bool,
        more_secrets: list[str] | None = None,
    ) -> Sender:
        return Sender(
            self.client,
            timeout_s=timeout_s,
            secrets=[*auth.secrets(way, connection), *(more_secrets or [])],
            limiter=self.limiter,
            limit=manifest.http.rate_limit,
            limit_key=f"{manifest.slug}:{connection.id if connection else ''}",
            pause_key=f"{manifest.slug}:{connection.id}" if connection else "",
            own_urls=self.own_urls,
            allow_retry=is_safe,
        )


def way_of(manifest: Manifest, connection: Connection | None) -> Way | None:
    """How this connection connects; without a connection the manifest's only way, if it needs none to be chosen."""
    if connection is not None:
        return manifest.way(connection.auth_type)
    needs_one = manifest.connections and all(way.type != "none" for way in manifest.connections)
    return manifest.connections[0] if needs_one else None


def _names(given: dict[str, JSON], connection: Connection | None) -> dict[str, JSON]:
    return {"input": given, "connection": dict(connection.values) if connection else {}}


def _logged(error: ActionError, send: Sender) -> ActionError:
    return error if error.request_log is not None else send.failed(error)


def _by_protocol(
    manifest: Manifest, name: str, given: dict[str, JSON], connection: Connection | None, context: Context
) -> ActionResult:
    chosen = _needed(manifest, connection)
    return _scrubbed(manifest, chosen, lambda: module_of(manifest.protocol).run(name, given, chosen, context))


def _needed(manifest: Manifest, connection: Connection | None) -> Connection:
    """The connection; an empty one for protocols that need none. Raises ActionError."""
    if connection is not None:
        return connection
    if manifest.way("none") is not None:
        return Connection("", manifest.slug, "none")
    raise ActionError(
        "This action needs a connection. Choose one in the step.", code="not_connected", sent=False
    )


def _scrubbed(manifest: Manifest, connection: Connection, work: Callable[[], T]) -> T:
    """Servers quote what they were given; secrets must not leave in their messages."""
    try:
        return work()
    except ActionError as error:
        masker = Masker(auth.secrets(way_of(manifest, connection), connection))
        error.message = masker.text(error.message)
        error.args = (error.message,)
        raise

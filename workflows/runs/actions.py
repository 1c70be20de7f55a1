"""Between the engine and the integrations: runs a step's action, and names what went wrong in the engine's words."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Literal

from django.db import InterfaceError, OperationalError
from django.db import connection as database

from automate.lib import clock, jsontypes
from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.actions import effect_of as effect_by_manifest
from integrations.actions import way_of
from integrations.actions.caller import Caller, called_by
from integrations.connections import opening
from integrations.errors import ActionError, RateLimited
from integrations.masking import MASK, MIN_SECRET_CHARS, Masker
from workflows.engine.document import Step
from workflows.engine.names import RunData
from workflows.engine.outcome import Done, Failed, Outcome, Record, StepError
from workflows.runs.facts import Facts, patiently
from workflows.runs.failpoints import failpoint
from workflows.runs.files import RunFiles
from workflows.runs.perform import Call, Performed
from workflows.runs.shapes import Claimed

log = logging.getLogger(__name__)
# What stands between us and a service answers these when it lost touch with the service in the middle of the call: the
# service may have done what it was asked. 52x are those of Cloudflare.
OF_PROXIES = frozenset({502, 504, 520, 524})
SECRET_FIELDS = frozenset(
    {"password", "token", "secret", "client_secret", "api_key", "access_token"}
)  # of inputs


def effect_of(step: Step, given: dict[str, JSON], tenant_id: uuid.UUID) -> Literal["safe", "unsafe"]:
    """Whether the step's action may be sent again when nobody knows if it arrived. No SQL while the service is kept."""
    try:
        service = opening.find_service(step.integration or "", tenant_id)
    except ActionError:
        return "safe"  # nothing can be sent: running it says why
    return effect_by_manifest(service.manifest, step.action or "", given)


def run_action(call: Call, claimed: Claimed, key: str, timeout_s: float, facts: Facts) -> Performed:
    """Send it. Every way it can go wrong comes back as `Failed`."""
    step, tenant = call.step, claimed.lease.tenant_id
    try:
        connection_id = _connection_id(step, claimed, facts)
        if facts.writer.thread is not None:
            patiently(lambda: _open(step, tenant, connection_id, facts))
        failpoint("perform.before_send")
        with called_by(Caller(claimed.depth, has_turn=bool(call.note.get("turn")))):
            result = opening.run_action(
                step.integration or "", step.action or "", tenant=tenant, input=call.input,
                connection_id=connection_id, idempotency_key=key, timeout_s=timeout_s,
                files=RunFiles(tenant, claimed.lease.execution_id, facts),
            )  # fmt: skip
        failpoint("perform.after_send")
        leaked = _leaked(
            result.output, _secrets(step, tenant, connection_id) + _secret_variables(claimed, facts)
        )
    except ActionError as error:
        return Performed(call, _failed(call, error), error.request_log)
    except Exception:
        log.exception("action %s.%s broke", step.integration, step.action)
        fault = StepError(
            "Something went wrong inside automate. The log has the details.", "internal", step.key
        )
        return Performed(call, Failed(fault, input=dict(call.input), outcome_unknown=True))
    finally:
        release_database(facts)
    return Performed(call, Done(result.output, input=dict(call.input)), result.request_log, leaked)


def _open(step: Step, tenant_id: uuid.UUID, connection_id: uuid.UUID | None, facts: Facts) -> None:
    """Read what the call needs before anything is sent: until then a database that is away can be waited for."""
    try:
        service = opening.find_service(step.integration or "", tenant_id)
        if connection_id is not None:
            opening.opened(connection_id, tenant_id, service)
    except (OperationalError, InterfaceError):
        release_database(facts)
        raise


def _secrets(step: Step, tenant_id: uuid.UUID, connection_id: uuid.UUID | None) -> list[str]:
    """The secret texts of the step's connection. No SQL: it was opened a moment ago."""
    if connection_id is None:
        return []
    service = opening.find_service(step.integration or "", tenant_id)
    access = opening.opened(connection_id, tenant_id, service)
    return list(auth.secrets(way_of(service.manifest, access.connection), access.connection))


def _secret_variables(claimed: Claimed, facts: Facts) -> list[str]:
    plain, everything = facts.variables(claimed)
    return [str(value) for key, value in everything.items() if key not in plain]


def _leaked(output: JSON, secrets: list[str]) -> list[str]:
    """Those secrets that an output quotes."""
    telling = [secret for secret in secrets if len(secret) >= MIN_SECRET_CHARS]
    if not telling:
        return []
    text = jsontypes.dumps(output)
    return [secret for secret in telling if jsontypes.dumps(secret)[1:-1] in text]


def _connection_id(step: Step, claimed: Claimed, facts: Facts) -> uuid.UUID | None:
    if not step.connection:
        return None
    bound = facts.bindings(claimed).get(step.connection)
    if bound is None:
        raise ActionError(
            f"No connection is chosen for “{step.connection}”. Open the step and choose one.",
            code="not_connected",
            sent=False,
        )
    return uuid.UUID(str(bound))


def _failed(call: Call, error: ActionError) -> Failed:
    unknown = error.sent is not False and (error.status is None or error.status in OF_PROXIES)
    fault = StepError(error.message, error.code, call.step.key, error.retryable, error.status)
    postponed = isinstance(error, RateLimited)
    has_turn = isinstance(error, RateLimited) and error.has_turn
    return Failed(
        fault,
        dict(call.input),
        error.retry_after_s,
        unknown,
        postponed,
        has_turn,
        request_log=error.request_log,
    )


def release_database(facts: Facts) -> None:
    """A call that had to read credentials opened a connection for this thread: there are too many threads to keep it."""
    if facts.writer.thread is not None and database.connection is not None and not database.in_atomic_block:
        database.close()


def map_output(step: Step, outcome: Done | Failed, scope_of: Callable[[JSON], Scope]) -> Outcome:
    """The step's `output`, if it has one, over the action's result."""
    if step.output is None or isinstance(outcome, Failed):
        return outcome
    try:
        made = evaluate(step.output, scope_of(outcome.output))
    except ExpressionError as error:
        return Failed(StepError(error.message, "expression", step.key), input=outcome.input)
    return Done(made, outcome.ports, outcome.input)


def guard(record: Record, data: RunData) -> None:
    """Keep secrets out of what is stored of a step: inputs are masked, outputs that quote one are sealed."""
    if record.kind == "action" or data.leaked or data.is_tainted:
        masker = _masker(data)
        if record.kind == "action" and isinstance(record.input, dict):
            record.input = {key: _masked(key, value, masker) for key, value in record.input.items()}
        if record.kind in ("action", "code"):
            # which secrets came back before this run was taken up here is not known: what a program printed may quote one
            untold = record.kind == "code" and data.is_tainted
            record.request_log = None if untold else _masked("", record.request_log, masker)
        if record.error is not None:
            record.error = {name: without(value, masker) for name, value in record.error.items()}
        record.attempts = [without(error, masker) for error in record.attempts]
    if data.is_tainted:
        record.is_secret = record.input is not None or record.output is not None
    elif data.leaked:
        record.is_secret = bool(_leaked([record.input, record.output], list(data.leaked)))


def _masker(data: RunData) -> Masker:
    """Of what the run must not show: secret variables, and secrets that came back from a service."""
    plain, everything = data.load_vars(), data.load_secrets()
    return Masker(data.leaked | {str(value) for key, value in everything.items() if key not in plain})


def tried(failed: Failed, data: RunData) -> dict[str, JSON]:
    """A try that failed, as its step keeps it beside the last one: the error, when it ended, the log of its request.

    The log is masked here: until the step has ended it lies in the queue, where the run's page reads it.
    """
    said = {**failed.error.as_json(), "ended_at": clock.now().isoformat()}
    if isinstance(failed.request_log, dict) and "url" in failed.request_log:
        said["request"] = _masked("", failed.request_log, _masker(data))
    return said


def without(value: JSON, masker: Masker) -> JSON:
    """The value with its secrets masked, wherever its texts quote one."""
    if isinstance(value, str):
        return masker.text(value)
    if isinstance(value, list):
        return [without(part, masker) for part in value]
    if isinstance(value, dict):
        return {key: without(part, masker) for key, part in value.items()}
    return value


def masked_input(value: JSON, masker: Masker) -> JSON:
    """An input or request log: what stands under the name of a secret is masked whole."""
    return _masked("", value, masker)


def _masked(name: str, value: JSON, masker: Masker) -> JSON:
    if name in SECRET_FIELDS and value:
        return MASK
    if isinstance(value, str):
        return masker.text(value)
    if isinstance(value, list):
        return [_masked("", part, masker) for part in value]
    if isinstance(value, dict):
        if name == "headers":
            texts = masker.headers({key: str(part) for key, part in value.items()})
            return {**texts}
        return {key: _masked(key, part, masker) for key, part in value.items()}
    return value

"""Runs the requests of one action: builds each, signs it, asks, judges the answer, and makes the output."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlsplit

from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.actions.answers import Answer, read, refusal_sentence, said_in
from integrations.actions.bodies import add_body, header_texts, query_pairs
from integrations.actions.mapping import ABSENT, Names, is_true, value_of
from integrations.actions.paging import all_pages
from integrations.actions.plans import ActionPlan, CallPlan, FilePlan, ServicePlan, check_host
from integrations.actions.sender import Sender
from integrations.errors import ActionError, InputError
from integrations.manifest import Way
from integrations.values import ActionResult, Connection, FileStore, Outgoing


@dataclass(frozen=True, slots=True)
class Job:
    """One action under way. `names` is what its templates see; answers are added as they come in."""

    service: ServicePlan
    way: Way | None
    connection: Connection | None
    names: Names
    send: Sender
    base_url: str | None  # replaces the manifest's
    files: FileStore | None
    idempotency_key: str | None = None


def run_calls(job: Job, plan: ActionPlan) -> ActionResult:
    """Raises ActionError."""
    answers: dict[str, JSON] = {}
    job.names["requests"] = answers
    answer: Answer | None = None
    for call in plan.calls:
        seen: JSON = None
        if call.when is None or is_true(value_of(call.when, job.names)):
            answer = _called(job, plan, call)
            seen = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
            job.names.update(seen)
        if call.id is not None:
            answers[call.id] = seen
    return ActionResult(_output(job, plan, answer), job.send.log())


def _called(job: Job, plan: ActionPlan, call: CallPlan) -> Answer:
    out = built(job, call)
    if plan.action.idempotency and job.idempotency_key:
        suffix = f":{call.id}" if call.id is not None and len(plan.calls) > 1 else ""
        out.headers[plan.action.idempotency] = job.idempotency_key + suffix
    if plan.paging is None:
        return ask(job, call, out)
    pages = all_pages(plan.paging, out, lambda page: ask(job, call, page), job.names)
    job.names.update({"items": pages.items, "pages": pages.count})
    return pages.last


def built(job: Job, call: CallPlan) -> Outgoing:
    """The request, signed. Raises ActionError when an input it cannot do without is absent."""
    base = job.service.base_url(call, job.names, job.base_url)
    out = Outgoing(call.method, base + call.path(job.names))
    out.headers.update(job.service.headers)
    if call.headers is not None:
        out.headers.update(header_texts(_given(call.headers(job.names))))
    if call.query is not None:
        out.query += query_pairs(_given(call.query(job.names)))
    if call.body is not None:
        kind, node = call.body
        body = node(job.names)
        add_body(out, kind, {} if body is ABSENT else body, job.files)
    _check_address(job, call, out.url)
    if job.service.may_sign(call, out.url, job.names, job.base_url):
        auth.apply(out, job.way, job.connection)
    return out


def _check_address(job: Job, call: CallPlan, url: str) -> None:
    if not urlsplit(url).scheme:
        raise InputError(f"{job.service.manifest.name} has no address to call. Connect again.")
    if call.base is None and job.base_url is None:
        check_host(job.way, url)


def _given(value: object) -> JSON:
    return None if value is ABSENT else value  # type: ignore[return-value]  # what is not ABSENT is JSON


def ask(job: Job, call: CallPlan, out: Outgoing) -> Answer:
    """Send one request and judge its answer. Raises ActionError for a refusal."""
    response = job.send(out)
    try:
        answer = read(response)
    except ActionError as error:
        raise job.send.failed(error, response) from None
    refusal = job.service.judge.refusal(answer, job.names, call.ok)
    if refusal is None and call.body is not None and call.body[0] == "graphql":
        refusal = _graphql_refusal(job.service.manifest.name, answer)
    if refusal is not None:
        raise job.send.failed(refusal, response)
    return answer


def _graphql_refusal(name: str, answer: Answer) -> ActionError | None:
    errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
    if not errors:
        return None
    first = errors[0] if isinstance(errors, list) else errors
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    message = refusal_sentence(name, answer.status, said_in(errors))
    retryable = code in ("THROTTLED", "RATE_LIMITED", "MAX_COST_EXCEEDED")
    return ActionError(
        message, code=str(code or "graphql"), status=answer.status, retryable=retryable, sent=True
    )


def _output(job: Job, plan: ActionPlan, answer: Answer | None) -> JSON:
    if plan.file is not None and answer is not None:
        return _file(job, plan.file, answer)
    if plan.output is not None:
        return value_of(plan.output, job.names)
    if plan.paging is not None:
        return job.names.get("items", [])
    return None if answer is None else answer.body


def _file(job: Job, plan: FilePlan, answer: Answer) -> JSON:
    if job.files is None:
        raise ActionError("Files cannot be kept here.", code="no_files", sent=True)
    name = str(value_of(plan.name, job.names) or "file")
    mime = str(
        value_of(plan.mime, job.names) or answer.headers.get("content-type", "application/octet-stream")
    )
    return job.files.save(_file_data(job, plan, answer), name=name, mime=mime.partition(";")[0].strip())


def _file_data(job: Job, plan: FilePlan, answer: Answer) -> bytes:
    if plan.spec.data is None:
        return answer.content
    text = str(value_of(plan.data, job.names) or "")
    if plan.spec.encoding != "base64":
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), altchars=b"-_" if {"-", "_"} & set(text) else None)
    except (binascii.Error, ValueError):
        raise ActionError("The file in the answer cannot be decoded.", code="bad_answer", sent=True) from None

"""Stand-ins for the services that templates work in, and a hand that sets a template up and runs it."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import Tenant, User
from automate.lib import clock
from integrations.connections import forget_everything
from integrations.connections.vault import seal_credentials
from integrations.manifest import shipped
from integrations.models import IntegrationDefinition, UserIntegration
from integrations.sync import write_definition
from tests.workflows.runs.conftest import let_time_pass
from workflows import gallery
from workflows.documents import load_draft
from workflows.engine.document import Step, Trigger
from workflows.models import (
    ActiveRun,
    Deployment,
    Sample,
    StepExecution,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTemplateLibrary,
)
from workflows.publishing import publish
from workflows.runs.drain import Engine
from workflows.runs.start import start_run

POSTGRES: Final = os.environ.get("DATABASE_URL", "")
MAX_WAITS: Final = 12  # waits of one run that are passed over
Answer = dict[str, Any]


class Inbox:
    """A mail server. Addresses at refused.example do not exist; the next `busy` mails are put off."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.busy = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.endswith("@refused.example"):
            return "550 No such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.busy:
            self.busy -= 1
            return "451 Try again later"
        self.raw.append(envelope.original_content)
        return "250 OK"

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


@pytest.fixture(scope="module")
def post_office() -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


@dataclass
class Services:
    """Slack, GitHub and Jira on loopback. `said`: path → bodies they got; `answers`: path → (status, body), the next one first."""

    server: HTTPServer
    said: dict[str, list[Any]] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)

    def handle(self, request: Request) -> Response:
        path, text = request.path, request.get_data(as_text=True)
        self.said.setdefault(path, []).append(json.loads(text) if text else dict(request.args))
        waiting = self.answers.get(path, [])
        status, body = waiting.pop(0) if waiting else (200, _usual(path))
        return Response(json.dumps(body), status, content_type="application/json")

    @property
    def slack(self) -> list[str]:
        return [said["text"] for said in self.said.get("/chat.postMessage", [])]


def _usual(path: str) -> Any:
    if path.startswith("/rest/api/3/issue"):
        return {"id": "10000", "key": "OPS-24"}
    return {"ok": True, "ts": "1", "channel": "C1"} if path == "/chat.postMessage" else {"id": 1, "number": 7}


@dataclass
class Flow:
    """A template that was set up and published."""

    template: WorkflowTemplate
    engine: Engine

    @property
    def deployment(self) -> Deployment:
        return Deployment.objects.get(template=self.template)

    def start(self, body: Any = None, trigger: str = "") -> uuid.UUID:
        """By its first trigger or another one, with its own sample unless a body is given; nothing is worked on yet."""
        triggers = load_draft(self.template).triggers
        chosen = next(one for one in triggers if one.key == (trigger or triggers[0].key))
        sample = Sample.objects.filter(template=self.template, trigger_key=chosen.key).first()
        given: dict[str, Any] = dict(sample.data or {}) if sample else {}
        given |= {"type": chosen.type, "key": chosen.key, "at": clock.now().isoformat()}
        if body is not None or "body" not in given:
            given["body"] = body
        kind = "SCHEDULED" if chosen.type == "schedule" else chosen.type.upper()
        started = start_run(deployment=self.deployment, trigger=given, trigger_type=kind)
        assert started.execution_id is not None
        return started.execution_id

    def go(self, run: uuid.UUID) -> WorkflowExecution:
        """Work until it has ended or waits."""
        self.engine.drain(linger_s=0.01)
        return WorkflowExecution.objects.get(pk=run)

    def run(self, body: Any = None, trigger: str = "") -> WorkflowExecution:
        """Start it and work until it has ended; second tries come at once."""
        run = self.start(body, trigger)
        execution = self.go(run)
        for _ in range(MAX_WAITS):
            if execution.status != "WAITING" or not self._only_retries(run):
                return execution
            execution = self.pass_time(run)
        return execution

    def pass_time(self, run: uuid.UUID) -> WorkflowExecution:
        """Whatever it waits for, its time is over."""
        if ActiveRun.objects.filter(pk=run).exists():
            let_time_pass(run)
        return self.go(run)

    def answer(self, execution: WorkflowExecution) -> Any:
        """What its respond step says to the caller."""
        said = StepExecution.objects.filter(execution=execution, step_type="RESPOND", step_status="COMPLETED")
        return said.get().output

    def step(self, execution: WorkflowExecution, path: str) -> Any:
        """The output of a step."""
        return StepExecution.objects.get(execution=execution, path=path).output

    def _only_retries(self, run: uuid.UUID) -> bool:
        notes = ActiveRun.objects.get(pk=run).cursor.get("waits", {})
        return bool(notes) and all(note["kind"] == "retry" for note in notes.values())


@pytest.fixture
def services(httpserver: HTTPServer, settings: Any) -> Services:
    found = Services(httpserver)
    base = httpserver.url_for("").rstrip("/")
    settings.AUTOMATE_CONNECTOR_BASE_URLS = dict.fromkeys(("slack", "github", "jira"), base)
    return found


@pytest.fixture
def inbox(post_office: tuple[Inbox, int]) -> Inbox:
    found, _ = post_office
    found.raw.clear()
    found.busy = 0
    return found


@pytest.fixture
def set_up(
    transactional_db: None,
    alice: User,
    workspace: Tenant,
    services: Services,
    inbox: Inbox,
    post_office: tuple[Inbox, int],
) -> Callable[..., Flow]:
    """`set_up(slug, {place: answer})`: the template as a published workflow with connections to the stand-ins."""
    engine = Engine(slots=8, lease_s=30)

    def make(slug: str, answers: Answer | None = None) -> Flow:
        entry = next(one for one in gallery.shipped() if one.slug == slug)
        parts: list[Step | Trigger] = [*entry.document.steps, *entry.document.triggers]
        apps = {part.integration for part in parts}
        for app in sorted({app for app in apps if app} | set(entry.required_integrations)):
            write_definition(shipped(app), digest=app)
        forget_everything()
        row = WorkflowTemplateLibrary.objects.create(slug=slug, **gallery.columns(entry))
        slots = entry.document.connections.items()
        bindings = {key: _connect(workspace, alice, slot.integration, post_office[1]) for key, slot in slots}
        template = gallery.use(row, workspace, by=alice, bindings=bindings, answers=answers or {})
        publish(template, by=alice)
        return Flow(template, engine)

    for path in (
        "/chat.postMessage",
        re.compile("/rest/api/.*"),
        re.compile("/repos/.*"),
        re.compile("/search/.*"),
    ):
        services.server.expect_request(path).respond_with_handler(services.handle)
    return make


def _connect(workspace: Tenant, user: User, slug: str, mail_port: int) -> str:
    """A connection to the stand-in of an app; its id."""
    auth, values = _credentials(mail_port)[slug]
    definition = IntegrationDefinition.objects.get(name=slug)
    row = UserIntegration(
        tenant=workspace, user=user, integration=definition, name=f"My {slug}", auth_type=auth
    )
    row.credentials = seal_credentials(row, values)
    row.save(force_insert=True)
    return str(row.pk)


def _credentials(mail_port: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """By app: the kind of sign-in, and what a person types."""
    return {
        "slack": ("BEARER", {"token": "xoxb-1-2-abcdefgh"}),
        "github": ("BEARER", {"token": "github_pat_made_up"}),
        "jira": ("BASIC", {"site": "acme", "username": "ada@example.com", "password": "made-up"}),
        "imap": ("BASIC", {"host": "127.0.0.1", "port": 1, "username": "ada", "password": "made-up"}),
        "smtp": ("BASIC", {"host": "127.0.0.1", "port": mail_port, "security": "none",
                           "from_address": "Acme <hello@acme.example>"}),
        "sql": ("BASIC", _database()),
    }  # fmt: skip


def _database() -> dict[str, Any]:
    place = urlsplit(POSTGRES)
    return {"host": place.hostname or "127.0.0.1", "port": place.port or 5432, "database": "postgres",
            "username": place.username or "postgres", "password": place.password or ""}  # fmt: skip

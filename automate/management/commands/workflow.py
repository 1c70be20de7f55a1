"""`manage.py workflow import|export|run|check`: documents and runs from a shell.

JSON alone on stdout, messages on stderr; exit 0, 1 refused, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import Tenant, User
from automate.api.errors import ApiError, fault_shape
from automate.api.shapes import execution_shape, workflow_shapes
from automate.api.starting import start
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON, BadJSON, loads
from automate.management.people import demand, find_person, find_workspace
from workflows import documents
from workflows.documents.intake import take_in
from workflows.engine.document import Document, dump, dump_yaml
from workflows.engine.errors import DocumentError, Fault
from workflows.errors import WorkflowError
from workflows.models import WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish
from workflows.runs.wait import wait_for


class Command(BaseCommand):
    help = "Imports, exports, runs and checks workflow documents."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="import|export|run|check")
        _add_import(actions.add_parser("import", help="make a workflow of a document"))
        export = actions.add_parser("export", help="print a workflow's draft as a document")
        export.add_argument("workflow", metavar="ID", help="id, or key if only one workspace has it")
        export.add_argument("--yaml", action="store_true", help="YAML instead of JSON")
        run = actions.add_parser("run", help="start what is published")
        run.add_argument("workflow", metavar="ID", help="id, or key if only one workspace has it")
        run.add_argument(
            "--input", metavar="JSON", type=_json, default={}, help="what the run sees as trigger.body"
        )
        run.add_argument("--wait", action="store_true", help="wait for the end; exit 0 only when COMPLETED")
        check = actions.add_parser("check", help="say what is wrong with a document")
        check.add_argument("file", metavar="FILE", type=_readable)
        check.add_argument(
            "--workspace", metavar="SLUG", help="check against this workspace's own integrations too"
        )

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            {"import": self.take, "export": self.export, "run": self.run, "check": self.check_file}[action](
                options
            )
        except DocumentError as error:
            self._say(error.faults)
            raise CommandError(f"Refused: {_counted(error.faults)}. Nothing was changed.") from None
        except (WorkflowError, ApiError) as error:
            raise CommandError(error.message) from None

    def take(self, options: dict[str, Any]) -> None:
        person = find_person(options["owner"])
        tenant = find_workspace(person, options["workspace"])
        demand(person, tenant, "workflow.edit")
        bindings = dict(options["connection"])
        with transaction.atomic():
            taken = take_in(tenant, options["file"], bindings)
            template = self._store(tenant, person, taken.document, bindings, update=options["update"])
            version = None
            if options["publish"]:
                demand(person, tenant, "workflow.publish")
                version = publish(template, by=person, note="Imported").version_number
        for note in taken.notes:
            self.stderr.write(note)
        self._say(taken.warnings)
        shape = workflow_shapes([template])[0]
        self._print(
            {"id": shape["id"], "key": shape["key"], "version": version, "triggers": shape["triggers"]}
        )

    def _store(
        self, tenant: Tenant, person: User, document: Document, bindings: dict[str, str], *, update: bool
    ) -> WorkflowTemplate:
        rows = WorkflowTemplate.objects.for_tenant(tenant).select_related("folder")
        existing = rows.filter(template_id=document.key).first()
        if existing is not None and update:
            return documents.save(existing, document, by=person, label="Imported", bindings=bindings)
        template = documents.create(tenant, document, by=person, bindings=bindings)
        if template.template_id != document.key:
            self.stderr.write(
                f"The key {document.key} was taken: this copy is called {template.template_id}."
            )
        return template

    def export(self, options: dict[str, Any]) -> None:
        document = documents.load_draft(_find(options["workflow"]))
        if options["yaml"]:
            self.stdout.write(dump_yaml(document), ending="")
        else:
            self._print(dump(document))

    def run(self, options: dict[str, Any]) -> None:
        template = _find(options["workflow"])
        result = start(template, input=options["input"], by=None, awaited=options["wait"])
        if result.execution_id is None:
            raise CommandError(
                "Nothing was started: a run is under way, and the settings leave others out then."
            )
        if options["wait"]:
            wait_for(result.execution_id, timeout_s=None)
        execution = WorkflowExecution.objects.for_tenant(template.tenant_id).get(pk=result.execution_id)
        self._print(execution_shape(execution))
        if options["wait"] and execution.status != WorkflowExecution.Status.COMPLETED:
            raise CommandError(f"The run did not complete: {execution.status}.{_reason(execution)}")

    def check_file(self, options: dict[str, Any]) -> None:
        try:
            faults = take_in(_tenant(options["workspace"]), options["file"]).warnings
        except DocumentError as error:
            faults = list(error.faults)
        wrong = [fault for fault in faults if fault.severity == "error"]
        self._say(faults)
        self._print({"ok": not wrong, "faults": [fault_shape(fault) for fault in faults]})
        if wrong:
            raise CommandError(f"The document cannot be used: {_counted(wrong)}.")

    def _print(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2, ensure_ascii=False))

    def _say(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            label = "warning: " if fault.severity == "warning" else ""
            self.stderr.write(
                f"{label}{fault.path}: {fault.message}" if fault.path else f"{label}{fault.message}"
            )


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=_readable, help="JSON or YAML; - for standard input")
    parser.add_argument("--owner", metavar="EMAIL", required=True, help="who imports it")
    parser.add_argument("--workspace", metavar="SLUG", help="default: the owner's own workspace")
    parser.add_argument("--publish", action="store_true", help="publish it at once")
    parser.add_argument(
        "--update", action="store_true", help="replace the draft of the workflow with this key"
    )
    parser.add_argument(
        "--connection",
        metavar="slot=ID",
        type=_binding,
        action="append",
        default=[],
        help="fill a connection slot",
    )


def _readable(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror}.") from None


def _json(text: str) -> JSON:
    try:
        return loads(text)
    except BadJSON as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _binding(text: str) -> tuple[str, str]:
    slot, sign, connection = text.partition("=")
    if not sign or not slot or not _uuid(connection):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form slot=ID, with the id of a connection.")
    return slot, connection


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _find(text: str) -> WorkflowTemplate:
    which = {"pk": _uuid(text)} if _uuid(text) else {"template_id": text}
    found = list(WorkflowTemplate.objects.filter(**which).select_related("tenant", "folder")[:2])
    if not found:
        raise CommandError(f"There is no workflow {text}.")
    if len(found) > 1:
        raise CommandError(f"Several workspaces have a workflow {text}. Name it by its id.")
    return found[0]


def _tenant(slug: str | None) -> Tenant:
    """Without a slug: a workspace that has nothing of its own, so that shipped integrations alone count."""
    if slug is None:
        return Tenant(id=uuid7())
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no workspace {slug}.")
    return tenant


def _counted(faults: Iterable[Fault]) -> str:
    count = len(list(faults))
    return "1 fault" if count == 1 else f"{count} faults"


def _reason(execution: WorkflowExecution) -> str:
    error = execution.error
    return f" {error['message']}" if isinstance(error, dict) and error.get("message") else ""

"""Everything one request of the builder works on, read once: the draft, its graph, names, faults and addresses."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.http import Http404
from django.urls import reverse

from accounts.models import User
from accounts.request import AppRequest
from automate.lib import jsontypes
from workflows import documents, publishing
from workflows.access import get_workflow_or_404
from workflows.builder import names, outline, samples
from workflows.builder.canvas import drawing
from workflows.builder.scope import SampleScope
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, Step, Trigger, dump
from workflows.engine.errors import Fault
from workflows.engine.graph import Graph
from workflows.models import Deployment, WorkflowTemplate
from workflows.runs.pins import pins_of
from workflows.triggers.published import published_document


class Room:
    """The draft as one request sees it. Each part is worked out at most once."""

    def __init__(self, template: WorkflowTemplate, user: User, document: Document | None = None) -> None:
        self.template = template
        self.user = user
        self.document = documents.load_draft(template) if document is None else document

    @cached_property
    def catalogue(self) -> TenantCatalogue:
        return documents.catalogue_for(self.template.tenant)

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.document)

    @cached_property
    def names(self) -> names.Names:
        return names.Names(self.document, self.catalogue, self.graph.outline())

    @cached_property
    def bindings(self) -> dict[str, str]:
        return documents.bindings_of(self.template)

    @cached_property
    def faults(self) -> list[Fault]:
        """What keeps it from being published, in people's words; each thing is said once."""
        found = publishing.problems(
            self.template, self.document, by=self.user, bindings=self.bindings, catalogue=self.catalogue
        )
        once: list[Fault] = []
        for fault in found:
            said = [other for other in once if _part_of(other) == _part_of(fault)]
            if not any(other.message.endswith(fault.message) for other in said):
                once.append(fault)
        return [replace(fault, message=self.names.in_words(fault.message)) for fault in once]

    @property
    def errors(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.severity == "error"]

    @cached_property
    def history(self) -> tuple[str | None, str | None]:
        """What undo and redo would do."""
        return documents.labels(self.template)

    @cached_property
    def addresses(self) -> outline.Addresses:
        return outline.Addresses(page=self.url("workflow-build"), add=self.url("builder-add"))

    @cached_property
    def samples(self) -> samples.Samples:
        return samples.load(self.template, self.document, self.catalogue)

    @cached_property
    def pinned(self) -> frozenset[str]:
        """Steps that test runs do not run, since their output is pinned."""
        return frozenset(pins_of(self.template))

    @cached_property
    def deployment(self) -> Deployment | None:
        """What is live in the default environment."""
        rows = Deployment.objects.for_tenant(self.template.tenant_id).filter(template=self.template)
        rows = rows.filter(environment__is_default=True).select_related("version")
        return rows.defer("version__workflow_data").first()

    @cached_property
    def published(self) -> Document | None:
        """The document that is live (no SQL query where this process has read it before)."""
        return published_document(self.deployment.version_id) if self.deployment else None

    @cached_property
    def unpublished(self) -> int | None:
        """How many things the draft has that are not live; None where nothing is live."""
        return None if self.published is None else len(publishing.changes(self.published, self.document))

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"workflows:{name}", args=[self.template.pk, *args])

    def scope(self, step_key: str) -> SampleScope:
        return samples.scope_of(self.template, self.document, self.graph, self.samples, step_key)

    def step(self, key: str) -> Step:
        """Raises Http404."""
        if key not in self.graph.steps:
            raise Http404
        return self.graph.steps[key]

    def trigger(self, key: str) -> Trigger:
        """Raises Http404."""
        for trigger in self.document.triggers:
            if trigger.key == key:
                return trigger
        raise Http404

    def faults_of(self, room: str, key: str) -> list[Fault]:
        """The faults of one step (`steps`) or trigger (`triggers`), those of its connection included."""
        prefix = f"{room}.{key}"
        own = [f for f in self.faults if f.path == prefix or f.path.startswith((f"{prefix}.", f"{prefix}["))]
        return own + [f for f in self.faults if f.step == key and f.path.startswith("connections.")]

    def outline_view(self, selected: str = "") -> outline.OutlineView:
        return outline.view(
            self.document,
            self.graph,
            self.names,
            self.addresses,
            faults=self.faults,
            selected=selected,
            pinned=self.pinned,
        )

    def canvas_view(self, selected: str = "", mode: str = drawing.AUTO) -> drawing.View:
        """The draft as a drawing; `mode` as in canvas/drawing.py."""
        cards = outline.cards(
            self.document,
            self.graph,
            self.names,
            self.addresses,
            faults=self.faults,
            selected=selected,
            menu="step-menu",
            pinned=self.pinned,
        )
        return drawing.view(
            self.document, self.graph, self.names, cards, mode=mode, adding=self.addresses.adding
        )


def _part_of(fault: Fault) -> list[str]:
    """The step or trigger it belongs to: ["steps", "alert"]."""
    return fault.path.split(".")[:2]


def open_room(request: AppRequest, id: uuid.UUID, need: str = "workflow.edit") -> Room:
    """The draft for this request. Raises Http404 and PermissionDenied as the access functions do."""
    return Room(get_workflow_or_404(request, id, need), request.user)


def base_of(document: Document, part: Step | Trigger) -> str:
    """A fingerprint of one step or trigger without its links: a form sends it back, to see who changed it meanwhile."""
    room = "steps" if isinstance(part, Step) else "triggers"
    for data in dump(document).get(room, []):
        if data["key"] == part.key:
            plain = {name: value for name, value in data.items() if name not in ("next", "on_error")}
            return hashlib.sha256(jsontypes.dumps_bytes(plain, sort_keys=True)).hexdigest()[:16]
    return ""

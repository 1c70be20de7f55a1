"""A workflow of the workspace becomes a template that its members can use: published, renewed, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts import audit
from accounts.models import Tenant, User
from automate.lib import clock, jsontypes
from automate.lib.expressions import has_expression
from automate.lib.jsontypes import JSON
from workflows import documents
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, Step, Trigger, dump, load
from workflows.gallery.asks import Ask, written
from workflows.gallery.entries import Entry
from workflows.gallery.stripping import stripped
from workflows.models import Sample, WorkflowTemplate, WorkflowTemplateLibrary, WorkflowVersion

RESERVED: Final = frozenset({"publish"})  # words that are addresses in the library
MAX_SAMPLE_BYTES: Final = 64 * 1024
MAX_SLUG: Final = 70


@dataclass(frozen=True)
class Offered:
    """What would be published. `left_out`: places of secrets that stay behind; `places`: what can be asked for."""

    document: Document
    left_out: list[str]
    places: list[str]
    version: int | None = None


@dataclass(frozen=True)
class Card:
    """What people say about their template."""

    name: str
    description: str = ""
    category: str = ""
    asks: tuple[Ask, ...] = ()
    samples: Mapping[str, JSON] = field(default_factory=dict)


def offer_of(template: WorkflowTemplate, catalogue: TenantCatalogue) -> Offered:
    """The newest published version, or the draft where nothing is published, ready to be shared."""
    version = template.versions.numbered().order_by("-version_number").first()
    document = load(version.workflow_data) if version else documents.load_draft(template)
    clean, left_out = stripped(document, lambda part: _schema_of(part, catalogue))
    return Offered(clean, left_out, list(askable(clean)), _number(version))


def askable(document: Document) -> Iterator[str]:
    """The places of fixed values that a set-up page can ask for, in the order of the document."""
    for trigger in document.triggers:
        for name in ("cron", "every_s", "folder"):
            if name in trigger.config:
                yield f"triggers.{trigger.key}.config.{name}"
        yield from _fixed(f"triggers.{trigger.key}.config.input", trigger.config.get("input"))
    for step in document.steps:
        if step.type == "action":
            yield from _fixed(f"steps.{step.key}.input", step.input)
        elif step.type in ("transform", "approval", "delay", "callback"):
            inner = step.config.get("set") if step.type == "transform" else step.config
            name = "config.set" if step.type == "transform" else "config"
            yield from _fixed(f"steps.{step.key}.{name}", inner)


def _fixed(place: str, values: Any) -> Iterator[str]:
    for name, value in values.items() if isinstance(values, dict) else ():
        if "." not in name and _is_simple(value):
            yield f"{place}.{name}"


def _is_simple(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and not has_expression(value)
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) and not has_expression(one) for one in value)
    return isinstance(value, (int, float))


def samples_of(template: WorkflowTemplate, document: Document) -> dict[str, JSON]:
    """The newest sample body of each trigger that calls come in by (one SQL query); large ones and files are left out."""
    keys = [trigger.key for trigger in document.triggers if trigger.type == "webhook"]
    rows = Sample.objects.for_tenant(template.tenant_id).filter(
        template=template, trigger_key__in=keys, step_key=""
    )
    found: dict[str, JSON] = {}
    for key, data in rows.order_by("-pinned", "-id").values_list("trigger_key", "data")[:50]:
        body = data.get("body") if isinstance(data, dict) else None
        text = jsontypes.dumps_bytes(body) if body is not None else b""
        if key not in found and text and len(text) <= MAX_SAMPLE_BYTES and b'"$' not in text:
            found[key] = body
    return found


@transaction.atomic
def share(
    template: WorkflowTemplate, offered: Offered, card: Card, *, by: User, ip: str | None = None
) -> WorkflowTemplateLibrary:
    """Put it into the workspace's library, or renew the entry made of this workflow before. Workflows made of an older
    edition stay as they are."""
    entry = entry_of(template) or WorkflowTemplateLibrary(
        tenant_id=template.tenant_id, slug=_free_slug(template.tenant, card.name), source=template, edition=0
    )
    document = replace(offered.document, name=card.name, description=card.description)
    facts = Entry(slug=entry.slug, category=card.category, document=document)
    entry.name, entry.description, entry.category = card.name, card.description, card.category
    entry.template_data, entry.samples = dump(document), dict(card.samples)
    entry.asks = [written(ask) for ask in card.asks]
    for name in ("source_apps", "destination_apps", "required_integrations", "search_text"):
        setattr(entry, name, getattr(facts, name))
    entry.source_draft, entry.published_by = template.draft_version, by
    entry.edition += 1
    entry.is_published, entry.updated_at = True, clock.now()
    entry.save()
    after = {"name": entry.name, "edition": entry.edition}
    audit.record(template.tenant, by, "template.published", entry, after=after, ip=ip)
    return entry


@transaction.atomic
def withdraw(entry: WorkflowTemplateLibrary, *, by: User, ip: str | None = None) -> None:
    """Take a workspace's own template out of its library. Workflows made of it live on."""
    if entry.tenant is None:
        raise ValueError("A shipped template belongs to nobody's workspace.")
    audit.record(entry.tenant, by, "template.withdrawn", entry, ip=ip)
    entry.delete()


def entry_of(template: WorkflowTemplate) -> WorkflowTemplateLibrary | None:
    """The entry made of this workflow (one SQL query)."""
    rows = WorkflowTemplateLibrary.objects.filter(tenant_id=template.tenant_id, source=template)
    return rows.order_by("-updated_at").first()


def used_categories(tenant: Tenant) -> list[str]:
    rows = WorkflowTemplateLibrary.objects.filter(Q(tenant=None) | Q(tenant=tenant)).exclude(category="")
    return sorted(set(rows.values_list("category", flat=True)))


def _schema_of(part: Step | Trigger, catalogue: TenantCatalogue) -> Mapping[str, Any] | None:
    if not part.integration:
        return None
    if isinstance(part, Step):
        action = catalogue.action(part.integration, part.action or "")
        return action.input_schema if action else None
    event = catalogue.trigger(part.integration, part.event or "")
    return event.input_schema if event else None


def _number(version: WorkflowVersion | None) -> int | None:
    return version.version_number if version else None


def _free_slug(tenant: Tenant, name: str) -> str:
    """Neither one of ours nor one of theirs: both stand under the same addresses (one SQL query)."""
    stem = slugify(name)[:MAX_SLUG].strip("-") or "template"
    rows = WorkflowTemplateLibrary.objects.filter(Q(tenant=None) | Q(tenant=tenant), slug__startswith=stem)
    taken = set(rows.values_list("slug", flat=True)) | RESERVED
    numbers: Iterable[str] = (f"-{number}" for number in range(2, 10_000))
    return next(slug for slug in (stem, *(stem + end for end in numbers)) if slug not in taken)

"""The folder's files → rows of the library."""

from __future__ import annotations

from django.db import transaction

from workflows.engine.document import dump
from workflows.gallery.asks import written
from workflows.gallery.entries import Entry, shipped
from workflows.models import WorkflowTemplateLibrary


@transaction.atomic
def sync_gallery() -> int:
    """Make the shipped rows what the files say; how often each was used stays. Returns how many there are.

    Templates whose file is gone are taken out of the gallery; workflows made of them live on. Four SQL statements.
    """
    entries = shipped()
    ours = WorkflowTemplateLibrary.objects.filter(tenant=None)
    ours.exclude(slug__in=[entry.slug for entry in entries]).delete()
    rows = {row.slug: row for row in ours}
    for entry in entries:
        row = rows.setdefault(entry.slug, WorkflowTemplateLibrary(slug=entry.slug))
        for name, value in columns(entry).items():
            setattr(row, name, value)
    WorkflowTemplateLibrary.objects.bulk_create([row for row in rows.values() if row._state.adding])
    WorkflowTemplateLibrary.objects.bulk_update(
        [row for row in rows.values() if not row._state.adding], list(columns(entries[0]))
    )
    return len(entries)


def columns(entry: Entry) -> dict[str, object]:
    """What a row of the library says about a template, besides its slug."""
    return {
        "name": entry.document.name,
        "description": entry.document.description,
        "category": entry.category,
        "template_data": dump(entry.document),
        "source_apps": entry.source_apps,
        "destination_apps": entry.destination_apps,
        "required_integrations": entry.required_integrations,
        "samples": entry.samples,
        "asks": [written(ask) for ask in entry.asks],
        "search_text": entry.search_text,
        "is_featured": entry.is_featured,
        "order": entry.order,
        "is_published": True,
    }

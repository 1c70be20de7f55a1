"""Rows ↔ document: the only room that knows both.

template = documents.create(tenant, document, by=user)
document = documents.load_draft(template)
documents.save(template, changed, by=user, expected_version=template.draft_version, label="Renamed a step")
"""

from workflows.documents.catalogue import TenantCatalogue, catalogue_for, check_document, check_draft
from workflows.documents.drafts import bind, create, load_draft, lock, redo, same, save, undo
from workflows.documents.history import labels
from workflows.documents.live import WITH_ADDRESS, addresses
from workflows.documents.rows import trigger_type, trigger_word
from workflows.documents.slots import (
    Bindings,
    bindings_of,
    refuse_other_integration,
    refuse_unusable,
    usable_connections,
)

__all__ = [
    "WITH_ADDRESS", "Bindings", "TenantCatalogue", "addresses", "bind", "bindings_of", "catalogue_for", "check_document", "check_draft",
    "create", "labels", "load_draft", "lock", "redo", "refuse_other_integration",
    "refuse_unusable", "same", "save", "trigger_type", "trigger_word",
    "undo", "usable_connections",
]  # fmt: skip

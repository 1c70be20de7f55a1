"""The ready workflows that come with the product: one YAML file each in this folder, and what is done with them.

A file has a short head (`slug, category, order, is_featured, samples, ask`) and the `document`. Name and description of the
entry are the document's own. `samples` are bodies by trigger key: the builder's first test data, and what tests run.
"""

from workflows.gallery.entries import Entry, shipped
from workflows.gallery.sharing import (
    Card,
    askable,
    entry_of,
    offer_of,
    samples_of,
    share,
    used_categories,
    withdraw,
)
from workflows.gallery.sync import columns, sync_gallery
from workflows.gallery.using import sample_call, use

__all__ = [
    "Card", "Entry", "askable", "columns", "entry_of", "offer_of", "sample_call", "samples_of", "share", "shipped", "sync_gallery", "use",
    "used_categories", "withdraw",
]  # fmt: skip

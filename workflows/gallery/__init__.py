"""The ready workflows that come with the product: one YAML file each in this folder, and what is done with them.

A file has a short head (`slug, category, order, is_featured, samples`) and the `document`. Name and description of the
entry are the document's own. `samples` are bodies by trigger key: the builder's first test data, and what tests run.
"""

from workflows.gallery.entries import Entry, shipped
from workflows.gallery.sync import sync_gallery
from workflows.gallery.using import sample_call, use

__all__ = ["Entry", "sample_call", "shipped", "sync_gallery", "use"]

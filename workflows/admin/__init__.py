"""Workflows and their runs for those who run the server: to look at, to stop, to switch off.

What people build and what the engine writes is changed by the product alone, so these pages show it and call the
product's own functions. Nothing secret is shown, not even sealed.
"""

from workflows.admin import drafts, engine, library, live, runs, templates

__all__ = ["drafts", "engine", "library", "live", "runs", "templates"]

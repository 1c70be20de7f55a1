"""Celery entry points; see `connections/upkeep.py` for what they do."""

from __future__ import annotations

from celery import shared_task

from integrations.connections.upkeep import look_after_connections


@shared_task(name="integrations.look_after_connections")
def look_after() -> None:
    """Once an hour or so; running it twice does no harm."""
    look_after_connections()

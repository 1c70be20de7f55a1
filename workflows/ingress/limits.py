"""How often one address may do something, counted in the cache that all processes share."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache

from automate.lib import clock

WINDOW_S: Final = 60


def may_come(what: str, most: int) -> bool:
    """Count one coming of `what`; False above `most` within the running minute."""
    key = f"limit:{what}:{int(clock.now().timestamp()) // WINDOW_S}"
    if cache.add(key, 1, timeout=2 * WINDOW_S):
        return True
    try:
        return cache.incr(key) <= most
    except ValueError:  # it went out of the cache in between
        return True

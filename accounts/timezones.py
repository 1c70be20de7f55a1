"""The zones people may choose from."""

from __future__ import annotations

import zoneinfo
from functools import cache

_REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Choices for a select, grouped by region: ("Europe", [("Europe/Berlin", "Berlin"), …])."""
    names = sorted(zoneinfo.available_timezones())
    groups = [("", [("UTC", "UTC")])]
    for region in _REGIONS:
        zones = [name for name in names if name.startswith(f"{region}/")]
        groups.append((region, [(name, name.partition("/")[2].replace("_", " ")) for name in zones]))
    return groups

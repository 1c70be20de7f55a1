"""Database values as JSON."""

import base64
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from automate.lib.jsontypes import JSON


def as_json(row: Mapping[str, Any]) -> dict[str, JSON]:
    return {name: plain(value) for name, value in row.items()}


def plain(value: Any) -> JSON:
    """A database value as JSON: moments in ISO 8601, bytes in base64, numbers exact or as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value.replace("\x00", "") if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return f"{value.total_seconds():g}s" if isinstance(value, timedelta) else str(value)


def _number(value: Decimal) -> JSON:
    """As a JSON number where a double holds it exactly, else as text, which keeps every digit."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.adjusted() < 1000:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)

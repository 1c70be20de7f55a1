"""Primary keys: UUID version 7 (RFC 9562), so that rows made later sort later."""

import uuid
from datetime import datetime

import uuid6


def uuid7() -> uuid.UUID:
    """A new time-ordered id, as the standard library's type (drivers adapt it without help)."""
    return uuid.UUID(int=uuid6.uuid7().int)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest id that could have been made at this moment: ids are in the order of time."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return uuid.UUID(int=milliseconds << 80)

"""Primary keys: UUID version 7 (RFC 9562), so that rows made later sort later."""

import uuid

import uuid6


def uuid7() -> uuid.UUID:
    """A new time-ordered id, as the standard library's type (drivers adapt it without help)."""
    return uuid.UUID(int=uuid6.uuid7().int)

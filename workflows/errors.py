"""What goes wrong with workflows, one tree. The engine's pure rooms have their own: `workflows/engine/errors.py`."""

from __future__ import annotations


class WorkflowError(Exception):
    """Base of everything `workflows` raises on purpose. `message` is a sentence for people."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class DraftConflict(WorkflowError):
    """Somebody else changed the draft since it was read; nothing was written."""

    def __init__(self, *, expected: int, current: int) -> None:
        self.expected = expected
        self.current = current
        super().__init__(
            f"This workflow was changed elsewhere: you started from draft {expected}, it is now draft {current}. "
            "Load it again and repeat your change."
        )


class ConnectionRefused(WorkflowError):
    """A connection that may not sit in a slot: unknown, of another integration, or somebody else's private one."""


class EditRefused(WorkflowError):
    """A command that cannot be applied to the draft as it is."""


class NothingPublished(WorkflowError):
    """The workflow has no published version in the environment asked for."""


class VersionDeprecated(WorkflowError):
    """A version that people said nobody should go back to."""

"""What a run has come to over all its steps, also those whose records have left memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record

if TYPE_CHECKING:
    from workflows.runs.services import Services
    from workflows.runs.shapes import Claimed


@dataclass(slots=True)
class Account:
    """`rows` of the journal, `had_errors` if one of them failed, `has_secret` if one of them is sealed."""

    rows: int = 0
    had_errors: bool = False
    has_secret: bool = False

    @classmethod
    def of(cls, claimed: Claimed, services: Services) -> Account:
        """As the run's cursor has it; of a retry's copied steps, and of older cursors, as the rows say."""
        seen = claimed.cursor.get("seen")
        if isinstance(seen, list):
            return cls(*seen)
        return cls(*services.count_rows(claimed)) if claimed.is_resumed else cls()

    def take(self, record: Record) -> None:
        self.rows += 1
        self.has_secret = self.has_secret or record.is_secret

    def as_json(self) -> list[JSON]:
        return [self.rows, self.had_errors, self.has_secret]

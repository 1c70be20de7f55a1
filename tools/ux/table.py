"""What was measured, against what the design asks for."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of (what, measured, target, does it hold); None for what could not be measured here."""

    rows: list[tuple[str, str, str, bool | None]] = field(default_factory=list)

    def at_most(self, what: str, value: float, most: float, unit: str = "") -> None:
        self._add(what, f"{value:.4g}{unit}", f"≤ {most:g}{unit}", value <= most)

    def at_least(self, what: str, value: float, least: float) -> None:
        self._add(what, f"{value:g}", f"≥ {least:g}", value >= least)

    def skip(self, what: str, why: str) -> None:
        self._add(what, why, "", None)

    def _add(self, what: str, value: str, target: str, holds: bool | None) -> None:
        self.rows.append((what, value, target, holds))
        mark = "-" if holds is None else "ok" if holds else "MISSED"
        sys.stdout.write(f"{what:<58}{value:>14}{target:>14}  {mark}\n")
        sys.stdout.flush()

    @property
    def exit_code(self) -> int:
        return int(any(holds is False for *_, holds in self.rows))

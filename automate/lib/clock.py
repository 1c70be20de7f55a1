"""The one place that reads the clock for product time.

`AUTOMATE_CLOCK` simulates time for tests, e.g. `rate=60,offset=3600`: every real second counts as a minute and
everything happens an hour later. `start` (seconds since 1970) fixes the moment from which the rate counts, so that
several processes agree; `for_children()` gives a value with it filled in.
"""

import math
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

VARIABLE = "AUTOMATE_CLOCK"


@dataclass(frozen=True)
class SimulatedClock:
    """Product time = start + (real time - start) * rate + offset; all in seconds since 1970."""

    start: float
    rate: float = 1.0
    offset_s: float = 0.0

    def at(self, real: float) -> float:
        """Product time, in seconds since 1970, at the real time `real`."""
        return self.start + (real - self.start) * self.rate + self.offset_s

    def spec(self) -> str:
        """The text that `parse` reads back as this clock."""
        return f"rate={self.rate!r},offset={self.offset_s!r},start={self.start!r}"


def parse(text: str, *, start: float) -> SimulatedClock | None:
    """Read a value of `AUTOMATE_CLOCK`; empty text means real time (None). Raises ValueError with a sentence."""
    given: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in ("rate", "offset", "start") or name in given:
            raise ValueError(_advice(part, "is not one of rate, offset and start, each given once"))
        given[name] = _number(part, number)
    if not given:
        return None
    if given.get("rate", 1.0) < 0:
        raise ValueError(_advice(f"rate={given['rate']:g}", "would let time run backwards"))
    return SimulatedClock(given.get("start", start), given.get("rate", 1.0), given.get("offset", 0.0))


def _number(part: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(_advice(part, "needs a number after the ="))
    return value


def _advice(part: str, fault: str) -> str:
    return (
        f"{VARIABLE} cannot be used: `{part}` {fault}. Write it like rate=60,offset=3600 (offset in seconds)."
    )


_simulated = parse(os.environ.get(VARIABLE, ""), start=time.time())


def now() -> datetime:
    """The current moment in product time, aware, in UTC."""
    if _simulated is None:
        return datetime.now(UTC)
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=_simulated.at(time.time()))


def monotonic() -> float:
    """Seconds of real time from an arbitrary point, never going back; simulation does not touch it."""
    return time.monotonic()


def rate() -> float:
    """Product seconds that pass in a real second: 1 unless simulated."""
    return 1.0 if _simulated is None else _simulated.rate


def for_children() -> str | None:
    """The value of `AUTOMATE_CLOCK` to give to child processes so that they share this process's start."""
    return None if _simulated is None else _simulated.spec()

"""`python -m tests.faults [ROW …] [--short]`: does to a running product what may happen to it, and prints what came of it.

Ends with 1 when a row does not hold. docs/faults.md says what each row does.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback

from tests.faults import rows as _rows  # noqa: F401 - enters them
from tests.faults.stage import Stage
from tests.faults.verdict import ROWS, Row, Verdict
from tests.support.checker import Fault

COLUMNS = (
    "row",
    "accepted",
    "lost",
    "steps repeated",
    "unsafe repeated",
    "stuck",
    "verdict",
    "seconds",
    "what was done",
)


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    stage = Stage(full=not options.short)
    verdicts: list[tuple[Row, Verdict]] = []
    try:
        for name in options.rows or list(ROWS):
            print(f"… {ROWS[name].title}", file=sys.stderr, flush=True)  # noqa: T201
            verdicts.append((ROWS[name], _judged(ROWS[name], stage)))
            print(_shown(*verdicts[-1]), file=sys.stderr, flush=True)  # noqa: T201
    finally:
        stage.close()
    print(_table(verdicts))  # noqa: T201
    sys.exit(0 if all(verdict.holds for _, verdict in verdicts) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--short", action="store_true", help="the small measure that `make test` takes")
    options = parser.parse_args()
    if unknown := set(options.rows) - ROWS.keys():
        parser.error(f"There is no row {', '.join(sorted(unknown))}. Choose from {', '.join(ROWS)}.")
    return options


def _judged(row: Row, stage: Stage) -> Verdict:
    """A row that breaks does not hold, and the others still run."""
    began = time.monotonic()
    try:
        verdict = row.run(stage)
    except Exception as error:  # noqa: BLE001 - whatever broke is what the table has to say
        traceback.print_exc()
        verdict = Verdict(
            "could not be carried out", 0, [Fault("other", f"{type(error).__name__}: {str(error)[:2000]}")]
        )
    verdict.seconds = time.monotonic() - began
    return verdict


def _shown(row: Row, verdict: Verdict) -> str:
    word = "holds" if verdict.holds else "DOES NOT HOLD"
    return "\n".join(
        filter(
            None, [f"  {row.name}: {word} after {verdict.seconds:.0f} s — {verdict.done}", verdict.shown()]
        )
    )


def _table(verdicts: list[tuple[Row, Verdict]]) -> str:
    lines = [COLUMNS, tuple("---" for _ in COLUMNS)]
    for row, verdict in verdicts:
        word = "holds" if verdict.holds else f"FAILS ({len(verdict.faults)})"
        counts = [str(verdict.count(kind)) for kind in ("lost", "repeated", "unsafe", "stuck")]
        lines.append(
            (row.title, f"{verdict.accepted:,}", *counts, word, f"{verdict.seconds:.0f}", verdict.done)
        )
    good = sum(verdict.holds for _, verdict in verdicts)
    accepted = sum(verdict.accepted for _, verdict in verdicts)
    lost, again, unsafe, stuck = (
        sum(verdict.count(kind) for _, verdict in verdicts)
        for kind in ("lost", "repeated", "unsafe", "stuck")
    )
    summary = (
        f"SUMMARY: {good} of {len(verdicts)} rows hold. {accepted:,} starts accepted: {lost} lost, {again} completed steps "
        f"repeated, {unsafe} unsafe effects repeated, {stuck} runs stuck."
    )
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", summary])


if __name__ == "__main__":
    main()

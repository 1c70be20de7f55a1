"""Death at every named place of the product."""

from __future__ import annotations

import random
import re
import time
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.faults.rows.arrivals import poll_verdict, publish_poll, small
from tests.faults.stage import Stage, eager_scheduler, rush
from tests.faults.verdict import Verdict, row
from tests.support.checker import Fault
from tests.support.product import ROOT, DatabaseKind, Product, Published

# Places the embedded engine does not come by: it has no broker, and takes over its own runs when it starts.
NOT_EMBEDDED = frozenset(
    {"dispatch.marked", "dispatch.sent", "drain.woken", "sweep.before_commit", "sweep.after_commit"}
)
# of the scheduler, which takes its time to come back: strike at once
RARE = ("poll.", "sweep.", "schedule.", "wake.")
ALL_WITHIN_S = 180.0
_NAMES = re.compile(r'failpoint\(\s*"([a-z_.]+)"\s*\)')


def names_in_code() -> list[str]:
    """Every name that is passed to `failpoint` anywhere in the product."""
    packages = ("automate", "accounts", "integrations", "workflows")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return [name for path in files for name in _NAMES.findall(path.read_text())]


@row("failpoints", "death at every fail-point", short=False)
def failpoints(stage: Stage) -> Verdict:
    """All are armed at once, so that some strike while the product recovers from others; each kills once."""
    rounds: list[DatabaseKind] = ["postgres", "sqlite"] * 3 if stage.full else ["postgres"]
    verdicts = [_round(stage, database, seed) for seed, database in enumerate(rounds)]
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    said = "; ".join(verdict.done for verdict in verdicts)
    return Verdict(said, sum(verdict.accepted for verdict in verdicts), faults)


def _round(stage: Stage, database: DatabaseKind, seed: int) -> Verdict:
    dice, names = random.Random(seed), sorted(set(names_in_code()))
    if database == "sqlite":
        names = [name for name in names if name not in NOT_EMBEDDED]
    product = stage.new_product(database, DEBUG="true")
    list_name = stage.new_key("points")
    poll, tick = publish_poll(stage, product, list_name), product.publish(_ticking(stage))
    product.stop()
    armed = ",".join(f"{name}={1 if name.startswith(RARE) else dice.randint(1, 6)}" for name in names)
    product.start_again(AUTOMATE_FAILPOINTS=armed)
    rows = 0
    with eager_scheduler(product), rush(stage, product, name="points", rate=10, at_least_s=5.0) as traffic:
        give_up = time.monotonic() + ALL_WITHIN_S
        while (missed := set(names) - _hit(product)) and time.monotonic() < give_up:
            stage.echo.put_rows(list_name, 2)
            rows += 2
            time.sleep(1.0)
    product.wait_until_up()
    verdict = traffic.verdict(f"{database}: {len(names) - len(missed)} of {len(names)} hit")
    verdict.faults += [Fault("other", f"{database}: nobody came by {name}.") for name in sorted(missed)]
    verdict.faults += poll_verdict(product, poll, rows, "").faults + _tick_faults(product, tick)
    product.stop()
    return verdict


def _ticking(stage: Stage) -> dict[str, Any]:
    return small(stage.new_key("tick"), {"key": "tick", "type": "schedule", "config": {"every_s": 1}})


def _hit(product: Product) -> set[str]:
    folder = product.folder / "data" / "run" / "failpoints"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def _tick_faults(product: Product, workflow: Published) -> list[Fault]:
    """Every second is one run, from the first to the last, but for a pause longer than a minute."""
    fires = sorted(
        datetime.fromisoformat(run.trigger["scheduled_at"]) for run in product.rows().runs(workflow.id)
    )
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(fires)]
    faults = [Fault("repeated", "A schedule fired twice for one instant.")] if 0 in gaps else []
    return faults + [Fault("lost", f"A schedule left out {gap - 1:.0f} s.") for gap in gaps if 1 < gap < 60]

"""Whether anybody would notice: each guard is taken out of a product of its own, and what it is for is done to it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

from tests.faults.guards import GUARDS, settings_without
from tests.faults.rows.arrivals import fire, poll_verdict, publish_poll, send_often
from tests.faults.rows.workers import LATE_OK, kill_webs, kill_workers, stop_workers
from tests.faults.stage import Stage, look_again, rush
from tests.faults.verdict import Verdict, row
from tests.support.checker import Fault
from tests.support.product import ROOT, Product

TRIES = 4  # some strike at random moments
DRAIN_S = 30.0  # for runs that may never end
Faults = list[Fault]


@row("guards", "guards taken away, one at a time", short=False)
def guards(stage: Stage) -> Verdict:
    """The row holds when the checker finds faults without each of them; every other row finds none with all of them."""
    said, faults = [], []
    for name in GUARDS:
        found, tries = _find_faults(stage, name)
        stage.stop(**settings_without(name, ROOT))
        kinds = Counter(fault.kind for fault in found)
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        said.append(f"without {name}: {shown or 'nothing'} ({tries}. try)")
        print(f"  … {said[-1]}", file=sys.stderr, flush=True)  # noqa: T201
        if not found:
            faults.append(Fault("other", f"Nobody missed the guard `{name}`."))
    return Verdict("; ".join(said), 0, faults)


def _find_faults(stage: Stage, name: str) -> tuple[Faults, int]:
    """What the checker finds, and at which try."""
    for number in range(1, TRIES + 1):
        try:
            found = SCENES[name](stage, name)
        except TimeoutError as error:
            found = [Fault("stuck", str(error))]
        if found:
            return found, number
    return [], TRIES


def _product(stage: Stage, name: str, **settings: str) -> Product:
    return stage.product(**settings_without(name, ROOT), **settings)


def _stopped(stage: Stage, name: str) -> Faults:
    traffic, _ = stop_workers(stage, _product(stage, name), 1)
    traffic.drain_s = DRAIN_S
    return traffic.verdict("", late_ok=LATE_OK).faults


def _left_alone(stage: Stage, name: str) -> Faults:
    with rush(stage, _product(stage, name), name="guards", rate=20, at_least_s=10.0) as traffic:
        traffic.drain_s = DRAIN_S
    return traffic.verdict("", asks="never", may_repeat=False).faults


def _killed(stage: Stage, name: str) -> Faults:
    traffic, _ = kill_workers(stage, _product(stage, name), 6, at_least_s=5.0)
    traffic.drain_s = DRAIN_S
    return traffic.verdict("").faults


def _web_killed(stage: Stage, name: str) -> Faults:
    traffic = kill_webs(stage, _product(stage, name), 3)
    traffic.drain_s = 5.0  # what was lost never comes
    return traffic.verdict("").faults


def _sent_often(stage: Stage, name: str) -> Faults:
    return send_often(stage, _product(stage, name), 1).faults


def _fired(stage: Stage, name: str) -> Faults:
    return fire(stage, 2, 10, rate=60, **settings_without(name, ROOT)).faults


def _poller_dies(stage: Stage, name: str) -> Faults:
    """At the first poll that finds rows."""
    clock = {"DEBUG": "true", "AUTOMATE_CLOCK": f"rate=20,start={time.time()}"}
    product = stage.new_product(**settings_without(name, ROOT), **clock)
    box = stage.new_key("guarded")
    workflow = publish_poll(stage, product, box)
    product.stop()
    stage.echo.put_rows(box, 5)
    product.start_again(AUTOMATE_FAILPOINTS="poll.before_commit=1")
    for _ in look_again(product, for_s=60):
        if (product.folder / "data" / "run" / "failpoints" / "poll.before_commit").exists():
            break
    product.wait_until_up()
    found = poll_verdict(product, workflow, 5, "", within_s=DRAIN_S).faults
    product.stop()
    return found


SCENES: dict[str, Callable[[Stage, str], Faults]] = {
    "attempt": _stopped,
    "lease": _left_alone,
    "announcement": _killed,
    "journal": _killed,
    "commit": _web_killed,
    "receipts": _sent_often,
    "schedule": _fired,
    "cursor": _poller_dies,
}

"""The planner, the segment and the journal in a world of the test's own making: thousands of runs in minutes."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator

from tests.faults.stage import Stage
from tests.faults.verdict import Verdict, row
from tests.support.checker import Fault


def _set_up() -> None:
    """Django without a database: these rows ask it nothing."""
    import django
    from django.apps import apps

    if not apps.ready:
        os.environ["AUTOMATE_DATA_DIR"] = tempfile.mkdtemp(prefix="automate-model-", dir="/tmp")
        os.environ["DJANGO_SETTINGS_MODULE"] = "automate.settings"
        django.setup()


@row("histories", "10,000 random histories", short=False)
def histories(stage: Stage) -> Verdict:
    """A Hypothesis state machine over planner and journal; it prints the shortest history that breaks something."""
    _set_up()
    from tests.support.histories import run_histories
    from tests.support.world import Broken

    count = 10_000
    done = f"{count:,} histories of kills, frozen workers, lost and repeated wake-ups, slow writers, clocks, people"
    try:
        run_histories(count)
    except (Broken, ExceptionGroup) as error:
        traceback.print_exc()
        return Verdict(done, count, [Fault("other", said) for said in _said(error)])
    return Verdict(done, count)


def _said(error: BaseException) -> Iterator[str]:
    """Of a group what is in it, too: what broke once and not again stands there."""
    yield f"{type(error).__name__}: {error}"
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _said(one)


@row("reference", "1,000 random graphs against a naive interpreter", short=False)
def reference(stage: Stage) -> Verdict:
    """Graphs whose meaning hangs on the order of events are left out, and others drawn."""
    _set_up()
    from tests.support.compare import faults_of_graph
    from tests.support.reference import Ambiguous

    wanted, number, compared = 1_000, 0, 0
    faults: list[Fault] = []
    while compared < wanted:
        try:
            faults += [Fault("other", f"Graph {number}: {said}") for said in faults_of_graph(number)]
            compared += 1
        except Ambiguous:
            pass
        number += 1
    return Verdict(f"{compared:,} graphs, {number - compared} ambiguous ones left out", compared, faults)

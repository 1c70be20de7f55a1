"""Workers, schedulers and web servers that die, are restarted, or stand still."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

from tests.faults.stage import LEASE_S, Rush, Stage, look_again, rush
from tests.faults.verdict import Verdict, row
from tests.support.product import Product

WORK_AGAIN_S = 90.0  # longest wait for a worker that is up and holds runs
SWEEP_S = 2.0
STOPPED_S = LEASE_S + SWEEP_S + 2
LATE_OK = 1


@row("sigkill", "SIGKILL of workers under load")
def sigkill(stage: Stage) -> Verdict:
    """By turns the worker with all its children, and the one process of it that holds runs."""
    kills, at_least_s = (50, 60.0) if stage.full else (4, 5.0)
    traffic, held = kill_workers(stage, stage.product(), kills, at_least_s=at_least_s)
    return traffic.verdict(f"{kills} kills, which hit {held} runs in hand")


def kill_workers(stage: Stage, product: Product, kills: int, *, at_least_s: float) -> tuple[Rush, int]:
    """The traffic meanwhile, and how many runs were in hand."""
    dice, held = random.Random(7), 0
    with rush(stage, product, name="sigkill", rate=10, at_least_s=at_least_s) as traffic:
        for number in range(kills):
            time.sleep(dice.uniform(0.0, 0.3))
            held += kill_when_busy(product, whole=number % 2 == 0, after_s=dice.uniform(0.0, 0.3))
    return traffic, held


def kill_when_busy(product: Product, *, whole: bool, after_s: float) -> int:
    """Kill `after_s` after the worker has been seen with runs in hand, if it has any then; gives how many."""
    for _ in look_again(product, for_s=WORK_AGAIN_S):
        if not product.busy_pids():
            continue
        time.sleep(after_s)
        held = product.busy_pids()
        if not held:
            continue
        # it may be the last breath of the one before
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            if whole:
                product.kill_worker()
                return len(held)
            [(pid, count)] = Counter(held).most_common(1)
            os.kill(pid, signal.SIGKILL)
            return count
    raise AssertionError


@row("sigterm", "SIGTERM: rolling restarts under load")
def sigterm(stage: Stage) -> Verdict:
    """Each process in turn, then all of it: nothing may be repeated or asked, since nothing was cut off."""
    rounds = 5 if stage.full else 1
    product = stage.fragile()
    with rush(stage, product, name="sigterm", rate=10, at_least_s=5.0) as traffic:
        for _ in range(rounds):
            for name in product.process_names:
                time.sleep(1.0)
                restart(product, name)
            time.sleep(1.0)
            product.stop()
            product.start_again()
    done = f"worker, web and scheduler {rounds} times each, all of it {rounds} times"
    return traffic.verdict(done, asks="never", may_repeat=False)


def restart(product: Product, name: str) -> None:
    """SIGTERM as a deploy does it; the supervisor starts it anew."""
    before = product.pid(name)
    os.kill(before, signal.SIGTERM)
    for _ in look_again(product, for_s=90):
        with suppress(FileNotFoundError, ValueError):
            if product.pid(name) != before:
                break
    product.wait_until_up()


@row("sigstop", "SIGSTOP longer than the lease")
def sigstop(stage: Stage) -> Verdict:
    """The process that holds most runs stands still until others have taken over, then comes back to itself."""
    times = 5 if stage.full else 1
    traffic, held = stop_workers(stage, stage.product(), times)
    # A call whose first byte was not sent yet when the process stopped arrives late, under the key of the one that
    # completed the step meanwhile. Nothing after it is begun.
    return traffic.verdict(
        f"{times} times stopped for {STOPPED_S:g} s, with {held} runs in hand", late_ok=LATE_OK
    )


def stop_workers(stage: Stage, product: Product, times: int) -> tuple[Rush, int]:
    """The traffic meanwhile, and how many runs were in hand."""
    held = 0
    with rush(stage, product, name="sigstop", rate=10, at_least_s=5.0) as traffic:
        for _ in range(times):
            held += freeze_when_busy(product, STOPPED_S)
            time.sleep(2.0)
    return traffic, held


def freeze_when_busy(product: Product, seconds: float) -> int:
    for _ in look_again(product, for_s=WORK_AGAIN_S):
        held = product.busy_pids()
        if held:
            break
    pid, count = Counter(held).most_common(1)[0]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
    return count


@row("web", "web server killed in mid-request")
def web(stage: Stage) -> Verdict:
    """By turns the server with all its children, its main process alone, and its child alone."""
    kills = 50 if stage.full else 6
    return kill_webs(stage, stage.product(), kills).verdict(f"{kills} kills")


def kill_webs(stage: Stage, product: Product, kills: int) -> Rush:
    """The traffic meanwhile."""
    dice = random.Random(11)
    with rush(stage, product, name="web", rate=20, at_least_s=5.0) as traffic:
        for number in range(kills):
            product.wait_until_up()
            time.sleep(dice.uniform(0.05, 0.4))
            _kill_web(product, number % 3)
    product.wait_until_up()
    return traffic


def _kill_web(product: Product, how: int) -> None:
    main = product.pid("web")
    with suppress(ProcessLookupError):
        if how == 0:
            os.killpg(main, signal.SIGKILL)
        elif how == 1:
            os.kill(main, signal.SIGKILL)
        else:
            for child in product.children(main):
                os.kill(child, signal.SIGKILL)

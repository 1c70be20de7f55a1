"""What comes in: deliveries that come many times, schedules, polls whose poller dies."""

from __future__ import annotations

import os
import random
import signal
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

from tests.faults.stage import DRAIN_S, Stage, freeze, look_again
from tests.faults.verdict import Verdict, row
from tests.support.checker import Fault
from tests.support.product import Product, Published

COPIES = 50
DELIVERY_HEADERS = (
    "Idempotency-Key", "webhook-id", "svix-id", "X-GitHub-Delivery", "X-Shopify-Event-Id", "X-Gitlab-Event-UUID",
    "I-Twilio-Idempotency-Token", "ce-id",
)  # fmt: skip
MINUTE = timedelta(minutes=1)
NOTE = {"key": "note", "type": "transform", "config": {"set": {"seen": "{{ trigger.body }}"}}}


def small(key: str, *triggers: dict[str, Any]) -> dict[str, Any]:
    """A workflow of one step that calls nobody."""
    return {"format": "automate/1", "key": key, "triggers": list(triggers), "start": "note", "steps": [NOTE]}


# --- duplicates -----------------------------------------------------------------------------------


@row("duplicates", "the same delivery 50 times in parallel")
def duplicates(stage: Stage) -> Verdict:
    """By each header under which senders repeat the id of a delivery; then the same id with another body."""
    return send_often(stage, stage.product(), 3 if stage.full else 1)


def send_often(stage: Stage, product: Product, rounds: int) -> Verdict:
    hook = product.publish(small(stage.new_key("duplicates"), {"key": "go", "type": "webhook"}))
    faults: list[Fault] = []
    with ThreadPoolExecutor(COPIES) as senders:
        for header in DELIVERY_HEADERS * rounds:
            faults += _deliver_often(senders, hook.hooks["go"], header)
    count = len(DELIVERY_HEADERS) * rounds
    product.wait_until_done(hook, count, within_s=DRAIN_S)
    runs = len(product.rows().runs(hook.id))
    if runs != count:
        faults.append(Fault("repeated", f"{count} deliveries made {runs} runs."))
    done = f"{count} deliveries, {COPIES} copies of each at once, by {len(DELIVERY_HEADERS)} headers; same id, other body"
    return Verdict(done, count * COPIES, faults)


def _deliver_often(senders: ThreadPoolExecutor, url: str, header: str) -> Iterator[Fault]:
    key = f"{header}-{random.getrandbits(64):x}"
    said = list(senders.map(lambda _: _post(url, b'{"n": 1}', {header: key}), range(COPIES)))
    if Counter(status for status, _ in said) != {202: COPIES}:
        yield Fault(
            "lost", f"{header}: the copies were answered with {dict(Counter(status for status, _ in said))}."
        )
    if len({body for _, body in said}) != 1:
        yield Fault(
            "repeated", f"{header}: the copies were told {len({body for _, body in said})} different runs."
        )
    status, _ = _post(url, b'{"n": 2}', {header: key})
    if status != 409:
        yield Fault("other", f"{header}: another body under the same id was answered with {status}, not 409.")


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


# --- schedules ------------------------------------------------------------------------------------


@row("schedules", "two schedulers, 200 minute-schedules, 3 hours", short=False)
def schedules(stage: Stage) -> Verdict:
    """In a clock that runs 90 times as fast; every minute of every schedule is exactly one run."""
    return fire(stage, 10, 180, rate=90) if stage.full else fire(stage, 2, 20, rate=60)


def fire(stage: Stage, workflows: int, minutes: int, *, rate: int, **settings: str) -> Verdict:
    """Each workflow has SCHEDULES_EACH schedules."""
    clock = f"rate={rate},start={time.time()}"
    began = time.time()
    product = stage.new_product(DEBUG="true", AUTOMATE_CLOCK=clock, **settings)
    product.run_beside("scheduler")

    def now() -> datetime:
        return datetime.fromtimestamp(began + (time.time() - began) * rate, UTC)

    ids = [_publish_schedules(product, stage.new_key("schedules")) for _ in range(workflows)]
    first = now().replace(second=0, microsecond=0) + 2 * MINUTE
    wanted = [first + number * MINUTE for number in range(minutes)]
    took_s = -time.monotonic()
    for _ in look_again(product, for_s=900):
        if now() > wanted[-1] + MINUTE and _all_fired(product, ids, wanted[-1]):
            break
        time.sleep(0.5)
    took_s += time.monotonic()
    for workflow in ids:
        product.api("PATCH", f"/workflows/{workflow}", {"is_active": False})
    faults = [fault for workflow in ids for fault in _fire_faults(product, workflow, wanted)]
    faults += _unended(product, ids)
    product.stop()
    fires = workflows * SCHEDULES_EACH * minutes
    done = f"{workflows * SCHEDULES_EACH} schedules, {minutes} simulated minutes in {took_s:.0f} s: {fires:,} fires expected"
    return Verdict(done, fires, faults)


SCHEDULES_EACH = 20
_FIRES = "SELECT input, status FROM workflows_workflowexecution WHERE template_id = %s"


def _publish_schedules(product: Product, key: str) -> str:
    triggers = [
        {"key": f"tick{number}", "type": "schedule", "config": {"cron": "* * * * *"}}
        for number in range(SCHEDULES_EACH)
    ]
    made = product.api("POST", "/workflows", small(key, *triggers))
    product.api("POST", f"/workflows/{made['id']}/publish", {})
    return str(made["id"])


def _all_fired(product: Product, workflows: list[str], last: datetime) -> bool:
    """Whether every schedule has come past the last minute that is looked at."""
    marks = ", ".join(["%s"] * len(workflows))
    statement = (
        f"SELECT count(*) FROM workflows_livetrigger WHERE template_id IN ({marks}) AND next_fire_at <= %s"
    )
    return product.rows().query(statement, *workflows, last) == [(0,)]


def _fire_faults(product: Product, workflow: str, wanted: list[datetime]) -> Iterator[Fault]:
    fires: dict[str, Counter[datetime]] = defaultdict(Counter)
    for given, _ in product.rows().query(_FIRES, workflow):
        fires[given["key"]][datetime.fromisoformat(given["scheduled_at"])] += 1
    for number in range(SCHEDULES_EACH):
        found = fires[f"tick{number}"]
        for at in wanted:
            if not found[at]:
                yield Fault("lost", f"tick{number} of {workflow} did not fire at {at}.")
        for at, count in found.items():
            if count > 1:
                yield Fault("repeated", f"tick{number} of {workflow} fired {count} times at {at}.")


def _unended(product: Product, workflows: list[str]) -> list[Fault]:
    """Every fire is a run that completes."""
    found: Counter[str] = Counter()
    for _ in look_again(product, for_s=600):
        found = Counter(status for one in workflows for _, status in product.rows().query(_FIRES, one))
        if not found.keys() & {"PENDING", "RUNNING", "WAITING"}:
            break
        time.sleep(1.0)
    return [
        Fault("lost", f"{count} fires are {status}.")
        for status, count in found.items()
        if status != "COMPLETED"
    ]


# --- polls ----------------------------------------------------------------------------------------

EVERY_S = 10  # the shortest there is


@row("poll", "poller killed while it polls", short=False)
def poll(stage: Stage) -> Verdict:
    """A paged source whose rows share their second across the borders of pages; every row is exactly one run."""
    kills, rate = (100, 20) if stage.full else (5, 20)
    product = stage.new_product(DEBUG="true", AUTOMATE_CLOCK=f"rate={rate},start={time.time()}")
    dice, name = random.Random(5), stage.new_key("box")
    workflow = publish_poll(stage, product, name)
    # the supervisor would wait longer after each death; these are started here
    put, supervised = 0, freeze(product, "scheduler")
    try:
        for _ in range(kills):
            count = dice.randint(1, 12)
            stage.echo.put_rows(name, count)
            put += count
            kill_poller(product, after_s=dice.uniform(0.0, 1.2))
    finally:
        os.kill(supervised, signal.SIGCONT)
    verdict = poll_verdict(
        product, workflow, put, f"{kills} kills, {put} rows, a poll every {EVERY_S / rate:g} s"
    )
    product.stop()
    return verdict


def publish_poll(stage: Stage, product: Product, name: str) -> Published:
    """A workflow that polls the list `name`; comes back when the first poll, which starts nothing, is made."""
    trigger = {
        "name": "new_row", "display_name": "New row", "type": "polling", "description": "A row.",
        "input": {"type": "object", "properties": {"list": {"type": "string"}}},
        "request": {"method": "GET", "path": "/rows/{{ input.list }}"},
        "paginate": {"type": "page", "param": "page", "start": 1},
        "items": "{{ body.rows }}", "dedup": "{{ item.id }}", "sample": {"id": 1, "at": "2030-03-17T17:46:40Z"},
        "cursor": {"field": "at", "param": "since", "format": "iso"},
    }  # fmt: skip
    manifest = {
        "slug": name, "name": "Box", "category": "test", "docs_url": "https://box.example",
        "connections": [{"type": "none"}], "http": {"base_url": stage.echo.url}, "triggers": [trigger],
    }  # fmt: skip
    product.api("POST", "/integration-types", manifest)
    look = {
        "key": "look", "type": "polling", "integration": name, "event": "new_row",
        "config": {"every_s": EVERY_S, "input": {"list": name}},
    }  # fmt: skip
    stage.echo.put_rows(name, 5)
    workflow = product.publish(small(stage.new_key("poll"), look))
    for _ in look_again(product, for_s=60):
        if product.rows().cursor(workflow.id).get("begun"):
            return workflow
    raise AssertionError


def kill_poller(product: Product, *, after_s: float) -> None:
    """Start a scheduler, and SIGKILL it once it has been at work for so long."""
    process = product.run_beside("scheduler")
    for _ in look_again(product, for_s=60):
        with suppress(FileNotFoundError, ValueError):
            if product.pid("scheduler") == process.pid:
                break
    time.sleep(after_s)
    process.kill()
    process.wait()


def poll_verdict(
    product: Product, workflow: Published, put: int, done: str, *, within_s: float = DRAIN_S
) -> Verdict:
    """Every row once: those that were there before the first poll start nothing."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        statuses = product.rows().statuses(workflow.id)
        if sum(statuses.values()) >= put and statuses.keys() <= {"COMPLETED", "FAILED"}:
            break
        time.sleep(0.1)
    time.sleep(2.5)  # what would come twice comes now
    runs = product.rows().runs(workflow.id)
    found = Counter(run.body["id"] for run in runs)
    faults = [Fault("lost", f"The row {id_} started no run.") for id_ in range(5, 5 + put) if not found[id_]]
    faults += [
        Fault("repeated", f"The row {id_} started {times} runs.") for id_, times in found.items() if times > 1
    ]
    faults += [Fault("other", f"The row {id_} was there before.") for id_ in found if id_ < 5]
    faults += [
        Fault("lost", f"A run ended as {run.status}: {run.error}")
        for run in runs
        if run.status != "COMPLETED"
    ]
    return Verdict(done, len(runs), faults)

"""What the rows of the fault suite share: a receiver, servers, running products, and orders sent in while things break."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, TypeVar

from tests.faults.verdict import Verdict
from tests.support.checker import Fault, find_faults, repeated
from tests.support.echo import Echo, Seen
from tests.support.five import five_orders, five_rank, five_step_document, five_steps
from tests.support.load import Answer, send_load
from tests.support.orders import Effect
from tests.support.product import DatabaseKind, Product, Published
from tests.support.servers import Postgres, Redis

LEASE_S = 3.0
PATIENCE_S = 240.0  # how long a sender repeats a delivery; nothing here is down for so long
DRAIN_S = 240.0  # for all that is left when the faults are over; the machine may be busy with other things
GRACE_S = 60.0  # how late a beat, claim or wake-up may be before a run counts as stuck
EFFECTS: tuple[Effect, ...] = ("safe", "unsafe")
Server = TypeVar("Server", Postgres, Redis)
Asks = Literal["unsafe", "never"]


class Stage:
    """Everything is made when it is first asked for, and ends with `close`. `full`: the whole measure, else a short one."""

    def __init__(self, *, full: bool) -> None:
        self.full = full
        self._running = ExitStack()
        self._products: dict[tuple[Any, ...], Product] = {}
        self._servers: tuple[Postgres, Redis] | None = None
        self._fragile: Product | None = None
        self._echo: Echo | None = None
        self._names = Counter[str]()

    def close(self) -> None:
        self._running.close()

    @property
    def echo(self) -> Echo:
        if self._echo is None:
            self._echo = Echo().start()
            self._running.callback(self._echo.stop)
        return self._echo

    def product(self, database: DatabaseKind = "postgres", /, **settings: str) -> Product:
        """The one product with these settings; dead workers are noticed after LEASE_S."""
        key = (database, *sorted(settings.items()))
        if key not in self._products:
            self._products[key] = self.new_product(database, None, None, **settings)
        return self._products[key]

    def stop(self, database: DatabaseKind = "postgres", /, **settings: str) -> None:
        """What `product` gave for these, if anything: nobody needs it any more."""
        product = self._products.pop((database, *sorted(settings.items())), None)
        if product is not None:
            product.stop()

    def new_product(
        self,
        database: DatabaseKind = "postgres",
        postgres: Postgres | None = None,
        redis: Redis | None = None,
        /,
        **settings: str,
    ) -> Product:
        """One of its own, that a row may stop; on the shared servers unless it is given others."""
        product = Product(database, {"AUTOMATE_LEASE_S": str(LEASE_S), **settings})
        if database == "postgres":
            if self._servers is None and not (postgres and redis):
                self._servers = (self.started(Postgres()), self.started(Redis()))
            shared = self._servers or (postgres, redis)
            product.postgres, product.redis = postgres or shared[0], redis or shared[1]
        return self._running.enter_context(product)

    def fragile(self) -> Product:
        """The one product whose servers no other product uses: rows may take them away."""
        if self._fragile is None:
            servers = self.started(Postgres()), self.started(Redis())
            self._fragile = self.new_product("postgres", *servers)
        return self._fragile

    def started(self, server: Server) -> Server:
        """A server that ends with the stage."""
        self._running.callback(server.remove)
        server.start()
        return server

    def new_key(self, name: str) -> str:
        """A key for a workflow that no other row has."""
        self._names[name] += 1
        return f"{name}-{self._names[name]}"


@dataclass
class Traffic:
    """Orders for one five-step workflow, and what they were answered."""

    workflow: Published
    effect: Effect
    orders: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


@dataclass
class Rush:
    """Traffic to a safe and an unsafe variant at once."""

    stage: Stage
    product: Product
    traffic: list[Traffic]
    since: int
    drain_s: float = DRAIN_S

    def settle(self) -> None:
        """Wait until nothing goes on by itself any more. Raises TimeoutError."""
        for one in self.traffic:
            self.product.wait_until_done(one.workflow, len(one.orders), within_s=self.drain_s)

    def verdict(
        self, done: str, *, asks: Asks = "unsafe", may_repeat: bool = True, late_ok: int = 0
    ) -> Verdict:
        """Settle, and hold everything against everything. `asks`: whether unsafe runs may end in a question; `may_repeat`:
        whether safe calls in flight may be sent again; `late_ok`: as the checker's."""
        try:
            self.settle()
        except TimeoutError:
            if self.drain_s == DRAIN_S:
                raise  # with less patience the rows say what did not end
        seen = self.stage.echo.log(self.since)
        faults, asked = [], 0
        for one in self.traffic:
            runs = self.product.rows().runs(one.workflow.id)
            faults += find_faults(
                one.orders, one.answers, runs, _of(one, seen), expected=five_steps,
                may_repeat=may_repeat and one.effect == "safe", may_ask=asks == "unsafe" and one.effect == "unsafe",
                late_ok=late_ok, rank=five_rank,
            )  # fmt: skip
            asked += sum(run.status == "NEEDS_ATTENTION" for run in runs)
        faults += [Fault("stuck", said) for said in self.product.rows().stuck(grace_s=GRACE_S)]
        accepted = sum(answer.status == 202 for one in self.traffic for answer in one.answers)
        refused = sum(len(answer.refused) for one in self.traffic for answer in one.answers)
        said = f"{done}; {refused} deliveries repeated, {repeated(seen)} calls in flight sent again, {asked} runs ask"
        return Verdict(said, accepted, faults)


def _of(traffic: Traffic, seen: list[Seen]) -> list[Seen]:
    prefix = f"{traffic.workflow.key}-"
    return [call for call in seen if call.id.startswith(prefix)]


@contextmanager
def rush(
    stage: Stage,
    product: Product,
    *,
    name: str,
    rate: float,
    at_least_s: float,
    patience_s: float = PATIENCE_S,
) -> Iterator[Rush]:
    """Orders come in at `rate` to each of two workflows, as long as the block lasts and at least so long."""
    since, stop_at, over = stage.echo.count(), time.monotonic() + at_least_s, threading.Event()
    traffic, threads = [], []
    for effect in EFFECTS:
        document = five_step_document(stage.echo.url, effect, key=stage.new_key(f"{name}-{effect}"))
        traffic.append(Traffic(product.publish(document), effect))
    stop_at = time.monotonic() + at_least_s
    for one in traffic:
        goes_on: Callable[[Any], bool] = lambda _: not over.is_set() or time.monotonic() < stop_at  # noqa: E731
        threads.append(threading.Thread(target=_send, args=(one, rate, goes_on, patience_s)))
    for thread in threads:
        thread.start()
    try:
        yield Rush(stage, product, traffic, since)
    except BaseException:
        stop_at = 0.0
        raise
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _send(traffic: Traffic, rate: float, goes_on: Callable[[Any], bool], patience_s: float) -> None:
    def noted() -> Iterator[dict[str, Any]]:
        for order in takewhile(goes_on, five_orders(seed=42, prefix=traffic.workflow.key)):
            traffic.orders.append(order)
            yield order

    hook = traffic.workflow.hooks["order"]
    traffic.answers += send_load(hook, noted(), rate=rate, connections=32, patience_s=patience_s)


@contextmanager
def eager_scheduler(product: Product) -> Iterator[None]:
    """A scheduler that is started again at once, however often it dies: the supervisor would wait longer each time."""
    supervised, over = freeze(product, "scheduler"), threading.Event()

    def keep() -> None:
        while not over.is_set():
            process = product.run_beside("scheduler")
            while process.poll() is None and not over.wait(0.1):
                pass
            process.terminate()
            process.wait()

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        os.kill(supervised, signal.SIGCONT)
        (product.folder / "data" / "run" / "scheduler.pid").write_text(str(supervised))


def freeze(product: Product, name: str) -> int:
    """SIGSTOP to a process, at a moment when the database does not wait for it; gives its number. It may be dying and being
    started again just now."""
    for _ in look_again(product, for_s=90):
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            pid = product.pid(name)
            os.kill(pid, signal.SIGSTOP)
            if product.rows().is_free():
                return pid
            os.kill(pid, signal.SIGCONT)
    raise AssertionError


def look_again(product: Product, *, for_s: float) -> Iterator[None]:
    """Look again and again; fails with the product's log when it takes too long."""
    give_up = time.monotonic() + for_s
    while time.monotonic() < give_up:
        yield
        time.sleep(0.02)
    raise AssertionError(f"What was waited for did not happen. The product says:\n{product.log()[-3000:]}")

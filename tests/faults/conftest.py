"""A receiver and running products for the fault tests; one PostgreSQL and one Redis serve all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from typing import TypeVar

import pytest

from tests.support.echo import Echo
from tests.support.product import DatabaseKind, Product
from tests.support.servers import Postgres, Redis

LEASE_S = 3.0
Server = TypeVar("Server", Postgres, Redis)


@pytest.fixture(scope="session")
def echo() -> Iterator[Echo]:
    server = Echo().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def start_product() -> Iterator[Callable[..., Product]]:
    """`start_product("postgres", AUTOMATE_LEASE_S="3")`: a product that ends with the session."""
    with ExitStack() as running:
        servers: list[tuple[Postgres, Redis]] = []

        def start(database: DatabaseKind, **settings: str) -> Product:
            product = Product(database, settings)
            if database == "postgres" and not servers:
                servers.append((_running(Postgres(), running), _running(Redis(), running)))
            if database == "postgres":
                product.postgres, product.redis = servers[0]
            return running.enter_context(product)

        yield start


def _running(server: Server, stack: ExitStack) -> Server:
    stack.callback(server.remove)
    server.start()
    return server


@pytest.fixture(scope="session")
def products(start_product: Callable[..., Product]) -> Callable[[DatabaseKind], Product]:
    """`products("sqlite")`: the one product on this database that tests share; dead workers are noticed after 3 s."""
    return cache(partial(start_product, AUTOMATE_LEASE_S=str(LEASE_S)))


def look_again(product: Product, *, for_s: float) -> Iterator[None]:
    """Look again and again; fails with the product's log when it takes too long."""
    give_up = time.monotonic() + for_s
    while time.monotonic() < give_up:
        yield
        time.sleep(0.02)
    raise AssertionError(f"The worker did not get to work. The product says:\n{product.log()[-3000:]}")

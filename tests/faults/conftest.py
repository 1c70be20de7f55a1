"""A receiver and running products for the fault tests; one PostgreSQL and one Redis serve all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.echo import Echo
from tests.support.product import DatabaseKind, Product
from tests.support.servers import Postgres, Redis


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def start_product(request: pytest.FixtureRequest) -> Iterator[Callable[..., Product]]:
    """`start_product("postgres", AUTOMATE_LEASE_S="3")`: a product that ends with the test."""
    running: list[Product] = []

    def start(database: DatabaseKind, **settings: str) -> Product:
        product = Product(database, settings)
        if database == "postgres":
            product.postgres = request.getfixturevalue("postgres")
            product.redis = request.getfixturevalue("redis")
        running.append(product.__enter__())
        return product

    yield start
    for product in running:
        product.__exit__(None, None, None)

"""A receiver and running products for the fault tests; one PostgreSQL and one Redis serve all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.stage import Stage
from tests.support.echo import Echo
from tests.support.product import DatabaseKind, Product


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    stage = Stage(full=False)
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def echo(stage: Stage) -> Echo:
    return stage.echo


@pytest.fixture(scope="session")
def start_product(stage: Stage) -> Callable[..., Product]:
    """`start_product("postgres", AUTOMATE_LEASE_S="3")`: a product that ends with the session."""
    return stage.new_product


@pytest.fixture(scope="session")
def products(stage: Stage) -> Callable[[DatabaseKind], Product]:
    """`products("sqlite")`: the one product on this database that tests share; dead workers are noticed after 3 s."""
    return stage.product

"""The cast of every test: alice owns, bob is on her team, charlie must see nothing."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, TransactionTestCase

from accounts.models import Tenant, User
from tests.environment import await_template
from tests.factories import add_member, make_user, make_workspace
from tests.support.chromium import browser  # noqa: F401 - a fixture of the tests with pages

# Argon2 takes 0.1 s a password on purpose; tests sign in often. test_signin.py checks what the product uses.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


# Else every test's `Client()` reads all static files anew: a quarter of the suite's time.
settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays to the end: nothing is won by looking through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    await_template()


MADE_BY_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission", "django_site"}


@cache
def _emptied(alias: str) -> tuple[str, ...]:
    database = connections[alias]
    return tuple(sorted(set(database.introspection.table_names()) - MADE_BY_MIGRATIONS))


def _empty_tables(database: BaseDatabaseWrapper) -> None:
    """What `flush` does, without truncating a hundred files and making every permission anew: 100 ms a test."""
    quoted = [database.ops.quote_name(name) for name in _emptied(database.alias)]
    if database.vendor != "postgresql":
        with database.constraint_checks_disabled(), database.cursor() as cursor:
            for name in quoted:
                cursor.execute(f"DELETE FROM {name}")
        return
    with database.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in quoted)
        )
        deletes = [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]
        replica = "SET session_replication_role = replica"  # no foreign keys and triggers meanwhile
        cursor.execute(";".join([replica, *deletes, "SET session_replication_role = DEFAULT"]))


def _end_of_transactional_test(self: Any) -> None:
    for alias in self._databases_names(include_mirrors=False):
        _empty_tables(connections[alias])


TransactionTestCase._fixture_teardown = _end_of_transactional_test  # type: ignore[attr-defined]  # not public


@pytest.fixture
def alice(db: None) -> User:
    """Owner of `workspace`."""
    return make_user("alice@example.com", name="Alice Adams")


@pytest.fixture
def workspace(alice: User) -> Tenant:
    return make_workspace(alice, "Northwind")


@pytest.fixture
def bob(workspace: Tenant) -> User:
    """Editor in alice's workspace."""
    user = make_user("bob@example.com", name="Bob Brown")
    add_member(workspace, user, "editor")
    return user


@pytest.fixture
def charlie(db: None) -> User:
    """A stranger with a workspace of his own."""
    user = make_user("charlie@example.com", name="Charlie Chen")
    make_workspace(user, "Contoso")
    return user


@pytest.fixture
def as_alice(alice: User, workspace: Tenant) -> Client:
    return _signed_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return _signed_in(bob)


@pytest.fixture
def as_charlie(charlie: User, workspace: Tenant) -> Client:
    return _signed_in(charlie)


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client

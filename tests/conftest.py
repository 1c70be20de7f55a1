"""The cast of every test: alice owns, bob is on her team, charlie must see nothing."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Tenant, User
from tests.factories import add_member, make_user, make_workspace

# Argon2 takes 0.1 s a password on purpose; tests sign in often. test_signin.py checks what the product uses.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


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

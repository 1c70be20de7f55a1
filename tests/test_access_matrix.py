"""Every address of the product, for everybody: what a person may not see looks exactly like what does not exist."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.public import PUBLIC_NAMESPACES, PUBLIC_URL_NAMES
from accounts.tokens import create_token
from tests.access_rows import API, OWN, PUBLIC, ROWS, Row
from tests.access_world import MARK, SLUG, World, make_world
from tests.database import undone

GROUPS: Final = sorted({row.group for row in ROWS.values()})
METHODS: Final = ("GET", "POST")
REFUSED: Final = {403, 404, 405}
NOBODYS: Final = uuid.uuid4()
OUR_PACKAGES: Final = {"accounts", "analytics", "automate", "integrations", "notifications", "workflows"}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once for all tests of this file: each of them leaves it as it was."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def addresses() -> Iterator[tuple[str, str, URLPattern]]:
    """(URL name, route, pattern) of everything that can be asked for."""

    def walk(resolver: URLResolver, route: str, space: str) -> Iterator[tuple[str, str, URLPattern]]:
        for pattern in resolver.url_patterns:
            here = route + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
                yield from walk(pattern, here, inner)
            else:
                yield f"{space}{pattern.name}", here, pattern

    return walk(get_resolver(), "", "")


@cache
def words_of(name: str) -> tuple[str, ...]:
    """What the address of this name has to be filled with."""
    pattern = next(pattern for other, _, pattern in addresses() if other == name)
    return tuple(pattern.pattern.converters)


def address(world: World, name: str, row: Row, *, known: bool = True) -> str:
    """With alice's object, or with one that does not exist."""
    words: dict[str, Any] = {
        "workspace_slug": world.tenant.slug if known else "no-such-workspace",
        **world.values,
    }
    if name.removeprefix("workflows:builder-") in ("trigger", "sample", "fetch", "wait", "use-request"):
        words["key"] = "call"
    if row.of not in (None, "workspace"):
        words["id"] = world.ids[row.of] if known else uuid.uuid4()
    return reverse(name, kwargs={word: words[word] for word in words_of(name)})


def need_of(row: Row, method: str) -> str | None:
    return row.get if method == "GET" else row.post


def plain(answer: HttpResponseBase) -> str:
    """The body without what differs from request to request."""
    text = b"".join(answer).decode() if answer.streaming else answer.content.decode()  # type: ignore[attr-defined]
    text = re.sub(r'(csrfmiddlewaretoken" value=|nonce=|X-CSRFToken": |data-copy-text=)"[^"]*"', "", text)
    return re.sub(r"error id [0-9a-f]{8}", "", text)


def rows_of(group: str) -> list[tuple[str, Row, str]]:
    return [(name, row, method) for name, row in ROWS.items() if row.group == group for method in METHODS]


def state() -> str:
    """A digest of all rows of the product."""
    digest = sha256()
    ours = [model for model in apps.get_models() if model.__module__.partition(".")[0] in OUR_PACKAGES]
    for model in sorted(ours, key=lambda model: model.__name__):
        rows = model._default_manager.order_by("pk").values_list()
        digest.update(repr((model.__name__, list(rows))).encode())
    return digest.hexdigest()


def test_every_address_has_a_row() -> None:
    named = {name for name, _, _ in addresses() if not name.startswith(("admin:", "api-1:"))}
    routes = {route.removeprefix("api/v1").replace("uuidstr:", "").replace("int:", "")
              for name, route, _ in addresses() if name.startswith("api-1:") and name != "api-1:unknown"}  # fmt: skip

    assert named == ROWS.keys() | PUBLIC | OWN, "Say in tests/access_rows.py who may open a new address."
    assert {route.replace("<", "{").replace(">", "}") for route in routes} == API.keys()


def test_the_public_list_is_the_one_written_here() -> None:
    assert PUBLIC_URL_NAMES == PUBLIC
    assert {"api-1"} == PUBLIC_NAMESPACES


@pytest.mark.parametrize("who", ["nobody", "dora"])
@pytest.mark.parametrize("group", GROUPS)
def test_without_an_active_account_everything_asks_to_sign_in(
    world: World, db: None, group: str, who: str
) -> None:
    client = world.client(who)
    for name, row, method in rows_of(group):
        url = address(world, name, row)
        page = client.generic(method, url)
        fragment = client.generic(method, url, headers={"HX-Request": "true"})

        assert (page.status_code, page.headers.get("Location", "").partition("?")[0]) == (
            302,
            "/accounts/login/",
        ), name
        assert fragment.status_code == 401, name
        assert MARK not in plain(page) + plain(fragment), name


@pytest.mark.parametrize("group", GROUPS)
def test_a_stranger_cannot_tell_what_exists(world: World, db: None, group: str) -> None:
    client = world.client("charlie")
    for name, row, method in rows_of(group):
        if row.of is None:
            continue
        with undone():
            theirs = client.generic(method, address(world, name, row))
            nothing = client.generic(method, address(world, name, row, known=False))

        allowed = {405} if need_of(row, method) is None else {404}
        assert theirs.status_code in allowed, (name, method)
        assert plain(theirs) == plain(nothing), (name, method)
        assert theirs.headers.items() == nothing.headers.items(), (name, method)


def test_a_stranger_sees_nothing_of_others_at_home(world: World, db: None) -> None:
    """Everything charlie may open: his own workspace, with alice's words where an address has room for them."""
    client, seen = world.client("charlie"), 0
    urls = [reverse("home"), reverse("styleguide"), reverse("account_email")]
    for name, row in ROWS.items():
        if row.get is not None and row.of in (None, "workspace"):
            urls.append(
                address(world, name, row).replace(f"/w/{world.tenant.slug}/", f"/w/{world.charlies.slug}/")
            )
    for url in urls:
        answer = client.get(url, {"q": SLUG[:3]})
        seen += answer.status_code == 200

        assert answer.status_code < 500, url
        assert MARK not in plain(answer), url
        assert f"/{SLUG}/" not in plain(answer) or SLUG in url, url
    assert seen > 15


@pytest.mark.parametrize("who", ["alice", "bob", "vera"])
@pytest.mark.parametrize("group", GROUPS)
def test_members_get_what_their_role_allows(world: World, db: None, group: str, who: str) -> None:
    client, marked = world.client(who), 0
    for name, row, method in rows_of(group):
        need = need_of(row, method)
        if row.of == "token" and who != "alice":
            continue  # one's own only: see below
        with undone():
            answer = client.generic(method, address(world, name, row))

        if need is None:
            assert answer.status_code == 405, (name, method)
        elif not world.may(who, need):
            assert answer.status_code == 403, (name, method)
        elif row.missing:
            assert answer.status_code == 404, (name, method)
        else:
            assert answer.status_code < 500, (name, method)
            assert answer.status_code not in REFUSED, (name, method)
            marked += MARK in plain(answer)
    assert marked or (group, who) == ("builder", "vera"), (
        "The marker stands on no page, so its absence says nothing."
    )


THEIR_OWN = {
    "accounts:workspace-leave",
    "workflows:guide-hide",
    "workflows:workflow-star",
}  # what changes nothing for the others


@pytest.mark.parametrize("group", GROUPS)
def test_a_viewer_changes_nothing(world: World, db: None, group: str) -> None:
    client, before = world.client("vera"), state()
    for name, row, _ in rows_of(group):
        if row.of not in (None, "token") and name not in THEIR_OWN:
            assert client.post(address(world, name, row)).status_code in REFUSED, name

    assert state() == before


def test_tokens_are_their_owner_s_alone(world: World, db: None) -> None:
    """Not even the other members of the workspace can tell them from none."""
    row = ROWS["accounts:token-revoke"]
    for who in ("bob", "vera", "charlie"):
        client = world.client(who)
        theirs = client.post(address(world, "accounts:token-revoke", row))
        nothing = client.post(address(world, "accounts:token-revoke", row, known=False))

        assert theirs.status_code == 404
        assert plain(theirs) == plain(nothing)


def test_the_admin_is_for_staff(world: World, db: None) -> None:
    words: dict[str, Any] = {
        "app_label": "workflows",
        "content_type_id": 1,
        "object_id": str(world.ids["workflow"]),
        "url": "x",
    }
    known = {}
    for name, _, pattern in addresses():
        if name.startswith("admin:"):
            inside = getattr(pattern.pattern, "converters", None) or pattern.pattern.regex.groupindex
            known[name] = (
                reverse(name, kwargs={word: words[word] for word in inside})
                if name != "admin:None"
                else "/admin/x"
            )
    for who in ("nobody", "alice", "charlie"):
        client = world.client(who)
        for name, url in known.items():
            answer = client.get(url)

            assert answer.status_code in (302, 403) or name in ("admin:login", "admin:logout"), (who, name)
            assert MARK not in plain(answer), (who, name)
    assert len(known) > 100


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_api_tells_strangers_nothing(world: World, db: None, method: str) -> None:
    _, text = create_token(world.people["charlie"], world.charlies, "test", "admin")
    client, nobody = Client(headers={"Authorization": f"Bearer {text}"}), Client()
    ids = {**world.ids, "workspace": world.tenant.pk}
    for path, of in API.items():
        known, unknown = (
            "/api/v1"
            + path.format(id=ids.get(of or "") if is_known else uuid.uuid4(), number=1, request_id=NOBODYS)
            for is_known in (True, False)
        )
        with undone():
            theirs, nothing = (
                client.generic(method, url, "{}", content_type="application/json") for url in (known, unknown)
            )
            without = nobody.generic(method, known, "{}", content_type="application/json")

        assert without.status_code in (401, 405) or path in ("/", "/openapi.json", "/docs"), path
        assert theirs.status_code < 500, path
        assert MARK not in plain(theirs) + plain(without), path
        if of is not None:
            assert theirs.status_code in (404, 405, 422), path
            assert (theirs.status_code, plain(theirs)) == (nothing.status_code, plain(nothing)), path

"""Who gets which answer from each page of the package, and what nobody may open without a sign-in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import members
from accounts.access import demand
from accounts.models import Invitation, Membership
from accounts.permissions import builtin_role
from accounts.public import PUBLIC_NAMESPACES, PUBLIC_URL_NAMES, is_public
from accounts.tokens import create_token
from tests.database import undone
from tests.factories import add_member, make_user, make_workspace

ROLES = ["owner", "admin", "editor", "operator", "viewer"]
EVERYBODY = {"anonymous": 302, "stranger": 200, **dict.fromkeys(ROLES, 200)}
MEMBERS = EVERYBODY | {"stranger": 404}
MANAGERS = {
    "anonymous": 302,
    "stranger": 404,
    "owner": 302,
    "admin": 302,
    "editor": 403,
    "operator": 403,
    "viewer": 403,
}

# name -> (method, what each actor gets)
MATRIX = {
    "profile": ("GET", EVERYBODY),
    "token-list": ("GET", EVERYBODY),
    "token-revoke": ("POST", dict.fromkeys(MEMBERS, 404) | {"anonymous": 302, "owner": 302}),
    "workspace-list": ("GET", EVERYBODY),
    "workspace-new": ("GET", EVERYBODY),
    "workspace-settings": ("GET", MANAGERS | {"owner": 200, "admin": 200}),
    "workspace-leave": ("POST", dict.fromkeys(MEMBERS, 302) | {"stranger": 404}),
    "member-list": ("GET", MEMBERS),
    "member-invite": ("POST", MANAGERS | {"owner": 422, "admin": 422}),
    "member-role": ("POST", MANAGERS),
    "member-remove": ("POST", MANAGERS),
    "invitation-revoke": ("POST", MANAGERS),
    "invitation-accept": ("GET", dict.fromkeys(MEMBERS, 200)),
}


def _walk(
    resolver: URLResolver, names: tuple[str, ...] = (), path: str = "/"
) -> Iterator[tuple[str, str, URLPattern]]:
    """(namespaced name, address with made-up values, pattern) of every address there is."""
    for entry in resolver.url_patterns:
        here = path + _filled(entry)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, (*names, entry.namespace) if entry.namespace else names, here)
        else:
            yield ":".join((*names, entry.name or "")), here, entry


def _filled(entry: URLPattern | URLResolver) -> str:
    text = str(entry.pattern)
    for converter, value in {"uuid": str(uuid.UUID(int=7)), "int": "7", "slug": "somewhere"}.items():
        text = re.sub(rf"<{converter}:\w+>", value, text)
    text = re.sub(r"<(\w+:)?\w+>", "something", text)
    return re.sub(r"\(\?P.*?\)(?=[/$-])", "x", text).replace("^", "").replace("\\Z", "").replace("$", "")


def test_every_address_of_the_package_is_in_the_matrix():
    names = {
        name.removeprefix("accounts:") for name, _, _ in _walk(get_resolver()) if name.startswith("accounts:")
    }

    assert names == set(MATRIX)


def test_nothing_outside_the_public_list_opens_without_a_sign_in(client, db):
    for name, path, _ in _walk(get_resolver()):
        if is_public(name):
            continue
        answer = client.get(path)
        assert answer.status_code == 302, f"{name} ({path}) answered {answer.status_code} without a sign-in"
        assert answer["Location"].startswith("/accounts/login/?next="), name


def test_the_public_list_holds_no_name_that_does_not_exist():
    names = {name for name, _, _ in _walk(get_resolver())}

    assert names >= PUBLIC_URL_NAMES
    assert {name.partition(":")[0] for name in names} >= PUBLIC_NAMESPACES


@pytest.fixture
def targets(workspace, alice) -> dict[str, list[object]]:
    """The arguments of each address: things in alice's workspace."""
    mine = Membership.objects.get(user=alice)
    member = add_member(workspace, role="viewer")
    invitation, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    token, _ = create_token(alice, workspace, "CI")
    by_workspace = ["workspace-settings", "workspace-leave", "member-list", "member-invite"]
    return {
        **{name: [workspace.slug] for name in by_workspace},
        "member-role": [member.pk],
        "member-remove": [member.pk],
        "token-revoke": [token.pk],
        "invitation-revoke": [invitation.pk],
        "invitation-accept": [link.rstrip("/").rsplit("/", 1)[1]],
    }


@pytest.fixture
def as_actor(workspace, alice, request) -> Callable[[str], Client]:
    """A client of somebody with that role in alice's workspace, of a stranger, or of nobody."""

    def sign_in(actor: str) -> Client:
        client = Client()
        if actor == "stranger":
            client.force_login(request.getfixturevalue("charlie"))
        elif actor != "anonymous":
            client.force_login(alice if actor == "owner" else add_member(workspace, role=actor).user)
        return client

    return sign_in


@pytest.mark.parametrize("actor", ["anonymous", "stranger", *ROLES])
def test_pages_answer_as_the_matrix_says(actor, targets, as_actor):
    client = as_actor(actor)
    for name, (method, expected) in MATRIX.items():
        path = reverse(f"accounts:{name}", args=targets.get(name, []))
        with undone():
            answer = client.generic(method, path)

        assert answer.status_code == expected[actor], name
        if actor == "anonymous" and answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/login/"), name


@pytest.mark.parametrize("name", ["member-list", "workspace-settings"])
def test_workspace_of_others_looks_like_none(name, as_charlie, workspace):
    foreign = as_charlie.get(reverse(f"accounts:{name}", args=[workspace.slug]))
    unknown = as_charlie.get(reverse(f"accounts:{name}", args=["no-such-workspace"]))

    assert foreign.status_code == unknown.status_code == 404
    assert _without_tokens(foreign.content) == _without_tokens(unknown.content)
    assert b"Northwind" not in foreign.content


def _without_tokens(page: bytes) -> bytes:
    return re.sub(rb"[A-Za-z0-9]{64}|(?<=error id )[0-9a-f]{8}|data-copy-text=\S+", b"", page)


def test_deactivated_person_is_signed_out_at_once(as_bob, bob, workspace):
    bob.is_active = False
    bob.save()

    answer = as_bob.get(reverse("accounts:member-list", args=[workspace.slug]))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_refusal_names_the_role_and_what_is_missing(bob, workspace):
    membership = Membership.objects.get(user=bob)

    with pytest.raises(
        PermissionDenied, match=r"Your role in Northwind is editor, .* invite, change and remove members"
    ):
        demand(membership, "member.manage")


def test_get_changes_nothing(as_alice, targets):
    for name, (method, _) in MATRIX.items():
        if method == "POST":
            assert as_alice.get(reverse(f"accounts:{name}", args=targets[name])).status_code == 405
    assert Invitation.objects.count() == 1


def test_fragment_asks_for_a_sign_in_with_401(client, workspace):
    answer = client.get(
        reverse("accounts:member-list", args=[workspace.slug]), headers={"HX-Request": "true"}
    )

    assert answer.status_code == 401


def test_pages_behind_the_sign_in_are_kept_by_no_cache(as_alice):
    answer = as_alice.get("/profile/")

    assert answer["Cache-Control"] == "private, no-store"
    assert "HX-Request" in answer["Vary"]


def test_workspace_opened_last_is_home_again(as_bob, bob):
    own = make_workspace(bob, "Bob's own")
    as_bob.get(reverse("accounts:member-list", args=[own.slug]))

    assert as_bob.get("/")["Location"] == reverse("workspace-home", args=[own.slug])


def test_person_without_any_workspace_gets_one(client):
    client.force_login(make_user("eve@example.com"))

    assert client.get("/")["Location"] == reverse("workspace-home", args=["eve"])

from __future__ import annotations

import pytest

from accounts.models import ApiToken, Membership, Role
from accounts.permissions import (
    BUILTIN_ROLES,
    PERMISSIONS,
    SCOPE_PERMISSIONS,
    builtin_role,
    has_permission,
    may_hand_out,
    permissions_of,
    token_allows,
)
from accounts.tokens import create_token
from tests.factories import add_member


def test_every_permission_of_a_role_or_scope_exists():
    named = frozenset().union(*BUILTIN_ROLES.values(), *SCOPE_PERMISSIONS.values())

    assert named <= frozenset(PERMISSIONS)


def test_each_builtin_role_may_do_all_that_the_next_one_may():
    owner, admin, editor, operator, viewer = BUILTIN_ROLES.values()

    assert owner > admin > editor > operator > viewer


def test_each_scope_allows_all_that_the_smaller_one_does():
    read, run, write, admin = SCOPE_PERMISSIONS.values()

    assert read < run < write < admin


def test_builtin_role_comes_back_after_its_row_was_deleted(db):
    Role.objects.all().delete()

    assert permissions_of(builtin_role("viewer")) == BUILTIN_ROLES["viewer"]
    assert Role.objects.count() == 1


def test_builtin_role_with_an_outdated_row_is_brought_up_to_date(db):
    Role.objects.filter(name="editor").update(permissions=["workflow.view"])

    assert set(builtin_role("editor").permissions) == BUILTIN_ROLES["editor"]


def test_own_role_allows_only_known_permissions(workspace):
    role = Role.objects.create(tenant=workspace, name="auditor", permissions=["audit.view", "root"])

    assert permissions_of(role) == {"audit.view"}


def test_own_role_called_owner_is_no_owner(workspace):
    role = Role.objects.create(tenant=workspace, name="owner", permissions=[])

    assert permissions_of(role) == frozenset()


def test_permission_is_asked_of_a_user_and_a_workspace(alice, bob, charlie, workspace):
    assert has_permission(alice, "member.manage", tenant=workspace)
    assert not has_permission(bob, "member.manage", tenant=workspace)
    assert not has_permission(charlie, "workflow.view", tenant=workspace)


def test_deactivated_member_may_nothing(bob, workspace):
    bob.is_active = False

    assert not has_permission(bob, "workflow.view", tenant=workspace)


def test_unknown_permission_is_an_error(alice, workspace):
    with pytest.raises(ValueError, match=r"workflow\.fly"):
        has_permission(alice, "workflow.fly", tenant=workspace)


def test_admin_cannot_hand_out_owner(workspace):
    admin = add_member(workspace, role="admin")

    assert not may_hand_out(admin, builtin_role("owner"))
    assert may_hand_out(admin, builtin_role("admin"))


def test_token_allows_what_scope_and_role_both_allow(alice, bob, workspace):
    read, _ = create_token(alice, workspace, "r", ApiToken.Scope.READ)
    admin, _ = create_token(bob, workspace, "a", ApiToken.Scope.ADMIN)

    assert token_allows(read, "workflow.view")
    assert not token_allows(read, "workflow.edit")
    assert token_allows(admin, "workflow.edit")
    assert not token_allows(admin, "member.manage")


def test_token_of_a_member_who_left_allows_nothing(bob, workspace):
    token, _ = create_token(bob, workspace, "t", ApiToken.Scope.WRITE)
    Membership.objects.filter(user=bob).delete()

    assert not token_allows(token, "workflow.view")

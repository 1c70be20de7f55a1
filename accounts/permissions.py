"""The one place that says who may do what.

Code asks for permissions (`"workflow.edit"`), never for roles. What the built-in roles may do is written here and
nowhere else: their rows only give them an id, so a new permission reaches every workspace with the release that adds it.
"""

from __future__ import annotations

from accounts.models import ApiToken, Membership, Role, Tenant, User

PERMISSIONS: dict[str, str] = {
    "workflow.view": "See workflows",
    "workflow.edit": "Create and change workflows",
    "workflow.run": "Start workflows",
    "workflow.publish": "Publish, pause and roll back workflows",
    "workflow.delete": "Delete workflows with their runs",
    "execution.view": "See runs and their data",
    "execution.retry": "Retry runs and answer their questions",
    "execution.cancel": "Stop runs",
    "connection.view": "See connections",
    "connection.use": "Use shared connections in workflows",
    "connection.edit": "Create, change and remove connections",
    "connection.share": "Share connections with the workspace",
    "variable.view": "See variables",
    "variable.edit": "Create, change and remove variables",
    "library.manage": "Add templates to the library",
    "integration.manage": "Add integrations of one's own",
    "member.view": "See who is in the workspace",
    "member.manage": "Invite, change and remove members",
    "role.manage": "Create and change roles",
    "token.manage": "Create API tokens",
    "audit.view": "See who did what",
    "workspace.manage": "Change the workspace's settings",
    "workspace.delete": "Delete the workspace with everything in it",
}

_VIEWER = frozenset({"workflow.view", "execution.view", "connection.view", "member.view"})
_OPERATOR = _VIEWER | {"workflow.run", "execution.retry", "execution.cancel", "variable.view", "token.manage"}
_EDITOR = _OPERATOR | {
    "workflow.edit",
    "workflow.publish",
    "workflow.delete",
    "connection.use",
    "connection.edit",
    "connection.share",
    "variable.edit",
    "library.manage",
}
_OWNER = frozenset(PERMISSIONS)
_ADMIN = _OWNER - {"workspace.delete"}

BUILTIN_ROLES: dict[str, frozenset[str]] = {
    "owner": _OWNER,
    "admin": _ADMIN,
    "editor": _EDITOR,
    "operator": _OPERATOR,
    "viewer": _VIEWER,
}
ROLE_HELP: dict[str, str] = {
    "owner": "Everything, and may delete the workspace.",
    "admin": "Everything but deleting the workspace.",
    "editor": "Builds, publishes and runs workflows, and connects apps.",
    "operator": "Starts, stops and retries workflows, and changes none.",
    "viewer": "Sees workflows and their runs.",
}

_READ = frozenset(name for name in PERMISSIONS if name.endswith(".view"))
_RUN = _READ | {"workflow.run", "execution.retry", "execution.cancel"}
_WRITE = _RUN | {
    name for name in PERMISSIONS if name.split(".")[0] in {"workflow", "connection", "variable", "library"}
}
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    ApiToken.Scope.READ: _READ,
    ApiToken.Scope.RUN: _RUN,
    ApiToken.Scope.WRITE: _WRITE | {"integration.manage"},
    ApiToken.Scope.ADMIN: frozenset(PERMISSIONS),
}


def permissions_of(role: Role) -> frozenset[str]:
    """What a role allows. Words that no permission has (any more) are ignored."""
    if role.tenant_id is None and role.name in BUILTIN_ROLES:
        return BUILTIN_ROLES[role.name]
    return frozenset(role.permissions) & frozenset(PERMISSIONS)


def has_permission(who: Membership | User | None, name: str, *, tenant: Tenant | None = None) -> bool:
    """May this member (or this user in `tenant`: one SQL query) do it? Raises ValueError for an unknown name."""
    if name not in PERMISSIONS:
        raise ValueError(f"There is no permission called {name!r}: the names are in accounts/permissions.py.")
    membership = membership_of(who, tenant) if isinstance(who, User) else who
    return membership is not None and name in permissions_of(membership.role)


def membership_of(user: User, tenant: Tenant | None) -> Membership | None:
    """The active user's membership with its role and tenant at hand, or None (one SQL query)."""
    if tenant is None or not user.is_active:
        return None
    return Membership.objects.for_tenant(tenant).filter(user=user).select_related("role", "tenant").first()


def token_allows(token: ApiToken, name: str) -> bool:
    """Both must agree: the token's scope, and the role its owner has in the workspace (one SQL query)."""
    return name in SCOPE_PERMISSIONS[token.scopes] and has_permission(token.user, name, tenant=token.tenant)


def role_help(role: Role) -> str:
    """What a role is for, in one sentence; empty for a workspace's own roles."""
    return ROLE_HELP.get(role.name, "") if role.tenant_id is None else ""


def may_hand_out(membership: Membership, role: Role) -> bool:
    """Nobody gives, takes or changes a role that may do more than they may themselves."""
    return permissions_of(role) <= permissions_of(membership.role)


def builtin_role(name: str) -> Role:
    """The row of a built-in role, made when it is not there yet. Raises KeyError for another name."""
    permissions = sorted(BUILTIN_ROLES[name])
    role, _ = Role.objects.get_or_create(tenant=None, name=name, defaults={"permissions": permissions})
    if role.permissions != permissions:
        role.permissions = permissions
        role.save(update_fields=["permissions"])
    return role


def sync_builtin_roles(**_signal: object) -> None:
    """All built-in roles as rows; runs after every migrate."""
    for name in BUILTIN_ROLES:
        builtin_role(name)

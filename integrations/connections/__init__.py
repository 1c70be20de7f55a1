"""People's connections to services: made, tested, renewed, opened, used, removed."""

from integrations.connections.clients import egress_client, is_set_up, oauth_client, redirect_uri, runner
from integrations.connections.errors import (
    ConnectionExpired,
    ConnectionRefused,
    ConnectionUnavailable,
    NotSetUp,
    RefreshFailed,
    SignInFailed,
)
from integrations.connections.opening import (
    connection_value,
    find_service,
    forget,
    forget_everything,
    open_credentials,
    opened,
    run_action,
)
from integrations.connections.store import (
    Removal,
    create_connection,
    delete_connection,
    find_visible,
    may_manage,
    revoke,
    update_connection,
)
from integrations.connections.testing import TestResult, test_connection, test_credentials
from integrations.connections.usage import Use, last_used, uses, uses_of

__all__ = [
    "ConnectionExpired",
    "ConnectionRefused",
    "ConnectionUnavailable",
    "NotSetUp",
    "RefreshFailed",
    "Removal",
    "SignInFailed",
    "TestResult",
    "Use",
    "connection_value",
    "create_connection",
    "delete_connection",
    "egress_client",
    "find_service",
    "find_visible",
    "forget",
    "forget_everything",
    "is_set_up",
    "last_used",
    "may_manage",
    "oauth_client",
    "open_credentials",
    "opened",
    "redirect_uri",
    "revoke",
    "run_action",
    "runner",
    "test_connection",
    "test_credentials",
    "update_connection",
    "uses",
    "uses_of",
]

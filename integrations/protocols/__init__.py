"""What HTTP does not reach: one module per protocol, each with the same two functions.

    run(action, input, connection, context) -> ActionResult
    test(connection, context) -> str                        # the account's label

Both raise ActionError. Addresses are checked by `context.policy`, and only the checked ones are called.
"""

from typing import Protocol, cast

from automate.lib.jsontypes import JSON
from integrations.values import ActionResult, Connection, Context

PROTOCOLS = frozenset(("smtp", "sql"))


class ProtocolModule(Protocol):
    def run(
        self, action: str, input: dict[str, JSON], connection: Connection, context: Context
    ) -> ActionResult: ...

    def test(self, connection: Connection, context: Context) -> str: ...


def module_of(protocol: str) -> ProtocolModule:
    """Imported at first use: drivers are heavy. Raises KeyError."""
    from importlib import import_module

    if protocol not in PROTOCOLS:
        raise KeyError(protocol)
    return cast(ProtocolModule, import_module(f"integrations.protocols.{protocol}"))

"""What HTTP does not reach: one module per protocol, each with the same functions.

    run(action, input, connection, context) -> ActionResult
    test(connection, context) -> str                        # the account's label

Those in LOOK_THEMSELVES know what is new without being told by a manifest:

    look(input, connection, context, state, first) -> Batch

All raise ActionError. Addresses are checked by `context.policy`, and only the checked ones are called.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from automate.lib.jsontypes import JSON
from integrations.values import ActionResult, Batch, Connection, Context

PROTOCOLS = frozenset(("smtp", "sql", "imap", "rss"))
LOOK_THEMSELVES = frozenset(("imap",))


class ProtocolModule(Protocol):
    def run(
        self, action: str, input: dict[str, JSON], connection: Connection, context: Context
    ) -> ActionResult: ...

    def test(self, connection: Connection, context: Context) -> str: ...


class Looker(Protocol):
    def look(
        self,
        input: Mapping[str, JSON],
        connection: Connection,
        context: Context,
        state: Mapping[str, Any],
        first: str | None,
    ) -> Batch: ...


def looker(protocol: str) -> Looker:
    """The module of a protocol in LOOK_THEMSELVES."""
    return cast(Looker, module_of(protocol))


def module_of(protocol: str) -> ProtocolModule:
    """Imported at first use: drivers are heavy. Raises KeyError."""
    from importlib import import_module

    if protocol not in PROTOCOLS:
        raise KeyError(protocol)
    return cast(ProtocolModule, import_module(f"integrations.protocols.{protocol}"))

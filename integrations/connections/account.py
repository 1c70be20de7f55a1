"""What a service tells about the account, asked once after a sign-in: kept values, and whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from integrations.actions.mapping import compiled, value_of
from integrations.connections.clients import runner
from integrations.errors import ActionError
from integrations.manifest import Manifest, Way
from integrations.models import IntegrationDefinition
from integrations.sync import definition_manifest
from integrations.values import Connection

TIMEOUT_S = 15.0
_TELLING = re.compile(r"token|secret|password|key|hook|signature|credential|cookie|session", re.IGNORECASE)


@dataclass(frozen=True)
class Account:
    """`public` is stored readable, `secret` sealed. `warning`: why the first try failed, if it did."""

    public: dict[str, JSON] = field(default_factory=dict)
    secret: dict[str, JSON] = field(default_factory=dict, repr=False)
    label: str = ""
    warning: str = ""


def get_account(
    definition: IntegrationDefinition, way: Way, values: dict[str, JSON], saved: dict[str, JSON]
) -> Account:
    """Ask what the manifest wants to know (up to two HTTP calls).

    Raises ActionError when the service's answer leads to an address that is not its own, and when `after_connect`
    fails, without whose values nothing would work. Another failure of the test only becomes a warning.
    """
    manifest = definition_manifest(definition)
    if way.after_connect is not None:
        saved = saved | _after_connect(manifest, way, _connection(definition, {**values, **saved}))
    connection = _connection(definition, {**values, **saved})
    warning = label = ""
    try:
        label = runner().test(manifest, connection, timeout_s=TIMEOUT_S)
    except ActionError as error:
        if error.code == "foreign_host":
            raise
        warning = error.message
    label = label or runner().account_label(manifest, connection)
    secret = {key: value for key, value in saved.items() if _is_telling(key, value)}
    public = {key: value for key, value in saved.items() if key not in secret}
    return Account(public, secret, label, warning)


def _connection(definition: IntegrationDefinition, values: dict[str, JSON]) -> Connection:
    return Connection(id=str(uuid7()), integration=definition.name, auth_type="oauth2", values=values)


def _after_connect(manifest: Manifest, way: Way, connection: Connection) -> dict[str, JSON]:
    asked = way.after_connect
    if asked is None:
        return {}
    answer = runner().call(manifest, asked, connection=connection, timeout_s=TIMEOUT_S)
    names: dict[str, JSON] = {"body": answer.body, "connection": dict(connection.values)}
    return {key: value_of(compiled(template), names) for key, template in asked.save.items()}


def _is_telling(key: str, value: JSON) -> bool:
    """Whether a name, here or inside, says that its value opens something."""
    inner = value.items() if isinstance(value, dict) else ()
    return bool(_TELLING.search(key)) or any(_is_telling(name, part) for name, part in inner)

"""Opens one connection to one checked PostgreSQL server, and words what goes wrong with it."""

import math
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from automate.lib.http import HttpError
from integrations.errors import ActionError
from integrations.values import Connection, Context

CONNECT_S = 10
SSL_MODES = ("disable", "prefer", "require", "verify-full")
# What a connection address may say. The rest could read files of this machine (sslkey, passfile, service),
# choose another address (hostaddr) or change the session (options).
_KNOWN = frozenset(("host", "port", "dbname", "user", "password", "sslmode", "application_name"))


@contextmanager
def session(
    connection: Connection, context: Context, *, read_only: bool
) -> Iterator[psycopg.Connection[Any]]:
    """One connection and one transaction, committed at the end. Errors leave as ActionError."""
    parameters = _parameters_of(connection)
    host, port = parameters["host"], int(parameters["port"])
    database = _connected(parameters, _checked(host, port, context), context)
    try:
        database.read_only = read_only
        yield database
        database.commit()
    except psycopg.Error as error:
        raise _named(error, host) from None
    finally:
        database.close()


def _connected(parameters: dict[str, str], addresses: list[str], context: Context) -> psycopg.Connection[Any]:
    """`hostaddr` is what libpq dials; `host` is only the name that certificates are held against."""
    timeout_ms = max(1, int(context.timeout_s * 1000))
    try:
        return psycopg.connect(
            **parameters,  # type: ignore[arg-type]  # checked names
            hostaddr=",".join(addresses),
            connect_timeout=max(2, math.ceil(min(CONNECT_S, context.timeout_s))),
            options=f"-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout={timeout_ms + 1000}",
            tcp_user_timeout=timeout_ms + 1000,
            client_encoding="UTF8",
        )
    except psycopg.Error as error:
        raise _connect_error(error, parameters["host"]) from None


def _parameters_of(connection: Connection) -> dict[str, str]:
    given = _from_address(connection.text("dsn")) if connection.text("dsn") else _from_fields(connection)
    host = given.get("host", "")
    if not host or "/" in host or "," in host or "\\" in host:
        raise ActionError(
            "The connection must name one host. Connect again.", code="not_connected", sent=False
        )
    port = given.get("port") or "5432"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ActionError(
            "The connection's port is not a number. Connect again.", code="not_connected", sent=False
        )
    mode = given.get("sslmode") or "prefer"
    if mode not in SSL_MODES:
        raise ActionError(
            f"The connection's sslmode must be one of {', '.join(SSL_MODES)}.",
            code="not_connected",
            sent=False,
        )
    # Everything libpq would otherwise take from the environment or from files of this machine is fixed here.
    fixed = {
        "host": host, "port": port, "sslmode": mode, "dbname": given.get("dbname") or "postgres",
        "user": given.get("user", ""), "password": given.get("password", ""), "application_name": "automate",
        "passfile": "/dev/null", "sslcertmode": "disable", "gssencmode": "disable", "target_session_attrs": "any",
        "sslrootcert": _authorities() if mode == "verify-full" else "/dev/null/none",
    }  # fmt: skip
    return fixed


def _authorities() -> str:
    import certifi

    return ssl.get_default_verify_paths().cafile or certifi.where()


def _from_address(text: str) -> dict[str, str]:
    try:
        found = {key: str(value) for key, value in conninfo_to_dict(text).items() if value is not None}
    except psycopg.ProgrammingError:
        raise ActionError(
            "The connection address cannot be read. Write postgresql://user:password@host:5432/database.",
            code="not_connected",
            sent=False,
        ) from None
    unknown = sorted(found.keys() - _KNOWN)
    if unknown:
        raise ActionError(
            f"The connection address may not set {', '.join(unknown)}. Remove it.",
            code="not_connected",
            sent=False,
        )
    return found


def _from_fields(connection: Connection) -> dict[str, str]:
    names = {
        "host": "host",
        "port": "port",
        "database": "dbname",
        "username": "user",
        "password": "password",
        "sslmode": "sslmode",
    }
    return {theirs: connection.text(ours) for ours, theirs in names.items()}


def _checked(host: str, port: int, context: Context) -> list[str]:
    try:
        return context.policy.check_host(host, port, timeout_s=context.timeout_s)
    except HttpError as error:
        raise ActionError(error.message, code=error.code, retryable=error.retryable, sent=False) from None


def _connect_error(error: psycopg.Error, host: str) -> ActionError:
    text = " ".join(str(error).split())
    if (
        "password authentication failed" in text
        or "no password supplied" in text
        or ("role" in text and "does not exist" in text)
    ):
        message = f"{host} did not accept the user name and password."
        return ActionError(message, code="auth", reconnect=True, sent=False)
    if "database" in text and "does not exist" in text:
        return ActionError(f"{host} has no such database.", code="no_database", sent=False)
    if "Connection refused" in text:
        message = f"{host} refused the connection: nothing listens on that port."
    elif "timeout" in text or "timed out" in text:
        message = f"{host} did not answer in time."
    else:
        message = f"No connection to {host}: {text.rpartition('FATAL:')[2].strip()[:200] or text[:200]}."
    return ActionError(message, code="connect_failed", retryable=True, sent=False)


_RETRYABLE = frozenset(("40001", "40P01", "53000", "53100", "53200", "53300", "55P03", "57014"))


def _named(error: psycopg.Error, host: str) -> ActionError:
    """With an SQLSTATE the server refused and rolled back, so nothing happened; else it broke off in the middle."""
    state = error.sqlstate
    if state is None and not isinstance(error, psycopg.OperationalError):
        said = " ".join(str(error).split())[:200].rstrip(".")
        return ActionError(f"The statement cannot be sent: {said}.", code="invalid_statement", sent=False)
    if state is None or state.startswith(("08000", "08003", "08006", "57P0")):
        message = f"The connection to {host} broke before the statement was through."
        return ActionError(message, code=state or "connection_lost", retryable=True, sent=None)
    message = _REFUSALS.get(state, "").format(host=host) or _refusal(error, host)
    return ActionError(message, code=state, retryable=state in _RETRYABLE, sent=False)


_REFUSALS = {
    "57014": "The statement took too long, so {host} stopped it.",
    "25006": "This action only reads. Use “Run a statement” to change data.",
}


def _refusal(error: psycopg.Error, host: str) -> str:
    said = (error.diag.message_primary or "it gave no reason").rstrip(".")
    detail = f" {error.diag.message_detail.rstrip('.')}." if error.diag.message_detail else ""
    return f"{host} refused the statement: {said}.{detail}"

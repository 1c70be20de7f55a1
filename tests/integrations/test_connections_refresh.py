"""One refresh at a time; refusals ask for a new sign-in, outages do not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection as db_connection

from automate.lib import clock
from integrations.connections import (
    ConnectionExpired,
    ConnectionUnavailable,
    RefreshFailed,
    connection_value,
    forget_everything,
    open_credentials,
    run_action,
    runner,
    vault,
)
from integrations.connections import refresh as refresh_module
from integrations.models import UserIntegration
from tests.integrations.notes import deadline, reread
from tests.integrations.signin import connect


@pytest.fixture
def connection(alice, workspace, notes):
    return reread(connect(alice, workspace, notes))


def let_expire(connection, seconds=0.0):
    UserIntegration.objects.filter(pk=connection.pk).update(
        token_expires_at=clock.now() + timedelta(seconds=seconds)
    )
    forget_everything()
    return reread(connection)


def token_of(connection):
    return vault.unseal_credentials(connection)["access_token"]


def test_a_token_that_lasts_is_used_as_it_is(connection, server):
    assert open_credentials(connection).text("access_token") == token_of(connection)
    assert server.memory.calls["refresh_token"] == 0


def test_a_token_that_ends_within_a_minute_is_renewed_first(connection, server):
    connection = let_expire(connection, seconds=59)

    opened = open_credentials(connection)

    assert opened.text("access_token") != token_of(connection)
    assert opened.text("access_token") == token_of(reread(connection))
    assert deadline(connection) > clock.now() + timedelta(minutes=59)


def test_refresh_tokens_rotate(connection, server):
    for _ in range(3):
        connection = let_expire(connection)
        open_credentials(connection)

    assert server.memory.calls["refresh_token"] == 3
    assert server.memory.calls["reuse"] == 0


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_refresh_call(connection, server):
    if db_connection.vendor == "sqlite" and "memory" in str(db_connection.settings_dict["NAME"]):
        pytest.skip("Threads cannot share SQLite's database in memory; a file of SQLite serves them in turn.")
    let_expire(connection)
    server.slow_s = 0.3
    barrier = threading.Barrier(20)

    def use(_number):
        try:
            row = reread(connection)
            barrier.wait(10)
            return open_credentials(row).text("access_token")
        finally:
            db_connection.close()

    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(use, range(20)))

    assert server.memory.calls["refresh_token"] == 1
    assert server.memory.calls["reuse"] == 0
    assert tokens == {token_of(reread(connection))}


def test_a_refused_refresh_asks_to_reconnect_and_is_not_repeated(connection, server):
    connection = let_expire(connection)
    server.memory.revoke_everything()

    with pytest.raises(ConnectionExpired, match="Reconnect Northwind Notes"):
        open_credentials(connection)
    with pytest.raises(ConnectionExpired):
        open_credentials(reread(connection))

    row = reread(connection)
    assert row.needs_reconnect
    assert "Reconnect" in row.last_error
    assert server.memory.calls["refresh_token"] == 1


def test_an_outage_leaves_the_connection_as_it_is(connection, server):
    connection = let_expire(connection)
    server.broken = True

    with pytest.raises(RefreshFailed, match="status 503") as failure:
        open_credentials(connection)

    row = reread(connection)
    assert failure.value.retryable
    assert (row.needs_reconnect, row.refresh_lock) == (False, "")
    server.broken = False
    assert open_credentials(row).text("access_token")


def test_an_unreachable_service_is_an_outage(connection, server):
    connection = let_expire(connection)
    server.stop()

    with pytest.raises(RefreshFailed, match="did not answer"):
        open_credentials(connection)

    assert not reread(connection).needs_reconnect


def test_during_an_outage_a_token_that_still_works_is_used(connection, server):
    connection = let_expire(connection, seconds=30)
    server.broken = True

    assert open_credentials(connection).text("access_token") == token_of(connection)


def test_a_lock_of_a_dead_process_runs_out(connection, server):
    connection = let_expire(connection)
    UserIntegration.objects.update(
        refresh_lock="dead", refresh_locked_until=clock.now() - timedelta(seconds=1)
    )

    assert open_credentials(reread(connection)).text("access_token")


def test_waiting_for_somebody_elses_refresh_has_an_end(connection, server, monkeypatch):
    connection = let_expire(connection)
    UserIntegration.objects.update(
        refresh_lock="other", refresh_locked_until=clock.now() + timedelta(minutes=1)
    )
    monkeypatch.setattr(refresh_module, "WAIT_S", 0.2)

    with pytest.raises(RefreshFailed, match="taking long"):
        open_credentials(reread(connection))

    assert server.memory.calls["refresh_token"] == 0


def test_a_connection_removed_while_waiting_is_told(connection, server):
    connection = let_expire(connection)
    UserIntegration.objects.all().delete()

    with pytest.raises(ConnectionUnavailable, match="was removed"):
        open_credentials(connection)


def act(workspace, connection, action="add_note", **given):
    return run_action(
        "notes", action, tenant=workspace, connection_id=connection.pk, input=given or {"text": "Hello"}
    )


def test_an_action_runs_with_the_connection(connection, workspace, server):
    result = act(workspace, connection)

    assert result.output == {"id": 1, "text": "Hello"}
    assert token_of(connection) not in str(result)


def test_a_warm_action_asks_the_database_nothing(connection, workspace, django_assert_num_queries):
    act(workspace, connection)

    with django_assert_num_queries(0):
        act(workspace, connection)


def test_a_token_that_the_service_ended_early_is_renewed_and_the_action_sent_again(
    connection, workspace, server
):
    act(workspace, connection)
    server.memory.expire_access()

    assert act(workspace, connection, text="Again").output == {"id": 2, "text": "Again"}
    assert server.memory.calls["refresh_token"] == 1
    assert not reread(connection).needs_reconnect


def test_when_everything_was_revoked_the_action_says_reconnect(connection, workspace, server):
    act(workspace, connection)
    server.memory.revoke_everything()

    with pytest.raises(ConnectionExpired, match="Reconnect Northwind Notes") as failure:
        act(workspace, connection)

    assert failure.value.reconnect
    assert not failure.value.retryable
    assert reread(connection).needs_reconnect


def test_another_workspace_cannot_use_the_connection(connection, charlie, server):
    with pytest.raises(ConnectionUnavailable, match="does not exist"):
        act(charlie.tenants.get(), connection)

    assert server.memory.notes == []


def test_tokens_never_show_in_representations(connection):
    opened = open_credentials(connection)

    shown = repr(opened) + repr(connection_value(connection)) + repr(runner())

    assert token_of(connection) not in shown

"""Sign-ins that nobody uses stay alive, and dead ones are seen."""

from datetime import timedelta

import pytest

from automate.lib import clock
from integrations.connections.upkeep import look_after_connections
from integrations.models import OAuthState, UserIntegration
from tests.integrations.notes import deadline, reread
from tests.integrations.signin import connect, start


@pytest.fixture
def idle(alice, workspace, notes):
    connection = connect(alice, workspace, notes)
    UserIntegration.objects.update(token_expires_at=clock.now() - timedelta(days=2))
    return connection


def test_idle_sign_ins_are_renewed(idle, server):
    assert look_after_connections() == 1
    assert deadline(idle) > clock.now()
    assert look_after_connections() == 0


def test_a_withdrawn_sign_in_shows_as_reconnect_before_a_run_fails(idle, server):
    server.memory.revoke_everything()

    assert look_after_connections() == 0
    assert reread(idle).needs_reconnect


def test_unfinished_sign_ins_are_forgotten(alice, workspace, notes):
    start(alice, workspace, notes)
    OAuthState.objects.update(expires_at=clock.now() - timedelta(minutes=1))

    look_after_connections()

    assert not OAuthState.objects.exists()

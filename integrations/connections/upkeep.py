"""What is done for connections now and then, whether somebody uses them or not."""

from __future__ import annotations

import logging
from datetime import timedelta

from automate.lib import clock
from automate.lib.crypto import CryptoError
from integrations.connections.oauth import forget_old_states
from integrations.connections.refresh import renewed
from integrations.errors import IntegrationError
from integrations.models import AuthType, UserIntegration

logger = logging.getLogger(__name__)

IDLE = timedelta(
    days=1
)  # a sign-in unused for longer is renewed, so that it neither runs out nor dies unseen
MAX_RENEWED = 200  # in one go, each at most one call to its service


def look_after_connections() -> int:
    """Renew sign-ins that nobody has used for a day, forget sign-ins nobody finished; how many were renewed.

    Services end refresh tokens that lie idle (some after 30 days), and one that was withdrawn shows here as
    “Reconnect” before a run fails. Safe to run twice at once.
    """
    forget_old_states()
    renewed_count = 0
    for connection in _idle():
        try:
            renewed(connection)
            renewed_count += 1
        except (IntegrationError, CryptoError) as error:
            logger.info(
                "idle connection not renewed: %s",
                type(error).__name__,
                extra={"connection": str(connection.pk)},
            )
    return renewed_count


def _idle() -> list[UserIntegration]:
    rows = UserIntegration.objects.filter(
        auth_type=AuthType.OAUTH2,
        is_active=True,
        needs_reconnect=False,
        token_expires_at__lt=clock.now() - IDLE,
    ).exclude(refresh_token="")
    return list(rows.select_related("integration").order_by("token_expires_at")[:MAX_RENEWED])

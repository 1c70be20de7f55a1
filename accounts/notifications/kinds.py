"""What people are told about, and what they are told unless they choose otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import models


class Kind(models.TextChoices):
    FAILED = "failed", "A workflow begins to fail"
    ATTENTION = "attention", "A run needs an answer"
    APPROVAL = "approval", "An approval waits for me"
    EXPIRED = "expired", "A connection expired"
    PAUSED = "paused", "A workflow was paused by errors"
    SWITCHED_OFF = "switched_off", "A trigger stopped working"


@dataclass(frozen=True)
class About:
    """`help` is a sentence for the settings page. `by_mail` None: this kind is never mailed by us."""

    help: str
    icon: str
    tone: str
    by_mail: bool | None = True


ABOUT: Final = {
    Kind.FAILED: About(
        "At the first failure after runs that went well, not at every one.", "alert-circle", "bad"
    ),
    Kind.ATTENTION: About(
        "A step may or may not have happened, and somebody has to say.", "alert-triangle", "warn"
    ),
    Kind.APPROVAL: About(
        "The workflow itself mails the link to those it asks.", "user-check", "warn", by_mail=None
    ),
    Kind.EXPIRED: About("Workflows that use it fail until it is connected again.", "unlink", "warn"),
    Kind.PAUSED: About(
        "It failed as often in a row as the workspace's settings allow.", "player-pause", "bad"
    ),
    Kind.SWITCHED_OFF: About("It cannot start its workflow until somebody looks.", "clock", "warn"),
}

"""The words, colours and icons of everything that has a status; people never read the stored upper-case words."""

from typing import NamedTuple


class Status(NamedTuple):
    """`tone` is a CSS class of app.css (ok, bad, warn, run, idle, brand); the icon `spinner` is drawn by CSS."""

    word: str
    tone: str
    icon: str


STATUSES = {
    # runs and steps
    "PENDING": Status("Queued", "idle", "clock"),
    "READY": Status("Queued", "idle", "clock"),
    "QUEUED": Status("Queued", "idle", "clock"),
    "HELD": Status("Waiting for an earlier run", "idle", "hourglass"),
    "RUNNING": Status("Running", "run", "spinner"),
    "RETRYING": Status("Retrying", "warn", "refresh"),
    "WAITING": Status("Waiting", "warn", "hourglass"),
    "NEEDS_ATTENTION": Status("Needs attention", "warn", "alert-triangle"),
    "ATTENTION": Status("Needs attention", "warn", "alert-triangle"),
    "COMPLETED": Status("Succeeded", "ok", "check"),
    "HAD_ERRORS": Status("Succeeded with errors", "warn", "alert-triangle"),
    "FAILED": Status("Failed", "bad", "x"),
    "TIMED_OUT": Status("Timed out", "bad", "clock"),
    "CANCELLED": Status("Cancelled", "idle", "minus"),
    "SKIPPED": Status("Skipped", "idle", "minus"),
    # workflows
    "DRAFT": Status("Draft", "idle", "minus"),
    "PUBLISHED": Status("Published", "ok", "check"),
    "ACTIVE": Status("Active", "ok", "bolt"),
    "PAUSED": Status("Paused", "warn", "player-pause"),
    "ARCHIVED": Status("Archived", "idle", "archive"),
    "DEPRECATED": Status("Deprecated", "warn", "alert-triangle"),
    # connections
    "CONNECTED": Status("Connected", "ok", "check"),
    "OK": Status("OK", "ok", "check"),
    "EXPIRED": Status("Expired", "warn", "alert-triangle"),
    "RECONNECT": Status("Reconnect", "warn", "alert-triangle"),
    # invitations and people
    "INVITED": Status("Invited", "run", "mail"),
}


def status_of(stored: object) -> Status:
    """The words for a stored status; an unknown one is shown as it is, in grey, rather than hidden."""
    key = str(stored or "PENDING").upper().replace("-", "_").replace(" ", "_")
    return STATUSES.get(key) or Status(key.replace("_", " ").capitalize(), "idle", "minus")

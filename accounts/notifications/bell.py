"""How many notifications a person has not read: drawn with the page, then brought along by polls that are there anyway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.notifications.models import Notification

MAX_SHOWN: Final = 99
HEADER: Final = "X-Bell"  # asked by app.js on a poll every now and then; the answer brings the number


def unread(user: User) -> int:
    """At most MAX_SHOWN (one SQL query on a short index)."""
    return Notification.objects.of(user).unread().order_by()[:MAX_SHOWN].count()


def unread_of_request(request: HttpRequest) -> int:
    return unread(request.user) if isinstance(request.user, User) else 0


class BellMiddleware:
    """Answers a poll that asks for it with the number, whatever else the answer says (also 204)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if HEADER in request.headers and isinstance(getattr(request, "user", None), User):
            response[HEADER] = str(unread_of_request(request))
        return response

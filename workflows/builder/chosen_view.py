"""Which of the three views of the steps somebody sees: what they chose last, else what suits their screen."""

from __future__ import annotations

from typing import Any, Final

from accounts.models import User
from accounts.request import AppRequest

AUTO: Final = User.StepsView.AUTO.value
FREE: Final = User.StepsView.FREE.value
OUTLINE: Final = User.StepsView.OUTLINE.value
SCREEN: Final = (
    "screen"  # cookie: "wide" or "narrow", set by app.js; without it no script has run, so no canvas either
)
NARROW: Final = "steps_view_narrow"  # in the session: the choice on a phone is the phone's own


def chosen_view(request: AppRequest) -> str:
    screen = request.COOKIES.get(SCREEN)
    if screen == "narrow":
        return str(request.session.get(NARROW, OUTLINE))
    if screen != "wide" or not isinstance(request.user, User):
        return OUTLINE
    return request.user.steps_view


def choose_view(request: AppRequest, view: str) -> None:
    """Remember it. Words that are no view change nothing."""
    if view not in User.StepsView.values:
        return
    if request.COOKIES.get(SCREEN) == "narrow":
        request.session[NARROW] = view
    else:
        request.user.steps_view = view
        request.user.save(update_fields=["steps_view"])


def view_switch(request: AppRequest, *, free: bool = True) -> list[dict[str, Any]]:
    """The three views as buttons; `free`: free-form can be chosen."""
    chosen = chosen_view(request)
    if not free and chosen == FREE:
        chosen = AUTO
    offered = (
        (AUTO, "Auto layout", "sitemap"),
        (FREE, "Free-form", "drag-drop"),
        (OUTLINE, "Outline", "list-tree"),
    )
    return [
        {"key": key, "label": label, "icon_name": icon, "active": key == chosen}
        for key, label, icon in offered
        if free or key != FREE
    ]

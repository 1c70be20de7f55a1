"""What a run's steps are drawn as for this person, and what their browser remembers of how they look at runs."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse

from accounts.request import AppRequest
from workflows.views import run_timeline, run_values
from workflows.views.replies import vary
from workflows.views.run_canvas import run_canvas
from workflows.views.run_room import RunRoom

# parameter of an address → cookie, words it may have
REMEMBERED: Final = {
    "view": (run_values.COOKIE, run_values.VIEWS),
    "as": (run_timeline.COOKIE, run_timeline.SHAPES),
}
KEPT_S: Final = 365 * 86_400


def shape_of(request: AppRequest, room: RunRoom) -> dict[str, Any]:
    """`timeline`, or what `run_canvas` gives; `shapes` for the switch between them."""
    if room.program is None:
        return {}
    shape = run_timeline.chosen_shape(request)
    shapes = {"shapes": run_timeline.shape_segments(room, shape)}
    if shape == "timeline":
        return shapes | {"timeline": run_timeline.timeline(room)}
    return shapes | run_canvas(request, room)


def remembered(request: AppRequest, response: HttpResponse) -> HttpResponse:
    """With the views that this address chooses, for the next time."""
    for name, (cookie, known) in REMEMBERED.items():
        chosen = request.GET.get(name, "")
        if chosen in known:
            response.set_cookie(
                cookie, chosen, KEPT_S, secure=request.is_secure(), httponly=True, samesite="Lax"
            )
    return vary(response)

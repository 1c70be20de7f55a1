"""What a person was told, and what they want to be told."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.notifications.forms import SettingsForm
from accounts.notifications.kinds import ABOUT, Kind
from accounts.notifications.models import Notification, NotificationSettings
from accounts.request import AppRequest
from automate.lib import clock

PAGE_SIZE: Final = 30
SHOWS: Final = {"": "All", "unread": "Unread"}


@require_GET
def notification_list(request: AppRequest) -> HttpResponse:
    """The newest first; `?show=unread`, `?before=` (an id) for older ones."""
    show = request.GET.get("show", "")
    show = show if show in SHOWS else ""
    rows = Notification.objects.of(request.user).select_related("tenant")
    rows = rows.unread() if show else rows
    if before := _id(request.GET.get("before")):
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE_SIZE + 1])
    home = reverse("notifications:list")
    context: dict[str, Any] = {
        "nav": "notifications",
        "rows": [{"row": row, "about": ABOUT[Kind(row.kind)]} for row in found[:PAGE_SIZE]],
        "show": show,
        "chips": [
            {"label": label, "url": f"{home}?show={key}" if key else home, "active": key == show}
            for key, label in SHOWS.items()
        ],
        "older": f"{home}?show={show}&before={found[PAGE_SIZE - 1].pk}" if len(found) > PAGE_SIZE else "",
        "list_url": home,
        "has_unread": Notification.objects.of(request.user).unread().exists(),
        "several": len({row.tenant_id for row in found}) > 1,
    }
    return render(request, "notifications/list.html", context)


@require_GET
def notification_open(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """To where it is put right; it counts as read from then on."""
    row = Notification.objects.of(request.user).filter(pk=id).first()
    if row is None:
        raise Http404
    if row.read_at is None:
        Notification.objects.filter(pk=row.pk).update(read_at=clock.now())
    return redirect(row.url)


@require_POST
def notification_read(request: AppRequest) -> HttpResponse:
    """Mark one (`id`) or all as read."""
    rows = Notification.objects.filter(user=request.user, read_at=None)
    if chosen := _id(request.POST.get("id")):
        rows = rows.filter(pk=chosen)
    rows.update(read_at=clock.now())
    return redirect("notifications:list")


@require_http_methods(["GET", "POST"])
def notification_settings(request: AppRequest) -> HttpResponse:
    row = NotificationSettings.objects.filter(user=request.user).first()
    form = SettingsForm(request.POST or None, row=row or NotificationSettings(user=request.user))
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "notifications/settings.html", {"form": form}, status=status)
    form.save()
    messages.success(request, "Your notifications are set.")
    return redirect("notifications:settings")


def _id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None

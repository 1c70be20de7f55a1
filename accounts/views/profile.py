"""The person: name, zone, looks, and their API tokens."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts import tokens
from accounts.forms import ProfileForm, TokenForm
from accounts.models import ApiToken, Membership
from accounts.request import AppRequest, client_ip

THEME_COOKIE = "theme"  # what the theme button in the page sets; the account's choice replaces it


@require_http_methods(["GET", "POST"])
def profile(request: AppRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if not form.is_valid():
        return render(request, "accounts/profile.html", {"form": form}, status=422 if form.is_bound else 200)
    form.save()
    messages.success(request, "Your profile is saved.")
    response = redirect("accounts:profile")
    response.delete_cookie(THEME_COOKIE)
    return response


@require_http_methods(["GET", "POST"])
@sensitive_variables("text")
def token_list(request: AppRequest) -> HttpResponse:
    """The one page that ever shows a token's text: the answer to the POST that made it."""
    memberships = list(
        Membership.objects.filter(user=request.user).select_related("tenant", "role").order_by("tenant__name")
    )
    form = TokenForm(request.POST or None, memberships=memberships)
    token, text = None, ""
    if form.is_valid():
        data = form.cleaned_data
        token, text = tokens.create_token(
            request.user,
            data["workspace"],
            data["name"],
            data["scope"],
            form.expires_at(),
            ip=client_ip(request),
        )
        form = TokenForm(memberships=memberships)
    rows = ApiToken.objects.filter(user=request.user).select_related("tenant").order_by("-created_at")
    context = {"form": form, "tokens": rows, "new_token": token, "new_text": text}
    return render(request, "accounts/token_list.html", context, status=422 if form.is_bound else 200)


@require_POST
def token_revoke(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.select_related("tenant"), pk=id, user=request.user)
    tokens.revoke_token(token, by=request.user, ip=client_ip(request))
    messages.success(request, f"The token {token.name} no longer works.")
    return redirect("accounts:token-list")

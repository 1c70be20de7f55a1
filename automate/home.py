"""The first page: where a person goes when they type the address alone."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.models import User
from accounts.workspaces import home_workspace


def home(request: HttpRequest) -> HttpResponseBase:
    """Newcomers sign up; everybody else lands in the workspace they used last."""
    if isinstance(request.user, AnonymousUser):
        return redirect("account_signup" if not User.objects.exists() else "account_login")
    return redirect("workspace-home", home_workspace(request).slug)

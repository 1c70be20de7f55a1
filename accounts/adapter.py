"""How sign-up, sign-in and their mails behave here."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import security_log
from accounts.models import User
from accounts.request import client_ip
from accounts.workspaces import create_personal_workspace

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no stubs
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is switched off. Ask the people who run this server.",
        "email_password_mismatch": "The e-mail address or the password is wrong. Check both and try again.",
        "email_taken": "There is an account with this address already. Sign in, or use another address.",
        "duplicate_email": "This is your address already. Enter another one.",
        "enter_current_password": "This is not your current password. Try again.",
        "incorrect_password": "This is not your current password. Try again.",
        "invalid_password_reset": "The link to choose a new password was used already or has expired.",
        "too_many_login_attempts": "Too many tries with a wrong password. Wait five minutes, then try again.",
        "rate_limited": "Too many tries in a short time. Wait a few minutes, then try again.",
    }

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """The account and its workspace, or neither."""
        with transaction.atomic():
            super().save_user(request, user, form, commit=commit)
            if commit:
                create_personal_workspace(user)
        return user

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        security_log.record(user, "user.signed_in", ip=client_ip(request))
        return super().post_login(request, user, **kwargs)  # type: ignore[no-any-return]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        logger.warning("sign-in failed from %s", client_ip(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is down must not turn a sign-up into an error page."""
        if not settings.HAS_EMAIL:
            return
        try:
            super().send_mail(template_prefix, email, context | {"base_url": settings.AUTOMATE_BASE_URL})
        except (SMTPException, OSError):
            logger.exception("mail not sent: %s", template_prefix)
            messages.error(
                self.request,
                "We could not send you an e-mail because the mail server did not take it. "
                "Try again in a few minutes; if it goes on, tell the people who run this server.",
            )

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or "unknown"

    def get_reset_password_from_key_url(self, key: str) -> str:
        """`key` is `<uid>-<token>`; the address people reach us at, whatever Host header asked for the mail."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return f"{settings.AUTOMATE_BASE_URL}{path}"

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.AUTOMATE_BASE_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:profile")

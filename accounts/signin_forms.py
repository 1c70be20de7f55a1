"""Sign-up, sign-in and password forms: allauth's checks, our words, no field asked for twice."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.fields import PasswordField
from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts import security_log
from accounts.models import User
from accounts.request import client_ip

MAX_PASSWORD_CHARS = 128  # hashing longer ones would only cost time
ADVICE = "At least 12 characters. Four or five unrelated words are easy to keep in mind and hard to guess."


def _tidy(form: forms.Form) -> None:
    """Labels say what a field is, so placeholders go; the same length limit for every password."""
    for name, field in form.fields.items():
        field.widget.attrs.pop("placeholder", None)
        if name in {"email", "login"}:
            field.label = "E-mail"
            field.widget.attrs["autocomplete"] = "username" if name == "login" else "email"
        if isinstance(field.widget, forms.PasswordInput):
            field.validators.append(MaxLengthValidator(MAX_PASSWORD_CHARS))
            field.help_text = ""
    form.fields.pop("password2", None)
    if "password1" in form.fields:
        form.fields["password1"].help_text = ADVICE


class TidyForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _tidy(self)


class LoginForm(TidyForm, allauth_forms.LoginForm):  # type: ignore[misc] # allauth has no stubs
    pass


class SignupForm(TidyForm, allauth_forms.SignupForm):  # type: ignore[misc]
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponseBase | None]:
        """The account, its address and its workspace in one transaction."""
        try:
            with transaction.atomic():
                return super().try_save(request)  # type: ignore[no-any-return]
        except IntegrityError:  # the same address signed up between the check and now
            messages.error(request, "There is an account with this address already: sign in instead.")
            return None, redirect("account_login")


class ResetPasswordForm(TidyForm, allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordKeyForm(TidyForm, allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class SetPasswordForm(TidyForm, allauth_forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(TidyForm, allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Current password"
        self.fields["password1"].label = "New password"


class ReauthenticateForm(TidyForm, allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    pass


class ChangeEmailForm(TidyForm, allauth_forms.AddEmailForm):  # type: ignore[misc]
    """A new address: at once where this server sends no mail, else when its link was followed."""

    password = PasswordField(label="Current password", autocomplete="current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New e-mail"

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("incorrect_password")
        return password

    def clean_email(self) -> str:
        email: str = super().clean_email()
        taken = User.objects.filter(email=email).exclude(pk=self.user.pk).exists()
        if taken and not settings.HAS_EMAIL:  # with mail, the owner of the address is told instead
            raise get_adapter().validation_error("email_taken")
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        current = EmailAddress.objects.get_primary(self.user)
        if settings.HAS_EMAIL and current is not None and current.verified:
            return super().save(request)
        messages.success(request, "Your e-mail address is changed.")
        return change_address(self.user, self.cleaned_data["email"], ip=client_ip(request))


@transaction.atomic
def change_address(user: User, email: str, *, ip: str | None) -> EmailAddress:
    """Replace the user's only, never confirmed address by another unconfirmed one."""
    before, after = {"email": user.email}, {"email": email}
    EmailAddress.objects.filter(user=user).delete()
    user.email = email
    user.save(update_fields=["email"])
    security_log.record(user, "user.email_changed", ip=ip, before=before, after=after)
    return EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)

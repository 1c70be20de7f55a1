"""The short list of addresses that answer without a sign-in. Everything else asks for one."""

from __future__ import annotations

PUBLIC_URL_NAMES = frozenset(
    {
        "home",  # sends people on to sign-up or sign-in
        "healthz",
        "readyz",
        "schema",
        "accounts:invitation-accept",  # shows who invites; joining itself needs a sign-in
        # sign-up, sign-in and the ways back in
        "account_signup",
        "account_login",
        "account_inactive",
        "account_confirm_email",
        "account_email_verification_sent",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "hook",  # checks a token of its own
        "app-hook",  # checks the service's signature
        "form",  # people without an account fill it in
        "approval",  # whoever was sent the link answers
        "callback",  # checks a token of its own
    }
)
PUBLIC_NAMESPACES = frozenset({"api-1"})  # the REST API answers to tokens


def is_public(view_name: str) -> bool:
    """May somebody who is not signed in see the view of this (namespaced) URL name?"""
    return view_name in PUBLIC_URL_NAMES or view_name.partition(":")[0] in PUBLIC_NAMESPACES

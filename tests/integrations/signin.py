"""Signing in at the test service as a browser would, without one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from accounts.models import Tenant, User
from integrations.connections import oauth
from integrations.models import IntegrationDefinition, UserIntegration

SESSION = "session-of-this-browser"


def answer_of(url: str, decision: str = "allow") -> dict[str, str]:
    """The parameters the service sends back after its consent page was answered."""
    page = requests.get(url, timeout=5)
    assert page.status_code == 200, page.text
    redirect = requests.post(url, data={"decision": decision}, allow_redirects=False, timeout=5)
    return dict(parse_qsl(urlsplit(redirect.headers["Location"]).query))


def start(user: User, tenant: Tenant, integration: IntegrationDefinition, **given: Any) -> str:
    purpose = given.pop("purpose", oauth.Purpose(name="My notes"))
    return oauth.start(
        tenant=tenant, user=user, session_key=SESSION, integration=integration, purpose=purpose, **given
    )


def connect(user: User, tenant: Tenant, integration: IntegrationDefinition, **given: Any) -> UserIntegration:
    """A connection made by signing in at the service."""
    answer = answer_of(start(user, tenant, integration, **given))
    return oauth.finish(user=user, session_key=SESSION, parameters=answer).connection

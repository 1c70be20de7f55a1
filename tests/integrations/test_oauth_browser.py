"""A person connects an app in a real browser; it is used, renewed, refused and connected again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from playwright.sync_api import ConsoleMessage, Page, expect

from automate.lib import clock
from integrations.connections import ConnectionExpired, forget_everything, run_action, vault
from integrations.masking import Masker
from integrations.models import UserIntegration
from tests.factories import PASSWORD
from tests.integrations.notes import install_notes, notes_manifest, reread
from tests.support.chromium import CHROMIUM
from tests.support.oidc.node import NodeProvider, NoNode
from tests.support.oidc.server import AuthorizationServer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not CHROMIUM, reason="There is no Chromium on this machine, so no browser can be driven."
    ),
]


@dataclass
class Service:
    """What both authorization servers offer the test."""

    url: str
    client: dict[str, str]
    changes: dict[str, str]
    revoke_everything: Callable[[], None]
    count: Callable[[], dict[str, int]]
    secrets: Callable[[], list[str]]
    stop: Callable[[], None]


def python_service(redirect_uri: str) -> Service:
    server = AuthorizationServer(redirect_uri).start()
    memory = server.memory
    client = {"client_id": memory.client.client_id, "client_secret": memory.client.client_secret}
    return Service(
        server.url,
        client,
        {},
        memory.revoke_everything,
        lambda: dict(memory.calls),
        memory.secrets,
        server.stop,
    )


def node_service(redirect_uri: str) -> Service:
    try:
        server = NodeProvider(redirect_uri).start()
    except NoNode as reason:
        pytest.skip(f"oidc-provider cannot run: {reason}")
    changes = {
        "/authorize\n": "/auth\n",
        "/revoke\n": "/token/revocation\n",
        "[profile, notes:read, notes:write]": "[openid, profile, offline_access, notes:read, notes:write]",
        "    refresh: {rotates: true}": "    refresh: {rotates: true}\n    authorize_params: {prompt: consent}",
    }
    return Service(
        server.url,
        {"client_id": server.client_id, "client_secret": server.client_secret},
        changes,
        server.revoke_everything,
        lambda: server.state()["calls"],
        lambda: [*server.state()["secrets"], server.client_secret],
        server.stop,
    )


@pytest.fixture
def service(request, browser, live_server, settings):
    settings.AUTOMATE_BASE_URL = live_server.url
    make_service = getattr(request, "param", python_service)
    service = make_service(f"{live_server.url}/oauth/callback")
    settings.AUTOMATE_OAUTH_CLIENTS = {"notes": service.client}
    yield service
    service.stop()


@pytest.fixture
def page(browser, live_server):
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


@pytest.fixture
def problems(page, live_server) -> list[str]:
    """Errors on our pages, broken content rules among them; a missing icon is none."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        if message.type == "error" and url.startswith(live_server.url) and not url.endswith("/favicon.ico"):
            found.append(f"{message.text} {url}")

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def sign_in(page: Page, email: str, path: str) -> None:
    """By the form, and on to the page one wanted."""
    page.goto(f"/accounts/login/?next={path}")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"**{path}")


def consent(page: Page, decision: str = "Allow") -> None:
    page.get_by_role("button", name=decision, exact=True).click()


def token_of(row: UserIntegration) -> str:
    return str(vault.unseal_credentials(row)["access_token"])


def end_token() -> None:
    UserIntegration.objects.update(token_expires_at=clock.now() - timedelta(seconds=1))
    forget_everything()


def everything_stored() -> str:
    with database.cursor() as cursor:
        tables = database.introspection.table_names(cursor)
        dump = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            dump.append(repr(cursor.fetchall()))
    return "\n".join(dump)


def connect(page: Page) -> None:
    page.get_by_role("searchbox", name="Search integrations").fill("northwind")
    page.get_by_role("link", name="Connect Northwind Notes").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Connection name").fill("Ada's notes")
    dialog.get_by_role("button", name="Continue to Northwind Notes").click()
    consent(page)


def add_note(workspace, row) -> Any:
    return run_action(
        "notes", "add_note", tenant=workspace, connection_id=row.pk, input={"text": "Hello"}
    ).output


@pytest.mark.parametrize("service", [python_service, node_service], ids=["python", "node"], indirect=True)
def test_a_sign_in_from_the_first_click_to_reconnect(page, problems, service, alice, workspace, caplog):
    caplog.set_level(logging.DEBUG)
    install_notes(service.url, notes_manifest(service.url, **service.changes))
    pages = []
    sign_in(page, alice.email, f"/w/{workspace.slug}/integrations/")

    connect(page)
    expect(page.get_by_text("Ada's notes is connected.")).to_be_visible()
    expect(page.get_by_text("Ada Okafor")).to_be_visible()
    expect(page.locator(".pill.ok", has_text="OK")).to_be_visible()
    pages.append(page.content())
    row = reread(UserIntegration.objects.get())

    assert add_note(workspace, row)["text"] == "Hello"
    first_token = token_of(row)
    end_token()
    assert add_note(workspace, row)["id"] == 2
    assert token_of(reread(row)) != first_token
    assert service.count()["refresh_token"] == 1

    service.revoke_everything()
    end_token()
    with pytest.raises(ConnectionExpired, match="Reconnect Northwind Notes"):
        add_note(workspace, row)
    page.goto(f"/w/{workspace.slug}/connections/")
    expect(page.get_by_text("Expired", exact=True)).to_be_visible()
    pages.append(page.content())

    page.get_by_role("link", name="Reconnect Ada's notes").click()
    page.get_by_role("dialog").get_by_role("button", name="Continue to Northwind Notes").click()
    consent(page)
    expect(page.locator(".pill.ok", has_text="OK")).to_be_visible()
    forget_everything()
    assert add_note(workspace, reread(row))["id"] == 3
    assert UserIntegration.objects.get().pk == row.pk
    pages.append(page.content())

    secrets = [text for text in [*service.secrets(), token_of(reread(row))] if text]
    places = {"database": everything_stored(), "logs": caplog.text, "pages": "".join(pages)}
    found = {name: Masker(secrets).text(text) != text for name, text in places.items()}
    assert found == {"database": False, "logs": False, "pages": False}
    assert problems == []


def test_declining_leads_back(page, service, alice, workspace):
    install_notes(service.url, notes_manifest(service.url, **service.changes))
    library = f"/w/{workspace.slug}/integrations/"
    sign_in(page, alice.email, library)
    page.goto(f"{library}notes/connect/?way=oauth2&next={library}")
    page.get_by_role("button", name="Continue to Northwind Notes").click()
    page.get_by_role("link", name="Continue to Northwind Notes").click()
    consent(page, "Deny")

    expect(page.get_by_role("heading", name="Northwind Notes was not connected")).to_be_visible()
    page.get_by_role("link", name="Go back and try again").click()

    expect(page.get_by_role("heading", name="Integrations")).to_be_visible()
    assert not UserIntegration.objects.exists()


def test_a_key_is_tried_before_it_is_saved(page, service, alice, workspace):
    install_notes(service.url, notes_manifest(service.url, **service.changes))
    sign_in(page, alice.email, f"/w/{workspace.slug}/integrations/notes/")
    page.get_by_role("link", name="Connect", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Access token").click()
    dialog.get_by_label("Access token").fill("access-mistyped-0123456789")

    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_text("Connection does not work")).to_be_visible()
    expect(dialog.get_by_label("Access token")).to_have_value("access-mistyped-0123456789")
    dialog.get_by_role("button", name="Save anyway").click()

    expect(page.get_by_text("Northwind Notes is connected.")).to_be_visible()
    page.get_by_role("button", name="Test Northwind Notes").click()
    expect(page.get_by_text("Expired", exact=True)).to_be_visible()
    assert UserIntegration.objects.get().needs_reconnect

import pytest, os
from playwright.sync_api import sync_playwright
from tests.conftest import *
from tests.integrations.conftest import *
from tests.integrations.notes import install_notes, notes_manifest, reread
from tests.integrations.test_oauth_browser import CHROMIUM, FLAGS, sign_in
from tests.integrations.signin import connect
from tests.integrations.test_connections import used_in
from integrations.sync import sync_catalogue
from integrations import connections as C
from integrations.models import IntegrationDefinition, UserIntegration

@pytest.mark.timeout(300)
def test_shots(live_server, settings, alice, workspace, monkeypatch, server):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE","true")
    sync_catalogue()
    notes = install_notes(server.url)
    conn = reread(connect(alice, workspace, notes))
    used_in(conn, workspace)
    other = C.create_connection(tenant=workspace,user=alice,integration=notes,auth_type="BEARER",name="Notes for support",credentials={"token":"access-12345678901234"},sharing="WORKSPACE")
    UserIntegration.objects.filter(pk=other.pk).update(needs_reconnect=True,last_error="Northwind Notes refused: invalid_token.",last_checked_at=conn.created_at)
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for w,h in ((1440,900),(390,844)):
            for scheme in ("light","dark"):
                ctx=b.new_context(base_url=live_server.url, viewport={"width":w,"height":h}, color_scheme=scheme)
                page=ctx.new_page(); sign_in(page, alice.email)
                def shot(name): 
                    page.wait_for_timeout(350)
                    page.screenshot(path=f"/tmp/shots/{name}-{w}-{scheme}.png")
                base=f"/w/{workspace.slug}"
                page.goto(base+"/integrations/"); shot("list")
                assert page.evaluate("document.documentElement.scrollWidth")<=w
                page.goto(base+"/integrations/notes/"); shot("detail")
                assert page.evaluate("document.documentElement.scrollWidth")<=w
                page.goto(base+"/connections/"); shot("connections")
                assert page.evaluate("document.documentElement.scrollWidth")<=w
                page.goto(f"/connections/{conn.pk}/"); shot("edit")
                page.goto(base+"/integrations/"); 
                page.get_by_role("link", name="Connect Jira").click() if page.get_by_role("link", name="Connect Jira").count() else page.goto(base+"/integrations/notes/connect/?way=bearer")
                shot("dialog")
                page.goto(base+"/integrations/notes/"); page.get_by_role("link", name="Connect another account").click(); page.get_by_role("dialog").wait_for(); shot("dialog-oauth")
                page.get_by_role("dialog").get_by_role("link", name="Access token").click(); 
                page.get_by_role("dialog").get_by_label("Access token").fill("access-mistyped-0123456789")
                page.get_by_role("dialog").get_by_role("button", name="Test").click(); page.get_by_text("Connection does not work").wait_for(); shot("dialog-bad")
                page.goto(f"/connections/{conn.pk}/"); page.get_by_role("link", name="Remove").click(); page.get_by_role("dialog").wait_for(); shot("delete")
                page.goto("/oauth/callback?state=x"); shot("failed")
                settings.AUTOMATE_OAUTH_CLIENTS={}
                page.goto(base+"/integrations/notes/connect/?way=oauth2"); shot("notsetup")
                settings.AUTOMATE_OAUTH_CLIENTS={"notes":{"client_id":"automate-test","client_secret":"x"}}
                page.goto(base+"/integrations/?q=zzzz"); shot("empty")
                ctx.close()
        b.close()

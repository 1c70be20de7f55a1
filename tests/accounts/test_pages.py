from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import extensions
from accounts.middleware import zone_of
from accounts.models import ApiToken, AuditEvent, User
from accounts.request import client_ip
from accounts.tokens import create_token
from tests.factories import make_user, make_workspace

PROFILE = {
    "name": "Alice A.",
    "time_zone": "Asia/Tokyo",
    "theme": "DARK",
    "steps_view": "outline",
    "single_key_shortcuts": "",
}


def test_profile_is_saved(as_alice, alice):
    answer = as_alice.post("/profile/", PROFILE)

    alice.refresh_from_db()
    assert answer["Location"] == "/profile/"
    assert (alice.name, alice.time_zone, alice.theme) == ("Alice A.", "Asia/Tokyo", "DARK")
    assert alice.single_key_shortcuts is False


def test_chosen_theme_is_on_the_page(as_alice):
    as_alice.post("/profile/", PROFILE)

    assert 'data-theme="dark"' in as_alice.get("/profile/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "../../etc/passwd"), ("time_zone", "Mars/Olympus"), ("theme", "PINK")]
)
def test_profile_refuses_what_is_not_on_offer(as_alice, alice, field, value):
    answer = as_alice.post("/profile/", PROFILE | {field: value})

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    alice.refresh_from_db()
    assert alice.time_zone == "UTC"


def test_profile_cannot_make_anybody_staff(as_alice, alice):
    as_alice.post(
        "/profile/", PROFILE | {"is_staff": "on", "is_superuser": "on", "email": "root@example.com"}
    )

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.email) == (False, False, "alice@example.com")


def test_times_are_shown_in_the_persons_zone(as_alice, alice, workspace):
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    ApiToken.objects.create(
        user=alice,
        tenant=workspace,
        name="t",
        hash="h",
        prefix="p",
        expires_at=datetime(2099, 12, 31, 20, tzinfo=UTC),
    )

    assert "1 Jan 2100" in as_alice.get("/profile/tokens/").content.decode()
    assert timezone.get_current_timezone_name() == "UTC"


def test_zone_that_no_longer_exists_falls_back_to_utc():
    assert str(zone_of(User(time_zone="Mars/Olympus"))) == "UTC"
    assert str(zone_of(User(time_zone="../etc"))) == "UTC"


def test_settings_are_saved_and_noted(as_alice, workspace):
    url = reverse("accounts:workspace-settings", args=[workspace.slug])

    as_alice.post(url, {"name": "North", "time_zone": "Europe/Berlin", "retention_days": 7, "on_failure": ""})

    workspace.refresh_from_db()
    assert (workspace.name, workspace.retention_days, workspace.slug) == ("North", 7, "northwind")
    event = AuditEvent.objects.for_tenant(workspace).latest("number")
    assert event.detail.before == {"name": "Northwind", "time_zone": "UTC", "retention_days": 30}
    assert event.detail.after == {"name": "North", "time_zone": "Europe/Berlin", "retention_days": 7}


def test_saving_settings_unchanged_notes_nothing(as_alice, workspace):
    url = reverse("accounts:workspace-settings", args=[workspace.slug])

    as_alice.post(url, {"name": "Northwind", "time_zone": "UTC", "retention_days": 30, "on_failure": ""})

    assert AuditEvent.objects.for_tenant(workspace).count() == 1


@pytest.mark.parametrize(
    ("field", "value"), [("retention_days", "0"), ("retention_days", "4000"), ("name", "")]
)
def test_settings_out_of_bounds_are_refused(as_alice, workspace, field, value):
    url = reverse("accounts:workspace-settings", args=[workspace.slug])
    fields = {"name": "North", "time_zone": "UTC", "retention_days": 30, "on_failure": ""}

    answer = as_alice.post(url, fields | {field: value})

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]


def test_failure_workflow_is_one_of_those_offered(as_alice, workspace, monkeypatch):
    monkeypatch.setattr(extensions, "failure_workflow_lists", [])
    extensions.register_failure_workflows(lambda tenant: [("tell-ops", f"Tell ops of {tenant.name}")])
    url = reverse("accounts:workspace-settings", args=[workspace.slug])
    fields = {"name": "North", "time_zone": "UTC", "retention_days": 30}

    assert as_alice.post(url, fields | {"on_failure": "nothing-there"}).status_code == 422
    assert as_alice.post(url, fields | {"on_failure": "tell-ops"}).status_code == 302
    workspace.refresh_from_db()
    assert workspace.on_failure == "tell-ops"


def test_new_workspace_belongs_to_its_maker(as_alice, alice):
    answer = as_alice.post("/workspaces/new/", {"name": "Side project", "time_zone": "UTC"})

    assert answer["Location"] == reverse("workspace-home", args=["side-project"])
    assert alice.memberships.get(tenant__slug="side-project").role.name == "owner"


def test_names_are_escaped_everywhere(as_alice, alice, workspace):
    alice.name = workspace.name = "<script>alert(1)</script>"
    alice.save()
    workspace.save()
    create_token(alice, workspace, "<script>alert(2)</script>")

    for path in ("/profile/", "/profile/tokens/", "/workspaces/", f"/w/{workspace.slug}/members/"):
        assert "<script>alert" not in as_alice.get(path).content.decode()


def _queries(client, path, django_assert_max_num_queries) -> int:
    with django_assert_max_num_queries(100) as queries:
        client.get(path)
    return len(queries)


@pytest.mark.parametrize("path", ["/profile/tokens/", "/workspaces/"])
def test_twenty_rows_cost_no_more_queries_than_ten(as_alice, alice, path, django_assert_max_num_queries):
    for _ in range(10):
        create_token(alice, make_workspace(alice), "t")
    ten = _queries(as_alice, path, django_assert_max_num_queries)
    for _ in range(10):
        create_token(alice, make_workspace(alice), "t")

    assert _queries(as_alice, path, django_assert_max_num_queries) == ten


def test_page_costs_few_queries(as_alice, workspace, django_assert_max_num_queries):
    as_alice.get(f"/w/{workspace.slug}/settings/")

    with django_assert_max_num_queries(8):
        as_alice.get(f"/w/{workspace.slug}/settings/")


# ---- whose address it is


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "not an address", None),
    ],
)
def test_forwarded_address_counts_as_far_as_proxies_are_trusted(rf, settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXY_COUNT = proxies
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", headers={"x-forwarded-for": forwarded})

    assert client_ip(request) == expected


# ---- admin


@pytest.fixture
def as_root(client, db):
    client.force_login(make_user("root@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("page", ["user", "tenant", "role", "group", "invitation", "apitoken", "auditevent"])
def test_admin_lists_and_searches(as_root, alice, workspace, page):
    create_token(alice, workspace, "CI")

    answer = as_root.get(f"/admin/accounts/{page}/", {"q": "north"})

    assert answer.status_code == 200


def test_admin_never_shows_a_hash(as_root, alice, workspace):
    token, _ = create_token(alice, workspace, "CI")

    for path in (f"apitoken/{token.pk}/change/", f"user/{alice.pk}/change/", "apitoken/", "user/"):
        page = as_root.get(f"/admin/accounts/{path}").content.decode()
        assert token.hash not in page
        assert "argon2" not in page


def test_person_made_in_the_admin_can_sign_in(as_root, client):
    fields = {"email": "Newcomer@example.com", "name": "Newcomer", "password": "four unrelated words"}

    answer = as_root.post("/admin/accounts/user/add/", fields)

    assert answer.status_code == 302
    client.logout()
    client.post("/accounts/login/", {"login": "newcomer@example.com", "password": "four unrelated words"})
    assert client.get("/")["Location"] == "/w/newcomer/"


def test_admin_is_closed_to_people_who_are_not_staff(as_alice):
    assert as_alice.get("/admin/accounts/user/").status_code in (302, 403)
    assert as_alice.get("/admin/accounts/user/", follow=True).status_code in (200, 403)


def test_admin_checks_the_audit_log(as_root, workspace):
    AuditEvent.objects.for_tenant(workspace).delete()
    action = {"action": "check_audit_log", "_selected_action": [str(workspace.pk)]}

    answer = as_root.post("/admin/accounts/tenant/", action, follow=True)

    assert "Northwind: Events 1 to 1 at the end are missing." in answer.content.decode()


def test_audit_events_cannot_be_changed_in_the_admin(as_root, workspace):
    event = AuditEvent.objects.for_tenant(workspace).get()

    assert as_root.post(f"/admin/accounts/auditevent/{event.pk}/change/", {"verb": "x"}).status_code == 403
    assert as_root.post(f"/admin/accounts/auditevent/{event.pk}/delete/", {"post": "yes"}).status_code == 403

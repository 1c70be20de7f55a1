from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client

from accounts import audit, workspaces
from accounts.models import AuditEvent, Membership, Tenant, User
from automate import settings as product_settings
from tests.factories import PASSWORD, make_user, make_workspace

NEW_PASSWORD = "another horse, another staple"


@pytest.fixture
def with_mail(settings):
    """As if EMAIL_URL were set; mails land in django.core.mail.outbox."""
    settings.HAS_EMAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    mail.outbox = []


def _sign_up(client: Client, email: str = "dana@example.com", password: str = PASSWORD) -> Any:
    return client.post("/accounts/signup/", {"email": email, "password1": password})


def _sign_in(client: Client, email: str = "alice@example.com", password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password})


def _link_in(message: Any) -> str:
    """The path of the link in a mail."""
    return str(re.findall(r"http://127\.0\.0\.1:\d+(/accounts/\S+)", message.body)[0])


# ---- sign-up


def test_sign_up_asks_for_two_things(client, db):
    form = client.get("/accounts/signup/").context["form"]

    assert list(form.fields) == ["email", "password1"]


def test_sign_up_makes_a_workspace_and_signs_in(client, db):
    answer = _sign_up(client)

    dana = User.objects.get(email="dana@example.com")
    workspace = dana.tenants.get()
    assert answer["Location"] == "/"
    assert client.get("/")["Location"] == f"/w/{workspace.slug}/"
    assert (workspace.name, workspace.slug, workspace.is_personal) == ("dana's workspace", "dana", True)
    assert workspace.default_environment().name == "Production"
    assert Membership.objects.get(user=dana).role.name == "owner"
    assert audit.verify_chain(workspace) == []


def test_account_without_workspace_is_never_left_behind(client, db, monkeypatch):
    Tenant.objects.create(name="dana", slug="dana")
    monkeypatch.setattr(workspaces, "free_slug", lambda name: "dana")  # as if another took it just now

    with pytest.raises(IntegrityError):
        workspaces.create_workspace(make_user("x@example.com"), "dana")
    answer = _sign_up(client)

    assert answer.status_code in (302, 422)
    assert not User.objects.filter(email="dana@example.com").exists()


@pytest.mark.parametrize("password", ["short one", "qwerty123456", "dana@example.com", "x" * 129])
def test_weak_password_is_refused(client, db, password):
    answer = _sign_up(client, password=password)

    assert answer.status_code == 422
    assert answer.context["form"].errors["password1"]
    assert not User.objects.exists()


def test_address_counts_once_whatever_its_case(client, alice):
    answer = _sign_up(client, email="Alice@Example.com")

    assert answer.status_code == 422
    assert "There is an account with this address already." in answer.content.decode()
    assert User.objects.count() == 1


def test_banner_says_that_no_mail_is_sent(client, db):
    assert "This server sends no e-mail." in client.get("/accounts/signup/").content.decode()


def test_passwords_are_hashed_with_argon2():
    assert product_settings.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"


# ---- with mail


def test_address_is_confirmed_before_the_first_sign_in(client, db, with_mail):
    answer = _sign_up(client)
    assert answer["Location"] == "/accounts/confirm-email/"
    assert client.get("/profile/").status_code == 302

    client.post(_link_in(mail.outbox[0]))
    _sign_in(client, "dana@example.com")

    assert EmailAddress.objects.get(email="dana@example.com").verified
    assert client.get("/profile/").status_code == 200


def test_sign_up_with_a_known_address_looks_the_same(client, alice, with_mail):
    known = _sign_up(client, email=alice.email)
    new = _sign_up(client, email="dana@example.com")

    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    assert mail.outbox[0].subject == "You have an account already"
    assert mail.outbox[0].to == [alice.email]


def test_mail_server_that_is_down_does_not_break_the_sign_up(client, db, with_mail, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    answer = client.post("/accounts/signup/", {"email": "d@example.com", "password1": PASSWORD}, follow=True)

    assert answer.status_code == 200
    assert "the mail server did not take it" in answer.content.decode()


# ---- sign-in


def test_sign_in_changes_the_session_key_and_is_noted(client, alice, workspace):
    client.get("/accounts/login/")
    session = client.session
    session["kept"] = "yes"
    session.save()
    before = session.session_key

    _sign_in(client)

    assert client.session.session_key not in (None, before)
    event = AuditEvent.objects.for_tenant(workspace).latest("number")
    assert (event.verb, event.actor_id, event.detail.ip) == ("user.signed_in", alice.pk, "127.0.0.1")


def test_unknown_and_wrong_sign_in_look_the_same(client, alice):
    wrong = _sign_in(client, password="not the password")
    unknown = _sign_in(client, email="nobody@example.com", password="not the password")

    assert wrong.status_code == unknown.status_code == 422
    text = re.sub(r"[A-Za-z0-9]{64}|nobody@example.com|alice@example.com", "", wrong.content.decode())
    assert text == re.sub(
        r"[A-Za-z0-9]{64}|nobody@example.com|alice@example.com", "", unknown.content.decode()
    )
    assert "The e-mail address or the password is wrong." in text


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_sixth_wrong_try_waits(client, alice, email):
    for _ in range(5):
        _sign_in(client, email=email, password="not the password")

    answer = _sign_in(client, email=email)

    assert "Too many tries with a wrong password." in answer.content.decode()
    assert client.get("/profile/").status_code == 302


def test_open_redirect_is_not_followed(client, alice):
    answer = client.post(
        "/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert answer["Location"] == "/"


def test_deactivated_person_cannot_sign_in(client, alice):
    alice.is_active = False
    alice.save()

    _sign_in(client)

    assert client.get("/profile/").status_code == 302


def test_sign_out_needs_a_post(as_alice):
    as_alice.get("/accounts/logout/")
    assert as_alice.get("/profile/").status_code == 200

    as_alice.post("/accounts/logout/")
    assert as_alice.get("/profile/").status_code == 302


# ---- passwords and addresses


def test_new_password_ends_other_sessions_and_is_noted(client, as_alice, alice, workspace):
    _sign_in(client)

    answer = as_alice.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW_PASSWORD})

    assert answer["Location"] == "/profile/"
    assert as_alice.get("/profile/").status_code == 200
    assert client.get("/profile/").status_code == 302
    assert AuditEvent.objects.for_tenant(workspace).latest("number").verb == "user.password_changed"


def test_password_change_needs_the_old_one(as_alice, alice):
    answer = as_alice.post("/accounts/password/change/", {"oldpassword": "guess", "password1": NEW_PASSWORD})

    assert answer.status_code == 422
    assert "This is not your current password." in answer.content.decode()


def test_forgotten_password_is_replaced_by_mail(client, alice, workspace, with_mail):
    client.post("/accounts/password/reset/", {"email": alice.email})
    page = client.get(_link_in(mail.outbox[0]), follow=True)

    client.post(page.request["PATH_INFO"], {"password1": NEW_PASSWORD})

    assert _sign_in(client, password=NEW_PASSWORD)["Location"] == "/"
    assert AuditEvent.objects.for_tenant(workspace).filter(verb="user.password_reset").exists()


def test_reset_link_works_once(client, alice, with_mail):
    client.post("/accounts/password/reset/", {"email": alice.email})
    link = _link_in(mail.outbox[0])
    page = client.get(link, follow=True)
    client.post(page.request["PATH_INFO"], {"password1": NEW_PASSWORD})

    assert "This link no longer works" in client.get(link, follow=True).content.decode()


def test_reset_for_an_unknown_address_looks_the_same(client, alice, with_mail):
    known = client.post("/accounts/password/reset/", {"email": alice.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [[alice.email], ["nobody@example.com"]]


def test_links_in_mails_use_the_base_url_whatever_host_asked(client, alice, with_mail, settings):
    settings.AUTOMATE_BASE_URL = "https://automate.example"

    client.post("/accounts/password/reset/", {"email": alice.email}, headers={"host": "localhost"})

    assert "https://automate.example/accounts/password/reset/key/" in mail.outbox[0].body
    assert "localhost" not in mail.outbox[0].body


def _change_email(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/email/", {"email": email, "password": password, "action_add": ""})


def test_address_changes_at_once_where_no_mail_is_sent(as_alice, alice, workspace):
    _change_email(as_alice, "Alice.New@example.com")

    alice.refresh_from_db()
    assert alice.email == "alice.new@example.com"
    assert list(EmailAddress.objects.filter(user=alice).values_list("email", "primary")) == [
        (alice.email, True)
    ]
    assert AuditEvent.objects.for_tenant(workspace).latest("number").verb == "user.email_changed"


def test_address_change_needs_the_password(as_alice, alice):
    answer = _change_email(as_alice, "new@example.com", password="guess")

    assert answer.status_code == 422
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_address_of_somebody_else_is_refused(as_alice, alice, bob):
    answer = _change_email(as_alice, bob.email)

    assert answer.status_code == 422
    assert "There is an account with this address already." in answer.content.decode()


def test_new_address_counts_when_confirmed_and_the_old_one_is_told(as_alice, alice, workspace, with_mail):
    _change_email(as_alice, "new@example.com")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"

    as_alice.post(_link_in(mail.outbox[0]))

    alice.refresh_from_db()
    assert alice.email == "new@example.com"
    assert [(m.to, m.subject) for m in mail.outbox[1:]] == [
        (["alice@example.com"], "Your e-mail address was changed")
    ]
    event = AuditEvent.objects.for_tenant(workspace).latest("number")
    assert (event.verb, event.detail.after) == ("user.email_changed", {"email": "new@example.com"})


def test_pending_address_can_be_cancelled(as_alice, alice, with_mail):
    _change_email(as_alice, "new@example.com")

    as_alice.post("/accounts/email/", {"email": "new@example.com", "action_remove": ""})

    assert list(alice.emailaddress_set.values_list("email", flat=True)) == ["alice@example.com"]


# ---- the first person from a shell


def test_superuser_is_ready_to_work(db, monkeypatch, client):
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Root@Example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", "--noinput", verbosity=0)

    root = User.objects.get(email="root@example.com")
    assert EmailAddress.objects.get(user=root).verified
    assert Membership.objects.get(user=root).role.name == "owner"
    assert _sign_in(client, "root@example.com")["Location"] == "/"


def test_two_people_with_the_same_name_get_two_workspaces(db):
    first, second = (make_workspace(make_user(), "Dana & Co.") for _ in range(2))

    assert first.slug == "dana-co"
    assert re.fullmatch(r"dana-co-[0-9a-f]{6}", second.slug)

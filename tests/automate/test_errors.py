from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.test import Client

from automate import errors


def test_refusal_says_why(as_bob, workspace):
    answer = as_bob.get(f"/w/{workspace.slug}/settings/")

    assert answer.status_code == 403
    assert "Your role in Northwind is editor" in answer.content.decode()


def test_refusal_without_words_says_what_to_do(rf):
    answer = errors.forbidden(rf.get("/"), PermissionDenied())

    assert "Ask an admin of the workspace" in answer.content.decode()


def test_missing_page_is_friendly(as_alice):
    answer = as_alice.get("/nothing/here/")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_failure_page_needs_no_database_and_names_its_id(rf, caplog):
    answer = errors.server_error(rf.get("/broken/"))

    assert answer.status_code == 500
    assert answer["X-Error-Id"] in answer.content.decode()
    assert answer["X-Error-Id"] in caplog.text


def test_form_of_another_site_is_refused(as_alice, alice):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_alice.cookies

    answer = strict.post("/profile/", {"name": "Mallory", "time_zone": "UTC", "theme": "DARK"})

    assert answer.status_code == 403
    assert "reload it and try again" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.name == "Alice Adams"

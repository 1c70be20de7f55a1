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


def test_refusals_name_an_id_that_is_in_the_log(as_bob, workspace, caplog):
    address = f"/w/{workspace.slug}/settings/"

    page = as_bob.get(address)
    part = as_bob.get(address, headers={"HX-Request": "true"})

    for answer in (page, part):
        assert f"error {answer['X-Error-Id']}, on GET /w/<slug:workspace_slug>/settings/" in caplog.text
    assert f"Copy error id {page['X-Error-Id']}" in page.content.decode()
    assert part["Content-Type"].startswith("text/plain")
    assert part.content.decode().startswith("Your role in Northwind is editor")


def test_log_says_nothing_of_secrets_in_addresses(client, db, caplog):
    assert client.get("/approvals/not-a-real-secret").status_code == 404

    assert "not-a-real-secret" not in "".join(
        line for line in caplog.text.splitlines() if "automate.errors" in line
    )

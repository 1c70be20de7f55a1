"""Bringing a workflow in from an address, finding the place of a fault, and choosing connections afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_httpserver import HTTPServer

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition
from tests.workflows.triggers.test_subscriptions import connect
from tests.workflows.views.conftest import hook_document
from workflows import documents
from workflows.documents.fetching import file_address
from workflows.documents.lines import lines_of
from workflows.engine.document import MAX_TEXT_BYTES, dump_yaml, load
from workflows.models import WorkflowTemplate

pytestmark = pytest.mark.django_db
LEGACY = {"name": "Old one", "nodes": [{"id": "a", "type": "task", "integration_id": "i7", "params": {}}],
          "connections": []}  # fmt: skip


def url(workspace: Tenant) -> str:
    return reverse("workflows:workflow-import", args=[workspace.slug])


def test_document_at_an_address_is_fetched(
    as_alice: Client, workspace: Tenant, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/flow.yaml").respond_with_data(dump_yaml(load(hook_document())))
    httpserver.expect_request("/moved").respond_with_data("", 302, {"Location": "/flow.yaml"})

    as_alice.post(url(workspace), {"url": httpserver.url_for("/moved")})

    assert WorkflowTemplate.objects.get().name == "Orders"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/gone", "answers with status 404"),
        ("/page", "shows a web page, not a workflow"),
        ("/big", f"larger than {MAX_TEXT_BYTES:,} bytes"),
        ("/inside", "10.1.2.3"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_words(
    as_alice: Client, workspace: Tenant, httpserver: HTTPServer, path: str, says: str
) -> None:
    httpserver.expect_request("/gone").respond_with_data("", 404)
    httpserver.expect_request("/page").respond_with_data("<!DOCTYPE html><p>x", content_type="text/html")
    httpserver.expect_request("/big").respond_with_data("a" * (MAX_TEXT_BYTES + 10))
    httpserver.expect_request("/inside").respond_with_data("", 302, {"Location": "http://10.1.2.3/flow.yaml"})

    answer = as_alice.post(url(workspace), {"url": httpserver.url_for(path)})

    assert answer.status_code == 422
    assert says in answer.context["faults"][0].fault.message
    assert not WorkflowTemplate.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/x",
        "file:///etc/passwd",
        "ftp://a.example/x",
    ],
)
def test_addresses_inside_are_refused(as_alice: Client, workspace: Tenant, address: str) -> None:
    answer = as_alice.post(url(workspace), {"url": address})

    assert answer.status_code == 422
    assert answer.context["faults"]


def test_address_of_a_page_around_a_file_becomes_that_of_the_file() -> None:
    raw = "https://raw.githubusercontent.com/acme/flows/main/a/b.yaml"
    assert file_address(" github.com/acme/flows/blob/main/a/b.yaml?plain=1#L3 ") == raw
    assert file_address("https://a.example/x.json?b=1") == "https://a.example/x.json?b=1"


def test_fault_has_its_line_and_what_was_typed_stays(as_alice: Client, workspace: Tenant) -> None:
    text = "format: automate/1\nkey: a\ntriggers: [{key: go, type: manual}]\nstart: a\nsteps:\n  - key: a\n    type: transform\n    nxt: b\n"

    answer = as_alice.post(url(workspace), {"text": text})

    placed = answer.context["faults"][0]
    assert (placed.fault.path, placed.line) == ("steps.a.nxt", 8)
    assert "nxt: b" in answer.content.decode()
    assert lines_of('{"nodes": [\n {"id": 1},\n {"id": 2,\n "type": "x"}]}', ["nodes[1].type", "nodes[7]", "", "zzz"]) == {
        "nodes[1].type": 4, "nodes[7]": 1
    }  # fmt: skip
    assert lines_of("a: [", ["a"]) == {}


def test_connections_are_mapped_after_an_import(
    as_alice: Client, alice: User, workspace: Tenant, apps: dict[str, IntegrationDefinition]
) -> None:
    data = hook_document(connections={"chat": {"integration": "slack"}, "mail": {"integration": "smtp"}})
    mine = connect(workspace, alice, apps["slack"])

    sent = as_alice.post(url(workspace), {"text": json.dumps(data)})
    made = WorkflowTemplate.objects.get()
    page = as_alice.get(sent.headers["Location"])
    done = as_alice.post(sent.headers["Location"], {"slot-chat": str(mine.pk), "slot-mail": "later"})

    assert sent.headers["Location"] == reverse("workflows:workflow-set-up", args=[made.pk])
    assert {slot.key: slot.chosen for slot in page.context["slots"]} == {
        "chat": str(mine.pk),
        "mail": "later",
    }
    assert done.headers["Location"] == reverse("workflows:workflow-build", args=[made.pk])
    assert documents.bindings_of(made) == {"chat": str(mine.pk)}


def test_older_form_asks_which_connection_a_number_is(
    as_alice: Client, alice: User, workspace: Tenant, apps: dict[str, IntegrationDefinition]
) -> None:
    mine = connect(workspace, alice, apps["slack"])
    given: dict[str, Any] = {"text": json.dumps(LEGACY)}

    asked = as_alice.post(url(workspace), given)
    done = as_alice.post(url(workspace), {**given, "app-i7": str(mine.pk)})
    later = as_alice.post(url(workspace), {**given, "app-i7": "later"})

    assert asked.context["unknown"] == ["i7"]
    assert (done.status_code, later.status_code) == (302, 302)
    first, second = WorkflowTemplate.objects.order_by("created_at")
    assert documents.load_draft(first).steps[0].integration == "slack"
    assert documents.bindings_of(first) == {"i7": str(mine.pk)}
    assert documents.load_draft(second).steps[0].integration is None


def test_private_connection_of_somebody_else_is_bound_to_no_import(
    as_bob: Client, alice: User, workspace: Tenant, apps: dict[str, IntegrationDefinition]
) -> None:
    hers = connect(workspace, alice, apps["slack"])

    answer = as_bob.post(url(workspace), {"text": json.dumps(LEGACY), "app-i7": str(hers.pk)})

    assert answer.status_code == 422
    assert "private to another person" in answer.context["faults"][0].fault.message
    assert not WorkflowTemplate.objects.exists()

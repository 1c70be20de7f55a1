"""New workflows: empty, or brought in."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Tenant, User
from tests.factories import add_member, make_user
from tests.workflows.views.conftest import hook_document
from workflows import documents
from workflows.engine.document import dump_yaml, load
from workflows.models import WorkflowTemplate


def url(name: str, workspace: Tenant) -> str:
    return reverse(f"workflows:workflow-{name}", args=[workspace.slug])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Order follow-up", "order-follow-up"),
        ("Ünïcode & Söhne", None),
        ("42", "workflow-42"),
        ("日本語", None),
    ],
)
def test_empty_one_asks_for_a_name_only_and_leads_to_the_builder(
    as_alice: Client, workspace: Tenant, name: str, key: str | None
) -> None:
    response = as_alice.post(url("new", workspace), {"name": name})

    made = WorkflowTemplate.objects.get()
    assert response.headers["Location"] == reverse("workflows:workflow-build", args=[made.pk])
    assert made.name == name
    assert key is None or made.template_id == key
    assert load(dump_yaml(documents.load_draft(made)), complete=False).name == name


def test_name_is_needed(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.post(url("new", workspace), {"name": "  "})

    assert response.status_code == 422
    assert "This field is required." in response.content.decode()


def test_htmx_gets_a_dialog_and_is_sent_on(as_alice: Client, workspace: Tenant) -> None:
    asked = as_alice.get(url("new", workspace), headers={"HX-Request": "true"})
    sent = as_alice.post(url("new", workspace), {"name": "Orders"}, headers={"HX-Request": "true"})

    assert asked.content.decode().strip().startswith("<dialog")
    assert sent.headers["HX-Redirect"].endswith("/build/")


def test_viewer_makes_nothing(workspace: Tenant) -> None:
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    client = Client()
    client.force_login(viewer)

    assert client.post(url("new", workspace), {"name": "Mine"}).status_code == 403
    assert client.post(url("import", workspace), {"text": "x"}).status_code == 403
    assert not WorkflowTemplate.objects.exists()


def test_pasted_text_becomes_a_draft(as_alice: Client, workspace: Tenant) -> None:
    text = dump_yaml(load(hook_document()))

    response = as_alice.post(url("import", workspace), {"text": text})

    made = WorkflowTemplate.objects.get()
    assert response.headers["Location"] == reverse("workflows:workflow-build", args=[made.pk])
    assert documents.load_draft(made) == load(hook_document())


def test_file_is_read(as_alice: Client, workspace: Tenant) -> None:
    file = SimpleUploadedFile("orders.yaml", dump_yaml(load(hook_document())).encode())

    as_alice.post(url("import", workspace), {"file": file})

    assert WorkflowTemplate.objects.get().template_id == "orders"


def test_key_that_is_taken_makes_a_copy_and_says_so(
    as_alice: Client, workspace: Tenant, flow: WorkflowTemplate
) -> None:
    response = as_alice.post(url("import", workspace), {"text": dump_yaml(load(hook_document()))})

    told = [str(message) for message in get_messages(response.wsgi_request)]
    assert "There is a workflow with the key orders already: this copy is called orders-2." in told


def test_older_form_is_understood(as_alice: Client, workspace: Tenant) -> None:
    text = '{"name": "Old one", "nodes": [{"id": "a", "type": "transform", "params": {"x": 1}}], "connections": []}'

    as_alice.post(url("import", workspace), {"text": text})

    assert WorkflowTemplate.objects.get().name == "Old one"


def test_all_faults_are_listed_with_their_place(as_alice: Client, workspace: Tenant) -> None:
    broken = hook_document(start="nowhere")
    broken["steps"] = [
        {"key": "a", "type": "action", "integration": "nothing", "action": "x"},
        {"key": "b", "type": "transform", "next": "gone"},
    ]

    response = as_alice.post(url("import", workspace), {"text": str(broken).replace("'", '"')})

    page = response.content.decode()
    assert response.status_code == 422
    assert len(response.context["faults"]) >= 2
    assert "steps.b.next" in page
    assert not WorkflowTemplate.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        {"text": ""},
        {"text": "{"},
        {"text": "a: [1"},
        {"text": "just words"},
        {"text": "\x00"},
        {"file": SimpleUploadedFile("x.yaml", b"\xff\xfe\x00")},
        {"file": SimpleUploadedFile("x.yaml", b"")},
        {"file": SimpleUploadedFile("big.yaml", b"a" * 1_100_000)},
        {"text": "a: " + "[" * 500},
    ],
)
def test_bad_input_is_refused_in_words(as_alice: Client, workspace: Tenant, given: dict[str, object]) -> None:
    response = as_alice.post(url("import", workspace), given)

    assert response.status_code == 422
    assert response.context["faults"] or response.context["form"].errors


def test_stranger_imports_nothing(as_charlie: Client, charlie: User, workspace: Tenant) -> None:
    assert as_charlie.post(url("import", workspace), {"text": "x"}).status_code == 404


@pytest.mark.parametrize("page", ["workflows/new", "workflows/import", "variables/new"])
def test_a_form_on_a_page_of_its_own_opens_no_dialog_over_it(
    as_alice: Client, workspace: Tenant, page: str
) -> None:
    """Its answer is the next page; only inside a dialog it is swapped."""
    url = f"/w/{workspace.slug}/{page}/"
    alone = as_alice.get(url).content.decode()
    inside = as_alice.get(url, headers={"HX-Request": "true"}).content.decode()

    assert f'hx-post="{url}"' not in alone
    assert f'hx-post="{url}"' in inside

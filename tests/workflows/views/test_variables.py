"""The variables page."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Environment, Tenant, User
from tests.factories import add_member, make_user
from tests.workflows.views.conftest import hook_document
from workflows import documents
from workflows.engine.document import load
from workflows.models import WorkflowVariable
from workflows.runs.secret_values import conceal, reveal

SECRET = "sk_live_51Habcdef"


def url(name: str, *args: object) -> str:
    return reverse(f"workflows:variable-{name}", args=args)


def make(
    workspace: Tenant, key: str = "BIG_ORDER", kind: str = "NUMBER", value: str = "500"
) -> WorkflowVariable:
    variable = WorkflowVariable(tenant=workspace, key=key, type=kind, value=value)
    if kind == "SECRET":
        conceal(variable, value)
    variable.save()
    return variable


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("STRING", " https://stock.example ", " https://stock.example "),
        ("STRING", "", ""),
        ("NUMBER", "12.5", 12.5),
        ("NUMBER", "12345678901234567890", 12345678901234567890),
        ("BOOLEAN", "false", False),
        ("JSON", '{"a": [1, null]}', {"a": [1, None]}),
        ("SECRET", SECRET, SECRET),
    ],
)
def test_value_is_kept_by_its_type(
    as_alice: Client, workspace: Tenant, kind: str, typed: str, value: object
) -> None:
    response = as_alice.post(url("new", workspace.slug), {"key": "THING", "type": kind, "value": typed})

    assert response.headers["Location"] == url("list", workspace.slug)
    stored = WorkflowVariable.objects.get()
    assert reveal(stored) == value
    assert type(reveal(stored)) is type(value)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"key": "2nd", "type": "STRING", "value": "x"}, "key"),
        ({"key": "a b", "type": "STRING", "value": "x"}, "key"),
        ({"key": "x" * 61, "type": "STRING", "value": "x"}, "key"),
        ({"key": "", "type": "STRING", "value": "x"}, "key"),
        ({"key": "BIG_ORDER", "type": "STRING", "value": "x"}, "key"),
        ({"key": "A", "type": "NUMBER", "value": "twelve"}, "value"),
        ({"key": "A", "type": "NUMBER", "value": "NaN"}, "value"),
        ({"key": "A", "type": "NUMBER", "value": "true"}, "value"),
        ({"key": "A", "type": "JSON", "value": "{"}, "value"),
        ({"key": "A", "type": "JSON", "value": '{"a": 1, "a": 2}'}, "value"),
        ({"key": "A", "type": "BOOLEAN", "value": "maybe"}, "value"),
        ({"key": "A", "type": "SECRET", "value": ""}, "value"),
        ({"key": "A", "type": "FLOAT", "value": "1"}, "type"),
    ],
)
def test_bad_input_is_refused_beside_its_field(
    as_alice: Client, workspace: Tenant, given: dict[str, str], field: str
) -> None:
    make(workspace)

    response = as_alice.post(url("new", workspace.slug), given)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert WorkflowVariable.objects.count() == 1


def test_secret_is_shown_nowhere(as_alice: Client, workspace: Tenant) -> None:
    variable = make(workspace, "STRIPE_KEY", "SECRET", SECRET)

    for address in (url("list", workspace.slug), url("edit", variable.pk), url("delete", variable.pk)):
        page = as_alice.get(address).content.decode()
        assert "STRIPE_KEY" in page
        assert SECRET not in page
        assert variable.value not in page
    assert SECRET not in variable.value


def test_secret_left_empty_stays_and_a_new_one_replaces_it(as_alice: Client, workspace: Tenant) -> None:
    variable = make(workspace, "STRIPE_KEY", "SECRET", SECRET)

    as_alice.post(url("edit", variable.pk), {"value": ""})
    kept = reveal(WorkflowVariable.objects.get())
    as_alice.post(url("edit", variable.pk), {"value": "sk_new"})

    assert (kept, reveal(WorkflowVariable.objects.get())) == (SECRET, "sk_new")


def test_secret_that_was_refused_is_not_sent_back(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.post(url("new", workspace.slug), {"key": "2bad", "type": "SECRET", "value": SECRET})

    assert response.status_code == 422
    assert SECRET not in response.content.decode()


def test_value_is_changed_but_name_and_type_stay(as_alice: Client, workspace: Tenant) -> None:
    variable = make(workspace)

    as_alice.post(url("edit", variable.pk), {"value": "800", "key": "OTHER", "type": "STRING"})

    variable.refresh_from_db()
    assert (variable.key, variable.type, reveal(variable)) == ("BIG_ORDER", "NUMBER", 800)


def test_htmx_closes_the_dialog_and_renews_the_list(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.post(
        url("new", workspace.slug),
        {"key": "A", "type": "STRING", "value": "x"},
        headers={"HX-Request": "true"},
    )

    said = json.loads(response.headers["HX-Trigger"])
    assert said == {
        "variables-changed": True,
        "dialog-close": True,
        "toast": {"text": "A is added.", "tone": "ok"},
    }


def test_another_type_brings_another_field(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.get(
        url("new", workspace.slug) + "?key=API_KEY&type=SECRET",
        headers={"HX-Request": "true", "HX-Target": "variable-fields"},
    )

    page = response.content.decode()
    assert 'type="password"' in page
    assert 'value="API_KEY"' in page


def test_question_before_deleting_names_the_workflows_that_use_it(
    as_alice: Client, alice: User, workspace: Tenant
) -> None:
    variable = make(workspace)
    for key, text in (
        ("a", "{{ vars.BIG_ORDER }}"),
        ("b", "{{ vars.BIG_ORDER_2 }}"),
        ("c", "BIG_ORDER"),
        ("d", '{{ vars["BIG_ORDER"] }}'),
    ):
        step = {"key": "shape", "type": "transform", "config": {"set": {"x": text}}}
        documents.create(workspace, load(hook_document(key, f"Flow {key}", steps=[step])), by=alice)

    response = as_alice.get(url("delete", variable.pk))

    assert response.context["uses"] == ["Flow a", "Flow d"]


def test_deleting_is_noted(as_alice: Client, workspace: Tenant) -> None:
    variable = make(workspace)

    as_alice.post(url("delete", variable.pk))

    assert not WorkflowVariable.objects.exists()
    assert AuditEvent.objects.order_by("-number")[0].verb == "variable.deleted"


def test_same_name_may_have_a_value_per_environment(as_alice: Client, workspace: Tenant) -> None:
    make(workspace)
    staging = Environment.objects.create(tenant=workspace, name="Staging", order=2)

    as_alice.post(
        url("new", workspace.slug),
        {"key": "BIG_ORDER", "type": "NUMBER", "value": "5", "environment": str(staging.pk)},
    )

    page = as_alice.get(url("list", workspace.slug)).content.decode()
    assert WorkflowVariable.objects.filter(environment=staging).count() == 1
    assert "Staging" in page


def test_environment_of_another_workspace_is_refused(
    as_alice: Client, charlie: User, workspace: Tenant
) -> None:
    Environment.objects.create(tenant=workspace, name="Staging", order=2)
    theirs = Environment.objects.exclude(tenant=workspace).first()
    assert theirs is not None

    response = as_alice.post(
        url("new", workspace.slug),
        {"key": "A", "type": "STRING", "value": "x", "environment": str(theirs.pk)},
    )

    assert response.status_code == 422


def test_strangers_and_viewers_stay_outside(as_charlie: Client, workspace: Tenant) -> None:
    variable = make(workspace)
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    as_viewer = Client()
    as_viewer.force_login(viewer)

    for client, status in ((as_charlie, 404), (as_viewer, 403)):
        assert client.get(url("list", workspace.slug)).status_code == status
        assert client.post(url("new", workspace.slug), {"key": "A", "type": "STRING"}).status_code == status
        assert client.post(url("edit", variable.pk), {"value": "1"}).status_code == status
        assert client.post(url("delete", variable.pk)).status_code == status


def test_operator_sees_but_does_not_change(workspace: Tenant) -> None:
    variable = make(workspace)
    operator = make_user()
    add_member(workspace, operator, "operator")
    client = Client()
    client.force_login(operator)

    page = client.get(url("list", workspace.slug)).content.decode()

    assert "BIG_ORDER" in page
    assert url("edit", variable.pk) not in page
    assert client.post(url("edit", variable.pk), {"value": "1"}).status_code == 403


def test_what_the_product_set_is_nobodys_to_change(as_alice: Client, workspace: Tenant) -> None:
    variable = make(workspace)
    WorkflowVariable.objects.update(is_system=True)

    assert as_alice.post(url("edit", variable.pk), {"value": "1"}).status_code == 404
    assert as_alice.post(url("delete", variable.pk)).status_code == 404

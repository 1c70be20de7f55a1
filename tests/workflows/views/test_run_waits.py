"""What the page of a run says about people and services it waits for, and answering there."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from tests.factories import add_member, make_user
from tests.workflows.runs.conftest import start, steps_of, workflow
from tests.workflows.runs.waits.conftest import ask, deploy, engine, tokens
from workflows.models import WaitNotice, WorkflowExecution
from workflows.runs.tokens import secret_of

__all__ = ["ask", "deploy", "engine"]
HTMX = {"HX-Request": "true", "HX-Target": "run-steps"}
FIELDS = {"type": "object", "required": ["centre"], "properties": {"centre": {"type": "integer"}}}


def page_of(client, run):
    return client.get(reverse("workflows:run-detail", args=[run.pk])).content.decode()


def decide(client, run, decision="approve", path="ask", htmx=True, **more):
    url = reverse("workflows:run-decide", args=[run.pk, path])
    return client.post(url, {"decision": decision, **more}, headers=HTMX if htmx else {})


@pytest.fixture
def as_viewer(workspace, client):
    """Vera may look at runs and change nothing."""
    vera = make_user("vera@example.com")
    add_member(workspace, vera, "viewer")
    client.force_login(vera)
    return client


def test_the_page_says_who_is_asked_until_when_and_lets_them_answer(ask, as_bob):
    run = ask(assignees=["bob@example.com", "boss@example.com"], need=2, timeout_s=3600)

    page = page_of(as_bob, run)

    for words in (
        "Your answer is needed",
        "Asked: bob@example.com, boss@example.com",
        "Pay 7 EUR?",
        "2 must approve",
        "Reject",
    ):
        assert words in page
    assert secret_of(tokens(run)["boss@example.com"].pk) not in page


def test_who_manages_the_workspace_sees_the_links_and_may_decide_for_others(ask, as_alice, engine):
    run = ask(assignees=["boss@example.com"])
    page = page_of(as_alice, run)
    assert "you may decide in their place" in page
    assert secret_of(tokens(run)["boss@example.com"].pk) in page

    assert decide(as_alice, run).status_code == 200

    engine.drain()
    assert WorkflowExecution.objects.get(pk=run.pk).output == {"done": "paid"}
    assert AuditEvent.objects.get(verb="execution.approved").detail.after["in_place_of_those_asked"]


def test_a_viewer_who_is_asked_may_answer_and_one_who_is_not_may_not(ask, as_viewer, engine):
    mine, other = ask(assignees=["viewer"]), ask(assignees=["boss@example.com"])

    assert decide(as_viewer, mine, "reject", comment="No money").status_code == 200
    assert decide(as_viewer, other).status_code == 403

    assert "you may decide" not in page_of(as_viewer, other)
    engine.drain()
    assert steps_of(mine)["ask"].output["comment"] == "No money"


def test_a_second_answer_on_the_page_is_told_who_was_first(ask, as_alice):
    run = ask(assignees=["alice@example.com", "bob@example.com"])
    decide(as_alice, run)

    second = decide(as_alice, run)

    assert second.status_code == 409
    assert "answered before by alice@example.com" in second["HX-Trigger"]


def test_what_is_missing_is_said_beside_its_field_with_and_without_htmx(ask, as_alice):
    run = ask(fields=FIELDS)

    for htmx in (True, False):
        refused = decide(as_alice, run, htmx=htmx, comment="Typed")
        assert refused.status_code == 422
        page = refused.content.decode()
        assert "Fill this in." in page
        assert "Typed" in page

    assert decide(as_alice, run, htmx=False, **{"f-centre": "3"}).status_code == 302


def test_strangers_and_other_steps_are_not_there(ask, as_alice, as_charlie):
    run = ask()

    assert decide(as_charlie, run).status_code == 404
    assert decide(as_alice, run, path="paid").status_code == 404
    assert decide(as_alice, run, path="nothing").status_code == 404


def test_a_mail_that_could_not_be_sent_is_shown(ask, as_alice):
    run = ask(assignees=["boss@example.com"])
    WaitNotice.objects.update(error="The mail server did not take it: refused")

    assert "no mail: The mail server did not take it" in page_of(as_alice, run)


def test_a_callback_shows_its_address_to_those_who_may_answer_for_runs(engine, deploy, as_bob, as_viewer):
    run_id = start(deploy(workflow({"key": "wait", "type": "callback", "config": {"timeout_s": 600}})))
    engine.drain()
    run = WorkflowExecution.objects.get(pk=run_id)

    assert "/callbacks/" in page_of(as_bob, run)
    page = page_of(as_viewer, run)
    assert "Waiting for a call" in page
    assert "/callbacks/" not in page


def test_the_first_page_lists_what_waits_for_the_one_who_looks(ask, as_bob, as_alice, workspace):
    run = ask(assignees=["bob@example.com"])
    home = reverse("workspace-home", args=[workspace.slug])

    assert f"/approvals/{secret_of(tokens(run)['bob@example.com'].pk)}" in as_bob.get(home).content.decode()
    assert "asked you" not in as_alice.get(home).content.decode()

    decide(as_bob, run)
    assert "asked you" not in as_bob.get(home).content.decode()


class TestApi:
    """`POST /api/v1/executions/<id>/answer`."""

    @pytest.fixture
    def answer(self, alice, workspace, client):
        from accounts.models import ApiToken
        from accounts.tokens import create_token

        _, secret = create_token(user=alice, tenant=workspace, name="t", scope=ApiToken.Scope.RUN)

        def send(run, **body):
            return client.post(
                f"/api/v1/executions/{run.pk}/answer", body, content_type="application/json",
                headers={"Authorization": f"Bearer {secret}"},
            )  # fmt: skip

        return send

    def test_approve_with_answers(self, ask, answer, engine):
        run = ask()

        taken = answer(run, step="ask", answer="approve", comment="Fine", answers={"centre": 3})

        assert taken.status_code == 200
        engine.drain()
        assert steps_of(run)["ask"].output["answers"] == {"centre": 3}

    def test_a_second_time_is_409(self, ask, answer, engine):
        run = ask()
        answer(run, step="ask", answer="reject")

        second = answer(run, step="ask", answer="approve")
        engine.drain()
        third = answer(run, step="ask", answer="approve")

        assert [second.status_code, third.status_code] == [409, 409]
        assert "by alice@example.com: rejected" in second.json()["error"]["message"]

    def test_a_step_that_asks_nobody_is_409(self, ask, answer):
        assert answer(ask(), step="paid", answer="approve").status_code == 409

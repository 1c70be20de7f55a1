"""Approvals: who is asked, what decides, what the run goes on with."""

from __future__ import annotations

import uuid

import pytest

from accounts.models import AuditEvent, Group, Membership
from tests.factories import add_member, make_user
from tests.workflows.runs.conftest import let_time_pass, steps_of, workflow
from tests.workflows.runs.waits.conftest import ENDS, NO, YES, after, approval, approve, paths, tokens
from workflows.models import ActiveRun, WaitNotice, WaitToken, WorkflowExecution
from workflows.runs import recovery
from workflows.runs.answers import (
    AlreadyAnswered,
    Given,
    MayNotAnswer,
    RunHasEnded,
    TimeIsUp,
    answer_as_member,
    why_not,
)
from workflows.runs.cancel import cancel
from workflows.runs.retry import retry
from workflows.runs.tokens import find, secret_of


def test_a_run_waits_for_the_people_it_asks_and_holds_nothing(ask, engine):
    run = ask()

    assert run.status == "WAITING"
    assert engine.held == {}
    note = ActiveRun.objects.get(pk=run.pk).cursor["waits"]["ask"]
    assert note["input"] == {"message": "Pay 7 EUR?", "asked": ["alice@example.com"]}
    assert note["until"] is None


def test_the_link_finds_its_token_and_only_its_hash_is_stored(ask):
    token = tokens(ask())["alice@example.com"]

    secret = secret_of(token.pk)

    assert len(secret) == 43
    assert secret not in token.token_hash
    assert find(secret, "APPROVAL") == token
    assert find(secret, "CALLBACK") is None


def test_approved_goes_on_by_its_port_with_the_decision_as_output(ask, engine):
    run = ask()

    approve(run, given=Given(approved=True, comment="Fine", answers={"cost_centre": 12}))

    assert after(engine, run).output == {"done": "paid"}
    output = steps_of(run)["ask"].output
    assert {key: output[key] for key in ("decision", "by", "comment", "answers")} == {
        "decision": "approved", "by": "alice@example.com", "comment": "Fine", "answers": {"cost_centre": 12},
    }  # fmt: skip
    assert steps_of(run)["refused"].step_status == "SKIPPED"


def test_rejected_goes_on_by_its_port(ask, engine):
    run = ask()

    approve(run, given=NO)

    assert after(engine, run).output == {"done": "refused"}


def test_no_answer_in_time_goes_on_by_the_port_timeout(ask, engine):
    run = ask(timeout_s=60)
    let_time_pass(run.pk)

    assert after(engine, run).output == {"done": "late"}
    assert steps_of(run)["ask"].output["decision"] == "timeout"
    with pytest.raises(TimeIsUp):
        approve(run)


def test_an_answer_that_was_accepted_counts_although_the_time_is_up_when_the_run_looks(ask, engine):
    run = ask(timeout_s=60)
    approve(run)
    let_time_pass(run.pk)

    assert after(engine, run).output == {"done": "paid"}


def test_an_answer_that_comes_while_the_time_runs_out_in_the_worker_counts(ask, engine, monkeypatch):
    run = ask(timeout_s=60)
    prepare = type(engine)._prepare

    def answered_after_the_claim(self, claims):
        found = prepare(self, claims)
        if not tokens(run)["alice@example.com"].answered_at:
            approve(run)
        return found

    monkeypatch.setattr(type(engine), "_prepare", answered_after_the_claim)
    let_time_pass(run.pk)

    assert after(engine, run).output == {"done": "paid"}


def test_a_second_answer_is_refused_and_hears_of_the_first(ask):
    run = ask(assignees=["alice@example.com", "bob@example.com"])
    approve(run, given=NO)

    with pytest.raises(AlreadyAnswered) as of_another:
        approve(run, "bob@example.com")
    with pytest.raises(AlreadyAnswered) as of_the_same:
        approve(run)

    assert (of_another.value.vote.by, of_another.value.vote.approved) == ("alice@example.com", False)
    assert of_the_same.value.vote.comment == "Too dear"


def test_a_second_answer_after_the_run_went_on_hears_of_the_first_too(ask, engine):
    run = ask(assignees="alice@example.com, bob@example.com")
    approve(run)
    after(engine, run)

    reason = why_not(tokens(run)["bob@example.com"])

    assert isinstance(reason, AlreadyAnswered)
    assert reason.vote.by == "alice@example.com"


@pytest.mark.parametrize(("need", "approvals"), [("any", 1), ("all", 3), (2, 2)])
def test_as_many_must_approve_as_are_needed(ask, engine, need, approvals):
    people = ["a@example.com", "b@example.com", "c@example.com"]
    run = ask(assignees=people, need=need)

    for person in people[: approvals - 1]:
        approve(run, person)
    assert after(engine, run).status == "WAITING"
    approve(run, people[approvals - 1])

    assert after(engine, run).output == {"done": "paid"}
    assert [vote["by"] for vote in steps_of(run)["ask"].output["responses"]] == people[:approvals]


def test_one_rejection_rejects(ask, engine):
    run = ask(assignees=["a@example.com", "b@example.com", "c@example.com"], need="all")
    approve(run, "a@example.com")

    approve(run, "c@example.com", NO)

    assert after(engine, run).output == {"done": "refused"}
    assert isinstance(why_not(tokens(run)["b@example.com"]), AlreadyAnswered)


def test_groups_and_roles_stand_for_their_members(ask, workspace, bob):
    carol = make_user("carol@example.com")
    add_member(workspace, carol, "viewer")
    group = Group.objects.create(tenant=workspace, name="Finance")
    Membership.objects.get(user=carol).groups.add(group)

    run = ask(assignees=["finance", "Editor", "carol@example.com"])

    assert set(tokens(run)) == {"carol@example.com", "bob@example.com"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"assignees": ["nobody-knows"]}, "no group or role called 'nobody-knows'"),
        ({"assignees": ["viewer"]}, "Nobody is in 'viewer'"),
        ({"assignees": "a@b"}, "no e-mail address"),
        ({"assignees": "{{ trigger.body.total }}"}, "must be e-mail addresses"),
        ({"assignees": "{{ trigger.body.gone | default('') }}"}, "Nobody is named"),
        ({"need": 2}, "2 people must approve, but only one person is asked"),
        ({"timeout_s": "{{ 'soon' }}"}, "`timeout_s` must be a number of seconds"),
    ],
)
def test_a_question_that_nobody_could_answer_fails_with_a_sentence(ask, config, said):
    run = ask(**config)

    assert run.status == "FAILED"
    assert said in run.error["message"]
    assert not WaitToken.objects.filter(execution_id=run.pk).exists()


def test_everybody_asked_gets_a_mail_and_one_reminder(ask):
    run = ask(assignees=["a@example.com", "b@example.com"], timeout_s=7200, reminder_s=3600)

    notices = WaitNotice.objects.filter(execution_id=run.pk)

    assert {(notice.to, notice.is_reminder) for notice in notices} == {
        ("a@example.com", False), ("a@example.com", True), ("b@example.com", False), ("b@example.com", True),
    }  # fmt: skip


def test_a_reminder_after_the_end_of_the_time_is_left_out(ask):
    run = ask(timeout_s=60, reminder_s=3600)

    assert not WaitNotice.objects.filter(execution_id=run.pk, is_reminder=True).exists()


def test_nobody_is_told_by_mail_when_only_the_inbox_is_chosen(ask):
    run = ask(notify=["inbox"])

    assert not WaitNotice.objects.filter(execution_id=run.pk).exists()
    assert len(tokens(run)) == 1


def test_a_crash_after_the_question_asks_nobody_twice(ask, engine):
    run = ask()
    before = set(WaitNotice.objects.values_list("pk", flat=True))
    ActiveRun.objects.filter(pk=run.pk).update(state="RUNNING", worker="gone")

    recovery.sweep()

    assert after(engine, run).status == "WAITING"
    assert set(WaitNotice.objects.values_list("pk", flat=True)) == before
    approve(run)
    assert after(engine, run).output == {"done": "paid"}


def test_a_stopped_run_takes_no_answer(ask, alice):
    run = ask()
    cancel(run, by=alice)

    with pytest.raises(RunHasEnded):
        approve(run)

    assert steps_of(run) == {} or steps_of(run)["ask"].step_status == "CANCELLED"


def test_a_retry_of_a_stopped_run_asks_anew_with_new_links(ask, engine, alice):
    run = ask()
    cancel(run, by=alice)
    run.refresh_from_db()

    again = WorkflowExecution.objects.get(pk=retry(run, by=alice))
    engine.drain()

    assert tokens(again)["alice@example.com"].pk != tokens(run)["alice@example.com"].pk
    approve(again)
    assert after(engine, again).output == {"done": "paid"}


def test_a_member_who_is_asked_answers_by_name(ask, engine, bob):
    run = ask(assignees=["editor"])

    answer_as_member(run, "ask", YES, user=bob)

    assert after(engine, run).output == {"done": "paid"}
    assert AuditEvent.objects.filter(verb="execution.approved", actor_id=bob.pk).exists()


def test_a_member_who_is_not_asked_may_not_answer(ask, bob):
    run = ask()

    with pytest.raises(MayNotAnswer):
        answer_as_member(run, "ask", YES, user=bob)


def test_who_manages_the_workspace_may_decide_for_those_asked_and_the_audit_log_says_so(ask, engine, alice):
    run = ask(assignees=["a@example.com", "b@example.com"], need="all")

    answer_as_member(run, "ask", YES, user=alice)

    assert after(engine, run).output == {"done": "paid"}
    event = AuditEvent.objects.get(verb="execution.approved")
    assert event.detail.after["in_place_of_those_asked"] is True
    assert isinstance(why_not(tokens(run)["a@example.com"]), AlreadyAnswered)


def test_a_workflow_that_keeps_nothing_keeps_no_answers(ask, engine):
    run = ask(keep_data="nothing")
    approve(run, given=NO)

    assert after(engine, run).status == "COMPLETED"
    assert tokens(run)["alice@example.com"].answer is None
    with pytest.raises(AlreadyAnswered):
        approve(run)


def test_a_test_run_asks_only_the_person_who_tests(deploy, engine, alice):
    from workflows.runs.start import start_test_run

    deployment = deploy(
        workflow(approval(next=ENDS, assignees=["boss@example.com", "owner"], need="all"), *paths())
    )
    trigger = {"type": "manual", "key": "go", "at": "2026-01-01T00:00:00+00:00", "body": {"total": 1}}
    run_id: uuid.UUID = start_test_run(deployment.template, trigger=trigger, trigger_type="MANUAL", by=alice)
    engine.drain()
    run = WorkflowExecution.objects.get(pk=run_id)

    assert set(tokens(run)) == {"alice@example.com"}
    assert {notice.to for notice in WaitNotice.objects.all()} == {"alice@example.com"}
    approve(run)
    assert after(engine, run).output == {"done": "paid"}

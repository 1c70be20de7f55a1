"""Running again: with another input, from any step on another version, many at once; a run as a sample."""

from __future__ import annotations

import pytest
from django.urls import reverse

from automate.lib.ids import uuid7
from tests.workflows.runs.conftest import make_value, start_and_drain, steps_of, workflow
from workflows import documents
from workflows.builder import samples
from workflows.engine.document import load
from workflows.models import WorkflowAccess, WorkflowExecution
from workflows.publishing import publish
from workflows.runs import bulk
from workflows.runs.retry import NotRetryable, retry
from workflows.views.home_attention import attention
from workflows.views.runs import runs_of

HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


def address(execution, name, *more):
    return reverse(f"workflows:{name}", args=[execution.pk, *more])


@pytest.fixture
def ended(deploy, engine):
    """A run that echoes its input."""
    echo = make_value("echo", "more", got="{{ trigger.body.name }}")
    return start_and_drain(deploy(workflow(echo, make_value("more"))), engine, {"name": "Ada"})


# --- another input --------------------------------------------------------------------------------
def test_edited_input_runs_again_from_the_start(as_alice, ended, engine):
    shown = as_alice.get(address(ended, "run-edit-input"), headers=HTMX)
    answer = as_alice.post(address(ended, "run-edit-input"), {"body": '{"name": "Bea"}'})
    engine.drain()

    new = WorkflowExecution.objects.get(retry_of=ended)
    assert "&quot;Ada&quot;" in shown.content.decode()
    assert answer["Location"] == address(new, "run-detail")
    assert new.input["body"] == {"name": "Bea"}
    assert new.input["key"] == "go"
    assert steps_of(new)["echo"].output == {"got": "Bea"}
    assert steps_of(new)["echo"].copied_from is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("null", "Nothing stands here"),
        ('{"f": {"$file": "x"}}', "names a file that the run did not have"),
    ],
)
def test_input_that_cannot_be_used_comes_back_as_it_was_typed(as_alice, ended, text, words):
    answer = as_alice.post(address(ended, "run-edit-input"), {"body": text}, headers=HTMX)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert answer.context["body"] == text
    assert not WorkflowExecution.objects.filter(retry_of=ended).exists()


def test_file_of_the_run_may_stay_in_an_edited_input(ended, alice):
    ended.input["body"] = {"cv": {"$file": "01", "name": "cv.pdf"}}
    ended.save(update_fields=["input"])

    new = retry(ended, start="start", input={"copy": {"$file": "01"}}, by=alice)

    assert WorkflowExecution.objects.get(pk=new).input["body"] == {"copy": {"$file": "01"}}
    with pytest.raises(NotRetryable):
        retry(ended, start="start", input={"other": [{"$file": "02"}]}, by=alice)


# --- from a step, on the newest -------------------------------------------------------------------
def test_step_is_run_again_on_the_newest_version(as_alice, ended, engine, alice):
    template = ended.template
    newer = workflow(make_value("echo", "more", got="1"), make_value("more", v="new"))
    documents.save(template, load({**newer, "name": template.name}), by=alice)
    publish(template, by=alice)

    as_alice.post(address(ended, "run-retry-from", "more"), {"version": "newest"})
    engine.drain()

    new = WorkflowExecution.objects.get(retry_of=ended)
    assert new.version_id != ended.version_id
    assert steps_of(new)["echo"].copied_from is not None
    assert steps_of(new)["more"].output == {"v": "new"}


# --- many at once ---------------------------------------------------------------------------------
@pytest.fixture
def failed(db, make_workflow, make_run):
    """Three failed runs and one that succeeded."""
    template = make_workflow()
    make_run(template)
    return [make_run(template, "FAILED") for _ in range(3)]


def bulk_url(workspace, **query):
    return reverse("workflows:runs-retry", args=[workspace.slug]) + "".join(
        f"?{k}={v}" for k, v in query.items()
    )


def press_of(answer):
    return str(answer.context["press"])


def test_failed_runs_of_the_list_are_counted_and_retried_once_per_press(as_alice, workspace, failed):
    asked = as_alice.get(bulk_url(workspace, status="failed"), headers=HTMX)
    for _ in range(2):
        answer = as_alice.post(
            bulk_url(workspace, status="failed"), {"press": press_of(asked), "from": "start"}
        )

    assert asked.context["count"] == 3
    assert answer.status_code == 302
    again = WorkflowExecution.objects.filter(retry_of__isnull=False)
    assert sorted(again.values_list("retry_of", flat=True)) == sorted(run.pk for run in failed)


def test_runs_that_were_retried_before_are_left_out(as_alice, workspace, failed, alice):
    retry(failed[0], start="start", by=alice)

    assert as_alice.get(bulk_url(workspace)).context["count"] == 2


def test_what_fails_after_the_question_is_not_part_of_the_answer(as_alice, workspace, failed, make_run):
    asked = as_alice.get(bulk_url(workspace))
    later = make_run(failed[0].template, "FAILED")

    as_alice.post(bulk_url(workspace), {"press": press_of(asked), "from": "start"})

    assert not WorkflowExecution.objects.filter(retry_of=later).exists()


def test_press_takes_the_newest_up_to_the_limit_and_says_so(as_alice, workspace, failed, monkeypatch):
    monkeypatch.setattr(bulk, "LIMIT", 2)
    asked = as_alice.get(bulk_url(workspace))
    for _ in range(2):
        as_alice.post(bulk_url(workspace), {"press": press_of(asked), "from": "start"})

    assert (asked.context["count"], asked.context["is_more"]) == (2, True)
    again = WorkflowExecution.objects.filter(retry_of__isnull=False)
    assert set(again.values_list("retry_of", flat=True)) == {run.pk for run in failed[1:]}


def test_filters_narrow_what_is_retried(as_alice, workspace, failed, make_workflow, make_run):
    other = make_run(make_workflow("Other"), "FAILED")

    asked = as_alice.get(bulk_url(workspace, workflow=other.template_id))

    assert asked.context["count"] == 1


def test_workflow_shared_for_looking_is_left_out(as_bob, bob, workspace, failed):
    WorkflowAccess.objects.create(
        tenant=workspace, template=failed[0].template, user=bob, level=WorkflowAccess.Level.VIEW
    )

    assert as_bob.get(bulk_url(workspace)).context["count"] == 0


def test_viewer_retries_nothing(as_bob, workspace, failed, viewer):
    assert as_bob.post(bulk_url(workspace), {"press": str(uuid7())}).status_code == 403
    assert (
        "Retry these runs"
        not in as_bob.get(
            reverse("workflows:run-list", args=[workspace.slug]), {"status": "failed"}
        ).content.decode()
    )


def test_list_of_failed_runs_offers_it(as_alice, workspace, failed):
    url = reverse("workflows:run-list", args=[workspace.slug])

    assert "Retry these runs" in as_alice.get(url, {"status": "failed"}).content.decode()
    assert "Retry these runs" not in as_alice.get(url).content.decode()


def test_runs_that_cannot_be_repeated_are_told(as_alice, workspace, failed):
    WorkflowExecution.objects.filter(pk=failed[0].pk).update(version_id=uuid7())
    asked = as_alice.get(bulk_url(workspace))

    answer = as_alice.post(bulk_url(workspace), {"press": press_of(asked), "from": "failed"}, follow=True)

    assert "1 could not be repeated" in answer.content.decode()
    assert WorkflowExecution.objects.filter(retry_of__isnull=False).count() == 2


def test_ids_of_a_press_are_time_ordered_and_of_version_7():
    press, run = uuid7(), uuid7()

    made = bulk.id_of(press, run)

    assert (made.version, made.variant) == (7, press.variant)
    assert made.int >> 80 == press.int >> 80
    assert made == bulk.id_of(press, run) != bulk.id_of(press, uuid7())


# --- what needs attention -------------------------------------------------------------------------
def concerns(alice, workspace):
    membership = alice.memberships.get(tenant=workspace)
    return [concern.text for concern in attention(membership, runs_of(membership)).concerns]


def test_failure_says_what_went_wrong_and_leaves_when_a_retry_succeeded(
    alice, workspace, make_workflow, make_run
):
    template = make_workflow()
    first = make_run(template, "FAILED", error={"message": "The service said no.", "code": "error"})
    second = make_run(template, "FAILED", retry_of=first)
    assert concerns(alice, workspace)[0].startswith("Failed 2 times")

    make_run(template, "COMPLETED", retry_of=second)

    assert concerns(alice, workspace) == []


def test_code_without_a_sentence_is_put_into_words(alice, workspace, make_workflow, make_run):
    make_run(make_workflow(), "FAILED", error={"message": "tls_failed", "code": "tls_failed"})

    assert "certificate is not valid" in concerns(alice, workspace)[0]


# --- as a sample ----------------------------------------------------------------------------------
def test_chosen_run_serves_the_builder_until_the_newest_does_again(as_alice, ended, engine):
    template = ended.template
    retry(ended, start="start", input={"name": "Bea"}, by=None)
    engine.drain()

    answer = as_alice.post(address(ended, "run-use-as-sample"))
    chosen = loaded(template)
    url = reverse("workflows:builder-use-request", args=[template.pk, "go"])
    as_alice.post(url, {"do": "newest"})

    assert answer["Location"] == reverse("workflows:workflow-build", args=[template.pk])
    assert chosen.triggers["go"].data["body"] == {"name": "Ada"}
    assert chosen.steps["echo"].data == {"got": "Ada"}
    assert chosen.steps["echo"].source_words == "From the run you chose"
    assert loaded(template).steps["echo"].data == {"got": "Bea"}


def loaded(template):
    template.refresh_from_db()
    document = documents.load_draft(template)
    return samples.load(template, document, documents.catalogue_for(template.tenant))


def test_deeds_are_on_the_page_of_a_run(as_alice, ended):
    text = as_alice.get(address(ended, "run-detail")).content.decode()

    for words in ("Edit the input and run again", "data in the builder", "Run again"):
        assert words in text

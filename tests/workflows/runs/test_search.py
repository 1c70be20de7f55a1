"""Finding runs by the words in their data; on SQLite the newest are looked through."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from automate.lib import clock
from tests.workflows.views.run_fixtures import make_run, make_workflow
from workflows.models import RunText, StepExecution, WorkflowExecution
from workflows.runs import search as searching
from workflows.runs.search import search

__all__ = ["make_run", "make_workflow"]
pytestmark = [pytest.mark.django_db]
is_postgres = connection.vendor == "postgresql"
only_postgres = pytest.mark.skipif(not is_postgres, reason="Full text is PostgreSQL's.")


@pytest.fixture
def template(make_workflow):
    return make_workflow()


@pytest.fixture
def put(template, make_run):
    """A run with these data, ended unless said otherwise."""

    def make(
        given: Any,
        output: Any = None,
        status: str = "COMPLETED",
        step: dict[str, Any] | None = None,
        **more: Any,
    ) -> WorkflowExecution:
        ended = clock.now() if status in ("COMPLETED", "FAILED") else None
        run = make_run(template, status, output=output, completed_at=ended, **more)
        WorkflowExecution.objects.filter(pk=run.pk).update(input={"body": given})
        if step:
            own = {
                "tenant": template.tenant,
                "execution": run,
                "path": "a",
                "step_id": "a",
                "step_type": "ACTION",
            }
            StepExecution.objects.create(**own, step_status="COMPLETED", **step)
        return run

    return make


def found(template, text: str) -> list[WorkflowExecution]:
    rows = WorkflowExecution.objects.for_tenant(template.tenant_id)
    return list(rows.filter(search(template.tenant_id, text, rows).found).order_by("-pk"))


def test_words_are_found_in_input_output_steps_and_errors(template, put):
    by_input = put({"customer": "Lovelace"})
    by_output = put({}, {"note": "shipped lovelace"})
    by_step = put({}, step={"input": {"to": "Lovelace"}})
    by_error = put({}, status="FAILED", error={"message": "No room for Lovelace."})
    put({"customer": "Babbage"})

    assert found(template, "lovelace") == [by_error, by_step, by_output, by_input]


def test_all_words_must_be_there_and_the_last_may_be_begun(template, put):
    both = put({"a": "red apple", "n": 1249})
    put({"a": "red pear"})

    assert found(template, "red app") == [both]
    assert found(template, "1249") == [both]
    assert found(template, "green app") == []


def test_values_and_not_names_are_searched_with_full_text(template, put):
    put({"customer": "x"})

    assert bool(found(template, "customer")) is not is_postgres


def test_runs_under_way_are_found_by_their_input(template, put):
    waiting = put({"a": "lovelace"}, status="WAITING")

    assert found(template, "lovelace") == [waiting]
    assert not RunText.objects.filter(pk=waiting.pk).exists()


def test_sealed_steps_are_not_searched(template, put):
    put({}, step={"output": {"v": "lovelace"}, "is_encrypted": True})

    assert found(template, "lovelace") == []


def test_other_workspaces_find_nothing(template, put, charlie):
    put({"a": "lovelace"})
    found(template, "lovelace")
    tenant = charlie.memberships.get().tenant

    rows = WorkflowExecution.objects.for_tenant(tenant)
    assert not rows.filter(search(tenant.pk, "lovelace", rows).found).exists()


@pytest.mark.parametrize("text", ["'; DROP TABLE x; --", "a & | !", "%", "\\", "((", ":*", "'a':*", "ä" * 50])
def test_any_text_can_be_searched_for(template, put, text):
    put({"a": "lovelace"})

    assert found(template, text) == []


@only_postgres
def test_index_grows_a_batch_at_a_time_newest_first(template, put, monkeypatch):
    monkeypatch.setattr(searching, "BATCH", 2)
    runs = [put({"a": "lovelace"}) for _ in range(3)]
    rows = WorkflowExecution.objects.for_tenant(template.tenant_id)

    first = search(template.tenant_id, "lovelace", rows)
    second = search(template.tenant_id, "lovelace", rows)

    assert (first.is_growing, second.is_growing) == (True, False)
    assert "searchable" in first.note
    assert second.note == ""
    assert RunText.objects.count() == len(runs)


@only_postgres
def test_words_go_with_their_run(template, put):
    run = put({"a": "lovelace"})
    found(template, "lovelace")

    WorkflowExecution.objects.filter(pk=run.pk)._raw_delete("default")

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT count(*) FROM workflows_runtext")
        assert cursor.fetchone() == (0,)


@only_postgres
def test_runs_with_very_large_data_are_still_made_searchable(template, put):
    many = {f"k{n}": f"word{n}" for n in range(60_000)}
    run = put({"a": "lovelace"}, many, step={"input": many, "output": many})

    assert found(template, "lovelace") == [run]
    assert found(template, "word59999") == []


@pytest.mark.skipif(is_postgres, reason="Only SQLite looks through them one by one.")
def test_scan_stops_and_says_so(template, put, monkeypatch):
    monkeypatch.setattr(searching, "SCANNED", 1)
    put({"a": "lovelace"})
    newest = put({"a": "lovelace"})

    assert found(template, "lovelace") == [newest]
    rows = WorkflowExecution.objects.for_tenant(template.tenant_id)
    assert "only the newest 1 runs" in search(template.tenant_id, "x", rows).note

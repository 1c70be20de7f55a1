"""The data of a step as a table, JSON or a tree, what is found in it, and when each step worked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from integrations.sync import sync_catalogue
from tests.workflows.runs.conftest import drain_until, make_value, start, workflow
from tests.workflows.views.run_pages import HTMX, LOOP, address, begin_step
from workflows.models import ActiveRun, StepExecution, WorkflowExecution, WorkflowVariable
from workflows.runs.secret_values import conceal
from workflows.views import run_timeline, run_values

ORDER = {"number": "#1", "lines": [{"sku": "CHAIR", "n": 2}, {"sku": "LAMP", "note": "<b>"}], "paid": None}


def test_table_of_records_has_the_fields_of_all_of_them():
    found = run_values.table(ORDER["lines"] * 40)

    assert found.columns == ("sku", "n", "note")
    assert found.rows[:2] == (("CHAIR", "2", ""), ("LAMP", "", "<b>"))
    assert (len(found.rows), found.more) == (50, 30)
    assert run_values.table(ORDER).rows[2] == ("paid", "null")
    assert run_values.table(["a", 1]).rows == (("1", "a"), ("2", "1"))
    assert run_values.table("x").rows == (("Value", "x"),)


def test_tree_stops_at_a_size_and_says_what_is_missing():
    nodes = run_values.tree({"rows": list(range(5000)), "end": True})

    assert nodes[0].count == "5,000 items"
    assert len(nodes[0].children) + nodes[0].more == 5000
    assert len(nodes[0].children) < 600
    assert run_values.tree(ORDER)[1].children[1].children[1].text == "<b>"


def test_search_finds_names_and_values_with_their_places():
    found = run_values.hits({"a": {"Sku": "x"}, "rows": ["one", "a long skunk " + "y" * 500]}, "sku")

    assert [(hit.path, hit.found) for hit in found.places] == [("a.Sku", ""), ("rows[1]", "sku")]
    assert found.places[1].after.endswith("…")
    assert not run_values.hits([[[[1]]]], "2").places
    assert len(run_values.hits(["x"] * 300, "x").places) == run_values.MAX_HITS


def test_view_is_remembered_and_search_answers_with_the_places_alone(as_alice, run):
    page = address(
        run(workflow(make_value("a", rows="{{ trigger.body.lines }}")), body=ORDER), "run-step", "trigger"
    )

    chosen = as_alice.get(page, {"view": "table"})
    later = as_alice.get(page).content.decode()
    found = as_alice.get(page, {"find": "lamp"}, headers=HTMX | {"HX-Target": "panel-data"}).content.decode()

    assert chosen.cookies["data_view"].value == "table"
    assert '<th scope="row">number</th>' in later
    assert "<html" not in found
    assert "lines[1].sku" in found
    assert "<mark>LAMP</mark>" in found
    assert "CHAIR" not in found


def test_next_failed_item_is_a_click_away(as_alice, run):
    execution = run(LOOP, body=[1, 0, 2, 0])

    def next_of(path):
        return as_alice.get(address(execution, "run-step", path)).context["panel"].choosers[0].next_failed

    assert next_of("items").endswith("items%5B1%5D/")
    assert next_of("items[1].half").endswith("items%5B3%5D.half/")
    assert next_of("items[3].half").endswith("items%5B1%5D.half/")


def test_every_try_keeps_its_request(as_alice, deploy, engine, httpserver):
    sync_catalogue()
    httpserver.expect_ordered_request("/").respond_with_response(Response("down", status=503))
    httpserver.expect_ordered_request("/").respond_with_json({})
    step = {"key": "ask", "type": "action", "integration": "http", "action": "request",
            "retry": {"attempts": 2, "backoff_s": 0.01},
            "input": {"method": "GET", "url": httpserver.url_for("/"), "headers": {"Authorization": "Bearer s3cret-s3cret"}}}  # fmt: skip
    execution = drain_until(engine, start(deploy(workflow(step))), "COMPLETED")

    answer = as_alice.get(address(execution, "run-step", "ask"), {"tab": "request"})
    [first] = answer.context["panel"].tries
    drawn = as_alice.get(address(execution), {"as": "timeline"})

    assert (first.number, first.status, first.request["status"]) == (1, 503, 503)
    assert "s3cret-s3cret" not in answer.content.decode()
    assert "s3cret-s3cret" not in str(StepExecution.objects.get(path="ask").attempts)
    [row] = drawn.context["timeline"].rows
    assert [bar.tone for bar in row.bars] == ["wait", "bad", "ok"]
    assert drawn.cookies["run_shows"].value == "timeline"


def test_tries_hide_secrets_while_the_step_still_waits(as_alice, workspace, deploy, engine, httpserver):
    sync_catalogue()
    secret = WorkflowVariable(tenant=workspace, key="SHOP_KEY", type="SECRET")
    conceal(secret, "sk-live-4711-4711")
    secret.save()
    httpserver.expect_request("/").respond_with_response(Response("down", status=503))
    step = {"key": "ask", "type": "action", "integration": "http", "action": "request",
            "retry": {"attempts": 2, "backoff_s": 600, "max_s": 600},
            "input": {"method": "GET", "url": httpserver.url_for("/") + "?key={{ vars.SHOP_KEY }}"}}  # fmt: skip
    waiting = drain_until(engine, start(deploy(workflow(step))), "WAITING")

    answer = as_alice.get(address(waiting, "run-step", "ask"), {"tab": "request"})

    [tried] = answer.context["panel"].tries
    assert tried.request["url"].startswith(httpserver.url_for("/"))
    assert "sk-live-4711" not in answer.content.decode() + str(ActiveRun.objects.get().cursor)


def test_timeline_sums_the_items_of_a_loop(as_alice, run):
    execution = run(LOOP, body=[1, 0, 2])

    drawn = as_alice.get(address(execution), {"as": "timeline"}).context["timeline"]

    rows = {row.title.lower(): row for row in drawn.rows}
    assert [row.n for row in drawn.rows] == [2, 3, 4]
    assert rows["half"].times == "3 times, 1 failed"
    assert (rows["half"].depth, rows["half"].status) == (1, "FAILED")
    assert all(0 <= float(bar.x[:-1]) <= 100 for row in drawn.rows for bar in row.bars)


def test_timeline_of_a_run_under_way_goes_on_to_now(as_alice, make_workflow, make_run):
    execution = make_run(make_workflow(), "RUNNING")
    began = execution.created_at.isoformat()
    begin_step(execution, "only", started_at=began)
    WorkflowExecution.objects.filter(pk=execution.pk).update(started_at=execution.created_at)

    answer = as_alice.get(address(execution), {"as": "timeline"})

    [row] = answer.context["timeline"].rows
    assert [bar.tone for bar in row.bars] == ["run"]
    assert "In the queue" in answer.content.decode()


@pytest.mark.parametrize(
    ("total_ms", "labels"), [(900, ["0", "500 ms"]), (7_200_000, ["0", "30 min", "1 h", "1 h 30 min"])]
)
def test_ticks_are_round(total_ms, labels):
    assert [tick.label for tick in run_timeline.ticks(total_ms)] == labels


def test_bars_are_seen_and_stay_inside():
    start_at = datetime(2026, 1, 1, tzinfo=UTC)
    scale = run_timeline.Scale(start_at, start_at + timedelta(days=3))

    bar = scale.bar(start_at + timedelta(days=3), start_at + timedelta(days=3), "ok", "")

    assert float(bar.x[:-1]) + float(bar.width[:-1]) <= 100
    assert float(bar.width[:-1]) > 0.3

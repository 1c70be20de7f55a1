"""A run's page while it goes on: what is new, and what a question costs."""

from __future__ import annotations

import re

from django.urls import reverse
from werkzeug import Response

from integrations.sync import sync_catalogue
from tests.workflows.runs.conftest import make_value, start, start_and_drain, workflow
from tests.workflows.views.run_pages import HTMX, LOOP, address, begin_step, cards, states
from workflows.models import WorkflowExecution


def test_a_run_under_way_shows_what_its_worker_says(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(LOOP), [1, 2, 3]))
    begin_step(execution, "items", items=3, done=1)
    begin_step(execution, "items[1].half")

    page = as_alice.get(address(execution))

    assert (cards(page)["items"].status, cards(page)["items"].time) == ("RUNNING", "1 of 3")
    assert cards(page)["half"].status == "RUNNING"
    assert page.context["headline"].title == "Running, step 3 of 4"
    assert page.context["headline"].text == "Item 2 of 3"


def test_a_queued_run_says_that_it_waits_for_a_worker(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(workflow(make_value("a")))))

    page = as_alice.get(address(execution))

    assert page.context["headline"].title == "Queued"
    assert states(page)["a"] == ""


def test_nothing_new_in_a_run_is_204(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(workflow(make_value("a")))))
    live = as_alice.get(address(execution)).context["live_url"]

    assert as_alice.get(live, headers=HTMX).status_code == 204


def test_news_come_with_the_steps_the_bar_and_the_row(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(workflow(make_value("a")))))
    live = as_alice.get(address(execution)).context["live_url"]

    begin_step(execution, "a")
    answer = as_alice.get(live, headers=HTMX)
    text = answer.content.decode()

    assert answer.status_code == 200
    assert states(answer)["a"] == "RUNNING"
    for part in ("run-steps", "run-status", "run-deeds", f"row-{execution.pk}"):
        assert text.count(f'id="{part}"') == 1
    assert as_alice.get(answer.context["live_url"], headers=HTMX).status_code == 204


def test_the_open_step_is_sent_only_when_it_changed(as_alice, deploy):
    execution = WorkflowExecution.objects.get(
        pk=start(deploy(workflow(make_value("a", "b"), make_value("b"))))
    )
    live = as_alice.get(address(execution, "run-step", "b")).context["live_url"]

    begin_step(execution, "a")
    same = as_alice.get(live, headers=HTMX)
    begin_step(execution, "b")
    changed = as_alice.get(live, headers=HTMX)

    assert 'id="panel"' not in same.content.decode()
    assert 'id="panel"' in changed.content.decode()


def test_the_panel_of_a_loop_follows_its_items(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(LOOP), [1, 2, 3]))
    begin_step(execution, "items", items=3, done=1)
    live = as_alice.get(address(execution, "run-step", "items")).context["live_url"]

    begin_step(execution, "items", items=3, done=2)
    answer = as_alice.get(live, headers=HTMX).content.decode()

    assert "2 of 3 items done" in answer
    assert 'id="panel"' in answer


def test_the_end_of_a_run_stops_the_asking(as_alice, engine, deploy):
    run_id = start(deploy(workflow(make_value("a"))))
    live = as_alice.get(reverse("workflows:run-detail", args=[run_id])).context["live_url"]

    engine.drain()
    answer = as_alice.get(live, headers=HTMX)

    assert answer.status_code == 286
    assert states(answer)["a"] == "COMPLETED"
    assert "hx-trigger" not in re.findall(r'<section id="run-steps"[^>]*>', answer.content.decode())[0]


def test_a_waiting_step_says_until_when(as_alice, run):
    data = workflow({"key": "pause", "type": "delay", "config": {"days": 2}, "next": ["a"]}, make_value("a"))

    page = as_alice.get(address(run(data), "run-step", "pause"))

    assert page.context["headline"].title == "Waiting at 2. Pause"
    assert re.search(
        r"It goes on on \d+ \w+ at \d\d:\d\d, by itself\.", page.context["panel"].notices[0].text
    )


def test_a_step_that_tries_again_says_why(as_alice, run, httpserver):
    sync_catalogue()
    httpserver.expect_request("/").respond_with_response(Response("down", status=503))
    step = {"key": "ask", "type": "action", "integration": "http", "action": "request",
            "retry": {"attempts": 5, "backoff_s": 500, "max_s": 500, "factor": 1},
            "input": {"method": "GET", "url": httpserver.url_for("/")}}  # fmt: skip

    page = as_alice.get(address(run(workflow(step)), "run-step", "ask"))

    assert cards(page)["ask"].status in ("RETRYING", "FAILED")
    assert page.context["panel"].notices[0].title == "Try 1 failed"


def test_more_steps_cost_no_more_queries(as_alice, engine, deploy, django_assert_max_num_queries):
    deployment = deploy(LOOP)
    few, many = start_and_drain(deployment, engine, [1, 2]), start_and_drain(deployment, engine, [1] * 40)

    def cost(execution):
        with django_assert_max_num_queries(100) as queries:
            as_alice.get(address(execution, "run-step", "items[0].half"))
        return len(queries)

    cost(few)
    assert cost(many) == cost(few) <= 16


def test_asking_a_run_for_news_costs_few_queries(as_alice, deploy, django_assert_max_num_queries):
    execution = WorkflowExecution.objects.get(pk=start(deploy(workflow(make_value("a")))))
    live = as_alice.get(address(execution)).context["live_url"]

    with django_assert_max_num_queries(7):  # one of them: does a server that drains hold it up?
        assert as_alice.get(live, headers=HTMX).status_code == 204

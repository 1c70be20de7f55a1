"""The page of one run: its steps, what is new in it, and the data of a step."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse
from werkzeug import Response

from automate.lib.ids import uuid7
from integrations.sync import sync_catalogue
from tests.workflows.runs.conftest import make_value, start, start_and_drain, workflow
from workflows.models import ActiveRun, StepExecution, WorkflowAccess, WorkflowExecution

HTMX = {"HX-Request": "true"}
PANEL = HTMX | {"HX-Target": "panel"}
NESTED = workflow(
    {"key": "outer", "type": "loop", "over": "{{ trigger.body }}", "as": "o", "next": {"each": ["inner"]}},
    {"key": "inner", "type": "loop", "over": "{{ o }}", "as": "i", "next": {"each": ["mark"]}},
    make_value("mark", v="{{ i }}"),
)
LOOP = workflow(
    {
        "key": "items", "type": "loop", "over": "{{ trigger.body }}", "as": "n", "on_item_error": "continue",
        "next": {"each": ["half"], "done": ["end"]},
    },
    make_value("half", v="{{ 12 / n }}"),
    make_value("end"),
)  # fmt: skip


def address(execution, name="run-detail", *more):
    return reverse(f"workflows:{name}", args=[execution.pk, *more])


def cards(answer):
    """The cards of a page by key, however deep they lie."""
    found = {}
    waiting = list(answer.context["items"])
    while waiting:
        item = waiting.pop()
        found[item.card.key] = item.card
        waiting += [inner for branch in item.branches for inner in branch.items]
    return found


def states(answer):
    return {key: card.status for key, card in cards(answer).items()}


def begin_step(execution, path, **live):
    """What a worker says of a step under way."""
    active = ActiveRun.objects.get(pk=execution.pk)
    active.progress[path] = {
        "state": "RUNNING",
        "started_at": "2026-01-01T00:00:00+00:00",
        "attempt": 1,
        **live,
    }
    active.seq += 1
    active.save()
    WorkflowExecution.objects.filter(pk=execution.pk).update(status="RUNNING")


# --- who sees it --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["run-detail", "run-live"])
def test_strangers_get_404(as_charlie, run, name):
    assert as_charlie.get(address(run(workflow(make_value("a"))), name)).status_code == 404


def test_data_of_a_step_is_404_for_strangers(as_charlie, run):
    execution = run(workflow(make_value("a")))

    assert as_charlie.get(address(execution, "run-step", "a")).status_code == 404
    assert as_charlie.get(address(execution, "run-data", "a", "output")).status_code == 404


def test_anonymous_people_are_asked_to_sign_in(client, run):
    answer = client.get(address(run(workflow(make_value("a")))))

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_a_workflow_shared_with_others_hides_its_runs(as_bob, alice, run):
    execution = run(workflow(make_value("a")))
    WorkflowAccess.objects.create(tenant=execution.tenant, template=execution.template, user=alice)

    assert as_bob.get(address(execution)).status_code == 404


def test_unknown_runs_are_404(as_alice):
    assert as_alice.get(reverse("workflows:run-detail", args=[uuid7()])).status_code == 404


def test_viewers_see_the_run_and_no_buttons(as_bob, viewer, run):
    page = as_bob.get(address(run(workflow(make_value("a", done="{{ trigger.nothing }}")))))

    assert page.status_code == 200
    assert not any(page.context["deeds"][deed] for deed in ("stop", "again", "resume"))
    assert "/retry" not in page.content.decode()
    assert "/build/" not in page.content.decode()


# --- steps --------------------------------------------------------------------------------------------
def test_steps_show_what_became_of_them(as_alice, run):
    branch = {
        "key": "big", "type": "condition", "cases": [{"key": "yes", "when": "{{ trigger.body > 5 }}"}],
        "next": {"yes": ["a"], "else": ["b"]},
    }  # fmt: skip
    execution = run(workflow(branch, make_value("a"), make_value("b")), body=9)

    page = as_alice.get(address(execution))

    assert states(page) == {"go": "COMPLETED", "big": "COMPLETED", "a": "COMPLETED", "b": "SKIPPED"}


def test_paths_that_were_taken_stand_out(as_alice, run):
    branch = {
        "key": "big", "type": "condition", "cases": [{"key": "yes", "when": "{{ trigger.body > 5 }}"}],
        "next": {"yes": ["a"], "else": ["b"]},
    }  # fmt: skip
    execution = run(workflow(branch, make_value("a"), make_value("b")), body=1)

    items = as_alice.get(address(execution)).context["items"]
    tones = {branch.label: branch.tone for item in items for branch in item.branches}

    assert tones == {"Yes": "idle", "Otherwise": "ok"}


def test_steps_are_drawn_as_they_were_in_the_runs_version(as_alice, alice, run):
    from workflows import documents
    from workflows.engine.document import load

    execution = run(workflow(make_value("a")))
    documents.save(execution.template, load(workflow(make_value("quite_another"))), by=alice)

    assert set(states(as_alice.get(address(execution)))) == {"go", "a"}


def test_a_failed_run_opens_where_it_failed(as_alice, run):
    execution = run(workflow(make_value("a", "b"), make_value("b", v="{{ steps.a.nothing }}")))

    page = as_alice.get(address(execution))

    assert page.context["panel"].title == "3. B"
    assert page.context["headline"].title == "Failed at 3. B"
    assert "nothing" in page.context["headline"].text
    assert "expression" in page.context["headline"].advice


def test_a_run_that_failed_in_a_loop_opens_the_failed_item(as_alice, run):
    data = workflow(
        {"key": "items", "type": "loop", "over": "{{ trigger.body }}", "as": "n", "next": {"each": ["half"]}},
        make_value("half", v="{{ 12 / n }}"),
    )

    page = as_alice.get(address(run(data, body=[1, 0, 2])))

    assert page.context["headline"].title == "Failed at 3. Half, item 2"
    assert page.context["room"].where == "items[1].half"


def test_a_run_that_succeeded_shows_its_output(as_alice, run):
    panel = as_alice.get(address(run(workflow(make_value("a", v=17))))).context["panel"]

    assert [(part.title, part.value) for part in panel.sections] == [("Output", {"v": 17})]


def test_error_paths_mark_a_run_that_succeeded(as_alice, run):
    failing = make_value("a", v="{{ trigger.nothing }}") | {"on_error": "b"}

    page = as_alice.get(address(run(workflow(failing, make_value("b")))))

    assert page.context["status"] == "HAD_ERRORS"
    assert page.context["headline"].title == "Succeeded with errors"


def test_data_is_escaped(as_alice, run):
    execution = run(workflow(make_value("a", v="{{ trigger.body }}")), body="<script>alert(1)</script>")

    page = as_alice.get(address(execution, "run-step", "a")).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_moments_are_in_the_readers_zone(as_alice, alice, run):
    execution = run(workflow(make_value("a")))
    WorkflowExecution.objects.filter(pk=execution.pk).update(started_at="2026-06-01T12:00:00+00:00")
    alice.time_zone = "Asia/Tokyo"
    alice.save()

    assert "1 Jun 2026, 21:00:00" in as_alice.get(address(execution)).content.decode()


# --- the panel ----------------------------------------------------------------------------------------
def test_a_card_opens_its_data_and_marks_itself(as_alice, run):
    execution = run(workflow(make_value("a", v=17)))

    answer = as_alice.get(address(execution, "run-step", "a"), headers=PANEL)
    text = answer.content.decode()

    assert "<html" not in text
    assert text.index("flow-panel") < text.index('id="run-steps"')
    assert 'hx-swap-oob="morph"' in text
    assert cards(answer)["a"].selected


def test_a_step_is_a_page_of_its_own_without_htmx(as_alice, run):
    page = as_alice.get(address(run(workflow(make_value("a"))), "run-step", "a"))

    assert "<html" in page.content.decode()
    assert page.context["panel"].title == "2. A"


def test_the_trigger_shows_what_came(as_alice, run):
    execution = run(workflow(make_value("a")), body={"order": 17})

    panel = as_alice.get(address(execution, "run-step", "trigger")).context["panel"]

    assert panel.title == "1. Go"
    assert panel.sections[0].value == {"order": 17}
    assert panel.sections[1].value["key"] == "go"


@pytest.mark.parametrize("path", ["nothing", "a[0]", "a.b", "items[0].a", "a;drop", "%2e%2e"])
def test_places_the_workflow_has_not_are_404(as_alice, run, path):
    assert as_alice.get(address(run(workflow(make_value("a"))), "run-step", path)).status_code == 404


def test_a_step_that_did_not_run_says_so(as_alice, run):
    execution = run(workflow(make_value("a", "b", v="{{ trigger.nothing }}"), make_value("b")))

    notice = as_alice.get(address(execution, "run-step", "b")).context["panel"].notices[0]

    assert notice.title == "This step did not run"


def test_wiped_data_is_explained(as_alice, run):
    execution = run(workflow(make_value("a"), settings={"keep_data": "nothing"}))

    page = as_alice.get(address(execution, "run-step", "a"))

    assert [bool(part.note) for part in page.context["panel"].sections] == [True, True]
    assert not page.context["deeds"]["again"]


def test_encrypted_outputs_are_not_shown(as_alice, run):
    execution = run(workflow(make_value("a", v="hush")))
    StepExecution.objects.update(is_encrypted=True)

    page = as_alice.get(address(execution, "run-step", "a"))

    assert "hush" not in page.content.decode()
    assert as_alice.get(address(execution, "run-data", "a", "output")).status_code == 404


def test_big_values_are_cut_and_can_be_downloaded_whole(as_alice, run):
    execution = run(workflow(make_value("a", v="{{ trigger.body }}")), body="x" * 150_000)

    page = as_alice.get(address(execution, "run-step", "a"))
    file = as_alice.get(address(execution, "run-data", "a", "output"))

    assert "the first 100 kB are shown" in page.content.decode()
    assert "Download all" in page.content.decode()
    assert file["Content-Type"] == "application/json"
    assert file["Content-Disposition"] == f'attachment; filename="run-{execution.number}-a-output.json"'
    assert json.loads(file.content) == {"v": "x" * 150_000}


def test_only_the_parts_of_a_step_can_be_downloaded(as_alice, run):
    execution = run(workflow(make_value("a")))

    assert as_alice.get(address(execution, "run-data", "a", "tenant")).status_code == 404
    assert as_alice.get(address(execution, "run-data", "run", "output")).status_code == 200


def test_the_request_of_a_step_is_shown_with_its_answer(as_alice, run, httpserver):
    sync_catalogue()
    httpserver.expect_request("/pay").respond_with_response(Response('{"error": "no <money>"}', status=402))
    step = {"key": "pay", "type": "action", "integration": "http", "action": "request", "effect": "safe",
            "input": {"method": "POST", "url": httpserver.url_for("/pay")}}  # fmt: skip
    execution = run(workflow(step))

    page = as_alice.get(address(execution, "run-step", "pay"), {"tab": "request"})
    text = page.content.decode()

    assert page.context["panel"].request["status"] == 402
    assert "no &lt;money&gt;" in text
    assert httpserver.url_for("/pay") in text


def test_earlier_tries_are_in_the_log(as_alice, run, httpserver):
    sync_catalogue()
    httpserver.expect_ordered_request("/").respond_with_response(Response("down", status=503))
    httpserver.expect_ordered_request("/").respond_with_json({})
    step = {"key": "ask", "type": "action", "integration": "http", "action": "request",
            "retry": {"attempts": 2, "backoff_s": 0.01}, "input": {"method": "GET", "url": httpserver.url_for("/")}}  # fmt: skip

    panel = as_alice.get(address(run(workflow(step)), "run-step", "ask"), {"tab": "log"}).context["panel"]

    assert [entry.label or entry.text[:9] for entry in panel.log] == ["Started.", "Try 1", "Succeeded"]


def test_steps_taken_over_from_an_earlier_run_say_so(as_alice, alice, engine, deploy):
    from workflows.runs.retry import retry

    data = workflow(make_value("a", "b"), make_value("b", v="{{ steps.a.nothing }}"))
    first = start_and_drain(deploy(data), engine)
    second = retry(first, by=alice)
    engine.drain()

    page = as_alice.get(reverse("workflows:run-step", args=[second, "a"]), {"tab": "log"})

    assert "Taken over from an earlier run" in page.content.decode()
    assert page.context["panel"].log[0].url == address(first)


def test_runs_that_belong_together_lead_to_each_other(as_alice, engine, deploy):
    child = deploy(
        {**workflow(make_value("x")), "key": "child", "triggers": [{"key": "go", "type": "workflow"}]}
    )
    data = workflow({"key": "sub", "type": "sub_workflow", "workflow": "child", "wait": True}, key="parent")
    parent = start_and_drain(deploy(data), engine)
    engine.drain()
    started = WorkflowExecution.objects.get(template=child.template)

    down = as_alice.get(address(parent, "run-step", "sub")).context["panel"].runs
    up = as_alice.get(address(started)).context["panel"].runs

    assert [link["url"] for link in down] == [address(started)]
    assert [link["url"] for link in up] == [address(parent)]


# --- loops --------------------------------------------------------------------------------------------
def test_steps_in_a_loop_add_up_over_its_items(as_alice, run):
    page = as_alice.get(address(run(LOOP, body=[1, 0, 2])))

    assert cards(page)["items"].time == "3 items, 1 failed"
    assert (cards(page)["half"].status, cards(page)["half"].time) == ("FAILED", "3 of 3")
    assert cards(page)["half"].href.endswith("/steps/items%5B1%5D.half/")


def test_the_chosen_item_decides_what_its_steps_show(as_alice, run):
    execution = run(LOOP, body=[1, 0, 2])

    good = as_alice.get(address(execution, "run-step", "items[2].half"))
    bad = as_alice.get(address(execution, "run-step", "items[1].half"))

    assert (states(good)["half"], states(bad)["half"]) == ("COMPLETED", "FAILED")
    assert good.context["panel"].sections[-1].value == {"v": 6}


def test_items_are_chosen_by_number_and_failed_ones_are_marked(as_alice, run):
    chooser = (
        as_alice.get(address(run(LOOP, body=[1, 0, 2]), "run-step", "items")).context["panel"].choosers[0]
    )

    assert [(part["label"], part["icon_name"]) for part in chooser.segments] == [
        ("1", None), ("2", "alert-circle"), ("3", None)
    ]  # fmt: skip


def test_failed_items_are_listed(as_alice, run):
    panel = as_alice.get(address(run(LOOP, body=[1, 0, 2, 0]), "run-step", "items")).context["panel"]

    assert [number for number, _ in panel.failed_items] == [2, 4]


def test_an_item_shows_its_steps(as_alice, run):
    panel = as_alice.get(address(run(LOOP, body=[1, 0, 2]), "run-step", "items[1]")).context["panel"]

    assert (panel.title, panel.status) == ("Item 2", "FAILED")
    assert [card.key for card in panel.cards] == ["half"]


def test_many_items_have_pages_and_a_place_to_type(as_alice, run):
    execution = run(LOOP, body=[1] * 25)

    chooser = as_alice.get(address(execution, "run-step", "items[11].half")).context["panel"].choosers[0]
    jump = as_alice.get(address(execution, "run-step", "items[11].half"), {"loop": "items", "item": "25"})

    assert [part["label"] for part in chooser.segments] == [
        "Items before",
        *map(str, range(11, 21)),
        "Items after",
    ]
    assert chooser.has_more
    assert jump["Location"] == address(execution, "run-step", "items[24].half")


@pytest.mark.parametrize(
    "query", [{"item": "x", "loop": "items"}, {"item": "0", "loop": "items"}, {"item": "1"}]
)
def test_items_that_are_no_numbers_are_404(as_alice, run, query):
    assert as_alice.get(address(run(LOOP, body=[1]), "run-step", "items"), query).status_code == 404


def test_loops_in_loops_have_a_chooser_each(as_alice, run):
    execution = run(NESTED, body=[[1], [2, 3]])

    page = as_alice.get(address(execution, "run-step", "outer[1].inner[0].mark"))
    panel = page.context["panel"]

    assert [(chooser.loop, chooser.count, chooser.current) for chooser in panel.choosers] == [
        ("outer", 2, 1), ("inner", 2, 0)
    ]  # fmt: skip
    assert panel.sections[-1].value == {"v": 2}
    assert panel.choosers[0].segments[0]["url"] == address(execution, "run-step", "outer[0].inner[0].mark")


# --- while it runs ------------------------------------------------------------------------------------
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


def test_the_end_of_a_run_stops_the_asking(as_alice, engine, deploy):
    run_id = start(deploy(workflow(make_value("a"))))
    live = as_alice.get(reverse("workflows:run-detail", args=[run_id])).context["live_url"]

    engine.drain()
    answer = as_alice.get(live, headers=HTMX)

    assert answer.status_code == 286
    assert states(answer)["a"] == "COMPLETED"
    assert "hx-trigger" not in re.search(r'<section id="run-steps"[^>]*>', answer.content.decode())[0]


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

    with django_assert_max_num_queries(6):
        assert as_alice.get(live, headers=HTMX).status_code == 204

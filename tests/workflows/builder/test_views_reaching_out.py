"""Triggers that reach out, in the builder: chosen from the apps' events, filled in, tried without starting anything."""

from __future__ import annotations

import json

import pytest

from integrations.manifest import shipped
from integrations.sync import write_definition
from tests.workflows.triggers.box import open_box
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, Sample, WorkflowExecution
from workflows.publishing import publish

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "panel"}


@pytest.fixture
def box(httpserver):
    return open_box(httpserver)


@pytest.fixture
def polling(alice, workspace, box):
    data = {
        "format": "automate/1", "key": "watch", "start": "shape",
        "triggers": [{"key": "look", "type": "polling", "integration": "box", "event": "new_row"}],
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": 1}}}],
    }  # fmt: skip
    return documents.create(workspace, load(data), by=alice)


def url(template, rest=""):
    return f"/workflows/{template.pk}/triggers/look/{rest}"


def page_of(client, template, what):
    return client.get(f"/workflows/{template.pk}/add/?what=trigger{what}").content.decode()


def test_apps_with_events_are_offered_and_found(as_alice, polling):
    page = page_of(as_alice, polling, "")
    assert "Box" in page
    assert "2 events" in page
    assert "Another workflow" in page

    assert "New entry" in page_of(as_alice, polling, "&app=box")
    assert "New row" in page_of(as_alice, polling, "&q=row")
    assert "New entry" not in page_of(as_alice, polling, "&q=row")


def test_an_event_is_added_as_the_trigger_that_carries_it_out(as_alice, alice, workspace, box):
    for slug in ("imap", "slack"):
        write_definition(shipped(slug), digest=slug)
    empty = {"format": "automate/1", "key": "empty", "triggers": [], "steps": []}
    template = documents.create(workspace, load(empty), by=alice)

    for args in (
        {"type": "polling", "integration": "box", "event": "new_entry"},
        {"type": "event", "integration": "slack", "event": "new_message"},
        {"type": "email"},
    ):
        as_alice.post(f"/workflows/{template.pk}/edit/", {"command": "add_trigger", **args})

    made = documents.load_draft(template)
    assert [(t.type, t.integration, t.event, t.connection) for t in made.triggers] == [
        ("polling", "box", "new_entry", None),
        ("event", "slack", "new_message", "slack"),
        ("email", "imap", "new_mail", "imap"),
    ]


def test_the_form_has_the_event_s_fields_and_the_interval(as_alice, polling):
    page = as_alice.get(url(polling), headers=HTMX).content.decode()

    assert 'name="input.list"' in page
    assert 'name="config.every_s"' in page
    assert "Looks every 5 minutes once it is published." in page

    saved = as_alice.post(
        url(polling), {"tab": "setup", "input.list": "other", "config.every_s": "120"}, headers=HTMX
    )

    assert saved.status_code == 200
    [trigger] = documents.load_draft(polling).triggers
    assert trigger.config["input"] == {"list": "other"}
    assert trigger.config["every_s"] == 120


def test_fetching_a_sample_shows_what_is_there_and_starts_nothing(as_alice, polling, box):
    box.put(1, 2, 3)

    page = as_alice.post(url(polling, "fetch/"), headers=HTMX).content.decode()

    assert "Found 3 items" in page
    sample = Sample.objects.get(trigger_key="look")
    assert sample.data["body"] == box.rows[2]
    assert sample.data["type"] == "polling"
    assert not WorkflowExecution.objects.exists()
    assert not LiveTrigger.objects.exists()


def test_another_item_can_be_chosen(as_alice, polling, box):
    box.put(1, 2)
    as_alice.post(url(polling, "fetch/"), headers=HTMX)

    as_alice.post(url(polling, "sample/"), {"body": json.dumps(box.rows[0])}, headers=HTMX)

    assert Sample.objects.order_by("-id").first().data["body"] == box.rows[0]


def test_fetching_says_what_went_wrong(as_alice, polling, box):
    from tests.workflows.triggers.box import refusal

    box.answer = refusal(500)
    answer = as_alice.post(url(polling, "fetch/"), headers=HTMX)

    assert answer.status_code == 422
    assert "Box refused: not now." in answer.content.decode()
    assert not Sample.objects.exists()


def test_an_empty_list_is_no_error(as_alice, polling):
    answer = as_alice.post(url(polling, "fetch/"), headers=HTMX)

    assert answer.status_code == 200
    assert "There is nothing there at the moment." in answer.content.decode()


def test_without_javascript_the_whole_page_comes_back(as_alice, polling, box):
    box.put(1)

    assert "Found 1 item" in as_alice.post(url(polling, "fetch/")).content.decode()


def test_a_failing_poll_shows_at_its_trigger(as_alice, polling, alice):
    publish(polling, by=alice)
    LiveTrigger.objects.update(last_error="Box refused: not now.")

    page = as_alice.get(url(polling), headers=HTMX).content.decode()

    assert "It does not work at the moment: Box refused: not now." in page


@pytest.mark.parametrize(("who", "status"), [("as_charlie", 404), ("client", 302)])
def test_strangers_fetch_nothing(request, polling, box, who, status):
    client = request.getfixturevalue(who)

    assert client.post(url(polling, "fetch/")).status_code == status
    assert client.get(url(polling, "options/list/")).status_code == status
    assert box.asked == []


def test_choices_of_a_field_come_from_the_service(as_alice, alice, workspace, httpserver, settings):
    from integrations.connections import forget_everything
    from tests.workflows.triggers.test_subscriptions import connect

    definition = write_definition(shipped("github"), digest="github")
    forget_everything()
    settings.AUTOMATE_CONNECTOR_BASE_URLS = {"github": httpserver.url_for("").rstrip("/")}
    httpserver.expect_request("/user/repos").respond_with_json([{"full_name": "acme/shop"}])
    trigger = {
        "key": "look",
        "type": "polling",
        "integration": "github",
        "event": "issue_updated",
        "connection": "app",
    }
    data = {
        "format": "automate/1", "key": "hub", "connections": {"app": {"integration": "github"}}, "triggers": [trigger],
        "steps": [],
    }  # fmt: skip
    bound = {"app": str(connect(workspace, alice, definition).pk)}
    template = documents.create(workspace, load(data), by=alice, bindings=bound)

    page = as_alice.get(url(template, "options/repository/"), headers={"HX-Request": "true"}).content.decode()

    assert '<option value="acme/shop"' in page
    assert f"/workflows/{template.pk}/triggers/look/options/repository/" in page


def test_a_failure_trigger_is_told_which_workflows_by_ticking_them(as_alice, alice, workspace, polling):
    data = {
        "format": "automate/1",
        "key": "told",
        "steps": [],
        "triggers": [{"key": "look", "type": "failure"}],
    }
    template = documents.create(workspace, load(data), by=alice)

    page = as_alice.get(url(template), headers=HTMX).content.decode()
    assert 'name="config.workflows.watch"' in page
    form = {"tab": "setup", "config.workflows.shown": "1", "config.workflows.watch": "on"}
    as_alice.post(url(template), form, headers=HTMX)

    assert documents.load_draft(template).triggers[0].config == {"workflows": ["watch"]}
    as_alice.post(url(template), {"tab": "setup", "config.workflows.shown": "1"}, headers=HTMX)
    assert documents.load_draft(template).triggers[0].config == {}


def test_publishing_says_in_a_sentence_what_happens_from_now_on(as_alice, polling):
    page = as_alice.post(f"/workflows/{polling.pk}/publish/", {"note": ""}, headers=HTMX).content.decode()

    assert (
        "It looks every 5 minutes and starts for each new item (Box); what is there already starts nothing."
        in page
    )

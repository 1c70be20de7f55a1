"""Who else is here, what leads to a problem, and what can be added: in a client."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, base_in, text_of, words_of
from workflows.builder.finding import Entry, score
from workflows.models import UsedStep, WorkflowTemplate


@pytest.fixture
def here(draft: WorkflowTemplate) -> Any:
    cache.clear()

    def ask(client: Client, **asked: str) -> Any:
        return client.get(f"/workflows/{draft.pk}/here/", asked, headers=HX)

    yield ask
    cache.clear()


def test_people_see_each_other_and_where_they_are(as_alice: Client, as_bob: Client, here: Any) -> None:
    alone = here(as_alice, at="say")
    here(as_bob, at="trigger:call")
    both = here(as_alice, at="say")
    same = here(as_alice, at="say", seen=both.context["seen"])

    assert alone.context["people"] == []
    assert "Bob Brown has “A call” open" in words_of(both)
    assert same.status_code == 204
    cache.clear()  # bob does not come back
    assert here(as_alice, at="say").context["people"] == []


def test_a_beat_costs_few_statements_and_writes_no_row(
    as_alice: Client, here: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    here(as_alice)
    with django_assert_max_num_queries(8):
        here(as_alice)


def test_what_somebody_else_did_is_told_until_it_is_shown(
    as_alice: Client, as_bob: Client, here: Any, draft: WorkflowTemplate
) -> None:
    base = base_in(as_alice.get(f"/workflows/{draft.pk}/steps/say/", headers=HX))
    seen = {"version": str(draft.draft_version), "at": "say", "base": base}
    edit = f"/workflows/{draft.pk}/edit/"
    as_bob.post(edit, {"command": "rename", "what": "step", "key": "shape", "name": "Form"}, headers=HX)
    other = here(as_alice, **seen)
    as_bob.post(edit, {"command": "rename", "what": "step", "key": "say", "name": "Tell"}, headers=HX)
    own = here(as_alice, **seen)

    assert (other.context["newer"]["by"], other.context["newer"]["open"]) == ("Bob Brown", False)
    assert own.context["newer"]["open"] is True
    assert "data-open-changed" in text_of(own)


def test_a_problem_names_its_step_tab_and_field(as_alice: Client, edit: Act, draft: WorkflowTemplate) -> None:
    edit("insert", type="action", integration="chat", action="send", source="say", port="main")

    page = text_of(as_alice.get(f"/workflows/{draft.pk}/build/"))
    panel = as_alice.get(
        f"/workflows/{draft.pk}/build/?step=send&field=input.text", headers={**HX, "HX-Target": "panel"}
    )

    assert f'href="/workflows/{draft.pk}/build/?step=send&amp;field=input.text#f-input-text"' in page
    assert "“3. Send message”: “Message” is missing." in page or "“Message” is missing." in page
    assert 'data-focus="input.text"' in text_of(panel)
    assert 'id="f-input-text"' in text_of(panel)


def test_what_was_added_last_and_what_is_popular_come_first(
    as_alice: Client, as_bob: Client, edit: Act, draft: WorkflowTemplate, workspace: Tenant, alice: User
) -> None:
    for kind in ("delay", "filter", "delay"):
        edit("insert", type=kind, source="say", port="main")
    edit("insert", type="transform", source="say", port="main")

    address = f"/workflows/{draft.pk}/add/?source=say&port=main"
    mine, theirs = (client.get(address, headers=HX).context["palette"] for client in (as_alice, as_bob))

    assert [offer.args["type"] for offer in mine.used] == ["transform", "delay", "filter"]
    assert UsedStep.objects.filter(tenant=workspace, user=alice, type="delay").count() == 1
    assert theirs.used == ()
    assert {offer.args["type"] for offer in theirs.popular} == {"transform", "delay"}


def test_nothing_found_offers_the_step_that_reaches_any_service(
    as_alice: Client, draft: WorkflowTemplate
) -> None:
    http = IntegrationDefinition.objects.create(name="http", display_name="HTTP", auth_type="NONE")
    http.actions.create(name="request", display_name="Send a request")

    page = words_of(
        as_alice.get(f"/workflows/{draft.pk}/add/?q=hubspot", headers={**HX, "HX-Target": "palette"})
    )

    assert "usually done with an HTTP request" in page
    assert '<input type="hidden" name="action" value="request">' in page


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("post", "Send message"), ("notif", "Send message"), ("send mes", "Send message"), ("slack delete", "Delete message"),
        ("new ticket", "Create issue"), ("postgres", "Find rows"), ("look up rows", "Find rows"), ("développ issue", "Create issue"),
    ],
)  # fmt: skip
def test_other_words_for_a_deed_find_it(query: str, first: str) -> None:
    known = [
        Entry("Delete message", "Slack", "communication", "Takes a message back."),
        Entry("Find rows", "PostgreSQL", "data", "Rows of a table."),
        Entry("Send message", "Slack", "communication", "Posts to a channel."),
        Entry("Create issue", "Jira", "developer tools développeurs", "Makes an issue."),
    ]

    ranked = sorted(known, key=lambda entry: -score(entry, query))

    assert ranked[0].title == first
    assert score(ranked[0], query) > 0
    assert score(known[0], "zebra") == 0

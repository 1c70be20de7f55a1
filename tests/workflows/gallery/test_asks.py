"""What a template asks, and what a workspace publishes of its own."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEvent, Tenant, User
from workflows import documents, gallery
from workflows.engine.document import Document, load
from workflows.errors import ConnectionRefused
from workflows.gallery.asks import MISSING, Ask, BadAsk, read_asks, value_at, with_answers, written
from workflows.gallery.stripping import stripped
from workflows.models import Sample, WorkflowTemplate, WorkflowTemplateLibrary
from workflows.publishing import publish

OWN: dict[str, Any] = {
    "format": "automate/1", "key": "own", "name": "Own",
    "triggers": [{"key": "call", "type": "webhook"}, {"key": "daily", "type": "schedule", "config": {"cron": "0 7 * * *"}}],
    "start": "place",
    "steps": [
        {"key": "place", "type": "transform", "next": "send", "notes": "The key is sk_live_abcdefghijkl.",
         "config": {"set": {"channel": "#ops", "computed": "{{ now }}", "limit": 3, "pages": ["a", "b"]}}},
        {"key": "send", "type": "action", "integration": "http", "action": "request", "input": {
            "url": "https://api.example.com/x?api_key=hunter22&page=1", "method": "POST",
            "headers": {"Authorization": "Bearer abcdefghijklmnop1234", "X-Trace": "on", "X-Token": "{{ vars.TOKEN }}"},
            "auth": {"type": "basic", "username": "ada", "password": "hunter2"}, "json": {"a": 1}}},
    ],
}  # fmt: skip
SECRET_SCHEMA = {"properties": {"auth": {"properties": {"username": {"x-secret": True}}}}}


@pytest.fixture
def own(alice: User, workspace: Tenant) -> WorkflowTemplate:
    return documents.create(workspace, load(OWN), by=alice)


def test_answers_go_to_all_places_and_take_optional_ones_out() -> None:
    document = load(OWN)
    asks = read_asks([{"at": ["steps.place.config.set.channel", "steps.send.input.json.channel"], "label": "Where"},
                      {"at": "steps.send.input.method", "optional": True}, {"at": "settings.time_zone"}])  # fmt: skip

    changed = with_answers(document, asks, {
        "steps.place.config.set.channel": "#news", "steps.send.input.method": MISSING, "settings.time_zone": "Europe/Lisbon"})  # fmt: skip

    assert value_at(changed, "steps.place.config.set.channel") == "#news"
    assert value_at(changed, "steps.send.input.json.channel") == "#news"
    assert value_at(changed, "steps.send.input.method") is MISSING
    assert changed.settings.time_zone == "Europe/Lisbon"
    assert with_answers(document, asks, {}) == document == load(OWN)
    assert read_asks(written(ask) for ask in asks) == asks


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"at": "somewhere.else"},
        {"at": "steps.a.input.b", "format": "iban"},
        {"at": "steps.a.b", "typo": 1},
    ],
)
def test_question_about_nothing_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadAsk):
        read_asks([bad])


def test_typed_secrets_stay_behind_and_expressions_do_not() -> None:
    clean, places = stripped(load(OWN), lambda part: SECRET_SCHEMA if part.key == "send" else None)

    text = str(clean)
    send = next(step for step in clean.steps if step.key == "send").input
    assert not any(
        secret in text for secret in ("hunter2", "abcdefghijklmnop1234", "sk_live_abcdefghijkl", "'ada'")
    )
    assert send["headers"] == {"X-Trace": "on", "X-Token": "{{ vars.TOKEN }}"}
    assert send["url"] == "https://api.example.com/x?api_key=(left out)&page=1"
    assert set(places) == {"steps.place.notes", "steps.send.input.url", "steps.send.input.headers.Authorization",
                           "steps.send.input.auth.username", "steps.send.input.auth.password"}  # fmt: skip


def test_only_fixed_values_can_be_asked_for() -> None:
    assert list(gallery.askable(load(OWN))) == [
        "triggers.daily.config.cron", "steps.place.config.set.channel", "steps.place.config.set.limit",
        "steps.place.config.set.pages", "steps.send.input.url", "steps.send.input.method",
    ]  # fmt: skip


def test_workflow_is_published_renewed_and_taken_back(
    own: WorkflowTemplate, alice: User, workspace: Tenant
) -> None:
    catalogue = documents.catalogue_for(workspace)
    card = gallery.Card("Publish", "One line.", "sales", asks=(Ask(("steps.place.config.set.channel",)),))
    Sample.objects.create(
        tenant=workspace, template=own, trigger_key="call", source="TYPED", data={"body": {"a": 1}}
    )
    draft = gallery.offer_of(own, catalogue)
    samples = gallery.samples_of(own, draft.document)

    entry = gallery.share(own, draft, card, by=alice)
    publish_of(own, alice)
    newer = gallery.offer_of(own, catalogue)
    renewed = gallery.share(own, newer, gallery.Card("Renamed", samples=samples), by=alice)

    assert (draft.version, newer.version) == (None, 1)
    assert (entry.slug, entry.pk) == ("publish-2", renewed.pk)  # “publish” is an address of its own
    assert (renewed.name, renewed.edition, renewed.samples, renewed.asks) == (
        "Renamed",
        2,
        {"call": {"a": 1}},
        [],
    )
    assert (entry.destination_apps, renewed.destination_apps) == (["http"], [])
    gallery.withdraw(renewed, by=alice)
    assert not WorkflowTemplateLibrary.objects.filter(tenant=workspace).exists()
    verbs = AuditEvent.objects.filter(tenant=workspace, verb__startswith="template.").order_by("number")
    assert [event.verb for event in verbs] == [
        "template.published",
        "template.published",
        "template.withdrawn",
    ]


def publish_of(template: WorkflowTemplate, by: User) -> None:
    document: Document = load({**OWN, "steps": [{**OWN["steps"][0], "next": []}]})
    documents.save(template, document, by=by)
    publish(template, by=by)


def test_template_of_one_workspace_is_made_in_no_other_with_its_connections(
    own: WorkflowTemplate, alice: User, charlie: User
) -> None:
    theirs = charlie.tenants.get()
    entry = WorkflowTemplateLibrary(
        slug="x", name="X", template_data={**OWN, "connections": {"web": {"integration": "http"}}}
    )
    entry.save()

    with pytest.raises(ConnectionRefused):
        gallery.use(entry, theirs, by=charlie, bindings={"web": str(own.pk)})
    assert not WorkflowTemplate.objects.filter(tenant=theirs).exists()

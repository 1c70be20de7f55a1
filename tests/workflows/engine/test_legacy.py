"""The older form, nodes and connections, becomes a document."""

from typing import Any

import pytest

from tests.workflows.engine import samples
from workflows.engine.checks import check, errors
from workflows.engine.document import DocumentError, load
from workflows.engine.legacy import convert, slots_of

KNOWN = {
    "slack": {"send_message", "list_channels"},
    "jira": {"create_issue"},
    "github": {"create_issue"},
    "http": {"request"},
}
FOLLOW_UP = {
    "name": "Customer follow-up",
    "nodes": [
        {"id": "1", "type": "task", "integration_id": "integration_1", "task": "send_message",
         "params": {"channel": "#sales", "text": "Hi {{ 2.output.name }}"}},
        {"id": "fetch-user", "type": "http", "params": {"url": "https://x/users", "method": "POST", "body": {"a": 1}}},
    ],
    "connections": [{"from": "fetch-user", "to": "1"}],
}  # fmt: skip


def nodes(*given: Any, links: Any = (), **more: Any) -> dict[str, Any]:
    return {
        "name": "W",
        "nodes": list(given),
        "connections": [dict(zip(("from", "to"), link, strict=False)) for link in links],
        **more,
    }


def converted(*given: Any, links: Any = (), slots: Any = None) -> dict[str, Any]:
    return convert(nodes(*given, links=links), KNOWN, slots=slots)[0]


def one_step(node: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = converted({"id": "n", **node})["steps"][0]
    return step


def test_an_example_is_carried_over():
    document, notes = convert(FOLLOW_UP, KNOWN)

    assert document == {
        "format": "automate/1",
        "key": "customer-follow-up",
        "name": "Customer follow-up",
        "connections": {"integration_1": {"integration": "slack"}},
        "triggers": [{"key": "manual", "type": "manual"}],
        "start": ["fetch_user"],
        "steps": [
            {"key": "n_1", "type": "action", "integration": "slack", "action": "send_message",
             "connection": "integration_1", "input": {"channel": "#sales", "text": "Hi {{ 2.output.name }}"}},
            {"key": "fetch_user", "type": "action", "integration": "http", "action": "request",
             "input": {"url": "https://x/users", "method": "POST", "json": {"a": 1}}, "next": {"main": ["n_1"]}},
        ],
    }  # fmt: skip
    assert "a manual one was added" in notes[-1]
    assert "was taken for slack, action send_message" in notes[0]


def test_load_takes_the_older_form():
    document = load(FOLLOW_UP)

    assert [step.key for step in document.steps] == ["n_1", "fetch_user"]
    assert errors(check(document, samples.SmallCatalogue())) == []


def test_expressions_follow_the_new_keys():
    document = converted(
        {"id": "get.user", "type": "http", "params": {"url": "u"}},
        {"id": "hook", "type": "webhook"},
        {
            "id": "b",
            "type": "http",
            "params": {"url": "{{ nodes.get.user.output.body }} {{ get.user.id }} {{ hook.x }} {{ 'b.x' }}"},
        },
    )

    assert document["steps"][1]["input"]["url"] == (
        "{{ steps.get_user.body }} {{ steps.get_user.id }} {{ trigger.body.x }} {{ 'b.x' }}"
    )


@pytest.mark.parametrize(
    ("node", "found"),
    [
        ({"integration_id": "slack"}, ("slack", None)),
        ({"integration_id": "slack-prod", "task": "Send Message"}, ("slack", "send_message")),
        ({"integration_id": "i1", "task": "slack.sendMessage"}, ("slack", "send_message")),
        ({"integration_id": "i1", "task": "list_channels"}, ("slack", "list_channels")),
        ({"integration_id": "i1", "task": "create_issue"}, (None, "create_issue")),
        (
            {"integration_id": "i1", "task": "create_issue", "params": {"project": "A", "summary": "b"}},
            ("jira", "create_issue"),
        ),
        (
            {"integration_id": "i1", "task": "send_mesage", "params": {"channel": "c", "text": "t"}},
            ("slack", "send_message"),
        ),
        ({"params": {"url": "https://x"}}, ("http", "request")),
        ({"integration_id": 7, "task": "unheard_of"}, (None, "unheard_of")),
    ],
)
def test_the_app_is_guessed_from_what_is_there(node, found):
    step = one_step({"type": "task", **node})

    assert (step.get("integration"), step.get("action")) == found


def test_what_cannot_be_guessed_is_asked_for():
    node = {"id": "a", "type": "task", "integration_id": "Integration 1", "task": "create_issue"}
    document, notes = convert(nodes(node), KNOWN)

    assert slots_of(nodes(node), KNOWN) == {"integration_1": None}
    assert document["steps"][0]["connection"] == "integration_1"
    assert "--connection integration_1=<id>" in notes[0]
    assert load(document, complete=False).steps[0].integration is None


def test_a_chosen_connection_settles_the_app():
    node = {"id": "a", "type": "task", "integration_id": "integration_1", "task": "create_issue"}
    document, notes = convert(nodes(node), KNOWN, slots={"integration_1": "github"})

    assert document["connections"] == {"integration_1": {"integration": "github"}}
    assert (document["steps"][0]["integration"], document["steps"][0]["action"]) == ("github", "create_issue")
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"type": "condition", "params": {"field": "trigger.body.total", "operator": ">", "value": 5}},
         {"type": "condition", "cases": [{"key": "yes", "name": "Yes", "when": {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": 5}}]}),
        ({"type": "if", "params": {"condition": "trigger.body.ok"}},
         {"type": "condition", "cases": [{"key": "yes", "name": "Yes", "when": "{{ trigger.body.ok }}"}]}),
        ({"type": "filter", "params": {"when": "{{ 1 }}"}}, {"type": "filter", "when": "{{ 1 }}"}),
        ({"type": "forEach", "params": {"items": "trigger.body.lines", "as": "Line"}},
         {"type": "loop", "over": "{{ trigger.body.lines }}", "as": "line"}),
        ({"type": "delay", "params": {"minutes": 5}}, {"type": "delay", "config": {"minutes": 5}}),
        ({"type": "wait", "params": {"duration": 2, "unit": "hours"}}, {"type": "delay", "config": {"hours": 2}}),
        ({"type": "wait", "params": {"duration": 2, "unit": "min"}}, {"type": "delay", "config": {"minutes": 2}}),
        ({"type": "merge"}, {"type": "merge"}),
        ({"type": "set", "params": {"a": 1}}, {"type": "transform", "config": {"set": {"a": 1}}}),
        ({"type": "script", "params": {"code": "1"}}, {"type": "code", "config": {"language": "python", "source": "1"}}),
        ({"type": "sub_workflow", "params": {"workflow": "Other One"}}, {"type": "sub_workflow", "workflow": "other-one"}),
        ({"type": "end", "params": {"message": "bye"}}, {"type": "stop", "config": {"message": "bye"}}),
    ],
)  # fmt: skip
def test_types_have_counterparts(node, expected):
    step = one_step(node)

    assert {name: value for name, value in step.items() if name != "key"} == expected
    assert load(converted({"id": "n", **node})).steps[0].key == "n"


def test_ways_of_conditions_and_loops_become_ports():
    given = [{"id": "c", "type": "condition", "params": {"when": "{{ 1 }}"}}, {"id": "l", "type": "loop", "params": {"items": "{{ [1] }}"}},
             *({"id": key, "type": "set"} for key in "abd")]  # fmt: skip
    links = [{"from": "c", "to": "l", "label": "true"}, {"from": "c", "to": "d", "condition": False},
             {"from": "l", "to": "a"}, {"from": "l", "to": "b"}, {"from": "a", "to": "x", "type": "error"}]  # fmt: skip
    given.append({"id": "x", "type": "set"})
    document, _notes = convert({"name": "W", "nodes": given, "connections": links}, KNOWN)

    by_key = {step["key"]: step for step in document["steps"]}
    assert by_key["c"]["next"] == {"yes": ["l"], "else": ["d"]}
    assert by_key["l"]["next"] == {"each": ["a"], "done": ["b"]}
    assert by_key["a"]["on_error"] == ["x"]
    assert document["start"] == ["c"]


@pytest.mark.parametrize(
    ("node", "trigger"),
    [
        ({"type": "webhook", "params": {"method": "post"}}, {"type": "webhook", "config": {"methods": ["POST"]}}),
        ({"type": "trigger", "params": {"type": "webhook"}}, {"type": "webhook"}),
        ({"type": "schedule", "params": {"cron": "@daily", "timezone": "UTC"}}, {"type": "schedule", "config": {"cron": "@daily", "time_zone": "UTC"}}),
        ({"type": "trigger", "task": "schedule", "params": {"interval": 60}}, {"type": "schedule", "config": {"every_s": 60}}),
        ({"type": "start"}, {"type": "manual"}),
        ({"type": "trigger"}, {"type": "manual"}),
        ({"type": "trigger", "integration_id": "slack", "task": "new_message"},
         {"type": "event", "integration": "slack", "event": "new_message", "connection": "slack"}),
    ],
)  # fmt: skip
def test_trigger_nodes_become_triggers(node, trigger):
    document = converted({"id": "t", **node}, {"id": "a", "type": "set"}, links=[("t", "a")])

    assert document["triggers"] == [{"key": "t", **trigger, "next": ["a"]}]
    assert load(document).triggers[0].next == ("a",)


def test_keys_are_made_fit_and_kept_apart():
    document = converted(
        *({"id": key, "type": "set"} for key in ("Send Mail", "send-mail", "3", "error", "é", 4))
    )

    assert [step["key"] for step in document["steps"]] == [
        "send_mail",
        "send_mail_2",
        "n_3",
        "error_step",
        "n",
        "n_4",
    ]
    assert len(load(document).steps) == 6


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"nodes": 5}, "nodes", "must be a list"),
        (nodes(5), "nodes[0]", "must be an object"),
        (nodes({"type": "task"}), "nodes[0].id", "no `id`"),
        (nodes({"id": "a", "type": "blockchain"}), "nodes[0].type", "no counterpart"),
        (nodes({"id": "a", "type": "tsak"}), "nodes[0].type", "Did you mean `task`?"),
        (nodes({"id": "a", "parms": {}}), "nodes[0].parms", "Did you mean `params`?"),
        (nodes({"id": "a", "params": []}), "nodes[0].params", "must be an object"),
        (nodes({"id": "a"}, {"id": "a"}), "nodes[1].id", "used by another node"),
        (nodes({"id": "a"}, links=[("a", "b")]), "connections[0].to", "does not exist"),
        (nodes({"id": "a"}, links=[("a",)]), "connections[0]", "`from` and `to`"),
        (
            nodes({"id": "a"}, {"id": "t", "type": "webhook"}, links=[("a", "t")]),
            "connections[0].to",
            "Triggers only start",
        ),
        (nodes({"id": "a"}, links=()) | {"connections": 5}, "connections", "must be a list"),
        (nodes({"id": "a"}, owner=5), "owner", "not a key of the older form"),
    ],
)
def test_what_cannot_be_carried_over_is_a_fault(data, path, words):
    with pytest.raises(DocumentError) as caught:
        load(data)

    found = {fault.path: fault.message for fault in caught.value.faults}
    assert words in found[path]


def test_circles_are_found_by_the_checker():
    document = load(
        converted({"id": "a", "type": "set"}, {"id": "b", "type": "set"}, links=[("a", "b"), ("b", "a")])
    )

    assert "a → b → a" in "".join(fault.message for fault in check(document, samples.SmallCatalogue()))

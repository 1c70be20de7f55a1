"""Faults against the catalogue: what does not exist, slots, and inputs."""

from typing import Any

import pytest

from integrations.manifest import shipped
from tests.workflows.engine import samples
from workflows.engine.checks import ActionInfo, check
from workflows.engine.checks_inputs import value_complaints

CATALOGUE = samples.SmallCatalogue()
SLOTS = {"team": {"integration": "slack"}, "web": {"integration": "http"}}


def faults(*steps, severity=None, **more) -> dict[str, str]:
    found = check(samples.draft(*steps, **{"connections": SLOTS, **more}), CATALOGUE)
    return {fault.path: fault.message for fault in found if severity in (None, fault.severity)}


def message(**more: Any) -> dict[str, Any]:
    plain = {"integration": "slack", "action": "send_message", "connection": "team",
             "input": {"channel": "#a", "text": "b"}}  # fmt: skip
    return samples.step("a", type="action", **{**plain, **more})


def request(**given: Any) -> dict[str, Any]:
    return samples.step(
        "a", type="action", integration="http", action="request", input={"url": "https://x", **given}
    )


def test_a_complete_action_has_no_fault():
    assert faults(message()) == {}
    assert faults(request()) == {}


def test_unknown_integrations():
    found = faults(message(integration="slakc"), connections={"team": {"integration": "slakc"}})

    assert "no integration `slakc`" in found["steps.a.integration"]
    assert "no integration `slakc`" in found["connections.team.integration"]


def test_unknown_actions_and_events():
    trigger = {
        "key": "t",
        "type": "event",
        "integration": "slack",
        "event": "new_massage",
        "connection": "team",
    }
    found = faults(message(action="send_massage"), triggers=[trigger])

    assert (
        found["steps.a.action"]
        == "Step `a`: Slack has no action `send_massage`. Did you mean `send_message`?"
    )
    assert "Did you mean `new_message`?" in found["triggers.t.event"]


def test_connections_are_asked_for_where_they_are_needed():
    found = faults(
        message(connection=None),
        triggers=[{"key": "t", "type": "event", "integration": "slack", "event": "new_message"}],
    )

    assert (
        found["steps.a.connection"]
        == "Step `a`: Slack needs a connection. Name a slot of `connections` here."
    )
    assert "needs a connection" in found["triggers.t.connection"]


def test_slots_must_exist_and_be_of_the_integration():
    assert "Did you mean `team`?" in faults(message(connection="teem"))["steps.a.connection"]
    assert "is for http, but this uses slack" in faults(message(connection="web"))["steps.a.connection"]


def test_slots_of_webhooks_and_approvals_must_exist():
    ask = samples.step(
        "a", type="approval", config={"assignees": ["x"], "notify": [{"connection": "gone", "channel": "c"}]}
    )
    hook = {"key": "t", "type": "webhook", "config": {"auth": {"type": "basic", "connection": "lost"}}}
    found = faults(ask, triggers=[hook])

    assert "slot `gone`" in found["steps.a.config.notify[0].connection"]
    assert "slot `lost`" in found["triggers.t.config.auth.connection"]


def test_an_approval_can_only_be_told_where_there_are_channels():
    config = {"assignees": ["x"], "notify": [{"connection": "web", "channel": "c"}]}

    found = faults(samples.step("a", type="approval", config=config))

    assert "cannot post to a channel" in found["steps.a.config.notify[0].connection"]


def test_missing_inputs_are_called_by_their_title():
    assert faults(message(input={"text": ""})) == {
        "steps.a.input.channel": "Step `a`: `input.channel` (Channel) is missing. Fill it in, with a fixed value or data.",
        "steps.a.input.text": "Step `a`: `input.text` (Message) is missing. Fill it in, with a fixed value or data.",
    }


def test_expressions_count_as_given():
    given = {
        "channel": "{{ trigger.body.c }}",
        "text": "Hi {{ trigger.body.n }}",
        "unfurl": "{{ trigger.body.u }}",
    }

    assert faults(message(input=given)) == {}


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"url": 5}, "url", "must be text, not 5"),
        ({"method": "FETCH"}, "method", 'must be one of GET, POST, PUT or DELETE, not "FETCH"'),
        ({"timeout": "10"}, "timeout", 'must be a whole number, not "10"'),
        ({"timeout": 301}, "timeout", "must be at most 300, not 301"),
        ({"timeout": "in {{ trigger.body.s }}"}, "timeout", "Keep the expression alone"),
        ({"tags": ["a", 5]}, "tags[1]", "must be text, not 5"),
        ({"tags": ["{{ trigger.body.t }}", 5]}, "tags[1]", "must be text, not 5"),
        ({"shared": "x"}, "shared", "must be a number"),
        ({"metod": "GET"}, "metod", "Did you mean `method`?"),
    ],
)
def test_fixed_values_are_held_against_the_schema(given, path, words):
    assert words in faults(request(**given), severity="error")[f"steps.a.input.{path}"]


def test_unknown_inputs_of_an_open_schema_are_a_warning():
    found = faults(message(input={"channel": "a", "text": "b", "txt": "c"}), severity="warning")

    assert (
        found["steps.a.input.txt"]
        == "Step `a`: `input.txt` is not an input we know here. Did you mean `text`?"
    )


class Database(samples.SmallCatalogue):
    """A catalogue whose one action is the shipped SQL query."""

    def action(self, integration: str, action: str) -> ActionInfo:
        query = shipped("sql").action("query")
        assert query is not None
        return ActionInfo("query", query.input, needs_connection=False)


def literal_faults(**given: Any) -> dict[str, str]:
    step = samples.step("a", type="action", integration="http", action="request", input=given)
    found = check(samples.draft(step, connections=SLOTS), Database())
    return {fault.path: fault.message for fault in found if fault.severity == "error"}


def test_statements_of_sql_are_fixed_text():
    given = {"sql": "SELECT * FROM people WHERE name = '{{ trigger.body.name }}'"}

    assert literal_faults(**given) == {
        "steps.a.input.sql": "Step `a`: `input.sql` (SQL) must be fixed text: data put in with `{{ … }}` could change "
        "what it does. Take the expression out and give the data in another input. "
        "One statement, with $1, $2 … where the entries of Values (params) go."
    }
    assert "steps.a.input.sql" in literal_faults(sql="{{ trigger.body.sql }}")


def test_values_of_sql_may_be_expressions():
    given = {"sql": "SELECT * FROM people WHERE name = $1", "params": ["{{ trigger.body.name }}"]}

    assert literal_faults(**given) == {}


@pytest.mark.parametrize("value", [{"a": "{{ now }}"}, ["{{ now }}"], {"a": [{"b": "x {{ now }}"}]}])
def test_fixed_text_holds_no_expression_at_any_depth(value):
    schema = {"properties": {"sure": {"x-literal": True}, "shared": {"$ref": "#/properties/sure"}}}

    assert [path for path, _, _ in value_complaints({"sure": value}, schema)] == [".sure"]
    assert [path for path, _, _ in value_complaints({"shared": value}, schema)] == [".shared"]


def test_schemas_of_forms_must_be_schemas():
    form = {"key": "t", "type": "form", "config": {"fields": {"type": "objekt"}}}
    found = faults(samples.step("a"), triggers=[form], settings={"input_schema": {"properties": 5}})

    assert "is not a JSON Schema" in found["triggers.t.config.fields"]
    assert "is not a JSON Schema" in found["settings.input_schema"]


def test_schemas_never_fetch_what_they_refer_to(httpserver):
    properties = {"url": {"$ref": httpserver.url_for("/schema.json")}}

    class Remote(samples.SmallCatalogue):
        def action(self, integration: str, action: str) -> ActionInfo:
            return ActionInfo("request", {"type": "object", "properties": properties}, needs_connection=False)

    assert check(samples.draft(request()), Remote()) == []
    assert httpserver.log == []

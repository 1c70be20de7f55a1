"""Reading and checking manifests: every fault has its place and a sentence."""

import copy

import pytest

from integrations.errors import ManifestError
from integrations.manifest import CATALOGUE, Manifest, check, from_data, load, shipped

TEXT = """
slug: acme
name: Acme
category: test
description: A test.
docs_url: https://acme.example/docs
connections:
  - type: bearer
    label: Token
    help: Ask your administrator.
    fields: [{key: token, label: Token, type: secret, help: From the settings.}]
    test: {path: /me}
http: {base_url: https://api.acme.example}
actions:
  - name: list_things
    display_name: List things
    description: All of them.
    method: GET
    path: /things
    input: {type: object, properties: {}}
    output_schema: {type: array}
    sample: [{id: 1}]
  - name: get_thing
    display_name: Get thing
    description: One of them.
    method: GET
    path: /things/{{ input.id }}
    input:
      type: object
      required: [id]
      properties:
        id: {type: string, title: Thing, description: Its id., x-options: {action: list_things, value: id, label: id}}
    sample: {id: 1}
triggers:
  - name: new_thing
    display_name: New thing
    description: Somebody made one.
    type: polling
    request: {path: /things}
    items: "{{ body }}"
    dedup: "{{ item.id }}"
    sample: {id: 1}
"""


def data():
    from integrations.manifest import as_data

    return copy.deepcopy(as_data(load(TEXT)))


def test_a_manifest_is_read_from_a_file_and_from_text():
    assert (
        Manifest.load(CATALOGUE / "slack.yaml")
        == Manifest.load(str(CATALOGUE / "slack.yaml"))
        == shipped("slack")
    )
    assert load(TEXT).action("get_thing").path == "/things/{{ input.id }}"
    assert check(load(TEXT)) == []


def test_look_ups_by_name():
    slack = shipped("slack")

    assert slack.action("send_message").method == "POST"
    assert slack.trigger("new_message").scope == "app"
    assert slack.way("OAUTH2") is slack.way("oauth2")
    assert (slack.action("nope"), slack.trigger("nope"), slack.way("basic")) == (None, None, None)


def test_an_unknown_slug_is_no_path(tmp_path):
    for slug in ("nope", "../settings", "slack.yaml", ""):
        with pytest.raises(KeyError):
            shipped(slug)


def test_dates_yes_and_no_stay_text():
    manifest = load(
        TEXT.replace("sample: {id: 1}", "sample: {day: 2026-11-20, answer: no, time: 1:30, on: off}", 1)
    )

    assert manifest.action("get_thing").sample == {
        "day": "2026-11-20",
        "answer": "no",
        "time": "1:30",
        "on": "off",
    }


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ("name: Acme", "nmae: Acme", "nmae", "not known"),
        ("name: Acme", "", "name", "missing"),
        ("name: Acme", "name: 5", "name", "string"),
        ("slug: acme", "slug: Acme!", "slug", "lower-case"),
        ("method: GET", "method: FETCH", "actions.list_things.method", "one of 'GET'"),
        ("path: /things\n", "path: /things\n    pth: x\n", "actions.list_things.pth", "not known"),
        ("type: bearer", "type: magic", "connections.magic.type", "one of"),
        ("type: secret", "type: hidden", "connections.bearer.fields.token.type", "one of"),
        ("type: polling", "type: guessing", "triggers.new_thing.type", "one of"),
        ("http: {", "http: {rate_limit: {requests: 0}, ", "http.rate_limit.requests", "greater than"),
        ("    items:", "    paginate: {type: page, max_pages: 5000}\n    items:", "triggers.new_thing.paginate.max_pages", "less than"),
        ("test: {path: /me}", "test: {path: 7}", "connections.bearer.test.path", "string"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(old, new, path, says):
    with pytest.raises(ManifestError) as caught:
        load(TEXT.replace(old, new, 1))

    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert says in faults[path]
    assert all(message.endswith(".") for message in faults.values())


@pytest.mark.parametrize(
    "text",
    [
        "a: [\n",
        "a: 1\na: 2\n",
        "- x\n- y\n",
        "\n",
        "a: !!python/object:os.system x\n",
        "a: &x [*x]\n",
        "a: .nan\nb: 1\n",
    ],
)
def test_what_is_no_manifest_is_refused_without_a_crash(text):
    with pytest.raises(ManifestError):
        load(text)


def _set(path, value):
    def change(manifest):
        *parents, last = path
        for key in parents:
            manifest = manifest[key]
        if value is None:
            manifest.pop(last, None)
        else:
            manifest[last] = value

    return change


ACTION = ("actions", 1)
WAY = ("connections", 0)
TRIGGER = ("triggers", 0)
PROPERTY = (*ACTION, "input", "properties", "id")


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("description",), None, "description"),
        (("docs_url",), "http://acme.example", "docs_url"),
        (("http", "base_url"), None, "http.base_url"),
        (("http", "ok"), "{{ body. }}", "http"),
        (("connections",), [], "connections"),
        ((*WAY, "label"), None, "connections.bearer"),
        ((*WAY, "help"), None, "connections.bearer"),
        ((*WAY, "test"), None, "connections.bearer.test"),
        ((*WAY, "fields"), None, "connections.bearer.fields"),
        ((*WAY, "fields", 0, "help"), None, "connections.bearer.fields.token"),
        ((*WAY, "fields", 0, "type"), "text", "connections.bearer.fields.token"),
        ((*WAY, "fields", 0, "key"), "tokn", "connections.bearer.fields"),
        ((*WAY, "authorize_url"), "https://x.example", "connections.bearer"),
        ((*WAY, "host_pattern"), "(", "connections.bearer.host_pattern"),
        ((*ACTION, "description"), None, "actions.get_thing"),
        ((*ACTION, "sample"), None, "actions.get_thing.sample"),
        ((*ACTION, "output_schema"), {"type": "array"}, "actions.get_thing.sample"),
        ((*ACTION, "method"), None, "actions.get_thing.method"),
        ((*ACTION, "path"), "things", "actions.get_thing.path"),
        ((*ACTION, "path"), "/things/{{ input.nr }}", "actions.get_thing"),
        ((*ACTION, "path"), "/things/{{ nope(1) }}", "actions.get_thing"),
        ((*ACTION, "send"), {"json": {"a": "{{ input.b }}"}}, "actions.get_thing"),
        ((*ACTION, "send"), {"json": 1, "form": {}}, "actions.get_thing.send"),
        ((*ACTION, "requests"), [{"path": "/x"}], "actions.get_thing"),
        ((*ACTION, "name"), "list_things", "actions.list_things"),
        ((*ACTION, "output"), "{{ 1 + }}", "actions.get_thing"),
        ((*ACTION, "input", "required"), ["id", "other"], "actions.get_thing.input"),
        ((*ACTION, "input", "type"), "array", "actions.get_thing.input"),
        ((*PROPERTY, "type"), "strng", "actions.get_thing.input"),
        ((*PROPERTY, "title"), None, "actions.get_thing.input.id"),
        ((*PROPERTY, "description"), None, "actions.get_thing.input.id"),
        ((*PROPERTY, "pattern"), "(?=x)", "actions.get_thing.input"),
        ((*PROPERTY, "$ref"), "http://169.254.169.254/", "actions.get_thing.input"),
        ((*ACTION, "input", "patternProperties"), {"^x": {}}, "actions.get_thing.input"),
        ((*PROPERTY, "default"), 5, "actions.get_thing.input.id"),
        ((*PROPERTY, "x-options", "action"), "nope", "actions.get_thing.input.id"),
        ((*PROPERTY, "x-options", "label"), None, "actions.get_thing.input.id"),
        ((*PROPERTY, "x-options", "depends"), ["a"], "actions.get_thing.input.id"),
        ((*PROPERTY, "x-options", "input"), {"project": "1"}, "actions.get_thing.input.id"),
        ((*TRIGGER, "request"), None, "triggers.new_thing"),
        ((*TRIGGER, "items"), None, "triggers.new_thing"),
        ((*TRIGGER, "dedup"), None, "triggers.new_thing.dedup"),
        ((*TRIGGER, "sample"), None, "triggers.new_thing.sample"),
        ((*TRIGGER, "type"), "webhook", "triggers.new_thing.verify"),
        ((*TRIGGER, "type"), "webhook", "triggers.new_thing.subscribe"),
        ((*TRIGGER, "when"), "{{ item. }}", "triggers.new_thing"),
        (("protocol",), "smtp", "actions.get_thing"),
    ],
)  # fmt: skip
def test_everything_that_may_not_be_missing_is_missed(path, value, place):
    changed = data()
    _set(path, value)(changed)

    faults = check(from_data(changed))

    assert place in {fault.path for fault in faults}
    assert all(fault.message.strip().endswith((".", "”.")) or ":" in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("way", "place"),
    [
        ({"pkce": "none"}, "connections.oauth2.pkce_reason"),
        ({"authorize_url": "http://a.example"}, "connections.oauth2.authorize_url"),
        ({"token_url": ""}, "connections.oauth2.token_url"),
        ({"save_from_token": ["instance_url"]}, "connections.oauth2.host_pattern"),
    ],
)
def test_oauth_must_be_safe_or_say_why_not(way, place):
    changed = data()
    good = {"type": "oauth2", "label": "x", "help": "y", "test": {"path": "/me"},
            "authorize_url": "https://a.example", "token_url": "https://a.example"}  # fmt: skip
    changed["connections"] = [{**good, **way}]

    assert place in {fault.path for fault in check(from_data(changed))}
    changed["connections"] = [good]
    assert check(from_data(changed)) == []


def test_the_command_line_of_faults_is_readable():
    with pytest.raises(ManifestError, match=r"cannot be used: .*nmae: This key is not known here\."):
        load(TEXT.replace("name: Acme", "nmae: Acme", 1))

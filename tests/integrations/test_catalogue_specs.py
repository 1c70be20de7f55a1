"""Holds shipped manifests against the services' own API descriptions, where a copy of those lies beside the checkout."""

import gzip
import json
import re
from functools import cache
from pathlib import Path

import pytest

from integrations.manifest import shipped, shipped_slugs

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"


def _operations(slug):
    """(what the manifest says of its source, the action) of each that names one."""
    return [(entry.spec, entry) for entry in shipped(slug).actions if entry.spec is not None]


@cache
def _description(file):
    path = SPECS / file
    if not path.exists():
        pytest.skip(f"The service's own description, {file}, does not lie beside this checkout.")
    return json.loads(gzip.decompress(path.read_bytes()))


def _resolved(node, description):
    while isinstance(node, dict) and "$ref" in node:
        target = description
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _find(description, operation):
    for path, methods in description["paths"].items():
        for method, found in methods.items():
            if isinstance(found, dict) and found.get("operationId") == operation:
                parameters = [
                    _resolved(p, description)
                    for p in methods.get("parameters", []) + found.get("parameters", [])
                ]
                return method.upper(), path, parameters, found
    pytest.fail(f"The service knows no operation {operation}.")


def _shape(path):
    """A path with every variable part replaced: `/repos/*/issues/*`; `{+x}` of ours may stand for two parts."""
    return re.sub(r"\{\{.*?\}\}|\{[^}]*\}", "*", path)


def _calls(action):
    return list(action.requests) or [action]


@pytest.mark.parametrize("slug", shipped_slugs())
def test_actions_call_operations_that_exist(slug):
    for spec, action in _operations(slug):
        method, path, _, _ = _find(_description(spec.file), spec.operation)
        ours = {(call.method, _shape(call.path).replace("/repos/*", "/repos/*/*")) for call in _calls(action)}

        assert (method, _shape(path)) in ours, action.name


@pytest.mark.parametrize("slug", shipped_slugs())
def test_actions_give_what_the_operations_require_and_nothing_they_do_not_know(slug):
    for spec, action in _operations(slug):
        description = _description(spec.file)
        method, path, parameters, found = _find(description, spec.operation)
        call = next(
            call for call in reversed(_calls(action))
            if call.method == method and _shape(call.path).replace("/repos/*", "/repos/*/*") == _shape(path)
        )  # fmt: skip
        query = set(call.send.query or {})
        if action.paginate is not None and action.paginate.param:
            query.add(action.paginate.param)
        known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        required = {p["name"] for p in parameters if p["in"] == "query" and p.get("required")} - {"token"}

        assert required <= query <= known, action.name
        _check_body(call, found, description)


def _check_body(call, operation, description):
    """Slack is sent JSON where its description speaks of forms: the field names are the same."""
    sent = call.send.json if isinstance(call.send.json, dict) else call.send.form
    body = _resolved(operation.get("requestBody") or {}, description)
    for content in (body.get("content") or {}).values():
        schema = _resolved(content.get("schema") or {}, description)
        properties = set(schema.get("properties") or {})
        if isinstance(sent, dict) and properties:
            assert set(sent) <= properties
            assert set(schema.get("required") or []) <= set(sent)


@pytest.mark.parametrize("event", ["issues", "issue_comment", "pull_request", "push"])
def test_github_events_are_recognised_in_githubs_own_examples(event):
    from automate.lib.expressions import Scope, evaluate

    examples = {entry["name"]: entry["examples"] for entry in _description("github-webhook-examples.json.gz")}
    triggers = [
        t for t in shipped("github").triggers if t.subscribe and event in str(t.subscribe.request.send.json)
    ]
    trigger = next(t for t in triggers if t.subscribe.request.send.json["events"] == [event])
    taken = 0
    for body in examples[event]:
        names = {
            "body": body,
            "headers": {"x-github-event": event, "x-github-delivery": "d1"},
            "input": {"repository": "o/r"},
        }
        for item in evaluate(trigger.events, Scope(names)):
            taken += bool(evaluate(trigger.when, Scope({**names, "item": item})))
        assert evaluate(trigger.dedup, Scope(names)) == "d1"

    assert (taken > 0) == (
        event in ("pull_request", "push")
        or any(b.get("action") in ("opened", "created") for b in examples[event])
    )

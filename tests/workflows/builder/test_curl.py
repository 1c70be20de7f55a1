"""Curl commands read as the input of the HTTP step."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from integrations.models import IntegrationDefinition
from tests.workflows.builder.conftest import Act
from tests.workflows.builder.pages import HX, step_of, words_of
from workflows.builder.forms.curl import parse_curl
from workflows.builder.forms.shell_words import BadCurl
from workflows.models import WorkflowTemplate

READ: list[tuple[str, dict[str, Any]]] = [
    ("curl 'https://a.example/x?q=a%20b&tag=x&tag=y'",
     {"method": "GET", "url": "https://a.example/x", "query": {"q": "a b", "tag": ["x", "y"]}}),
    ("$ curl -sSL -X PUT \\\n  https://a.example \\\n  -H \"Accept: text/plain\" -d 'a=1' -d 'b=x y'",
     {"method": "PUT", "url": "https://a.example", "headers": {"Accept": "text/plain"}, "form": {"a": 1, "b": "x y"}}),
    ('curl ^"https://a.example/x^" ^\r\n  -H ^"accept: */*^" ^\r\n  --data-raw ^"{\\^"a\\^":[1]}^"',
     {"method": "POST", "url": "https://a.example/x", "headers": {"accept": "*/*"}, "json": {"a": [1]}}),
    ("curl --json '{\"x\": 1.5}' a.example", {"method": "POST", "url": "http://a.example", "json": {"x": 1.5}}),
    ("curl -G https://a.example --data-urlencode 'q=a b&c' --data-urlencode '=d' -d page=2",
     {"method": "GET", "url": "https://a.example", "query": {"q": "a b&c", "d": "", "page": 2}}),
    ("curl -I https://a.example", {"method": "HEAD", "url": "https://a.example"}),
    ("curl https://a.example -F 'name=Ada L;type=text/plain' --form-string 'at=@home'",
     {"method": "POST", "url": "https://a.example", "multipart": {"name": "Ada L", "at": "@home"}}),
    ("curl https://a.example --data-raw $'it\\'s \\u00e9\\n' -H 'Content-Type: text/plain'",
     {"method": "POST", "url": "https://a.example", "headers": {"Content-Type": "text/plain"}, "text": "it's \u00e9\n"}),
]  # fmt: skip
REFUSED = [
    ("wget https://a.example", "not a curl command"),
    ("curl -H 'a: b'", "no address"),
    ("curl 'https://a.example", "not closed"),
    ("curl https://a.example | jq .", "alone"),
    ("curl https://a.example/?a=1&b=2", "quotes"),
    ("curl -d @order.json https://a.example", "“order.json” on your computer"),
    ("curl -F file=@a.png https://a.example", "“a.png” on your computer"),
    ("curl --data-urlencode x@a.txt https://a.example", "“a.txt” on your computer"),
    ("curl -T a.png https://a.example", "file of your computer"),
    ("curl ftp://a.example", "http:// and https:// only"),
    ("curl -X BREW https://a.example", "no method"),
    ("curl https://a.example -H", "Nothing comes after -H"),
]


@pytest.mark.parametrize(("text", "made"), READ)
def test_a_command_is_read_as_the_steps_input(text: str, made: dict[str, Any]) -> None:
    assert parse_curl(text).input == made


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_a_workflow_cannot_do_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(BadCurl) as refusal:
        parse_curl(text)

    assert why in str(refusal.value)


def test_secrets_are_left_out_and_said() -> None:
    bearer = parse_curl("curl https://a.example -H 'Authorization: Bearer sk-1' -H 'Cookie: s=1' -b x=1")
    basic = parse_curl("curl -u bob:pw https://carol:pw2@a.example/x")
    key = parse_curl("curl 'https://a.example/?api_key=k1' -H 'X-Api-Key: k2' -d 'password=pw3&name=Ada'")
    kept = parse_curl("curl https://a.example -H 'Authorization: Bearer {{ vars.TOKEN }}'")

    assert (bearer.sign_in, bearer.input) == ("bearer", {"method": "GET", "url": "https://a.example"})
    assert (basic.sign_in, basic.input["url"]) == ("basic", "https://a.example/x")
    assert (key.sign_in, key.input["form"]) == ("api_key", {"password": "", "name": "Ada"})
    assert not {"headers", "query"} & set(key.input)
    assert all(found.notes for found in (bearer, basic, key))
    assert kept.input["headers"] == {"Authorization": "Bearer {{ vars.TOKEN }}"}


def test_a_command_fills_the_step_in_by_a_form_without_scripts(
    as_alice: Client, edit: Act, draft: WorkflowTemplate
) -> None:
    http = IntegrationDefinition.objects.create(name="http", display_name="HTTP", auth_type="NONE")
    http.actions.create(name="request", display_name="Send a request", input_schema={"type": "object"})
    edit("insert", type="action", integration="http", action="request", source="shape")
    key = next(step.key for step in draft.steps.filter(integration="http"))
    url = f"/workflows/{draft.pk}/steps/{key}/curl/"

    asked = as_alice.get(url)
    done = as_alice.post(url, {"command": "curl -u a:b https://a.example/x -d a=1"})
    shown = words_of(as_alice.get(done["Location"]))
    bad = as_alice.post(url, {"command": "curl -d @x https://a.example"}, headers=HX)
    other = as_alice.get(f"/workflows/{draft.pk}/steps/say/curl/")

    assert "Copy as cURL" in words_of(asked)
    assert (done.status_code, other.status_code) == (302, 404)
    assert step_of(draft, key).input == {"method": "POST", "url": "https://a.example/x", "form": {"a": 1}}
    assert "The user name and the password were left out." in shown
    assert (bad.status_code, bad["HX-Retarget"]) == (422, "#dialog")
    assert "curl -d @x https://a.example" in words_of(bad)

"""What the executor sends: mapping, bodies, paths, signatures."""

import json

import pytest

from integrations.actions import ActionError, Connection, InputError
from tests.integrations.acme import INPUT, SECRET, echo_everything, manifest, run, runner_for


@pytest.fixture
def runner(httpserver):
    runner = runner_for(httpserver)
    yield runner
    runner.client.close()


@pytest.fixture
def echo(httpserver):
    return echo_everything(httpserver)


def test_inputs_are_mapped_and_absent_ones_left_out(runner, echo):
    made = manifest(
        {
            "input": INPUT,
            "send": {
                "json": {"x": "{{ input.a }}", "y": "{{ input.b }}", "z": {"w": "{{ input.c }}"}, "k": 1}
            },
        }
    )

    sent = run(runner, made, {"a": [1, None, "ä"]}).output

    assert (sent["method"], sent["path"]) == ("POST", "/do")
    assert json.loads(sent["body"].encode("latin-1")) == {"x": [1, None, "ä"], "k": 1}
    assert sent["headers"]["authorization"] == f"Bearer {SECRET}"
    assert sent["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize(
    "template", ["{{ nope }}", "{{ connection.nope }}", "{{ connection.nope + input.a }}"]
)
def test_a_mistake_in_a_manifest_is_told_and_nothing_is_sent(runner, httpserver, template):
    with pytest.raises(ActionError, match="could not work out") as caught:
        run(runner, manifest({"input": INPUT, "send": {"json": {"x": template}}}), {"a": "1"})

    assert (caught.value.code, caught.value.sent, httpserver.log) == ("mapping", False, [])


def test_a_null_that_was_given_is_sent_as_null(runner, echo):
    made = manifest({"input": INPUT, "send": {"json": {"x": "{{ input.a }}"}}})

    assert run(runner, made, {"a": None}).output["body"] == '{"x":null}'


@pytest.mark.parametrize(
    ("send", "query", "mime", "body"),
    [
        ({"query": {"q": "{{ input.a }}", "n": 1, "t": True, "l": [1, 2], "gone": "{{ input.b }}"}},
         "q=a%26b%20%C3%A4&n=1&t=true&l=1&l=2", None, ""),
        ({"form": {"x": "{{ input.a }}", "o": {"k": 1, "m": [{"n": 2}]}, "l": ["p", "q"]}}, "",
         "application/x-www-form-urlencoded", "x=a%26b%20%C3%A4&o%5Bk%5D=1&o%5Bm%5D%5B0%5D%5Bn%5D=2&l=p&l=q"),
        ({"raw": "{{ input.a }}"}, "", "text/plain; charset=utf-8", "a&b \u00c3\u00a4"),
        ({"raw": "x", "headers": {"Content-Type": "text/csv"}}, "", "text/csv", "x"),
        ({"graphql": {"query": "{ me }", "variables": {"v": "{{ input.a }}"}}}, "", "application/json",
         '{"query":"{ me }","variables":{"v":"a&b \u00c3\u00a4"}}'),
    ],
)  # fmt: skip
def test_every_kind_of_body_and_query(runner, echo, send, query, mime, body):
    sent = run(runner, manifest({"input": INPUT, "send": send}), {"a": "a&b ä"}).output

    assert (sent["query"], sent["headers"].get("content-type"), sent["body"]) == (query, mime, body)


def test_multipart_carries_fields_and_files(runner, echo):
    made = manifest(
        {"input": INPUT, "send": {"multipart": {"note": "{{ input.a }}", "file": "{{ input.file }}"}}}
    )
    file = {"name": 'a".txt', "mime": "text/plain", "text": "inside"}

    sent = run(runner, made, {"a": "x", "file": file}).output

    boundary = sent["headers"]["content-type"].partition("boundary=")[2]
    assert sent["body"].split(f"--{boundary}")[1:-1] == [
        '\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n',
        '\r\nContent-Disposition: form-data; name="file"; filename="a%22.txt"\r\nContent-Type: text/plain\r\n\r\ninside\r\n',
    ]


def test_multipart_related_carries_json_and_a_file(runner, echo):
    parts = [{"json": {"name": "{{ input.a }}"}}, "{{ input.file }}"]
    made = manifest({"input": INPUT, "send": {"multipart_related": parts}})

    sent = run(runner, made, {"a": "x", "file": {"name": "f", "mime": "image/png", "base64": "AQI="}}).output

    assert sent["headers"]["content-type"].startswith("multipart/related; boundary=")
    assert 'Content-Type: application/json\r\n\r\n{"name":"x"}' in sent["body"]
    assert "Content-Type: image/png\r\n\r\n\x01\x02" in sent["body"]


@pytest.mark.parametrize(
    ("path", "input", "seen"),
    [
        ("/a/{{ input.a }}/b", {"a": "x/y?z#ä &"}, "/a/x/y?z#ä &/b"),
        ("/a/{{+ input.a }}", {"a": "docs/read me.md"}, "/a/docs/read me.md"),
        ("/n/{{ input.a }}", {"a": 42}, "/n/42"),
        ("/c/{{ connection.account.id }}", {}, "/c/7"),
    ],
)
def test_paths_quote_what_goes_into_them(runner, echo, path, input, seen):
    result = run(runner, manifest({"input": INPUT, "path": path}), input)

    assert result.output["path"] == seen
    assert "?" not in result.request_log["url"]


@pytest.mark.parametrize("value", ["..", "../admin", "a/../../b", ".", None, {"x": 1}])
def test_paths_cannot_be_left_upwards(runner, httpserver, value):
    for template in ("/a/{{ input.a }}/b", "/a/{{+ input.a }}/b"):
        with pytest.raises(InputError) as caught:
            run(
                runner,
                manifest({"input": INPUT, "path": template}),
                {"a": value} if value is not None else {},
            )
        assert caught.value.sent is False
    assert httpserver.log == []


def test_the_services_headers_go_along(runner, echo):
    made = manifest({"send": {"headers": {"X-Own": "1"}}}, http={"headers": {"X-Version": "7"}})

    headers = run(runner, made).output["headers"]

    assert (headers["x-version"], headers["x-own"]) == ("7", "1")


@pytest.mark.parametrize(
    ("way", "values", "header", "query"),
    [
        ({"type": "none"}, {}, {}, ""),
        ({"type": "bearer", "prefix": "Token "}, {"token": "t"}, {"authorization": "Token t"}, ""),
        (
            {"type": "basic"},
            {"username": "ada", "password": "pä"},
            {"authorization": "Basic YWRhOnDDpA=="},
            "",
        ),
        ({"type": "api_key", "name": "X-Key"}, {"key": "k"}, {"x-key": "k"}, ""),
        ({"type": "api_key", "name": "key", "in": "query", "prefix": "p-"}, {"key": "k&"}, {}, "key=p-k%26"),
        ({"type": "oauth2"}, {"access_token": "at"}, {"authorization": "Bearer at"}, ""),
        ({"type": "oauth2_client_credentials"}, {"access_token": "at"}, {"authorization": "Bearer at"}, ""),
    ],
)
def test_each_way_to_connect_signs_requests(runner, echo, way, values, header, query):
    made = manifest(connections=[way])

    sent = run(runner, made, connection=Connection("c", "acme", way["type"], values)).output

    assert {name: sent["headers"].get(name) for name in header} == header
    assert ("authorization" in sent["headers"]) == ("authorization" in header)
    assert sent["query"] == query


@pytest.mark.parametrize("kind", ["bearer", "basic", "api_key", "oauth2"])
def test_a_missing_credential_asks_to_connect_again(runner, httpserver, kind):
    made = manifest(connections=[{"type": kind, **({"name": "k"} if kind == "api_key" else {})}])

    with pytest.raises(ActionError) as caught:
        run(runner, made, connection=Connection("c", "acme", kind, {}))

    assert (caught.value.reconnect, caught.value.sent, httpserver.log) == (True, False, [])


def test_an_action_that_needs_a_connection_says_so(runner):
    with pytest.raises(ActionError, match="needs a connection") as caught:
        run(runner, manifest(), connection=None)

    assert caught.value.code == "not_connected"


def test_the_idempotency_key_goes_where_the_service_honours_one(runner, echo):
    with_key = run(runner, manifest({"idempotency": "X-Idem"}), idempotency_key="e1:pay").output
    without = run(runner, manifest(), idempotency_key="e1:pay").output

    assert with_key["headers"]["x-idem"] == "e1:pay"
    assert "idempotency-key" not in without["headers"]

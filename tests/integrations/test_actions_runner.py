"""The one executor, against a real HTTP server: what is sent, what comes back, and how errors are named."""

import json
from datetime import timedelta
from email.utils import format_datetime

import pytest
from werkzeug import Response

from automate.lib import clock
from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection, InputError, RateLimited, effect_of
from integrations.manifest import Manifest, from_data, shipped

SECRET = "s3cr3t/t0ken+x="


def manifest(action=None, **service) -> Manifest:
    """One service with one action called `do`."""
    base = {"name": "do", "display_name": "Do", "method": "POST", "path": "/do"}
    data = {
        "slug": "acme", "name": "Acme", "category": "test", "docs_url": "https://acme.example",
        "connections": [{"type": "bearer"}], "http": {"base_url": "https://acme.example", **service.pop("http", {})},
        "actions": [{**base, **(action or {})}], **service,
    }  # fmt: skip
    return from_data(data)


CONNECTION = Connection("c1", "acme", "bearer", {"token": SECRET, "account": {"id": 7}})


@pytest.fixture
def runner(httpserver):
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    slugs = ("acme", "slack", "github", "jira")
    yield ActionRunner(client, base_urls=dict.fromkeys(slugs, httpserver.url_for("").rstrip("/")))
    client.close()


def run(runner, made, input=None, connection=CONNECTION, **options):
    return runner.run(made, "do", input=input or {}, connection=connection, **options)


@pytest.fixture
def echo(httpserver):
    """Answers every request with what it was."""

    def answer(request):
        seen = {
            "method": request.method, "path": request.path, "query": request.query_string.decode(),
            "headers": {name.lower(): value for name, value in request.headers}, "body": request.get_data().decode("latin-1"),
        }  # fmt: skip
        return Response(json.dumps(seen), content_type="application/json")

    httpserver.expect_request("").respond_with_handler(answer)
    import re

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    return httpserver


PROPERTIES = {key: {} for key in ("a", "b", "c", "list", "file")}
INPUT = {"type": "object", "properties": PROPERTIES}


# --- what is sent


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


# --- what comes back


@pytest.mark.parametrize(
    ("body", "mime", "output"),
    [
        (b'{"a": 9007199254740993}', "application/json", {"a": 9007199254740993}),
        (b"[1]", "application/vnd.acme+json; charset=utf-8", [1]),
        ("grün".encode("latin-1"), "text/plain; charset=iso-8859-1", "grün"),
        (b"<a/>", "application/xml", "<a/>"),
        (b"", "application/json", None),
        (b"\x00\x01", "application/octet-stream", None),
    ],
)
def test_bodies_become_values(runner, httpserver, body, mime, output):
    httpserver.expect_request("/do").respond_with_data(body, content_type=mime)

    assert run(runner, manifest()).output == output


def test_the_output_is_mapped(runner, httpserver):
    httpserver.expect_request("/do").respond_with_json({"user": {"id": 3}}, headers={"X-Id": "r9"})
    output = {
        "id": "{{ body.user.id }}",
        "request": "{{ headers['x-id'] }}",
        "asked": "{{ input.a }}",
        "none": "{{ input.b }}",
    }

    assert run(runner, manifest({"input": INPUT, "output": output}), {"a": 1}).output == {
        "id": 3, "request": "r9", "asked": 1,
    }  # fmt: skip


def test_json_that_is_none_is_an_error(runner, httpserver):
    httpserver.expect_request("/do").respond_with_data("{nope", content_type="application/json")

    with pytest.raises(ActionError, match="cannot be read") as caught:
        run(runner, manifest())

    assert (caught.value.code, caught.value.sent) == ("bad_answer", True)


class Store:
    def __init__(self):
        self.saved = {}

    def read(self, file):
        return self.saved[file["$file"]]

    def save(self, data, *, name, mime):
        key = f"f{len(self.saved)}"
        self.saved[key] = data
        return {"$file": key, "name": name, "mime": mime, "size": len(data)}


@pytest.mark.parametrize(
    ("spec", "data"),
    [
        (
            {
                "data": "{{ body.content }}",
                "encoding": "base64",
                "name": "{{ body.name }}",
                "mime": "image/png",
            },
            b"\x00\xff\x10",
        ),
        (
            {"data": "{{ body.name }}", "encoding": "text", "name": "{{ body.name }}", "mime": "image/png"},
            b"a.png",
        ),
        ({"name": "{{ body.name }}", "mime": "image/png"}, b'{"name": "a.png", "content": "AP\\n8Q"}'),
    ],
)
def test_an_answer_can_become_a_file(runner, httpserver, spec, data):
    httpserver.expect_request("/do").respond_with_data(
        '{"name": "a.png", "content": "AP\\n8Q"}', content_type="application/json"
    )
    store = Store()

    output = run(runner, manifest({"output_file": spec}), files=store).output

    assert output == {"$file": "f0", "name": "a.png", "mime": "image/png", "size": len(data)}
    assert store.saved == {"f0": data}


def test_a_stored_file_can_be_a_body(runner, echo):
    store = Store()
    file = store.save(b"%PDF", name="a.pdf", mime="application/pdf")
    made = manifest({"input": INPUT, "send": {"raw": "{{ input.file }}"}})

    sent = run(runner, made, {"file": file}, files=store).output

    assert (sent["body"], sent["headers"]["content-type"]) == ("%PDF", "application/pdf")
    with pytest.raises(InputError, match="does not exist"):
        run(runner, made, {"file": {"$file": "gone", "name": "x"}}, files=store)


# --- errors


def test_a_200_that_means_failure_is_a_named_error(runner, httpserver):
    http = {
        "ok": "{{ body.ok }}",
        "error": {
            "message": "{{ body.error }}",
            "code": "{{ body.error }}",
            "retry": ["busy"],
            "reconnect": ["bad_token"],
        },
    }
    found = {}
    for word in ("busy", "bad_token", "other"):
        httpserver.expect_oneshot_request("/do").respond_with_json({"ok": False, "error": word})
        with pytest.raises(ActionError) as caught:
            run(runner, manifest(http=http))
        error = caught.value
        found[word] = (error.code, error.retryable, error.reconnect, error.status, error.sent, error.message)

    assert found == {
        "busy": ("busy", True, False, 200, True, "Acme refused: busy."),
        "bad_token": ("bad_token", False, True, 200, True, "Acme refused: bad_token."),
        "other": ("other", False, False, 200, True, "Acme refused: other."),
    }


@pytest.mark.parametrize(
    ("status", "retryable", "reconnect"),
    [(400, False, False), (401, False, True), (403, False, False), (404, False, False), (408, True, False),
     (409, False, False), (422, False, False), (429, True, False), (500, True, False), (503, True, False)],
)  # fmt: skip
def test_statuses_mean_what_http_says(runner, httpserver, status, retryable, reconnect):
    httpserver.expect_request("/do").respond_with_json({"message": "No."}, status=status)

    with pytest.raises(ActionError, match="Acme refused: No") as caught:
        run(runner, manifest())

    error = caught.value
    assert (error.status, error.retryable, error.reconnect, error.sent) == (
        status,
        retryable,
        reconnect,
        True,
    )
    assert error.as_json() == {
        "message": error.message,
        "code": f"http_{status}",
        "retryable": retryable,
        "status": status,
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": {"message": "deep"}}, "deep"), ({"errors": [{"detail": "listed"}]}, "listed"),
        ({"error_description": "described"}, "described"), ({"errorMessages": ["jira"]}, "jira"), ({}, "Internal Server Error"),
        ("<html>", "Internal Server Error"), ([], "Internal Server Error"),
    ],
)  # fmt: skip
def test_the_services_words_are_found(runner, httpserver, body, says):
    httpserver.expect_request("/do").respond_with_json(body, status=500)

    with pytest.raises(ActionError, match=says):
        run(runner, manifest())


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("-5", 0, 0),
        ("1.5", 1.5, 1.5),
        ("date", 58, 60),
        ("epoch", 58, 60),
        ("999999", 86400, 86400),
    ],
)
def test_retry_after_is_seconds_a_date_or_a_moment(runner, httpserver, header, low, high):
    moment = clock.now() + timedelta(seconds=60)
    value = {"date": format_datetime(moment, usegmt=True), "epoch": str(int(moment.timestamp()))}.get(
        header, header
    )
    httpserver.expect_request("/do").respond_with_data("", status=429, headers={"Retry-After": value})

    with pytest.raises(ActionError) as caught:
        run(runner, manifest())

    assert low - 1 <= caught.value.retry_after_s <= high + 1


@pytest.mark.parametrize("header", ["", "soon", "nan", "inf", "Mon, 99 Nov 2026 10:00:00 GMT"])
def test_a_retry_after_that_is_none_is_ignored(runner, httpserver, header):
    httpserver.expect_request("/do").respond_with_data("", status=429, headers={"Retry-After": header})

    with pytest.raises(ActionError) as caught:
        run(runner, manifest())

    assert caught.value.retry_after_s is None


def test_a_retry_after_in_the_body(runner, httpserver):
    httpserver.expect_request("/do").respond_with_json({"parameters": {"retry_after": 12}}, status=429)

    with pytest.raises(ActionError) as caught:
        run(runner, manifest(http={"retry_after": "{{ body.parameters.retry_after }}"}))

    assert caught.value.retry_after_s == 12


def test_graphql_errors_are_errors(runner, httpserver):
    answer = {"data": None, "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    httpserver.expect_request("/do").respond_with_json(answer)

    with pytest.raises(ActionError, match="Throttled") as caught:
        run(runner, manifest({"send": {"graphql": {"query": "{x}"}}}))

    assert (caught.value.code, caught.value.retryable) == ("THROTTLED", True)


def test_nothing_listening_is_certainly_not_sent():
    runner = ActionRunner(
        HttpClient(EgressPolicy(allow=("127.0.0.1",))), base_urls={"acme": "http://127.0.0.1:9"}
    )

    with pytest.raises(ActionError) as caught:
        run(runner, manifest())

    assert (caught.value.code, caught.value.sent, caught.value.retryable) == ("connect_failed", False, True)


def test_time_runs_out_for_all_requests_together(runner, httpserver):
    import time

    httpserver.expect_request("/slow").respond_with_handler(
        lambda request: time.sleep(0.25) or Response("{}")
    )
    made = manifest(
        {"method": None, "path": "", "requests": [{"id": f"r{n}", "path": "/slow"} for n in range(4)]}
    )

    with pytest.raises(ActionError) as caught:
        run(runner, made, timeout_s=0.6)

    assert caught.value.code == "timeout"
    assert caught.value.sent is not False


def test_a_secret_never_leaves_in_errors_or_logs(runner, httpserver):
    from urllib.parse import quote

    said = f"bad {SECRET} {quote(SECRET, safe='')} {SECRET.encode().hex()}"
    httpserver.expect_request("/do").respond_with_json(
        {"message": said}, status=400, headers={"X-Echo": SECRET}
    )
    made = manifest(
        {"send": {"query": {"t": "{{ connection.token }}"}, "headers": {"X-T": "{{ connection.token }}"}}}
    )

    with pytest.raises(ActionError) as caught:
        run(runner, made)

    error = caught.value
    everything = json.dumps([error.message, str(error), error.args, error.request_log], ensure_ascii=False)
    for spelling in (SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), json.dumps(SECRET)[1:-1]):
        assert spelling not in everything
    assert "••••" in everything


def test_the_log_says_what_was_sent_and_how_it_went(runner, httpserver):
    httpserver.expect_request("/do").respond_with_data(b'{"ok": 1}', content_type="application/json")

    log = run(runner, manifest({"send": {"json": {"a": 1}}})).request_log

    assert log.pop("duration_ms") > 0
    assert log == {
        "method": "POST", "url": httpserver.url_for("/do"), "status": 200, "bytes_sent": 7, "bytes_received": 9,
        "headers": {"Content-Type": "application/json", "Authorization": "••••"},
    }  # fmt: skip
    json.dumps(log)


# --- several requests


SEARCH_OR_CREATE = {
    "method": None, "path": "", "input": INPUT,
    "requests": [
        {"id": "find", "method": "GET", "path": "/find", "send": {"query": {"q": "{{ input.a }}"}}, "ok": "{{ status in [200, 404] }}"},
        {"id": "make", "when": "{{ requests.find.status == 404 }}", "method": "POST", "path": "/make", "send": {"json": {"n": "{{ input.a }}"}}},
        {"id": "tag", "method": "POST", "path": "/tag/{{ requests.make.body.id if requests.make else requests.find.body.id }}"},
    ],
    "output": {"made": "{{ requests.make is not none }}", "last": "{{ body }}"},
}  # fmt: skip


@pytest.mark.parametrize("exists", [True, False])
def test_search_or_create(runner, httpserver, exists):
    httpserver.expect_request("/find", query_string="q=x").respond_with_json(
        {"id": 1}, status=200 if exists else 404
    )
    httpserver.expect_request("/make", json={"n": "x"}).respond_with_json({"id": 2})
    httpserver.expect_request("/tag/1" if exists else "/tag/2", method="POST").respond_with_json(
        {"tagged": True}
    )

    result = run(runner, manifest(SEARCH_OR_CREATE), {"a": "x"})

    assert result.output == {"made": not exists, "last": {"tagged": True}}
    assert result.request_log["calls"] == (2 if exists else 3)
    assert result.request_log["earlier"][0]["method"] == "GET"


def test_what_was_sent_before_a_failure_counts(runner, httpserver):
    requests = [
        {"id": "a", "method": "POST", "path": "/a"},
        {"id": "b", "method": "POST", "path": "/b/{{ input.a }}"},
    ]
    httpserver.expect_request("/a").respond_with_json({})

    with pytest.raises(ActionError) as caught:
        run(runner, manifest({"method": None, "path": "", "input": INPUT, "requests": requests}))

    assert caught.value.sent is True


@pytest.mark.parametrize(("where", "signed"), [("own", True), ("foreign", False)])
def test_credentials_go_only_to_the_service_itself(httpserver, where, signed):
    """An address that an answer brought (an upload URL) gets them only when it lies on the service's own host."""
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    runner = ActionRunner(client, base_urls={"acme": f"http://127.0.0.1:{httpserver.port}"})
    host = "127.0.0.1" if where == "own" else "localhost"
    httpserver.expect_request("/start").respond_with_json({"upload": f"http://{host}:{httpserver.port}/up"})
    httpserver.expect_request("/up").respond_with_json({"ok": 1})
    requests = [
        {"id": "start", "method": "POST", "path": "/start"},
        {
            "id": "up",
            "method": "PUT",
            "base_url": "{{ requests.start.body.upload }}",
            "send": {"raw": "data"},
        },
    ]

    run(runner, manifest({"method": None, "path": "", "requests": requests}))

    assert ("Authorization" in httpserver.log[1][0].headers) is signed
    assert "Authorization" in httpserver.log[0][0].headers


@pytest.mark.parametrize(
    ("base", "values", "host"),
    [
        ("https://{{ connection.site }}.acme.example", {"site": "evil.example/x"}, None),
        ("https://{{ connection.site }}.acme.example", {"site": "evil.example#"}, None),
        ("{{ connection.url }}/api", {"url": "https://evil.example"}, "evil.example"),
        (
            "{{ connection.url }}/api",
            {"url": "https://a.acme.example.evil.example"},
            "a.acme.example.evil.example",
        ),
        ("{{ connection.url }}/api", {"url": "https://x@evil.example"}, "evil.example"),
    ],
)
def test_addresses_that_came_with_a_connection_must_be_the_services(base, values, host):
    made = manifest(
        connections=[{"type": "bearer", "host_pattern": r"[a-z0-9-]+\.acme\.example"}],
        http={"base_url": base},
    )
    connection = Connection("c", "acme", "bearer", {"token": SECRET, **values})

    with pytest.raises(ActionError) as caught:
        run(ActionRunner(HttpClient(EgressPolicy())), made, connection=connection)

    assert caught.value.sent is False
    assert caught.value.code in ("foreign_host", "invalid_request", "blocked_address")


# --- limits, effects


class Limits:
    def __init__(self, *waits):
        self.waits, self.asked = list(waits), []

    def acquire(self, key, requests, per_s):
        self.asked.append((key, requests, per_s))
        return self.waits.pop(0)


def test_the_rate_limit_is_asked_per_connection(httpserver):
    httpserver.expect_request("/do").respond_with_json({})
    limits = Limits(0, 0.05, 3.5)
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    runner = ActionRunner(client, base_urls={"acme": httpserver.url_for("")}, limiter=limits)
    made = manifest(http={"rate_limit": {"requests": 5, "per_s": 2}})

    for _ in range(2):
        run(runner, made)
    with pytest.raises(RateLimited) as caught:
        run(runner, made)

    assert limits.asked == [("acme:c1", 5, 2)] * 3
    assert (caught.value.retry_after_s, caught.value.sent, caught.value.retryable) == (3.5, False, True)
    assert len(httpserver.log) == 2


@pytest.mark.parametrize(
    ("action", "effect"),
    [
        ({"method": "GET"}, "safe"), ({"method": "PUT"}, "safe"), ({"method": "DELETE"}, "safe"), ({"method": "POST"}, "unsafe"),
        ({"method": "PATCH"}, "unsafe"), ({"method": "POST", "effect": "safe"}, "safe"), ({"method": "GET", "effect": "unsafe"}, "unsafe"),
        ({"method": "POST", "idempotency": "Idempotency-Key"}, "safe"), (SEARCH_OR_CREATE, "unsafe"),
        ({"method": None, "path": "", "requests": [{"id": "a"}, {"id": "b", "method": "PUT"}]}, "safe"),
    ],
)  # fmt: skip
def test_effects(action, effect):
    assert effect_of(manifest(action), "do", {}) == effect


def test_effects_of_the_shipped_ones():
    http, slack, sql = shipped("http"), shipped("slack"), shipped("sql")

    assert {method: effect_of(http, "request", {"method": method}) for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "PATCH")} == {
        "GET": "safe", "PUT": "safe", "DELETE": "safe", "HEAD": "safe", "OPTIONS": "safe", "POST": "unsafe", "PATCH": "unsafe",
    }  # fmt: skip
    assert effect_of(http, "request", {}) == "safe"
    assert effect_of(slack, "send_message", {}) == "unsafe"
    assert effect_of(slack, "add_reaction", {}) == "safe"
    assert (effect_of(sql, "query", {}), effect_of(sql, "execute", {})) == ("safe", "unsafe")
    assert effect_of(shipped("smtp"), "send_email", {}) == "unsafe"
    assert effect_of(slack, "no_such_action", {}) == "unsafe"


# --- connections: tests, labels, options


def test_a_connection_is_tested_and_labelled(runner, httpserver):
    way = {
        "type": "bearer",
        "test": {"path": "/me"},
        "account_label": "{{ body.name }} ({{ connection.account.id }})",
    }
    httpserver.expect_request("/me", headers={"Authorization": f"Bearer {SECRET}"}).respond_with_json(
        {"name": f"Ada {SECRET}"}
    )

    assert runner.test(manifest(connections=[way]), CONNECTION) == "Ada •••• (7)"


def test_a_refused_test_says_why(runner, httpserver):
    httpserver.expect_request("/me").respond_with_json({"message": "Bad credentials"}, status=401)

    with pytest.raises(ActionError, match="Bad credentials") as caught:
        runner.test(manifest(connections=[{"type": "bearer", "test": {"path": "/me"}}]), CONNECTION)

    assert caught.value.reconnect


def test_what_is_asked_after_connecting_is_kept(runner, httpserver):
    httpserver.expect_request("/sites").respond_with_json([{"id": "cl1", "name": "Acme"}])
    way = {"type": "bearer", "after_connect": {"path": "/sites", "base_url": "https://elsewhere.example",
                                               "save": {"cloud_id": "{{ body[0].id }}", "n": "{{ length(body) }}"}}}  # fmt: skip

    assert runner.after_connect(manifest(connections=[way]), CONNECTION) == {"cloud_id": "cl1", "n": 1}
    assert runner.after_connect(manifest(), CONNECTION) == {}


def test_choices_come_from_another_action_and_depend_on_other_fields(runner, httpserver):
    httpserver.expect_request("/repos/o/r/labels").respond_with_json(
        [{"name": "bug"}, {"name": "later"}, {"id": 1}]
    )
    github = shipped("github")
    connection = Connection("c", "github", "bearer", {"token": SECRET})

    found = runner.options(
        github, "create_issue", "labels", input={"repository": "o/r"}, connection=connection
    )
    none_yet = runner.options(github, "create_issue", "labels", input={}, connection=connection)

    assert found == [{"value": "bug", "label": "bug"}, {"value": "later", "label": "later"}]
    assert none_yet == []


def test_an_unknown_action_is_named(runner):
    with pytest.raises(ActionError, match="no action “nope”"):
        runner.run(manifest(), "nope", input={})

"""The http integration's request: any address, with the person's own words for pages and failures."""

import json
import re

import pytest
from werkzeug import Response

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection, InputError
from integrations.manifest import shipped

MANIFEST = shipped("http")


@pytest.fixture
def runner(httpserver):
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    yield ActionRunner(client)
    client.close()


@pytest.fixture
def request_(runner, httpserver):
    def call(path="/x", connection=None, files=None, key=None, **given):
        given = {"url": httpserver.url_for(path), **given}
        return runner.run(
            MANIFEST,
            "request",
            input=given,
            connection=connection,
            idempotency_key=key,
            files=files,
            timeout_s=5,
        )

    return call


@pytest.fixture
def echo(httpserver):
    def answer(request):
        seen = {
            "method": request.method,
            "url": request.full_path,
            "headers": dict(request.headers),
            "body": request.get_data(as_text=True),
        }
        return Response(json.dumps(seen), content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    return httpserver


def test_the_result_is_status_headers_and_body(request_, httpserver):
    httpserver.expect_request("/x", method="GET").respond_with_json(
        {"id": 1}, status=201, headers={"X-A": "b"}
    )

    output = request_().output

    assert (output["status"], output["headers"]["x-a"], output["body"]) == (201, "b", {"id": 1})


@pytest.mark.parametrize(
    ("given", "mime", "body"),
    [
        ({"json": {"a": [1, None]}}, "application/json", '{"a":[1,null]}'),
        ({"json": None}, "application/json", "null"),
        ({"json": "text"}, "application/json", '"text"'),
        ({"form": {"a": "1 2", "b": ["x", "y"]}}, "application/x-www-form-urlencoded", "a=1%202&b=x&b=y"),
        ({"text": "hi"}, "text/plain; charset=utf-8", "hi"),
        ({"text": "<a/>", "headers": {"content-type": "text/xml"}}, "text/xml", "<a/>"),
        ({}, None, ""),
    ],
)
def test_bodies(request_, echo, given, mime, body):
    sent = request_(method="POST", **given).output["body"]

    assert (sent["headers"].get("Content-Type"), sent["body"]) == (mime, body)


def test_query_and_headers_join_what_the_address_has(request_, echo):
    sent = request_("/x?a=1", query={"b": [2, 3], "none": None}, headers={"X-N": 5, "X-None": None}).output[
        "body"
    ]

    assert sent["url"] == "/x?a=1&b=2&b=3"
    assert (sent["headers"]["X-N"], "X-None" in sent["headers"]) == ("5", False)


@pytest.mark.parametrize(
    ("method", "sent"),
    [("GET", False), ("OPTIONS", False), ("POST", True), ("PUT", True), ("PATCH", True), ("DELETE", True)],
)
def test_the_idempotency_key_goes_with_all_that_changes(request_, echo, method, sent):
    headers = request_(method=method, key="e1:s2").output["body"]["headers"]

    assert headers.get("Idempotency-Key") == ("e1:s2" if sent else None)


def test_a_persons_own_idempotency_key_wins(request_, echo):
    headers = request_(method="POST", key="e1:s2", headers={"idempotency-key": "mine"}).output["body"][
        "headers"
    ]

    assert headers["Idempotency-Key"] == "mine"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (
            {"type": "basic", "username": "ada", "password": "s3cret"},
            ("Authorization", "Basic YWRhOnMzY3JldA=="),
        ),
        ({"type": "bearer", "token": "s3cret"}, ("Authorization", "Bearer s3cret")),
        ({"type": "api_key", "name": "X-K", "key": "s3cret"}, ("X-K", "s3cret")),
        ({"type": "api_key", "name": "X-K", "value": "s3cret", "prefix": "k "}, ("X-K", "k s3cret")),
        ({"type": "none"}, ("Accept-Encoding", "gzip, deflate")),
    ],
)
def test_sign_in_given_in_the_step(request_, echo, auth, header):
    result = request_(auth=auth)

    assert result.output["body"]["headers"][header[0]] == header[1]
    assert "s3cret" not in json.dumps(result.request_log)
    assert "YWRhOnMzY3JldA" not in json.dumps(result.request_log)


def test_a_key_in_the_query_is_masked_in_the_log(request_, echo):
    result = request_(auth={"type": "api_key", "in": "query", "name": "key", "key": "s3cret"})

    assert result.output["body"]["url"] == "/x?key=s3cret"
    assert "s3cret" not in json.dumps(result.request_log)


def test_secret_looking_headers_are_masked_in_the_log(request_, echo):
    log = request_(headers={"X-Auth-Token": "s3cret", "Cookie": "s3cret", "X-Plain": "shown"}).request_log

    assert "s3cret" not in json.dumps(log)
    assert log["headers"]["X-Plain"] == "shown"


@pytest.mark.parametrize(
    ("auth_type", "values", "name", "value"),
    [
        ("bearer", {"token": "t"}, "Authorization", "Bearer t"),
        ("basic", {"username": "ada", "password": ""}, "Authorization", "Basic YWRhOg=="),
        ("api_key", {"key": "k", "name": "X-Key", "in": "header"}, "X-Key", "k"),
        ("none", {}, "Accept-Encoding", "gzip, deflate"),
    ],
)
def test_connections_sign_requests(request_, echo, auth_type, values, name, value):
    sent = request_(connection=Connection("c", "http", auth_type, values)).output["body"]

    assert sent["headers"][name] == value


def test_a_connection_bound_to_hosts_goes_nowhere_else(request_, echo):
    bound = Connection("c", "http", "bearer", {"token": "t", "hosts": "api.example.com, files.example.com"})
    allowed = Connection("c", "http", "bearer", {"token": "t", "hosts": "localhost"})

    with pytest.raises(ActionError, match=r"only for api\.example\.com") as caught:
        request_(connection=bound)

    assert (caught.value.code, caught.value.sent) == ("foreign_host", False)
    assert request_(connection=allowed).output["status"] == 200


# --- answers


@pytest.mark.parametrize(
    ("expect", "mime", "body", "value"),
    [
        ("auto", "application/json", b'{"a": 1}', {"a": 1}),
        ("auto", "application/json", b"not json", "not json"),
        ("auto", "text/html", b"<p>", "<p>"),
        ("auto", "application/json", b"", None),
        ("json", "text/plain", b"[1]", [1]),
        ("text", "application/json", b'{"a": 1}', '{"a": 1}'),
        ("auto", "image/png", b"\x89P", {"name": "x", "mime": "image/png", "base64": "iVA="}),
        ("bytes", "text/plain", b"hi", {"name": "x", "mime": "text/plain", "base64": "aGk="}),
    ],
)
def test_what_the_body_is_taken_for(request_, httpserver, expect, mime, body, value):
    httpserver.expect_request("/x").respond_with_data(body, content_type=mime)

    assert request_(expect=expect).output["body"] == value


def test_json_that_was_expected_but_did_not_come(request_, httpserver):
    httpserver.expect_request("/x").respond_with_data("<p>", content_type="text/html")

    with pytest.raises(ActionError, match="cannot be read"):
        request_(expect="json")


@pytest.mark.parametrize(
    ("fail_on", "status", "fails"),
    [
        (None, 399, False), (None, 400, True), (None, 503, True), ("never", 500, False), ([], 500, False), (404, 404, True),
        (404, 500, False), (["5xx", 404], 503, True), (["5xx", 404], 400, False), (">=500", 499, False), (">=500", 500, True),
        ("400-403", 403, True), ("400-403", 404, False), ([200], 200, True), ("2xx", 204, True),
    ],
)  # fmt: skip
def test_what_counts_as_failure(request_, httpserver, fail_on, status, fails):
    httpserver.expect_request("/x").respond_with_data("", status=status)
    given = {} if fail_on is None else {"fail_on": fail_on}

    if fails:
        with pytest.raises(ActionError) as caught:
            request_(**given)
        assert (caught.value.status, caught.value.sent) == (status, True)
    else:
        assert request_(**given).output["status"] == status


def test_a_failure_says_who_and_keeps_an_excerpt(request_, httpserver):
    httpserver.expect_request("/x").respond_with_json(
        {"error": "quota used up"}, status=429, headers={"Retry-After": "9"}
    )

    with pytest.raises(ActionError) as caught:
        request_()

    error = caught.value
    assert (error.message, error.retryable, error.retry_after_s) == (
        "localhost refused: quota used up.",
        True,
        9,
    )
    assert "quota used up" in error.request_log["answer"]


def test_redirects_are_followed_unless_told_otherwise(request_, httpserver):
    httpserver.expect_request("/x").respond_with_data("", status=302, headers={"Location": "/y"})
    httpserver.expect_request("/y").respond_with_json({"at": "y"})

    followed = request_()
    stayed = request_(follow_redirects=False)

    assert (followed.output["body"], followed.request_log["answered_by"]) == (
        {"at": "y"},
        httpserver.url_for("/y"),
    )
    assert stayed.output["status"] == 302


# --- input


@pytest.mark.parametrize(
    ("given", "says", "field"),
    [
        ({"url": None}, "Address must be text, not empty", "url"),
        ({"url": ""}, "Address must not be empty", "url"),
        ({"method": "FETCH"}, "Method must be one of GET, POST", "method"),
        ({"headres": {}}, "Did you mean “headers”", "headres"),
        ({"json": 1, "text": "x"}, "one body only", "text"),
        ({"query": "a=b"}, "Query must be an object, not text", "query"),
        ({"auth": {}}, "Kind is required", "auth.type"),
        ({"auth": {"type": "digest"}}, "Sign-in, Kind must be one of", "auth.type"),
        ({"paginate": {"type": "cursor", "max_pages": 0}}, "at least 1", "paginate.max_pages"),
        ({"fail_on": "sometimes"}, "Fail on", "fail_on"),
        (
            {"headers": {"X": ["a"]}},
            "must be text or a number or true or false or empty, not a list",
            "headers.X",
        ),
    ],
)
def test_bad_input_is_named_by_its_field_before_anything_is_sent(request_, httpserver, given, says, field):
    with pytest.raises(InputError, match=says) as caught:
        request_(**given)

    assert (caught.value.field, caught.value.sent, caught.value.code) == (field, False, "invalid_input")
    assert httpserver.log == []


def test_the_input_must_be_an_object_with_an_address(runner):
    with pytest.raises(InputError, match="Address is required"):
        runner.run(MANIFEST, "request", input={})
    with pytest.raises(InputError, match="must be an object"):
        runner.run(MANIFEST, "request", input=[1])


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://x/", "http://", "http://10.0.0.1/", "http://a b/", "http://x\r\ny/"]
)
def test_addresses_that_cannot_be_called_end_in_a_sentence(runner, url):
    with pytest.raises(ActionError) as caught:
        runner.run(MANIFEST, "request", input={"url": url})

    assert caught.value.sent is False
    assert caught.value.message.endswith(".")
    assert not caught.value.retryable


# --- pages


def _paged(httpserver, pages):
    """Serves `pages`: query → (body, headers)."""

    def answer(request):
        body, headers = pages[request.query_string.decode()]
        return Response(json.dumps(body), content_type="application/json", headers=headers)

    httpserver.expect_request("/x").respond_with_handler(answer)


@pytest.mark.parametrize(
    ("paginate", "pages"),
    [
        ({"type": "link_header"}, {
            "": ([1, 2], {"Link": '</x?p=2>; rel="next", </x?p=9>; rel="last"'}),
            "p=2": ([3], {"Link": '</x?p=1>; rel="prev"'})}),
        ({"type": "next_url", "next": "links.next", "items": "data"}, {
            "": ({"data": [1, 2], "links": {"next": "/x?p=2"}}, {}),
            "p=2": ({"data": [3], "links": {"next": None}}, {})}),
        ({"type": "cursor", "param": "after", "next": "body.meta.cursor", "items": "data.rows"}, {
            "": ({"data": {"rows": [1, 2]}, "meta": {"cursor": "c 2"}}, {}),
            "after=c%202": ({"data": {"rows": [3]}, "meta": {}}, {})}),
        ({"type": "page", "param": "page", "items": "rows"}, {
            "": ({"rows": [1, 2]}, {}), "page=2": ({"rows": [3]}, {}), "page=3": ({"rows": []}, {})}),
        ({"type": "page", "param": "page", "start": 0, "next": "more"}, {
            "page=0": ({"more": True, "rows": [1, 2]}, {}), "page=1": ({"more": False, "rows": [3]}, {})}),
        ({"type": "offset", "param": "skip", "items": "rows"}, {
            "": ({"rows": [1, 2]}, {}), "skip=2": ({"rows": [3]}, {}), "skip=3": ({"rows": []}, {})}),
    ],
    ids=["link_header", "next_url", "cursor", "page", "page from 0 with more", "offset"],
)  # fmt: skip
def test_pages_in_every_way_services_number_them(request_, httpserver, paginate, pages):
    paginate = {"items": "rows", **paginate} if paginate["type"] == "page" else paginate
    _paged(httpserver, pages)

    output = request_(paginate=paginate).output

    assert output == {"status": 200, "items": [1, 2, 3], "pages": len(pages)}


def test_a_cursor_can_travel_in_the_body(request_, httpserver):
    httpserver.expect_request("/x", json={"q": 1}).respond_with_json({"rows": [1], "next": "c2"})
    httpserver.expect_request("/x", json={"q": 1, "after": "c2"}).respond_with_json({"rows": [2], "next": ""})

    output = request_(
        method="POST", json={"q": 1}, paginate={"type": "cursor", "param": "after", "in": "json", "next": "next", "items": "rows"}
    ).output  # fmt: skip

    assert output["items"] == [1, 2]


def test_pages_end_at_the_limit_and_when_they_repeat(request_, httpserver):
    httpserver.expect_request("/x").respond_with_json({"rows": [1], "next": "same"})
    paginate = {"type": "cursor", "param": "c", "next": "next", "items": "rows"}

    limited = request_(paginate={**paginate, "max_pages": 1}).output
    repeated = request_(paginate=paginate).output

    assert (limited["pages"], repeated["pages"]) == (1, 2)


def test_pages_on_another_server_are_not_followed(request_, httpserver):
    _paged(httpserver, {"": ([1], {"Link": '<http://localhost:1/x>; rel="next"'})})

    with pytest.raises(ActionError, match="another server") as caught:
        request_(paginate={"type": "link_header"}, auth={"type": "bearer", "token": "s3cret"})

    assert caught.value.code == "foreign_page"


def test_pages_that_hold_no_list_are_an_error(request_, httpserver):
    httpserver.expect_request("/x").respond_with_json({"rows": 5})

    with pytest.raises(ActionError, match="“rows” is not a list"):
        request_(paginate={"type": "page", "param": "p", "items": "rows"})


def test_a_failing_page_fails_the_whole(request_, httpserver):
    httpserver.expect_ordered_request("/x").respond_with_json({"rows": [1], "next": "c2"})
    httpserver.expect_ordered_request("/x").respond_with_json({}, status=500)

    with pytest.raises(ActionError) as caught:
        request_(paginate={"type": "cursor", "param": "c", "next": "next", "items": "rows"})

    assert (caught.value.status, caught.value.request_log["calls"]) == (500, 2)

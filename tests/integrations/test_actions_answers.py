"""What comes back: values, outputs, and errors with their names."""

import json
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
from werkzeug import Response

from automate.lib import clock
from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner
from tests.integrations.acme import INPUT, SECRET, manifest, run, runner_for


@pytest.fixture
def runner(httpserver):
    runner = runner_for(httpserver)
    yield runner
    runner.client.close()


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

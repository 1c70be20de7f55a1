"""Actions of several requests, limits, effects, tests of connections, and drop-downs."""

import pytest

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection, RateLimited, effect_of
from integrations.actions.caller import Caller, called_by
from integrations.connections.limits import ProcessBuckets
from integrations.manifest import shipped
from tests.integrations.acme import CONNECTION, INPUT, SECRET, manifest, run, runner_for


@pytest.fixture
def runner(httpserver):
    runner = runner_for(httpserver)
    yield runner
    runner.client.close()


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

    def acquire(self, key, requests, per_s, up_to_s=0.25):
        self.up_to_s = up_to_s
        self.asked.append((key, requests, per_s))
        return self.waits.pop(0)

    def pause(self, key, seconds):
        self.paused = (key, seconds)

    def paused_s(self, key):
        return 0.0


def test_the_rate_limit_is_asked_per_connection(httpserver):
    httpserver.expect_request("/do").respond_with_json({})
    limits = Limits(0, 0.05, 3.5)
    runner = runner_for(httpserver, limiter=limits)
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


# --- what a run's caller changes


LIMITED = {"rate_limit": {"requests": 5, "per_s": 2}}


def test_a_run_takes_its_place_ahead_and_comes_back_with_it(httpserver):
    httpserver.expect_request("/do").respond_with_json({})
    limits = Limits(3.5)
    runner = runner_for(httpserver, limiter=limits)

    with called_by(Caller()), pytest.raises(RateLimited) as caught:
        run(runner, manifest(http=LIMITED))
    with called_by(Caller(has_turn=True)):
        run(runner, manifest(http=LIMITED))

    assert (caught.value.has_turn, caught.value.retry_after_s) == (True, 3.5)
    assert len(limits.asked) == 1
    assert len(httpserver.log) == 1


def test_a_person_who_waits_takes_no_place_ahead(httpserver):
    limits = Limits(3.5)

    with pytest.raises(RateLimited) as caught:
        run(runner_for(httpserver, limiter=limits), manifest(http=LIMITED))

    assert (caught.value.has_turn, limits.up_to_s) == (False, 0.25)


@pytest.mark.parametrize(("status", "paused"), [(429, [("acme:c1", 7)]), (503, [("acme:c1", 7)]), (500, [])])
def test_a_service_that_asks_for_rest_gets_it_from_all_runs_of_the_connection(httpserver, status, paused):
    httpserver.expect_request("/do").respond_with_json({}, status=status, headers={"Retry-After": "7"})
    buckets = ProcessBuckets()
    runner = runner_for(httpserver, limiter=buckets)
    made = manifest(http={"retry_after": "header"})

    with pytest.raises(ActionError):
        run(runner, made)
    with pytest.raises(ActionError) as again:
        run(runner, made)

    assert isinstance(again.value, RateLimited) == bool(paused)
    assert [(key, round(buckets.paused_s(key))) for key in buckets.paused] == paused
    assert len(httpserver.log) == (1 if paused else 2)

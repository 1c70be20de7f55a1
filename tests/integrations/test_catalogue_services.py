"""The shipped services, each against a local server that answers as the service does."""

import json
import time
from pathlib import Path

import pytest

from automate.lib.expressions import Scope, evaluate
from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection
from integrations.auth import oauth2
from integrations.manifest import shipped

PAYLOADS = Path(__file__).parent / "catalogue"
SLACK = Connection("c1", "slack", "bearer", {"token": "bot-token"})
GITHUB = Connection("c2", "github", "bearer", {"token": "personal-token"})
JIRA = Connection(
    "c3", "jira", "basic", {"site": "acme", "username": "mia@example.com", "password": "api-token"}
)


def payload(slug, name):
    return json.loads((PAYLOADS / slug / "payloads" / f"{name}.json").read_text())


@pytest.fixture
def run(httpserver):
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    base = httpserver.url_for("").rstrip("/")
    runner = ActionRunner(client, base_urls={"slack": base, "github": base, "jira": base})

    def call(connection, action, **given):
        return runner.run(shipped(connection.integration), action, input=given, connection=connection).output

    call.runner = runner
    yield call
    client.close()


# --- Slack


def test_slack_sends_a_message(run, httpserver):
    httpserver.expect_request(
        "/chat.postMessage", method="POST", json={"channel": "C024BE91L", "text": "Order 17 is on its way"},
        headers={"Authorization": "Bearer bot-token"},
    ).respond_with_json(payload("slack", "chat.postMessage"))  # fmt: skip

    output = run(SLACK, "send_message", channel="C024BE91L", text="Order 17 is on its way")

    assert output["ts"] == "1732093200.000100"


@pytest.mark.parametrize(
    ("error", "reconnect", "retryable"),
    [("channel_not_found", False, False), ("invalid_auth", True, False)],
)
def test_slack_refuses_with_status_200(run, httpserver, error, reconnect, retryable):
    httpserver.expect_request("/chat.postMessage").respond_with_json(payload("slack", f"error.{error}"))

    with pytest.raises(ActionError, match=f"Slack refused: {error}") as caught:
        run(SLACK, "send_message", channel="C1", text="x")

    assert (caught.value.code, caught.value.reconnect, caught.value.retryable) == (
        error,
        reconnect,
        retryable,
    )


def test_slack_is_too_busy(run, httpserver):
    httpserver.expect_request("/chat.postMessage").respond_with_json(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"}
    )

    with pytest.raises(ActionError) as caught:
        run(SLACK, "send_message", channel="C1", text="x")

    assert (caught.value.code, caught.value.retryable, caught.value.retry_after_s) == (
        "ratelimited",
        True,
        30,
    )


def test_slack_wants_a_text_or_blocks(run):
    with pytest.raises(ActionError, match="Give Message or Blocks"):
        run(SLACK, "send_message", channel="C1")


def test_slack_lists_channels_page_by_page(run, httpserver):
    query = "types=public_channel%2Cprivate_channel&exclude_archived=true&limit=200"
    httpserver.expect_request("/conversations.list", query_string=query).respond_with_json(
        payload("slack", "conversations.list.1")
    )
    httpserver.expect_request(
        "/conversations.list", query_string=f"{query}&cursor=dGVhbTpDMDYxRkE1UEI%3D"
    ).respond_with_json(payload("slack", "conversations.list.2"))

    choices = run.runner.options(shipped("slack"), "send_message", "channel", input={}, connection=SLACK)

    assert choices == [{"value": "C024BE91L", "label": "general"}, {"value": "C061EG9T2", "label": "random"}]


def test_slack_writes_to_a_person(run, httpserver):
    httpserver.expect_request("/conversations.open", json={"users": "U1"}).respond_with_json(
        {"ok": True, "channel": {"id": "D9"}}
    )
    httpserver.expect_request("/chat.postMessage", json={"channel": "D9", "text": "hi"}).respond_with_json(
        {"ok": True, "ts": "1.2"}
    )

    assert run(SLACK, "send_direct_message", user="U1", text="hi") == {"ok": True, "ts": "1.2"}


def test_slack_takes_a_reaction_that_is_there_already_as_done(run, httpserver):
    httpserver.expect_request("/reactions.add").respond_with_json({"ok": False, "error": "already_reacted"})

    assert (
        run(SLACK, "add_reaction", channel="C1", timestamp="1.2", name="tada")["error"] == "already_reacted"
    )


def test_slack_tells_whose_token_it_is(run, httpserver):
    httpserver.expect_request("/auth.test", method="POST").respond_with_json(payload("slack", "auth.test"))

    assert run.runner.test(shipped("slack"), SLACK) == "Acme"


def test_slack_tokens_are_read_with_what_is_kept(run):
    way = shipped("slack").way("oauth2")

    tokens = oauth2.read_tokens(
        way, status=200, headers={"content-type": "application/json"}, body=json.dumps(payload("slack", "oauth.v2.access")).encode()
    )  # fmt: skip

    assert (tokens.access_token, tokens.refresh_token, tokens.scopes) == (
        "made-up-bot-token", "made-up-refresh-token", ["chat:write", "channels:read"],
    )  # fmt: skip
    assert tokens.saved == {"team": {"name": "Acme", "id": "T9TK3CUKW"}, "bot_user_id": "U0KRQLJ9H"}


@pytest.mark.parametrize(
    ("trigger", "change", "input", "taken"),
    [
        ("new_message", {}, {}, True),
        ("new_message", {}, {"channel": "C024BE91L"}, True),
        ("new_message", {}, {"channel": "C999"}, False),
        ("new_message", {"bot_id": "B1"}, {}, False),
        ("new_message", {"subtype": "channel_join"}, {}, False),
        ("app_mention", {}, {}, False),
        ("app_mention", {"type": "app_mention"}, {}, True),
        ("reaction_added", {"type": "reaction_added", "reaction": "tada"}, {"reaction": "tada"}, True),
        ("reaction_added", {"type": "reaction_added", "reaction": "tada"}, {"reaction": "eyes"}, False),
    ],
)
def test_slack_events_start_what_they_should(trigger, change, input, taken):
    found = shipped("slack").trigger(trigger)
    body = payload("slack", "event.message")
    body["event"] |= change
    names = {"body": body, "headers": {}, "query": {}, "input": input}

    items = evaluate(found.events, Scope(names))

    assert bool(evaluate(found.when, Scope({**names, "item": items[0]}))) is taken
    assert (evaluate(found.dedup, Scope(names)), evaluate(found.route, Scope(names))) == (
        "Ev9UQ52YNA",
        "T061EG9R6",
    )


# --- GitHub


def test_github_creates_an_issue(run, httpserver):
    httpserver.expect_request(
        "/repos/octocat/hello-world/issues", method="POST", json={"title": "Found a bug", "labels": ["bug"]},
        headers={"Authorization": "Bearer personal-token", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    ).respond_with_json(payload("github", "issue"), status=201)  # fmt: skip

    output = run(
        GITHUB, "create_issue", repository="octocat/hello-world", title="Found a bug", labels=["bug"]
    )

    assert output["number"] == 1347


@pytest.mark.parametrize("repository", ["hello-world", "a/b/c", "../x", "a/..%2f", "o/r?x", ""])
def test_github_takes_only_owner_and_name_for_a_repository(run, httpserver, repository):
    with pytest.raises(ActionError) as caught:
        run(GITHUB, "create_issue", repository=repository, title="x")

    assert (caught.value.sent, httpserver.log) == (False, [])


def test_github_lists_issues_page_by_page(run, httpserver):
    first = httpserver.url_for("/repos/o/r/issues?state=open&per_page=100&page=2")
    httpserver.expect_request("/repos/o/r/issues", query_string="state=open&per_page=100").respond_with_json(
        [{"number": 2}], headers={"Link": f'<{first}>; rel="next", <{first}>; rel="last"'}
    )
    httpserver.expect_request(
        "/repos/o/r/issues", query_string="state=open&per_page=100&page=2"
    ).respond_with_json([{"number": 1}])

    assert run(GITHUB, "list_issues", repository="o/r") == [{"number": 2}, {"number": 1}]


def test_github_reads_a_text_file(run, httpserver):
    httpserver.expect_request(
        "/repos/o/r/contents/docs/README.md", query_string="ref=main"
    ).respond_with_json(payload("github", "contents"))

    output = run(GITHUB, "get_file", repository="o/r", path="docs/README.md", ref="main")

    assert (output["text"], output["size"]) == ("# Hello 👋\n", 14)


@pytest.mark.parametrize("exists", [True, False])
def test_github_makes_or_replaces_a_file(run, httpserver, exists):
    found = payload("github", "contents" if exists else "error.404")
    httpserver.expect_request("/repos/o/r/contents/a.md", method="GET").respond_with_json(
        found, status=200 if exists else 404
    )
    sha = {"sha": found["sha"]} if exists else {}
    httpserver.expect_request(
        "/repos/o/r/contents/a.md", method="PUT", json={"message": "Write", "content": "aMOk", **sha}
    ).respond_with_json({"commit": {"sha": "c1"}})

    assert (
        run(GITHUB, "create_or_update_file", repository="o/r", path="a.md", text="hä", message="Write")[
            "commit"
        ]["sha"]
        == "c1"
    )


def test_github_is_used_up_until_a_moment(run, httpserver):
    reset = int(time.time()) + 90
    httpserver.expect_request("/repos/o/r/issues/1").respond_with_json(
        payload("github", "error.rate_limit"),
        status=403,
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)},
    )

    with pytest.raises(ActionError, match="rate limit exceeded") as caught:
        run(GITHUB, "get_issue", repository="o/r", number=1)

    error = caught.value
    assert (error.code, error.retryable, error.reconnect) == ("rate_limited", True, False)
    assert 85 <= error.retry_after_s <= 91


@pytest.mark.parametrize(
    ("status", "name", "code", "reconnect"),
    [
        (404, "error.404", "http_404", False),
        (422, "error.validation", "http_422", False),
        (401, "error.404", "http_401", True),
    ],
)
def test_github_refuses(run, httpserver, status, name, code, reconnect):
    httpserver.expect_request("/repos/o/r/issues/1").respond_with_json(payload("github", name), status=status)

    with pytest.raises(ActionError) as caught:
        run(GITHUB, "get_issue", repository="o/r", number=1)

    assert (caught.value.code, caught.value.reconnect, caught.value.retryable) == (code, reconnect, False)


def test_github_subscribes_and_unsubscribes(run, httpserver):
    trigger = shipped("github").trigger("push")
    httpserver.expect_request("/repos/o/r/hooks", method="POST").respond_with_json({"id": 12345}, status=201)
    httpserver.expect_request("/repos/o/r/hooks/12345", method="DELETE").respond_with_data("", status=204)
    names = {"hook": {"url": "https://us.example/hooks/t", "secret": "hook-secret"}, "stored": {"id": 12345}}

    for call in (trigger.subscribe.request, trigger.unsubscribe):
        run.runner.call(shipped("github"), call, connection=GITHUB, input={"repository": "o/r"}, names=names)

    assert json.loads(httpserver.log[0][0].get_data())["config"] == {
        "url": "https://us.example/hooks/t", "content_type": "json", "secret": "hook-secret", "insecure_ssl": "0",
    }  # fmt: skip


# --- Jira


def test_jira_creates_an_issue_with_paragraphs(run, httpserver):
    httpserver.expect_request("/rest/api/3/issue", method="POST").respond_with_json(
        payload("jira", "issue.created"), status=201
    )

    output = run(
        JIRA, "create_issue", project="OPS", issue_type="10001", summary="Printer", description='It "burns"\n\nC:\\new $1 {x}',
        assignee="5b10", fields={"customfield_10010": 5},
    )  # fmt: skip

    request = httpserver.log[0][0]
    assert output["key"] == "OPS-24"
    assert request.authorization.username == "mia@example.com"
    assert json.loads(request.get_data()) == {"fields": {
        "project": {"key": "OPS"}, "issuetype": {"id": "10001"}, "summary": "Printer", "assignee": {"accountId": "5b10"},
        "customfield_10010": 5,
        "description": {"type": "doc", "version": 1, "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": 'It "burns"'}]},
            {"type": "paragraph", "content": [{"type": "text", "text": "C:\\new $1 {x}"}]},
        ]},
    }}  # fmt: skip


def test_jira_changes_only_what_is_given(run, httpserver):
    httpserver.expect_request(
        "/rest/api/3/issue/OPS-24", method="PUT", json={"fields": {"summary": "New"}}
    ).respond_with_data("", status=204)

    assert run(JIRA, "update_issue", issue="OPS-24", summary="New") == {"key": "OPS-24"}


def test_jira_comments(run, httpserver):
    httpserver.expect_request("/rest/api/3/issue/OPS-24/comment", method="POST").respond_with_json(
        {"id": "1"}, status=201
    )

    run(JIRA, "add_comment", issue="OPS-24", comment="Done")

    body = json.loads(httpserver.log[0][0].get_data())["body"]
    assert body["content"] == [{"type": "paragraph", "content": [{"type": "text", "text": "Done"}]}]


def test_jira_says_which_fields_are_wrong(run, httpserver):
    httpserver.expect_request("/rest/api/3/issue").respond_with_json(payload("jira", "error.400"), status=400)

    with pytest.raises(ActionError) as caught:
        run(JIRA, "create_issue", project="OPS", issue_type="1", summary="x")

    assert (
        caught.value.message
        == "Jira refused: Specify a valid issue type You must specify a summary of the issue."
    )


def test_jira_searches_page_by_page(run, httpserver):
    query = "jql=project%20%3D%20OPS&fields=%2Anavigable&maxResults=100"
    httpserver.expect_request("/rest/api/3/search/jql", query_string=query).respond_with_json(
        payload("jira", "search.jql.1")
    )
    httpserver.expect_request(
        "/rest/api/3/search/jql", query_string=f"{query}&nextPageToken=tok2"
    ).respond_with_json(payload("jira", "search.jql.2"))

    assert [issue["key"] for issue in run(JIRA, "search_issues", jql="project = OPS")] == ["OPS-1", "OPS-2"]


def test_jira_issue_types_depend_on_the_project(run, httpserver):
    httpserver.expect_request("/rest/api/3/project/OPS").respond_with_json(payload("jira", "project"))

    choices = run.runner.options(
        shipped("jira"), "create_issue", "issue_type", input={"project": "OPS"}, connection=JIRA
    )

    assert choices == [{"value": "10001", "label": "Task"}, {"value": "10002", "label": "Bug"}]


def test_jira_moves_an_issue(run, httpserver):
    httpserver.expect_request(
        "/rest/api/3/issue/OPS-24/transitions", json={"transition": {"id": "31"}}
    ).respond_with_data("", status=204)

    assert run(JIRA, "transition_issue", issue="OPS-24", transition="31") == {"key": "OPS-24"}


def test_jira_finds_the_site_after_signing_in(run, httpserver):
    httpserver.expect_request("/oauth/token/accessible-resources").respond_with_json(
        payload("jira", "accessible-resources")
    )
    signed_in = Connection("c", "jira", "oauth2", {"access_token": "at"})

    saved = run.runner.after_connect(shipped("jira"), signed_in)

    assert saved == {
        "cloud_id": "1324a887-45db-1bf4-1e99-ef0ff456d421",
        "site_name": "Acme",
        "site_url": "https://acme.atlassian.net",
    }
    full = Connection("c", "jira", "oauth2", {"access_token": "at", **saved})
    assert run.runner.account_label(shipped("jira"), full) == "Acme"


def test_jira_without_a_site_is_not_connected(run, httpserver):
    httpserver.expect_request("/oauth/token/accessible-resources").respond_with_json([])

    with pytest.raises(ActionError):
        run.runner.after_connect(shipped("jira"), Connection("c", "jira", "oauth2", {"access_token": "at"}))


@pytest.mark.parametrize(
    ("kind", "values", "asked"),
    [
        ("basic", {"site": "acme", "username": "u", "password": "pw-pw"}, "acme.atlassian.net"),
        ("oauth2", {"access_token": "at", "cloud_id": "c1"}, "api.atlassian.com"),
    ],
)
def test_jira_goes_to_the_right_host(kind, values, asked):
    looked_up = []
    policy = EgressPolicy(resolver=lambda host, port: looked_up.append(host) or ["10.0.0.1"])

    with pytest.raises(ActionError, match="private"):
        ActionRunner(HttpClient(policy)).run(
            shipped("jira"),
            "get_issue",
            input={"issue": "A-1"},
            connection=Connection("c", "jira", kind, values),
        )

    assert looked_up == [asked]


@pytest.mark.parametrize("site", ["evil.example/", "evil.example#", "a.b", "x@evil.example", "evil.example?"])
def test_jira_sites_cannot_lead_elsewhere(site):
    looked_up = []
    policy = EgressPolicy(resolver=lambda host, port: looked_up.append(host) or ["10.0.0.1"])
    connection = Connection("c", "jira", "basic", {"site": site, "username": "u", "password": "pw-pw"})

    with pytest.raises(ActionError) as caught:
        ActionRunner(HttpClient(policy)).run(
            shipped("jira"), "get_issue", input={"issue": "A-1"}, connection=connection
        )

    assert (caught.value.sent, looked_up) == (False, [])

"""One look for new items: which requests go out, what counts as new, and what is remembered. No database."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionRunner, Connection
from integrations.actions import polling as looking
from integrations.errors import ActionError, RateLimited
from integrations.manifest import from_data, shipped

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def trigger(**changed):
    base = {
        "name": "new", "display_name": "New thing", "type": "polling", "request": {"path": "/things"},
        "input": {"type": "object", "properties": {name: {} for name in ("q", "by")}},
        "items": "{{ body.things }}", "dedup": "{{ item.id }}",
    }  # fmt: skip
    return {**base, **changed}


def by(format="number", field="n", **more):
    return {"field": field, "param": "since", "format": format, **more}


@pytest.fixture
def runner(httpserver):
    return ActionRunner(HttpClient(EgressPolicy(("127.0.0.1", "localhost"))))


@pytest.fixture
def look(runner, httpserver):
    """`look(trigger, state, first)`; `look.asked` are the queries that went out."""

    def look(spec, state=None, first=None, **given):
        data = {
            "slug": "acme", "name": "Acme", "category": "test", "docs_url": "https://acme.example",
            "connections": [{"type": "none"}], "http": {"base_url": httpserver.url_for("")}, "triggers": [spec],
        }  # fmt: skip
        manifest = from_data(data)
        return runner.look(
            manifest,
            manifest.triggers[0],
            input=given,
            connection=None,
            state=state or {},
            now=NOW,
            first=first,
        )

    return look


@pytest.fixture
def serve(httpserver: HTTPServer):
    """`serve(things)`: a list; a callable gets the request. Gives the list of queries that came."""

    def serve(things, path="/things"):
        asked = []

        def handle(request: Request) -> Response:
            asked.append(request.args.to_dict())
            found = things(request) if callable(things) else things
            return Response(json.dumps({"things": found}), content_type="application/json")

        httpserver.clear()
        httpserver.expect_request(path).respond_with_handler(handle)
        return asked

    return serve


def ids(batch):
    return [item.value["id"] for item in batch.items]


def things(*numbers):
    return [{"id": n, "n": n} for n in numbers]


def state_of(batch):
    """As it comes back from a database."""
    return json.loads(json.dumps(batch.state_after(len(batch.items))))


def test_a_list_without_a_cursor_is_compared_with_what_was_seen(look, serve):
    serve(things(1, 2))
    state = state_of(look(trigger(), first="nothing"))
    serve(things(3, 1))

    assert ids(look(trigger(), state)) == [3]


def test_what_left_the_list_and_came_back_is_not_new(look, serve):
    serve(things(1, 2))
    state = state_of(look(trigger(), first="all"))
    serve(things(2))
    state = state_of(look(trigger(), state))
    serve(things(1, 2))

    assert ids(look(trigger(), state)) == []


def test_without_an_id_an_item_is_known_by_all_it_holds(look, serve):
    serve([{"id": 1, "x": [1]}, {"x": [1], "id": 1}, {"id": 1, "x": [2]}])

    assert len(look(trigger(dedup="{{ item.nothing | default(null) }}"), first="all").items) == 2


def test_when_leaves_items_out(look, serve):
    serve(things(1, 2, 3))

    batch = look(trigger(when="{{ item.n > 1 }}"), first="all")

    assert ids(batch) == [2, 3]
    assert ids(look(trigger(when="{{ item.n > 1 }}"), state_of(batch))) == []


@pytest.mark.parametrize(
    ("format", "value", "written"),
    [
        ("iso", "2026-11-20T11:00:00Z", "2026-11-20T10:58:00Z"),
        ("iso", "2026-11-20T12:00:00.5+01:00", "2026-11-20T10:58:00Z"),
        ("epoch", 1763636400, "1763636280"),
        ("epoch", "1763636400", "1763636280"),
        ("epoch_ms", 1763636400999, "1763636280999"),
        ("number", 42, "42"),
        ("text", "abc", "abc"),
        ("auto", 42, "42"),
        ("auto", "2026-11-20T11:00:00+00:00", "2026-11-20T10:58:00+00:00"),
        ("auto", "name", "name"),
    ],
)
def test_the_place_is_written_as_the_service_wants_it(look, serve, format, value, written):
    spec = trigger(cursor=by(format, "at"))
    serve([{"id": 1, "at": value}])
    state = state_of(look(spec, first="all"))
    asked = serve([])

    look(spec, state)

    assert asked == [{"since": written}]


def test_an_overlap_asks_again_and_takes_nothing_twice(look, serve):
    spec = trigger(cursor=by(overlap=10))
    serve(things(95, 100))
    state = state_of(look(spec, first="all"))
    asked = serve(things(89, 95, 96, 100, 101))

    assert ids(look(spec, state)) == [96, 101]  # 89 lies before the place that was asked for
    assert asked == [{"since": "90"}]


def test_what_is_kept_does_not_grow(look, serve):
    spec, state = trigger(cursor=by(overlap=5)), None
    for start in range(0, 500, 50):
        serve(things(*range(start, start + 50)))
        state = state_of(look(spec, state, first=None if state else "all"))

    assert state["at"] == 499
    assert len(state["seen"]) == 6


def test_a_first_look_for_nothing_asks_for_a_day_and_not_for_everything(look, serve):
    spec = trigger(cursor=by("iso", "at"))
    asked = serve([])

    state = state_of(look(spec, first="nothing"))

    assert asked == [{"since": "2026-11-19T11:58:00Z"}]
    serve([{"id": 1, "at": "2026-11-19T13:00:00Z"}])  # the service's clock may be far behind ours
    assert ids(look(spec, state)) == [1]


def test_newest_first_is_read_back_to_where_we_were_and_started_oldest_first(look, serve):
    spec = trigger(cursor=by(order="desc"), paginate={"type": "page", "param": "page", "start": 1})
    every = things(*range(20, 0, -1))
    asked = serve(lambda request: every[(int(request.args["page"]) - 1) * 3 :][:3])
    state = state_of(look(spec, {"v": 1, "seen": [], "at": 12}))

    assert state["at"] == 20
    assert [query["page"] for query in asked] == ["1", "2", "3", "4"]
    every.insert(0, *things(21))
    batch = look(spec, state)
    assert ids(batch) == [21]
    assert not batch.has_more


def test_newest_first_needs_one_page_when_nothing_is_to_start(look, serve):
    spec = trigger(cursor=by(order="desc"), paginate={"type": "page", "param": "page", "start": 1})
    asked = serve(lambda request: things(*range(20, 17, -1)))

    look(spec, first="nothing")

    assert len(asked) == 1


def test_too_many_newest_first_leave_a_gap_that_is_told(look, serve, monkeypatch):
    monkeypatch.setattr(looking, "MAX_BYTES", 40)
    spec = trigger(cursor=by(order="desc"), paginate={"type": "page", "param": "page", "start": 1})
    serve(lambda request: things(1000 - int(request.args["page"])))

    batch = look(spec, {"v": 1, "seen": [], "at": 1})

    assert batch.has_gap
    assert not batch.has_more


def test_many_items_come_in_several_looks(look, serve, monkeypatch):
    monkeypatch.setattr(looking, "MAX_NEW", 4)
    spec = trigger(cursor=by(), paginate={"type": "page", "param": "page", "start": 1})
    every = things(*range(1, 11))

    def page(request):
        since = int(request.args.get("since", 0))
        found = [one for one in every if one["n"] >= since]
        return found[(int(request.args["page"]) - 1) * 3 :][:3]

    serve(page)
    found, state, first = [], None, "all"
    for _ in range(9):
        batch = look(spec, state, first)
        found, state, first = [*found, *ids(batch)], state_of(batch), None
        if not batch.has_more:
            break

    assert found == list(range(1, 11))


def test_a_list_that_never_moves_on_is_an_error_and_no_endless_loop(look, serve):
    spec = trigger(cursor=by(), more="{{ true }}")
    serve(things(5))
    state = state_of(look(spec, first="all"))

    with pytest.raises(ActionError, match="Too many carry the same time"):
        look(spec, state)


def test_our_own_rate_limit_in_the_middle_keeps_what_was_read(httpserver, serve):
    class Once:
        left = 1

        def acquire(self, *_):
            self.left -= 1
            return 0.0 if self.left >= 0 else 30.0

    serve(lambda request: things(int(request.args["page"])))
    spec = trigger(cursor=by(), paginate={"type": "page", "param": "page", "start": 1})
    data = {
        "slug": "acme", "name": "Acme", "category": "test", "docs_url": "https://acme.example", "triggers": [spec],
        "connections": [{"type": "none"}], "http": {"base_url": httpserver.url_for(""), "rate_limit": {"requests": 1}},
    }  # fmt: skip
    manifest = from_data(data)
    runner = ActionRunner(HttpClient(EgressPolicy(("127.0.0.1", "localhost"))), limiter=Once())

    def look(state, first=None):
        return runner.look(
            manifest, manifest.triggers[0], input={}, connection=None, state=state, now=NOW, first=first
        )

    batch = look({}, "all")
    assert (ids(batch), batch.has_more) == ([1], True)
    with pytest.raises(RateLimited):
        look(state_of(batch))


def test_a_detail_is_asked_for_each_new_item_and_may_be_gone(look, httpserver, serve):
    spec = trigger(detail={"path": "/things/{{ item.id }}"}, output="{{ merge(item, {'more': detail}) }}")
    serve(things(1, 2))
    httpserver.expect_request("/things/1").respond_with_json({"text": "one"})
    httpserver.expect_request("/things/2").respond_with_data("", status=404)

    batch = look(spec, first="all")

    assert [item.value.get("more") for item in batch.items] == [{"text": "one"}, {"id": 2, "n": 2}]


def test_only_so_many_details_at_a_time(look, httpserver, serve, monkeypatch):
    monkeypatch.setattr(looking, "MAX_DETAILS", 2)
    serve(things(1, 2, 3))
    httpserver.expect_request("/things/1").respond_with_json({"id": 1})
    httpserver.expect_request("/things/2").respond_with_json({"id": 2})
    httpserver.expect_request("/things/3").respond_with_json({"id": 3})
    spec = trigger(detail={"path": "/things/{{ item.id }}"})

    batch = look(spec, first="all")
    rest = look(spec, state_of(batch))

    assert (ids(batch), batch.has_more, ids(rest), rest.has_more) == ([1, 2], True, [3], False)


def test_a_place_that_cannot_be_read_says_so(look, serve):
    serve([{"id": 1, "n": "soon"}])

    with pytest.raises(ActionError, match="The items' n is “soon”, by which they cannot be put in order"):
        look(trigger(cursor=by()), first="all")


# --- shipped triggers -----------------------------------------------------------------------------


def shipped_look(runner, slug, name, server, state=None, first=None, connection=None, **given):
    manifest = shipped(slug)
    runner = ActionRunner(runner.client, base_urls={slug: server.url_for("").rstrip("/")})
    return runner.look(
        manifest,
        manifest.trigger(name),
        input=given,
        connection=connection,
        state=state or {},
        now=NOW,
        first=first,
    )


def test_github_is_asked_since_the_newest(runner, httpserver):
    asked = []

    def handle(request: Request) -> Response:
        asked.append(request.args.to_dict())
        issue = {"id": 7, "updated_at": "2026-11-20T11:30:00Z"}
        return Response(json.dumps([issue]), content_type="application/json")

    httpserver.expect_request("/repos/acme/shop/issues").respond_with_handler(handle)
    access = Connection("c", "github", "bearer", {"token": "made-up-token-1"})
    first = shipped_look(
        runner,
        "github",
        "issue_updated",
        httpserver,
        first="nothing",
        connection=access,
        repository="acme/shop",
    )
    again = shipped_look(
        runner,
        "github",
        "issue_updated",
        httpserver,
        state_of(first),
        connection=access,
        repository="acme/shop",
    )

    assert asked[0]["since"] == "2026-11-19T11:58:00Z"
    assert asked[1]["since"] == "2026-11-20T11:28:00Z"
    assert asked[1]["direction"] == "asc"
    assert list(again.items) == []


def test_jira_is_asked_in_minutes_back_so_that_no_zone_matters(runner, httpserver):
    asked = []

    def handle(request: Request) -> Response:
        asked.append(request.args["jql"])
        fields = {"created": "2026-11-20T12:30:00.000+0100", "updated": "2026-11-20T12:30:00.000+0100"}
        issues = [{"id": "1", "key": "OPS-1", "fields": fields}]
        return Response(json.dumps({"issues": issues}), content_type="application/json")

    httpserver.expect_request("/rest/api/3/search/jql").respond_with_handler(handle)
    access = Connection(
        "c", "jira", "basic", {"site": "acme", "username": "a", "password": "made-up-token-1"}
    )

    def look(state=None, first=None):
        return shipped_look(
            runner,
            "jira",
            "issue_created",
            httpserver,
            state,
            first,
            access,
            jql="project = OPS order by rank",
        )

    batch = look(first="nothing")
    again = look(state_of(batch))

    assert asked == [
        '(project = OPS) AND created >= "-1447m" ORDER BY created ASC',
        '(project = OPS) AND created >= "-37m" ORDER BY created ASC',
    ]
    assert list(again.items) == []


def test_any_json_list_can_be_watched(runner, httpserver):
    httpserver.expect_request("/orders", query_string="open=1").respond_with_json(
        {"data": {"orders": [{"no": {"id": 2}}, {"no": {"id": 1}}]}}
    )

    batch = shipped_look(
        runner, "http", "new_item", httpserver, first="all", url=httpserver.url_for("/orders"), query={"open": 1},
        items="data.orders", id="no.id", newest_first=True,
    )  # fmt: skip

    assert [item.value for item in batch.items] == [{"no": {"id": 1}}, {"no": {"id": 2}}]


def test_a_list_that_is_the_whole_answer_needs_no_path(runner, httpserver):
    httpserver.expect_request("/tags").respond_with_json(["a", "b"])

    batch = shipped_look(runner, "http", "new_item", httpserver, first="all", url=httpserver.url_for("/tags"))

    assert [item.value for item in batch.items] == ["a", "b"]


def test_a_path_that_leads_to_no_list_says_what_was_found(runner, httpserver):
    httpserver.expect_request("/x").respond_with_json({"data": {"orders": {}}})

    with pytest.raises(ActionError, match="expected a list of items, but found an object"):
        shipped_look(
            runner,
            "http",
            "new_item",
            httpserver,
            first="all",
            url=httpserver.url_for("/x"),
            items="data.orders",
        )


def test_a_feed_starts_with_its_new_items(runner, httpserver):
    def feed(*numbers):
        items = "".join(f"<item><guid>{n}</guid><title>t{n}</title></item>" for n in numbers)
        return f"<rss><channel><title>F</title>{items}</channel></rss>"

    def look(text, state=None, first=None):
        httpserver.clear()
        httpserver.expect_request("/feed").respond_with_data(text, content_type="application/rss+xml")
        return shipped_look(
            runner, "rss", "new_item", httpserver, state, first, url=httpserver.url_for("/feed")
        )

    state = state_of(look(feed(2, 1), first="nothing"))

    assert [item.value["title"] for item in look(feed(4, 3, 2, 1), state).items] == ["t3", "t4"]

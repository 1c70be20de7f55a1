"""The PostgreSQL protocol against a real server: bound values, exact results, limits, and a pinned address."""

import json
import os
import socket
import threading
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
import pytest

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection, InputError
from integrations.manifest import shipped

URL = os.environ.get("DATABASE_URL", "")
pytestmark = pytest.mark.skipif(
    not URL.startswith("postgres"), reason="These tests need PostgreSQL; this run uses the embedded database."
)


@pytest.fixture(scope="module")
def server():
    return urlsplit(URL)


@pytest.fixture
def connection(server):
    values = {
        "host": server.hostname,
        "port": server.port,
        "database": "postgres",
        "username": server.username,
    }
    return Connection("c1", "sql", "basic", {**values, "password": server.password or ""})


@pytest.fixture
def run(server, connection):
    client = HttpClient(EgressPolicy(allow=(f"{server.hostname}:{server.port}",)))
    runner = ActionRunner(client)

    def call(action, timeout_s=10.0, using=connection, **given):
        return runner.run(shipped("sql"), action, input=given, connection=using, timeout_s=timeout_s).output

    call.runner = runner
    return call


@pytest.fixture
def table():
    name = f"people_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(URL, autocommit=True) as database:
        database.execute(
            f"CREATE TABLE {name} (id serial primary key, name text unique, age int, score numeric, tags text[],"
            " extra jsonb, born date, seen timestamptz, photo bytea)"
        )
        yield name
        database.execute(f"DROP TABLE {name}")


def test_a_row_is_inserted_with_every_type_and_given_back(run, table):
    row = {
        "name": "Ada", "age": "36", "score": "12345678901234567890.5", "tags": ["a", "b,c"], "extra": {"x": [1, None]},
        "born": "1815-12-10", "seen": "2026-11-20T10:00:00+01:00", "photo": "\\x00ff",
    }  # fmt: skip

    made = run("insert_row", table=table, row=row)["row"]

    assert made == {
        "id": 1, "name": "Ada", "age": 36, "score": "12345678901234567890.5", "tags": ["a", "b,c"],
        "extra": {"x": [1, None]}, "born": "1815-12-10", "seen": made["seen"], "photo": "AP8=",
    }  # fmt: skip
    assert made["seen"].startswith("2026-11-20T")


def test_values_are_bound_and_never_read_as_sql(run, table):
    evil = f"x'; DROP TABLE {table}; --"

    run("insert_row", table=table, row={"name": evil})
    found = run("query", sql=f"SELECT name FROM {table} WHERE name = $1", params=[evil])

    assert found == {"rows": [{"name": evil}], "count": 1, "truncated": False}


@pytest.mark.parametrize("name", ['people"; DROP TABLE x; --', "a.b.c", "", "x y", "people--"])
def test_names_are_quoted_so_a_strange_one_is_only_unknown(run, name):
    with pytest.raises(ActionError) as caught:
        run("insert_row", table=name, row={"a": 1})

    assert caught.value.sent is False


@pytest.mark.parametrize("column", ["name = name; DROP TABLE x; --", 'a" b'])
def test_columns_are_quoted_too(run, table, column):
    with pytest.raises(ActionError, match=r"does not exist|refused"):
        run("insert_row", table=table, row={column: 1})
    with pytest.raises(ActionError, match="does not exist"):
        run("select_rows", table=table, where={column: 1})
    with pytest.raises(ActionError, match="does not exist"):
        run("select_rows", table=table, order_by=column)


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"name": "Ada"}, ["Ada"]),
        ({"age": None}, ["Cy"]),
        ([{"column": "age", "op": "at_least", "value": 36}], ["Ada", "Bob"]),
        ([{"column": "age", "op": "less_than", "value": "40"}], ["Ada"]),
        ([{"column": "name", "op": "contains", "value": "B"}], ["Bob"]),
        ([{"column": "name", "op": "contains", "value": "%"}], []),
        ([{"column": "age", "op": "not_equals", "value": None}, {"column": "name", "value": "Bob"}], ["Bob"]),
        (None, ["Ada", "Bob", "Cy"]),
    ],
)
def test_rows_are_found_by_conditions(run, table, where, names):
    for name, age in (("Ada", 36), ("Bob", 41), ("Cy", None)):
        run("insert_row", table=table, row={"name": name, "age": age})
    given = {"where": where} if where is not None else {}

    found = run("select_rows", table=table, columns=["name"], order_by="name", **given)

    assert found["rows"] == [{"name": name} for name in names]


def test_the_row_limit_is_exact_and_a_huge_result_is_not_read(run):
    at_limit = run("query", sql="SELECT * FROM generate_series(1, 10) AS n", limit=10)
    above = run("query", sql="SELECT generate_series(1, 100000000) AS n", limit=10, timeout_s=20)

    assert (at_limit["count"], at_limit["truncated"]) == (10, False)
    assert (above["count"], above["truncated"], above["rows"][-1]) == (10, True, {"n": 10})


def test_a_result_that_is_too_large_is_refused(run):
    with pytest.raises(ActionError, match="larger than") as caught:
        run("query", sql="SELECT repeat('x', 2000000) FROM generate_series(1, 20)")

    assert caught.value.code == "answer_too_large"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("9007199254740993::bigint", 9007199254740993),
        ("0.1::numeric", 0.1),
        ("12.50::numeric", 12.5),
        ("1e30::numeric", 10**30),
        ("'NaN'::float8", "nan"),
        ("'Infinity'::numeric", "Infinity"),
        ("NULL", None),
        ("true", True),
        ("interval '90 minutes'", "5400s"),
        ("'10:30'::time", "10:30:00"),
        ("array[[1,2],[3,null]]", [[1, 2], [3, None]]),
        ("'10.0.0.0/8'::inet", "10.0.0.0/8"),
        ("'[1,5)'::int4range", "[1, 5)"),
        ("'{\"a\": 1.5}'::jsonb", {"a": 1.5}),
        ("'\\xdead'::bytea", "3q0="),
    ],
)
def test_every_kind_of_value_becomes_json(run, expression, value):
    assert run("query", sql=f"SELECT {expression} AS v")["rows"] == [{"v": value}]


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        ("SELECT $1::int + 1 AS v", [41], 42),
        ("SELECT $1 || 'x' AS v", [5], "5x"),
        ("SELECT $1::bool AS v", [True], True),
        ("SELECT 3 = ANY($1::int[]) AS v", [[1, 2, 3]], True),
        ("SELECT ($1::jsonb)->>'a' AS v", [{"a": "ä"}], "ä"),
        ("SELECT $1::text AS v", [None], None),
        ("SELECT '100%' AS v", [], "100%"),
    ],
)
def test_parameters_take_the_type_the_statement_needs(run, sql, params, value):
    assert run("query", sql=sql, params=params)["rows"] == [{"v": value}]


def test_a_query_cannot_write_but_a_statement_can(run, table):
    with pytest.raises(ActionError, match="only reads"):
        run("query", sql=f"INSERT INTO {table} (name) VALUES ('x') RETURNING id")

    done = run(
        "execute", sql=f"INSERT INTO {table} (name) VALUES ($1), ($2) RETURNING name", params=["x", "y"]
    )

    assert done == {"rows": [{"name": "x"}, {"name": "y"}], "count": 2, "truncated": False}
    assert run("execute", sql=f"UPDATE {table} SET age = 1")["count"] == 2


@pytest.mark.parametrize("action", ["query", "execute"])
def test_only_one_statement_is_taken(run, table, action):
    with pytest.raises(ActionError, match="multiple commands"):
        run(action, sql=f"SELECT 1; DROP TABLE {table}")

    assert run("select_rows", table=table)["count"] == 0


def test_a_refused_statement_leaves_nothing_and_says_why(run, table):
    run("insert_row", table=table, row={"name": "Ada"})

    with pytest.raises(ActionError, match=r"duplicate key.*Key \(name\)=\(Ada\)") as caught:
        run("insert_row", table=table, row={"name": "Ada"})

    assert (caught.value.code, caught.value.sent, caught.value.retryable) == ("23505", False, False)
    assert run("insert_row", table=table, row={"name": "Ada"}, skip_if_exists=True)["count"] == 0


def test_a_slow_statement_is_stopped_by_the_server(run):
    with pytest.raises(ActionError, match="too long"):
        run("query", sql="SELECT pg_sleep(5)", timeout_s=0.3)


def test_a_broken_connection_leaves_the_outcome_unknown(run, table):
    with pytest.raises(ActionError) as caught:
        run("execute", sql="SELECT pg_terminate_backend(pg_backend_pid())")

    assert caught.value.sent is None


@pytest.mark.parametrize("sql", ["COPY (SELECT 1) TO STDOUT", "SELEC 1", "SELECT $1", "SELECT 1/0", "VACUUM"])
def test_odd_statements_end_in_a_sentence(run, sql):
    with pytest.raises(ActionError) as caught:
        run("execute", sql=sql)

    assert caught.value.message.endswith(".")
    assert caught.value.sent is False


def test_the_input_is_held_against_its_schema(run):
    with pytest.raises(InputError, match="SQL is required"):
        run("query")
    with pytest.raises(InputError, match="At most must be at most 10000"):
        run("query", sql="SELECT 1", limit=10001)


def test_a_test_says_who_and_where(run, connection, server):
    assert (
        run.runner.test(shipped("sql"), connection)
        == f"{server.username} on {server.hostname}, database postgres"
    )


def test_an_address_in_one_line_works_too(run, server):
    dsn = f"postgresql://{server.username}@{server.hostname}:{server.port}/postgres?sslmode=prefer"

    assert (
        run("query", sql="SELECT 1 AS one", using=Connection("c", "sql", "dsn", {"dsn": dsn}))["count"] == 1
    )


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///postgres?host=/var/run/postgresql",
        "host=/tmp dbname=postgres",
        "host=example.com hostaddr=127.0.0.1",
        "host=127.0.0.1,10.0.0.1",
        "host=example.com passfile=/etc/passwd",
        "host=example.com sslkey=/etc/ssl/private/key.pem",
        "host=example.com service=x",
        "host=example.com options='-c search_path=x'",
        "host=example.com sslmode=whatever",
        "host=example.com port=99999",
        "postgresql://user:s3cr3tpw@[broken",
        "dbname=postgres",
    ],
)
def test_addresses_that_reach_for_more_are_refused(run, dsn):
    with pytest.raises(ActionError) as caught:
        run("query", sql="SELECT 1", using=Connection("c", "sql", "dsn", {"dsn": dsn}))

    assert (caught.value.code, caught.value.sent) == ("not_connected", False)
    assert "s3cr3tpw" not in caught.value.message


def test_the_environment_and_files_of_this_machine_play_no_part(run, monkeypatch, tmp_path):
    (tmp_path / "pgpass").write_text("*:*:*:*:stolen\n")
    for name, value in {"PGPASSFILE": str(tmp_path / "pgpass"), "PGHOSTADDR": "10.0.0.1", "PGHOST": "10.0.0.1",
                        "PGPORT": "1", "PGDATABASE": "nowhere", "PGOPTIONS": "-c search_path=x"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    rows = run("query", sql="SELECT current_database() AS d, current_setting('search_path') AS p")["rows"]

    assert rows == [{"d": "postgres", "p": '"$user", public'}]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "2130706433", "::1"]
)
def test_inner_addresses_are_blocked_without_a_connection(host):
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        watcher = threading.Thread(target=_accept, args=(canary, accepted))
        watcher.start()
        connection = Connection(
            "c", "sql", "basic", {"host": host, "port": canary.getsockname()[1], "username": "x"}
        )
        with pytest.raises(ActionError) as caught:
            ActionRunner(HttpClient(EgressPolicy())).run(
                shipped("sql"), "query", input={"sql": "SELECT 1"}, connection=connection
            )
        watcher.join()

    assert (caught.value.code, caught.value.sent, accepted) == ("blocked_address", False, [])


def _accept(canary, accepted):
    try:
        accepted.append(canary.accept())
    except TimeoutError:
        return


def test_the_checked_address_is_the_one_that_is_called(server, connection):
    policy = EgressPolicy(allow=(f"127.0.0.1:{server.port}",), resolver=lambda host, port: ["127.0.0.1"])
    named = Connection("c", "sql", "basic", {**connection.values, "host": "db.rebind.example"})

    result = ActionRunner(HttpClient(policy)).run(
        shipped("sql"), "query", input={"sql": "SELECT 1 AS one"}, connection=named
    )

    assert result.output["rows"] == [{"one": 1}]
    assert result.request_log["url"] == f"postgresql://db.rebind.example:{server.port}/postgres"


def test_an_unknown_user_is_told_to_connect_again(run, connection):
    with pytest.raises(ActionError, match="did not accept") as caught:
        run(
            "query",
            sql="SELECT 1",
            using=Connection("c", "sql", "basic", {**connection.values, "username": "nobody_x"}),
        )

    assert (caught.value.reconnect, caught.value.sent) == (True, False)


# --- the trigger “New row” ------------------------------------------------------------------------


@pytest.fixture
def look(run, connection, table):
    """`look(state, first)`: the batch of new rows by that column, and what to remember of it."""
    manifest = shipped("sql")

    def look(state=None, first=None, column="id", **more):
        batch = run.runner.look(
            manifest, manifest.trigger("new_row"), input={"table": table, "column": column, **more},
            connection=connection, state=state or {}, now=datetime.now(UTC), first=first,
        )  # fmt: skip
        names = [item.value["name"] for item in batch.items]
        return names, json.loads(json.dumps(batch.state_after(len(names)))), batch.has_more

    return look


def insert(table, *names, **more):
    with psycopg.connect(URL, autocommit=True) as database:
        for name in names:
            columns = ", ".join(["name", *more])
            marks = ", ".join(["%s"] * (1 + len(more)))
            database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", [name, *more.values()])


@pytest.mark.parametrize("column", ["id", "seen"])
def test_new_rows_come_once(look, table, column):
    moment = datetime.now(UTC)
    insert(table, "old", seen=moment)
    assert look(first="last", column=column)[0] == ["old"]
    _, state, _ = look(first="nothing", column=column)
    insert(table, "one", seen=moment)
    insert(table, "two", seen=moment)

    found, state, has_more = look(state, column=column)

    assert sorted(found) == ["one", "two"]
    assert not has_more
    assert look(state, column=column)[0] == []


def test_a_row_that_was_committed_late_is_not_lost(look, table):
    """Numbers are given when a row is written, and rows show when their transaction ends."""
    insert(table, "old")
    _, state, _ = look(first="nothing")
    with psycopg.connect(URL) as slow:
        slow.execute(f"INSERT INTO {table} (name) VALUES ('early number')")
        insert(table, "late number")
        found, state, _ = look(state)
        assert found == ["late number"]

    assert look(state)[0] == ["early number"]


def test_a_row_that_changes_is_no_new_row(look, table):
    _, state, _ = look(first="nothing")
    insert(table, "one")
    _, state, _ = look(state)
    with psycopg.connect(URL, autocommit=True) as database:
        database.execute(f"UPDATE {table} SET age = 5")

    assert look(state)[0] == []


def test_a_large_table_starts_nothing_and_is_not_read_through(look, table):
    with psycopg.connect(URL, autocommit=True) as database:
        database.execute(f"INSERT INTO {table} (name) SELECT 'n' || g FROM generate_series(1, 3000) g")

    _, state, has_more = look(first="nothing")
    insert(table, "new")

    assert not has_more
    assert look(state)[0] == ["new"]


def test_conditions_choose_rows(look, table):
    where = [{"column": "age", "op": "at_least", "value": 18}]
    _, state, _ = look(first="nothing", where=where)
    insert(table, "child", age=5)
    insert(table, "grown", age=40)

    assert look(state, where=where)[0] == ["grown"]

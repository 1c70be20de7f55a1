"""Every operation of a transform step, on small lists."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest

from automate.lib.expressions import Scope
from workflows.engine.document import load
from workflows.engine.outcome import Done, Failed, Remember
from workflows.engine.steps import begin
from workflows.engine.steps.context import StepContext

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ROWS = [
    {"id": 1, "name": "Ada", "country": "UK", "total": 30},
    {"id": 2, "name": "Bo", "country": "SE", "total": 10},
    {"id": 3, "name": "Cy", "country": "UK", "total": 5.5},
]


class Around:
    """Earlier runs and files, in memory."""

    def __init__(self, known=(), files=None):
        self.seen, self.files, self.saved = set(known), files or {}, {}

    def known(self, step_key, digests):
        return self.seen & set(digests)

    def read_file(self, file):
        return self.files[file["$file"]]

    def save_file(self, data, name, mime):
        self.saved[name] = (data, mime)
        return {"$file": "new", "name": name, "mime": mime, "size": len(data)}


def outcome_of(config, around=None, **names):
    document = load({
        "format": "automate/1", "key": "t", "triggers": [{"key": "go", "type": "manual"}], "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": config}],
    })  # fmt: skip
    scope = Scope({"rows": ROWS, **names}, now=NOW, time_zone="Europe/Berlin")
    return begin(StepContext(document.steps[0], scope, NOW, around=around))


def made(*ops, items="{{ rows }}", around=None, give=None, **names):
    config = {"items": items, "ops": list(ops)} | ({"give": give} if give else {})
    outcome = outcome_of(config, around, **names)
    assert isinstance(outcome, Done), outcome
    return outcome.output


def ids(rows):
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        ({"op": "sort", "by": "total"}, [3, 2, 1]),
        ({"op": "sort", "by": "total", "desc": True}, [1, 2, 3]),
        ({"op": "sort", "by": ["country", "-total"]}, [2, 1, 3]),
        ({"op": "sort", "by": "{{ item.name | length }}"}, [2, 3, 1]),
        ({"op": "sort", "by": "missing"}, [1, 2, 3]),
        ({"op": "reverse"}, [3, 2, 1]),
        ({"op": "limit", "count": 2}, [1, 2]),
        ({"op": "limit", "count": 2, "from": "end"}, [2, 3]),
        ({"op": "limit", "count": 1, "skip": 1}, [2]),
        ({"op": "limit", "count": 1, "skip": 1, "from": "end"}, [2]),
        ({"op": "limit", "count": 0}, []),
        ({"op": "limit", "count": "{{ 1 + 1 }}"}, [1, 2]),
        ({"op": "filter", "when": {"left": "{{ item.total }}", "op": "greater_than", "right": 8}}, [1, 2]),
        ({"op": "filter", "when": "{{ item.country == 'UK' }}"}, [1, 3]),
        ({"op": "filter", "when": {"left": "{{ item.gone }}", "op": "not_exists"}}, [1, 2, 3]),
        ({"op": "dedupe", "by": "country"}, [1, 2]),
        ({"op": "append", "with": [{"id": 9}]}, [1, 2, 3, 9]),
    ],
)
def test_which_items_and_in_which_order(op, wanted):
    assert ids(made(op)) == wanted


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        ({"op": "keep", "fields": ["name", "id"]}, {"name": "Ada", "id": 1}),
        ({"op": "remove", "fields": ["country", "total"]}, {"id": 1, "name": "Ada"}),
        ({"op": "rename", "fields": {"name": "who"}}, {"id": 1, "who": "Ada", "country": "UK", "total": 30}),
        ({"op": "set", "fields": {"id": "{{ item.id * 10 }}", "kind": "person"}},
         {"id": 10, "name": "Ada", "country": "UK", "total": 30, "kind": "person"}),
    ],
)  # fmt: skip
def test_what_becomes_of_the_fields_and_their_order(op, wanted):
    first = made(op, give="first")

    assert first == wanted
    assert list(first) == list(wanted)


def test_sums():
    fields = {
        "n": {"fn": "count"}, "sum": {"fn": "sum", "of": "total"}, "avg": {"fn": "avg", "of": "{{ item.total * 2 }}"},
        "least": {"fn": "min", "of": "total"}, "most": {"fn": "max", "of": "total"},
        "names": {"fn": "join", "of": "name", "separator": "/"}, "countries": {"fn": "unique", "of": "country"},
        "first": {"fn": "first", "of": "id"}, "last": {"fn": "last", "of": "id"}, "ids": {"fn": "list", "of": "id"},
    }  # fmt: skip

    assert made({"op": "aggregate", "fields": fields}, give="first") == {
        "n": 3, "sum": 45.5, "avg": 91 / 3, "least": 5.5, "most": 30, "names": "Ada/Bo/Cy", "countries": ["UK", "SE"],
        "first": 1, "last": 3, "ids": [1, 2, 3],
    }  # fmt: skip


def test_sums_of_nothing():
    fields = {"n": {"fn": "count"}, "sum": {"fn": "sum", "of": "x"}, "most": {"fn": "max", "of": "x"}}

    assert made({"op": "aggregate", "fields": fields}, items=[], give="first") == {
        "n": 0,
        "sum": 0,
        "most": None,
    }


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        (["b", "A", None, "a"], ["A", "a", "b", None]),
        (["10", 9, "1.5"], ["1.5", 9, "10"]),
        (
            ["2026-11-20T10:00:00+02:00", "2026-11-20T09:00:00Z"],
            ["2026-11-20T10:00:00+02:00", "2026-11-20T09:00:00Z"],
        ),
        (["2026-11-20", "2026-02-01"], ["2026-02-01", "2026-11-20"]),
    ],
)
def test_numbers_dates_and_texts_have_their_own_order(keys, wanted):
    assert made({"op": "sort", "by": "{{ item }}"}, items=keys) == wanted


def test_groups_with_their_items():
    groups = made({"op": "group", "by": "country"})

    assert [(group["key"], ids(group["items"]), group["count"]) for group in groups] == [
        ("UK", [1, 3], 2),
        ("SE", [2], 1),
    ]


def test_groups_as_rows_of_sums():
    op = {"op": "group", "by": ["country", "{{ item.total > 9 }}"], "fields": {"n": {"fn": "count"}}}

    assert made(op) == [
        {"country": "UK", "key_2": True, "n": 1}, {"country": "SE", "key_2": True, "n": 1},
        {"country": "UK", "key_2": False, "n": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "op", "wanted"),
    [
        ([{"a": 1, "tags": ["x", "y"]}, {"a": 2, "tags": None}], {"op": "split", "field": "tags"},
         [{"a": 1, "tags": "x"}, {"a": 1, "tags": "y"}]),
        ([{"tags": "x, y,,z"}], {"op": "split", "field": "tags", "separator": ","}, [{"tags": "x"}, {"tags": "y"}, {"tags": "z"}]),
        ([1, [2, [3]], 4], {"op": "flatten"}, [1, 2, [3], 4]),
        ([1, 2, 3, 4, 5], {"op": "chunk", "size": 2}, [[1, 2], [3, 4], [5]]),
        (["1", 1.0, 1, "1"], {"op": "dedupe", "by": "{{ item }}"}, ["1", 1.0]),
        ("{{ null }}", {"op": "reverse"}, []),
        ({"only": "one"}, {"op": "keep", "fields": ["only"]}, [{"only": "one"}]),
    ],
)  # fmt: skip
def test_shapes_of_lists(items, op, wanted):
    assert made(op, items=items) == wanted


def test_comparing_two_lists_says_what_happened_to_each():
    before = [{"id": 1, "total": 30}, {"id": 7, "total": 1}]
    now = [{"id": 1, "total": 31.0}, {"id": 2, "total": 5}]

    rows = made({"op": "compare", "with": "{{ before }}", "by": "id"}, items=now, before=before)
    added = made(
        {"op": "compare", "with": "{{ before }}", "by": "id", "only": ["added"]}, items=now, before=before
    )

    assert [(row["change"], (row["item"] or row["other"])["id"]) for row in rows] == [
        ("changed", 1), ("added", 2), ("removed", 7),
    ]  # fmt: skip
    assert [row["item"]["id"] for row in added] == [2]


def test_joining_adds_the_fields_of_the_partner():
    lands = [{"code": "UK", "land": "United Kingdom", "id": 99}]
    op = {"op": "join", "with": "{{ lands }}", "by": "country", "with_by": "code"}

    everyone = made(op, lands=lands)
    matching = made({**op, "take": "matching", "as": "place"}, lands=lands)

    assert [(row["id"], row.get("land")) for row in everyone] == [
        (1, "United Kingdom"),
        (2, None),
        (3, "United Kingdom"),
    ]
    assert [(row["id"], row["place"]["land"]) for row in matching] == [
        (1, "United Kingdom"),
        (3, "United Kingdom"),
    ]


@pytest.mark.parametrize(
    ("op", "value", "wanted"),
    [
        ({"op": "parse"}, '{"a": 1}', {"a": 1}),
        ({"op": "parse", "as": "csv", "delimiter": ";"}, "a;b\n1;2", [{"a": "1", "b": "2"}]),
        ({"op": "parse", "as": "xml"}, "<a><b>1</b></a>", {"a": {"b": "1"}}),
        ({"op": "parse", "as": "html"}, "<p>Hi <b>you</b></p>", "Hi you"),
        ({"op": "parse", "as": "date", "pattern": "DD.MM.YYYY"}, "24.12.2026", "2026-12-24T00:00:00+01:00"),
        ({"op": "parse", "as": "number"}, "12.50", 12.5),
        ({"op": "parse", "as": "query"}, "a=1&b=2", {"a": "1", "b": "2"}),
        ({"op": "parse", "as": "lines"}, "a\nb", ["a", "b"]),
        ({"op": "format", "as": "json"}, {"a": 1}, '{"a":1}'),
        ({"op": "format", "as": "csv", "columns": ["b", "a"]}, [{"a": 1, "b": 2}], "b,a\r\n2,1\r\n"),
        ({"op": "format", "as": "xml"}, {"a": {"b": 1}}, "<a><b>1</b></a>"),
        ({"op": "format", "as": "date", "pattern": "DD.MM.YYYY HH:mm"}, "2026-12-24T18:00:00Z", "24.12.2026 19:00"),
        ({"op": "format", "as": "number", "decimals": 2}, 1234.5, "1,234.50"),
        ({"op": "format", "as": "text"}, 5, "5"),
        ({"op": "format", "as": "markdown"}, "**x**", "<p><strong>x</strong></p>"),
        ({"op": "format", "as": "query"}, {"a": "x y"}, "a=x+y"),
        ({"op": "format", "as": "base64"}, "Hi!", "SGkh"),
        ({"op": "convert", "as": "integer"}, "7.9", 7),
        ({"op": "convert", "as": "boolean"}, "yes", True),
        ({"op": "convert", "as": "text"}, 1.5, "1.5"),
        ({"op": "convert", "as": "list"}, None, []),
        ({"op": "convert", "as": "date"}, 0, "1970-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_forms_of_a_field(op, value, wanted):
    (row,) = made({**op, "field": "x"}, items=[{"x": value, "kept": 1}])

    assert row == {"x": wanted, "kept": 1}


def test_a_csv_file_becomes_rows():
    file = {"$file": "f1", "name": "people.csv"}
    around = Around(files={"f1": "\ufeffid;name\r\n1;Ädä\r\n2;Bo\r\n".encode()})

    assert made({"op": "read", "as": "csv"}, items=file, around=around) == [
        {"id": "1", "name": "Ädä"}, {"id": "2", "name": "Bo"},
    ]  # fmt: skip


def test_a_file_of_an_old_spreadsheet_program_is_read_too():
    around = Around(files={"f1": "name\nÄdä".encode("cp1252")})

    assert made({"op": "read"}, items=[{"$file": "f1"}], around=around) == [{"name": "Ädä"}]


def test_files_in_fields_as_lines_and_base64():
    around = Around(files={"f1": b"a\nb"})
    items = [{"doc": {"$file": "f1"}}]

    assert made({"op": "read", "field": "doc", "as": "lines"}, items=items, around=around) == ["a", "b"]
    assert made({"op": "read", "field": "doc", "as": "base64"}, items=items, around=around) == ["YQpi"]


def test_rows_become_a_csv_file_in_the_order_of_their_fields():
    around = Around()
    rows = [{"zebra": 1, "a": "=1+1"}, {"a": "x", "more": True}]

    file = made({"op": "write", "as": "csv", "name": "out"}, items=rows, around=around, give="first")

    data, mime = around.saved["out.csv"]
    assert (file["name"], mime) == ("out.csv", "text/csv")
    assert list(csv.reader(io.StringIO(data.decode()))) == [
        ["zebra", "a", "more"],
        ["1", "'=1+1", ""],
        ["", "x", "true"],
    ]


def test_rows_become_a_spreadsheet_without_formulas():
    around = Around()
    rows = [
        {"name": "Ada", "sum": 1.5, "formula": "=1+1", "list": [1], "big": 12345678901234567890, "none": None}
    ]

    made({"op": "write", "as": "xlsx", "name": "report.xlsx", "columns": ["sum", "name", "formula", "list", "big", "none"]},
         items=rows, around=around)  # fmt: skip

    sheet = openpyxl.load_workbook(io.BytesIO(around.saved["report.xlsx"][0])).active
    header, row = sheet.iter_rows(values_only=True)
    assert header == ("sum", "name", "formula", "list", "big", "none")
    assert row == (1.5, "Ada", "'=1+1", "[1]", "12345678901234567890", None)
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_without_a_name_rows_become_text():
    assert made({"op": "write", "as": "csv"}, give="first").startswith("id,name,country,total\r\n1,Ada")
    assert made({"op": "write", "as": "text"}, items=["a", 1], give="first") == "a\n1"


def test_only_what_no_earlier_run_let_through_goes_on_and_is_to_be_remembered():
    op = {"op": "dedupe", "by": "id", "scope": "workflow"}

    first = outcome_of({"items": "{{ rows }}", "ops": [op]}, Around())
    second = outcome_of({"items": "{{ rows }}", "ops": [op]}, Around(known=first.digests[:2]))
    third = outcome_of({"items": "{{ rows }}", "ops": [op]}, Around(known=first.digests))

    assert isinstance(first, Remember)
    assert len(first.digests) == 3
    assert (ids(second.done.output), second.digests) == ([3], first.digests[2:])
    assert isinstance(third, Done)
    assert third.output == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"items": 5, "ops": []}, "`items` must be a list, a file or a text"),
        ({"items": [1], "ops": [{"op": "keep", "fields": ["a"]}]}, "Operation 1 (keep) needs a list of objects and found 1"),
        ({"items": [{"a": "x"}], "ops": [{"op": "aggregate", "fields": {"s": {"fn": "sum", "of": "a"}}}]},
         "Operation 1 (aggregate): `a` holds 'x', which is no number."),
        ({"items": [], "ops": [{"op": "limit", "count": "{{ -1 }}"}]}, "must be a whole number that is not negative, not -1"),
        ({"items": [], "ops": [{"op": "chunk", "size": "{{ 0 }}"}]}, "must be a whole number of at least 1, not 0"),
        ({"items": [], "ops": [{"op": "compare", "with": "{{ 1 }}", "by": "id"}]}, "`with` must be a list"),
        ({"items": ["{"], "ops": [{"op": "parse"}]}, "Operation 1 (parse): "),
        ({"items": [1], "ops": [{"op": "read"}]}, "reads files and texts, and found 1"),
        ({"items": [{"$file": "gone", "name": "a.csv"}], "ops": [{"op": "read"}]}, "The file “a.csv” is not there any more"),
    ],
)  # fmt: skip
def test_what_does_not_work_says_which_operation_and_why(config, said):
    outcome = outcome_of(config, Around())

    assert isinstance(outcome, Failed)
    assert said in outcome.error.message

"""The library: every example is run, then what examples cannot show."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from automate.lib.expressions import FUNCTIONS, ExpressionError, FunctionInfo, Scope, evaluate
from automate.lib.expressions.registry import ALIASES
from automate.lib.jsontypes import JSON

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


def run(expression: str, zone: str = "UTC", **names: JSON) -> JSON:
    return evaluate(f"{{{{ {expression} }}}}", Scope(names, now=NOW, time_zone=zone))


@pytest.mark.parametrize("info", FUNCTIONS.values(), ids=lambda info: info.name)
def test_the_example_gives_its_result(info: FunctionInfo):
    got = evaluate(info.example, Scope({}, now=NOW))

    assert got == info.result
    assert type(got) is type(info.result)


@pytest.mark.parametrize("info", FUNCTIONS.values(), ids=lambda info: info.name)
def test_every_function_is_explained(info: FunctionInfo):
    assert info.help.split("\n")[0].endswith((".", ")"))
    assert info.signature.startswith(f"{info.name}(")
    assert info.name in info.example or set(info.aliases) & set(info.example)


def test_names_and_aliases_are_unique():
    aliases = Counter(alias for info in FUNCTIONS.values() for alias in info.aliases)

    assert [alias for alias, count in aliases.items() if count > 1] == []
    assert set(aliases) & set(FUNCTIONS) == set()
    assert set(ALIASES) == set(aliases)
    assert len(FUNCTIONS) > 120


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("null | upper", ""),
        ("5 | pad_start(3, '0')", "005"),
        ("'abc' | truncate(3)", "abc"),
        ("'abcd' | truncate(0)", ""),
        ("'abc' | substring(-2)", "bc"),
        ("'a' | after('x')", ""),
        ("'ÄÖ ß' | slugify", "ao-ss"),
        ("'HTTPServer error' | snake_case", "http_server_error"),
        ("'' | split(',')", [""]),
        ("'a,b,c' | split(',', 1)", ["a", "b,c"]),
        ("'a\r\nb\rc' | lines", ["a", "b", "c"]),
    ],
)
def test_text(expression, expected):
    assert run(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2.5 | round", 3),
        ("(-2.5) | round", -3),
        ("1.005 | round(2)", 1.01),
        ("1234 | round(-2)", 1200),
        ("9007199254740993 | round", 9007199254740993),
        ("'12.5' | ceil", 13),
        ("[0.1, 0.2, 0.3] | sum", 0.6),
        ("[9007199254740993, 1] | sum", 9007199254740994),
        ("[1, null, '2'] | sum", 3),
        ("[] | sum", 0),
        ("[] | avg", None),
        ("[] | max", None),
        ("1234567.891 | format_number(2, '', ',')", "1234567,89"),
        ("format_number(0.000001)", "0.000001"),
        ("'1e3' | number", 1000.0),
        ("'x' | number(0)", 0),
        ("true | number", 1),
        ("percent(1, 3, 1)", 33.3),
        ("ordinal(112)", "112th"),
        ("file_size(999)", "999 bytes"),
        ("boolean(' No ')", False),
        ("money(2.675)", "2.68"),
        ("money('1e2')", "100.00"),
        ("money_add(0.1, 0.2, '0.7')", "1.00"),
        ("to_cents(19.99)", 1999),
        ("to_cents(500, 0)", 500),
        ("format_money(1234.5)", "$1,234.50"),
        ("format_money(-5, 'CHF')", "-CHF 5.00"),
        ("format_money(1000, 'JPY')", "¥1,000"),
        ("money_split(-1, 3)", ["-0.33", "-0.33", "-0.34"]),
    ],
)
def test_numbers(expression, expected):
    got = run(expression)

    assert got == expected
    assert type(got) is type(expected)


PEOPLE: JSON = [
    {"name": "bob", "age": 30, "tags": ["x"]},
    {"name": "Alice", "age": None},
    {"name": "Carl", "age": "4", "address": {"city": "Bonn"}},
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("people | sort('name') | map('name')", ["Alice", "bob", "Carl"]),
        ("people | sort('age') | map('name')", ["Carl", "bob", "Alice"]),
        ("people | sort('age', true) | map('name')", ["bob", "Carl", "Alice"]),
        ("people | map('address.city')", [None, None, "Bonn"]),
        ("people | map('tags[0]')", ["x", None, None]),
        ("people | where('age') | length", 2),
        ("people | where('age', '>=', 30) | length", 1),
        ("people | where('name', 'in', ['bob', 'x']) | length", 1),
        ("people | where('age', 'exists') | length", 2),
        ("people | find('name', '==', 'nobody')", None),
        ("people | all('name')", True),
        ("[] | all", True),
        ("people | group('address.city') | keys", ["", "Bonn"]),
        ("[1, '1', 1.0, true, [1], [1.0], {'a': 1}, {'a': 1}] | unique | length", 5),
        ("[1, 2, 3, 4] | first(2)", [1, 2]),
        ("[] | first", None),
        ("[1] | last(0)", []),
        ("null | join(', ')", ""),
        ("[1, null, 'a'] | join('-')", "1--a"),
        ("['a', 'b'] | join(', ', ' or ')", "a or b"),
        ("people | join(' ', path='name')", "bob Alice Carl"),
        ("range(5, 0, -2)", [5, 3, 1]),
        ("range(3)", [0, 1, 2]),
        ("[1, 2, 3] | slice(-2)", [2, 3]),
        ("[0, '', null, [], {}, false] | compact", [0, False]),
        ("[1, [2, [3, [4]]]] | flatten(5)", [1, 2, 3, 4]),
        ("[[1, 2], [3]] | apply('sum')", [3, 3]),
        ("['a', 'b'] | apply('repeat', 2)", ["aa", "bb"]),
        ("['b', 'a'] | index_of('a')", 1),
        ("merge({'a': 1}, null, {'b': 2})", {"a": 1, "b": 2}),
        ("people | pick('name') | first", {"name": "bob"}),
        ("{'a': [1, 2]} | set('a[-1]', 9)", {"a": [1, 9]}),
        ("{'a': {'b c': 1}} | get('a[\"b c\"]')", 1),
        ("{'a': 1} | get('a.b.c', 'd')", "d"),
        ("{'a': {'b': 1}} | flatten_object('_')", {"a_b": 1}),
    ],
)
def test_lists_and_objects(expression, expected):
    assert run(expression, people=PEOPLE) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'2026-03-28T12:00:00' | add_days(1)", "2026-03-29T12:00:00+02:00"),
        ("'2026-03-28T12:00:00' | add_hours(24)", "2026-03-29T13:00:00+02:00"),
        ("'2026-03-28T02:30:00' | add_days(1)", "2026-03-29T03:30:00+02:00"),
        ("'2026-10-25T12:00:00' | start_of('day')", "2026-10-25T00:00:00+02:00"),
        ("'2026-10-25' | end_of('day')", "2026-10-25T23:59:59.999999+01:00"),
        ("'2026-11-20T23:30:00Z' | format_date('YYYY-MM-DD')", "2026-11-21"),
        (
            "'2026-11-20T23:30:00Z' | format_date('dddd D MMMM YYYY, h:mm A [o\\'clock]', 'UTC')",
            "Friday 20 November 2026, 11:30 PM o'clock",
        ),
        ("'2026-11-20T10:00:00Z' | format_date('HH:mm zone Z')", "11:00 CET +01:00"),
        ("'2026-11-20T10:00:00+05:30' | date", "2026-11-20T10:00:00+05:30"),
        ("'2026-11-20' | date", "2026-11-20T00:00:00+01:00"),
        ("1795170600 | date", "2026-11-20T10:30:00Z"),
        ("1795170600000 | date", "2026-11-20T10:30:00Z"),
        ("'Fri, 20 Nov 2026 10:30:00 +0100' | date", "2026-11-20T10:30:00+01:00"),
        ("'Nov 3, 2026' | parse_date('MMM D, YYYY')", "2026-11-03T00:00:00+01:00"),
        ("'12:05 am' | parse_date('h:mm a', 'UTC') | format_date('HH:mm', 'UTC')", "00:05"),
        ("date_diff('2026-01-31', '2026-02-28', 'months')", 1),
        ("date_diff('2026-02-28', '2026-01-31', 'days')", -28),
        ("date_diff('2026-03-29', '2026-03-30', 'hours')", 23),
        ("date_diff('2026-03-29', '2026-03-30', 'days')", 1),
        ("'2026-11-20' | next_weekday('friday')", "2026-11-27T00:00:00+01:00"),
        ("'2026-11-21' | add_workdays(-1)", "2026-11-20T00:00:00+01:00"),
        ("'2026-11-20' | start_of('quarter')", "2026-10-01T00:00:00+02:00"),
        ("now()", "2026-11-20T11:30:00+01:00"),
        ("today()", "2026-11-20"),
        ("'2026-11-20T10:30:00.123456Z' | timestamp", 1795170600.123456),
        ("duration(-90061)", "-1 d 1 h 1 min 1 s"),
    ],
)
def test_dates_in_berlin(expression, expected):
    assert run(expression, zone="Europe/Berlin") == expected


@pytest.mark.parametrize(
    "expression",
    [
        "'2026-02-30' | date",
        "'2026-11-20T25:00:00Z' | date",
        "'9999-12-31' | add_days(1)",
        "'0001-01-01T00:00:00Z' | to_zone('America/New_York')",
        "'2026-01-01' | add_time(1, 'fortnight')",
        "'2026-01-01' | add_days(0.5)",
        "'x' | parse_date('DD.MM.YYYY')",
        "'31.02.2026' | parse_date('DD.MM.YYYY')",
        "'2026-01-01' | to_zone('../../etc/passwd')",
        "1e300 | date",
        "'1' | parse_date('D D')",
    ],
)
def test_impossible_dates_are_errors(expression):
    with pytest.raises(ExpressionError):
        run(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("from_json('{\"a\": 9007199254740993}').a", 9007199254740993),
        ('\'a;b\n"x;""y""";2\n\' | parse_csv(\';\')', [{"a": 'x;"y"', "b": "2"}]),
        ("'1,2' | parse_csv(header=false)", [["1", "2"]]),
        ("'a,b\n1' | parse_csv", [{"a": "1", "b": None}]),
        ("[['=1', '-5', '+x', '@x', -5, '\tx']] | to_csv", "'=1,-5,'+x,'@x,-5,'\tx\r\n"),
        ("[{'a': 1}, {'b': [1, 2]}] | to_csv(';')", "a;b\r\n1;\r\n;[1,2]\r\n"),
        ("'<a x=\"1\">t<b/><b>2</b></a>' | parse_xml", {"a": {"@x": "1", "b": [None, "2"], "#text": "t"}}),
        ("'<n:a xmlns:n=\"u\">é</n:a>' | parse_xml", {"a": "é"}),
        ("to_xml({'b': '<&\"'}, 'r')", '<r><b>&lt;&amp;"</b></r>'),
        ("'<p>a<br>b</p><style>x{}</style><script>y()</script>&lt;c&gt;' | html_text", "a\nb\n<c>"),
        (
            '\'<a href="javascript:x()" onclick="y()">z</a>\' | sanitize_html',
            '<a rel="noopener noreferrer">z</a>',
        ),
        (
            "'# T\n\n* a\n* **b**\n\n1. c\n\n> q\n\n---\n\n`<x>` _i_' | markdown",
            "<h1>T</h1>\n<ul><li>a</li><li><strong>b</strong></li></ul>\n<ol><li>c</li></ol>\n<blockquote><p>q</p></blockquote>\n<hr>\n<p><code>&lt;x&gt;</code> <em>i</em></p>",
        ),
        (
            "'<b>x</b> [y](javascript:alert(1)) [z](https://a.b/\"onx=)' | markdown",
            '<p>&lt;b&gt;x&lt;/b&gt; [y](javascript:alert(1)) <a href="https://a.b/&quot;onx=" rel="noopener noreferrer">z</a></p>',
        ),
        ("'```\n<b> **x**\n```' | markdown", "<pre><code>&lt;b&gt; **x**</code></pre>"),
        ("[{'a': '<b>'}] | html_table | contains('&lt;b&gt;')", True),
        ("'a b/ü' | url_encode('/')", "a%20b/%C3%BC"),
        ("build_url('https://x.y/p?a=1#f', {'a': 2, 'b': ['1', '2']})", "https://x.y/p?a=2&b=1&b=2#f"),
        ("join_url('https://x.y', 'a b', '', 'c/d')", "https://x.y/a%20b/c/d"),
        ("'YT8-' | base64_decode", "a?>"),
        ("hmac('a', 'k', 'SHA-256', 'base64url') | length", 43),
        ("'é' | hex", "c3a9"),
        ("'Order A-17, B-9' | regex_find_all('([A-Z])-([0-9]+)')", [["A", "17"], ["B", "9"]]),
        ("'a1' | regex_find('(?P<l>[a-z])(?P<n>[0-9])(?P<x>z)?')", {"l": "a", "n": "1", "x": None}),
        ("'abc' | regex_replace('b*', '-')", "-a--c-"),
        ("'a b' | regex_replace('(?P<x>[a-z])', '<${x}\\\\1$$>')", "<aa$> <bb$>"),
        ("'ABC' | matches('b', ignore_case=true)", True),
        ("'😀x' | regex_split('x')", ["😀", ""]),
    ],
)
def test_formats(expression, expected):
    assert run(expression) == expected


def test_a_mail_has_headers_bodies_and_attachments():
    import email
    from email.policy import default

    text = run(
        "mime_message(m)",
        m={
            "from": "Änne <a@example.org>",
            "to": ["b@example.org", "c@example.org"],
            "subject": "Grüße",
            "text": "Hallo ü",
            "html": "<p>ü</p>",
            "attachments": [{"name": "a.txt", "mime": "text/plain", "base64": "SGk="}],
        },
    )

    mail = email.message_from_string(str(text), policy=default)
    assert mail["subject"] == "Grüße"
    assert mail["to"] == "b@example.org, c@example.org"
    assert mail.get_body(("plain",)).get_content().strip() == "Hallo ü"
    assert mail.get_body(("html",)).get_content().strip() == "<p>ü</p>"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["a.txt"]


@pytest.mark.parametrize("field", ["subject", "to", "from", "reply_to"])
def test_a_mail_header_cannot_be_injected(field):
    with pytest.raises(ExpressionError, match="line break"):
        run("mime_message(m)", m={"text": "x", field: "a@b.c\r\nBcc: evil@example.org"})


def test_random_values_differ():
    assert run("uuid()") != run("uuid()")
    assert run("random_text(20)") != run("random_text(20)")
    assert run("range(100) | shuffle") != run("range(100)")
    assert {run("random(1, 3)") for _ in range(200)} == {1, 2, 3}


def test_now_is_the_same_within_one_evaluation():
    moments = evaluate(["{{ now() }}", "{{ now() }}"], Scope({}))

    assert isinstance(moments, list)
    assert moments[0] == moments[1]

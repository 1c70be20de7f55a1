"""Whatever goes in, an expression gives JSON or an ExpressionError."""

import timeit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automate.lib.expressions import FUNCTIONS, Budget, ExpressionError, Scope, check, evaluate, references
from automate.lib.jsontypes import check as check_json

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["name", "a.b[0]", "equals", "2026-11-20", "2026-11-20T10:30:00+02:00", "Europe/Berlin", "month", "[a-z]+", "<a>x</a>",
     "a,b\n1,2", '{"a": 1}', "12.5", "base64", "DD.MM.YYYY", "{{ 1 }}", "=1+1", "(", "%zz"]
)  # fmt: skip
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
SMALL = Budget(max_items=20_000, max_text_bytes=200_000)
quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _json_or_error(expression, names) -> str:
    """Empty, or the message of the error."""
    try:
        check_json(evaluate(expression, Scope(names, budget=SMALL)))
    except ExpressionError as error:
        return error.message
    return ""


@quick
@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(values, max_size=5))
def test_functions_give_json_or_a_sentence_of_their_own(name, arguments):
    names = {f"v{at}": value for at, value in enumerate(arguments)}

    message = _json_or_error(f"{{{{ {name}({', '.join(names)}) }}}}", names)

    assert "cannot work with these values" not in message
    assert message == "" or message.endswith((".", "?"))


@quick
@given(
    values,
    values,
    st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]
    ),
)
def test_operators_give_json_or_an_error(left, right, operator):
    _json_or_error(f"{{{{ a {operator} b }}}}", {"a": left, "b": right})
    _json_or_error(f"{{{{ a[b] {operator} a[b:] }}}}", {"a": left, "b": right})


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "#}", "a", "a.b", "a['b']", "[0]", "1", "'x'", '"', "'", "\\", "|", "upper", "(", ")", "[", "]", "{", "}", ",", ":", "is",
     "not", "defined", "if", "else", "~", "+", "-", "*", "**", "==", "=", ".", "\n", " ", "null", "default(1)", "\ud800", "\0", "é", "1e999"]
)  # fmt: skip


@quick
@given(st.lists(PIECES, max_size=14), values)
def test_any_source_gives_json_or_an_error(pieces, value):
    source = "{{ " + " ".join(pieces) + " }}"

    _json_or_error(source, {"a": value})
    assert all(0 <= fault.position <= len(source) for fault in check(source))
    assert isinstance(references(source), set)


@quick
@given(values)
def test_data_comes_through_unchanged(value):
    assert evaluate("{{ a }}", Scope({"a": value})) == value
    assert evaluate("{{ [a] | first }}", Scope({"a": value})) == value
    assert evaluate("{{ a | to_json | from_json }}", Scope({"a": value})) == value


def test_cached_expressions_are_quick():
    scope = Scope({"trigger": {"body": {"order": {"total": 12.5, "customer": "ann"}}}})

    def microseconds(expression: str) -> float:
        return min(timeit.repeat(lambda: evaluate(expression, scope), number=200, repeat=5)) / 200 * 1e6

    assert microseconds("{{ trigger.body.order.total }}") < 20
    assert microseconds("{{ trigger.body.order.customer | trim | upper | default('x') }}") < 60

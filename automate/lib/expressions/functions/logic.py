"""Missing values, choices and conversions between types."""

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.converters import Number
from automate.lib.expressions.errors import ExpressionTypeError, UnknownName
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import Lazy, function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.values import a_kind, kind, shown
from automate.lib.jsontypes import JSON

_YES = frozenset(("true", "yes", "on", "1", "y", "t"))
_NO = frozenset(("false", "no", "off", "0", "n", "f", ""))


def _or_null(value: Lazy) -> JSON:
    try:
        return value()
    except UnknownName:
        return None


@function("Logic", '{{ null | default("nobody") }}', "nobody", aliases=("d", "if_null"), lazy=True)
def default(value: Lazy, fallback: Lazy | None = None, also_empty: Lazy | bool = False) -> JSON:
    """The value, or the fallback when it is missing or null (with `also_empty=true` also for "", 0, [] and {})."""
    found = _or_null(value)
    if found is None or (not found and callable(also_empty) and also_empty()):
        return fallback() if fallback else None
    return found


@function("Logic", '{{ first_of(null, "", "b") }}', "", aliases=("coalesce",), lazy=True)
def first_of(*values: Lazy) -> JSON:
    """The first of the values that is neither missing nor null."""
    for value in values:
        found = _or_null(value)
        if found is not None:
            return found
    return None


@function("Logic", '{{ first_filled(null, "", "b") }}', "b", aliases=("if_empty",), lazy=True)
def first_filled(*values: Lazy) -> JSON:
    """The first of the values that is not missing, null, false, 0, "" or an empty list or object."""
    return next((found for found in map(_or_null, values) if found), None)


@function("Logic", '{{ if_error(1 / 0, "none") }}', "none", aliases=("iferror",), lazy=True)
def if_error(value: Lazy, fallback: Lazy) -> JSON:
    """The value, or the fallback when it cannot be computed because of a missing name or a wrong type."""
    try:
        return value()
    except (UnknownName, ExpressionTypeError):
        return fallback()


@function("Logic", '{{ choose(3 > 2, "more", "less") }}', "more", aliases=("iif",), lazy=True)
def choose(condition: Lazy, yes: Lazy, no: Lazy | None = None) -> JSON:
    """The second value if the condition holds, otherwise the third; the other one is not computed."""
    if condition():
        return yes()
    return no() if no else None


@function("Logic", "{{ type_of([1, 2]) }}", "list")
def type_of(value: JSON) -> str:
    """What the value is: null, boolean, number, text, list or object."""
    return kind(value)


@function("Logic", "{{ text(2.50) }}", "2.5", aliases=("string", "str", "to_text", "to_string"))
def text(run: Run, value: JSON) -> str:
    """The value as text; lists and objects become JSON, null becomes empty."""
    return as_part_of_text(value, run)


@function("Logic", '{{ number(" 12.5 ") }}', 12.5, aliases=("float", "to_number"))
def number(value: JSON, fallback: JSON = None) -> JSON:
    """The number a text spells (true is 1, false is 0); the fallback, if given, when it spells none."""
    found = int(value) if isinstance(value, bool) else as_number(value)
    if found is not None:
        return found
    if fallback is not None:
        return fallback
    raise ExpressionTypeError(f"`number` cannot read {a_kind(value)} ({shown(value)}) as a number.")


@function("Logic", '{{ integer("12.7") }}', 12, aliases=("int", "to_integer"))
def integer(value: Number) -> int:
    """The number without its fraction, which is cut off, not rounded."""
    return int(value)


@function("Logic", '{{ boolean("yes") }}', True, aliases=("bool", "to_boolean"))
def boolean(value: JSON) -> bool:
    """True or false: reads the words true, yes, on, 1 and false, no, off, 0; other values are true unless empty."""
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise ExpressionTypeError(
        f"`boolean` cannot read the text {shown(value)}. It knows true, yes, on, 1, false, no, off, 0."
    )


@function("Logic", "{{ is_empty([]) }}", True)
def is_empty(value: JSON) -> bool:
    """Whether the value is null, an empty text, an empty list or an empty object."""
    return value is None or value == "" or value == [] or value == {}

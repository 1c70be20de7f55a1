"""Text: taking it apart and finding things in it."""

import re

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.converters import Items, Mismatch
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.values import json_equal, position_of
from automate.lib.jsontypes import JSON

_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^]{1,2000}")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,300}(?:\.\d{1,300})?")
EDGE = ".,;:!?)]"


@function("Text", '{{ "a, b,c" | split(",") }}', ["a", "b", "c"])
def split(run: Run, text: str, separator: str = ",", limit: int = -1, keep_blanks: bool = False) -> Items:
    """The parts between the separators, without blanks around them; "" as separator gives single characters."""
    if not separator:
        run.room_for_items(len(text))
        return list(text)
    run.room_for_items(min(text.count(separator), limit if limit >= 0 else len(text)) + 1)
    parts = text.split(separator, limit)
    return list(parts) if keep_blanks else [part.strip() for part in parts]


@function("Text", '{{ "one\\ntwo" | lines }}', ["one", "two"], aliases=("split_lines",))
def lines(run: Run, text: str) -> Items:
    """The lines of the text, without the breaks."""
    run.room_for_items(text.count("\n") + text.count("\r") + 1)
    return list(re.split(r"\r\n|\n|\r", text))


@function("Text", '{{ "to be or" | words }}', ["to", "be", "or"])
def words(run: Run, text: str) -> Items:
    """The words of the text, split at blanks and line breaks."""
    run.room_for_items(len(text) // 2 + 1)
    return list(text.split())


@function("Text", '{{ "to be or not" | word_count }}', 4, aliases=("wordcount",))
def word_count(run: Run, text: str) -> int:
    """How many words the text has."""
    return len(words(run, text))


@function("Text", '{{ "invoice-2026" | substring(8, 4) }}', "2026", aliases=("substr", "mid"))
def substring(text: str, start: int, length: int | None = None) -> str:
    """The characters from position `start` (the first is 0; negative counts from the end)."""
    begin = max(start if start >= 0 else len(text) + start, 0)
    return text[begin:] if length is None else text[begin : begin + max(length, 0)]


@function("Text", '{{ "ann@example.org" | before("@") }}', "ann", aliases=("text_before",))
def before(text: str, part: str) -> str:
    """What stands before the first `part`; everything when it is not there."""
    return text.split(part, 1)[0] if part else text


@function("Text", '{{ "ann@example.org" | after("@") }}', "example.org", aliases=("text_after",))
def after(text: str, part: str) -> str:
    """What stands after the first `part`; nothing when it is not there."""
    return text.partition(part)[2] if part else text


@function("Text", '{{ "Ref [A-17] ok" | between("[", "]") }}', "A-17", aliases=("text_between",))
def between(text: str, start: str, end: str) -> str:
    """What stands between the first `start` and the next `end`; nothing when one of them is not there."""
    rest = after(text, start)
    return before(rest, end) if end and end in rest else ""


@function("Text", '{{ "report.pdf" | starts_with("rep") }}', True)
def starts_with(text: str, start: str) -> bool:
    """Whether the text starts so."""
    return text.startswith(start)


@function("Text", '{{ "report.pdf" | ends_with(".pdf") }}', True)
def ends_with(text: str, end: str) -> bool:
    """Whether the text ends so."""
    return text.endswith(end)


@function("Text", '{{ ["a", "b"] | contains("b") }}', True, aliases=("includes",))
def contains(run: Run, value: JSON, part: JSON) -> bool:
    """Whether a text has the part, a list the element, or an object the key."""
    if value is None:
        return False
    if isinstance(value, list):
        run.spend(len(value))
        return position_of(part, value) >= 0
    if isinstance(value, dict | str) and isinstance(part, str):
        return part in value
    if isinstance(value, str) and as_number(part) is not None:
        return str(part) in value
    raise Mismatch("text, a list or an object to look into, and text to look for,")


@function("Text", '{{ "banana" | index_of("n") }}', 2)
def index_of(run: Run, value: JSON, part: JSON) -> int:
    """Where the part first stands in a text, or the element in a list, counted from 0; -1 when it does not."""
    if isinstance(value, list):
        run.spend(len(value))
        return position_of(part, value)
    if isinstance(value, str) and isinstance(part, str):
        return value.find(part)
    raise Mismatch("text and a part of it, or a list and an element,")


@function("Text", '{{ "banana" | count_of("an") }}', 2)
def count_of(run: Run, value: JSON, part: JSON) -> int:
    """How often the part stands in a text, or the element in a list."""
    if isinstance(value, list):
        return sum(json_equal(item, part) for item in run.each(value))
    if isinstance(value, str) and isinstance(part, str):
        return value.count(part) if part else 0
    raise Mismatch("text and a part of it, or a list and an element,")


@function(
    "Text",
    '{{ "Ask ann@example.org or bob@example.com." | extract_emails }}',
    ["ann@example.org", "bob@example.com"],
)
def extract_emails(run: Run, text: str) -> Items:
    """The mail addresses in a text, each once."""
    run.room_for_items(text.count("@"))
    return list(dict.fromkeys(_EMAIL.findall(text)))


@function("Text", '{{ "See https://example.org/a." | extract_urls }}', ["https://example.org/a"])
def extract_urls(run: Run, text: str) -> Items:
    """The web addresses in a text, each once."""
    run.room_for_items(text.count("://"))
    return list(dict.fromkeys(found.rstrip(EDGE) for found in _URL.findall(text)))


@function("Text", '{{ "3 apples, 2.5 kg" | extract_numbers }}', [3, 2.5])
def extract_numbers(run: Run, text: str) -> Items:
    """The numbers in a text, with a point before their fractions."""
    run.room_for_items(len(text) // 2 + 1)
    return [number for number in map(as_number, _NUMBER.findall(text)) if number is not None]

"""Text: case, trimming, padding, replacing."""

import re
import unicodedata

from automate.lib.expressions.errors import BudgetExceeded
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes

_BLANKS = re.compile(r"\s+")
_WORD_START = re.compile(r"(?:^|(?<=[\s\-(/\"“]))\w")
_PLAIN = {
    ord("ß"): "ss",
    ord("ø"): "o",
    ord("Ø"): "O",
    ord("ł"): "l",
    ord("Ł"): "L",
    ord("đ"): "d",
    ord("æ"): "ae",
    ord("Æ"): "AE",
}
MAX_PROSE = 1_000_000  # characters, for what looks at each word
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@function("Text", '{{ "Straße" | upper }}', "STRASSE", aliases=("uppercase", "to_upper_case", "ucase"))
def upper(text: str) -> str:
    """All letters in upper case."""
    return text.upper()


@function("Text", '{{ "ABC" | lower }}', "abc", aliases=("lowercase", "to_lower_case", "lcase"))
def lower(text: str) -> str:
    """All letters in lower case."""
    return text.lower()


@function("Text", '{{ "anna-maria o\'neil" | title }}', "Anna-Maria O'neil", aliases=("title_case", "proper"))
def title(text: str) -> str:
    """The first letter of each word in upper case, the others in lower case."""
    return _WORD_START.sub(lambda found: found[0].upper(), _prose(text).lower())


def _prose(text: str) -> str:
    if len(text) > MAX_PROSE:
        raise BudgetExceeded(
            f"The text is longer than {MAX_PROSE:,} characters, which is too long to go through word by word."
        )
    return text


@function("Text", '{{ "hello WORLD" | capitalize }}', "Hello world")
def capitalize(text: str) -> str:
    """The first letter in upper case, the others in lower case."""
    return text.capitalize()


@function("Text", '{{ "  hi  " | trim }}', "hi", aliases=("strip",))
def trim(text: str, characters: str | None = None) -> str:
    """Without the blanks (or the given characters) at both ends."""
    return text.strip(characters)


@function("Text", '{{ "007" | trim_start("0") }}', "7", aliases=("lstrip",))
def trim_start(text: str, characters: str | None = None) -> str:
    """Without the blanks (or the given characters) at the start."""
    return text.lstrip(characters)


@function("Text", '{{ "a/b//" | trim_end("/") }}', "a/b", aliases=("rstrip",))
def trim_end(text: str, characters: str | None = None) -> str:
    """Without the blanks (or the given characters) at the end."""
    return text.rstrip(characters)


@function("Text", '{{ "a-b-c" | replace("-", "+") }}', "a+b+c", aliases=("substitute", "replace_all"))
def replace(run: Run, text: str, old: str, new: str = "") -> str:
    """Each place where `old` stands gets `new` instead."""
    if not old:
        return text
    run.room_for_text(text_bytes(text) + text.count(old) * text_bytes(new))
    return text.replace(old, new)


@function("Text", '{{ "spam and spam" | remove("spam") | trim }}', "and")
def remove(text: str, part: str) -> str:
    """Without the part, wherever it stands."""
    return text.replace(part, "") if part else text


@function("Text", '{{ "  a   b\\n c " | squish }}', "a b c", aliases=("normalize_spaces",))
def squish(text: str) -> str:
    """Blanks and line breaks in a row become one blank; none are left at the ends."""
    return _BLANKS.sub(" ", text).strip()


@function("Text", '{{ "A long sentence" | truncate(7) }}', "A long…")
def truncate(text: str, length: int, end: str = "…") -> str:
    """At most `length` characters, the `end` included when something was cut off."""
    if len(text) <= max(length, 0):
        return text
    return text[: max(length - len(end), 0)] + end if length > 0 else ""


@function("Text", '{{ "ab" | repeat(3) }}', "ababab")
def repeat(run: Run, text: str, count: int) -> str:
    """The text `count` times in a row."""
    run.room_for_text(text_bytes(text) * max(count, 0))
    return text * count


@function("Text", '{{ 7 | pad_start(3, "0") }}', "007", aliases=("rjust", "zfill", "lpad"))
def pad_start(run: Run, text: str, length: int, fill: str = " ") -> str:
    """Filled up at the start until it has `length` characters."""
    return _filling(run, text, length, fill) + text


@function("Text", '{{ "ab" | pad_end(4, ".") }}', "ab..", aliases=("ljust", "rpad"))
def pad_end(run: Run, text: str, length: int, fill: str = " ") -> str:
    """Filled up at the end until it has `length` characters."""
    return text + _filling(run, text, length, fill)


@function("Text", '{{ "ab" | center(6, "*") }}', "**ab**")
def center(run: Run, text: str, length: int, fill: str = " ") -> str:
    """Filled up at both ends until it has `length` characters."""
    filling = _filling(run, text, length, fill)
    half = len(filling) // 2
    return filling[:half] + text + filling[half:]


def _filling(run: Run, text: str, length: int, fill: str) -> str:
    missing = length - len(text)
    if missing <= 0 or not fill:
        return ""
    run.room_for_text(missing, 1 if fill.isascii() else 4)
    return (fill * (missing // len(fill) + 1))[:missing]


@function("Text", '{{ "a\\nb" | indent(2) }}', "  a\n  b")
def indent(run: Run, text: str, width: int = 4) -> str:
    """Each line moved to the right by `width` blanks."""
    width = min(max(width, 0), 1000)
    run.room_for_text(text_bytes(text) + (text.count("\n") + 1) * width)
    return "\n".join(" " * width + line if line else line for line in text.split("\n"))


@function(
    "Text", '{{ "Crème Brûlée für 2!" | slugify }}', "creme-brulee-fur-2", aliases=("slug", "kebab_case")
)
def slugify(text: str, separator: str = "-") -> str:
    """Small letters and digits joined by `-`, fit for addresses and file names."""
    return separator.join(re.findall(r"[a-z0-9]+", ascii_(text).lower()))


@function("Text", '{{ "Łódź, Zürich" | ascii }}', "Lodz, Zurich", aliases=("remove_accents",))
def ascii_(text: str) -> str:
    """Letters without their accents; characters that have no plain form are left out."""
    return unicodedata.normalize("NFKD", _prose(text).translate(_PLAIN)).encode("ascii", "ignore").decode()


@function("Text", '{{ "Order number" | snake_case }}', "order_number")
def snake_case(text: str) -> str:
    """Words in small letters joined by `_`."""
    return "_".join(word.lower() for word in _WORD.findall(ascii_(text)))


@function("Text", '{{ "order number" | camel_case }}', "orderNumber")
def camel_case(text: str) -> str:
    """Words written together, each but the first with a capital letter."""
    words = [word.lower() for word in _WORD.findall(ascii_(text))]
    return "".join(words[:1] + [word.capitalize() for word in words[1:]])


@function("Text", '{{ "4111111111111234" | mask }}', "************1234")
def mask(run: Run, text: str, visible: int = 4, sign: str = "*") -> str:
    """Everything but the last `visible` characters hidden behind a sign."""
    hidden = max(len(text) - max(visible, 0), 0)
    run.room_for_text(hidden * max(text_bytes(sign), 1))
    return sign * hidden + text[hidden:]


@function("Text", '{{ "Ada King Lovelace" | initials }}', "AKL")
def initials(text: str) -> str:
    """The first letters of the words, in upper case."""
    return "".join(word[0].upper() for word in _prose(text).split())

"""JSON as the product means it: a strict reader, a faithful writer, and the type both share.

Python's own reader takes NaN, infinity, duplicate keys and NUL characters, none of which PostgreSQL or another
service could be given; and it answers deep nesting with RecursionError. All of these are refused here, by place.
"""

import json
import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import orjson

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None

MAX_DEPTH = 64  # deeper data comes from mistakes or attacks, and recursion over it would end the process
MAX_INT_DIGITS = 4300  # Python's own bound for turning text into integers and back
MAX_INT_BITS = 14284  # the bits of the largest integer of that many digits


class BadJSON(ValueError):
    """The text or value is not JSON we accept; the message is a sentence that names the place."""


class _Refused:
    """Stands in a half-read value for something we refuse, until the walk has found its place."""

    def __init__(self, message: str) -> None:
        self.message = message


def loads(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> JSON:
    """Read one JSON value from UTF-8 bytes or text.

    Raises BadJSON for syntax errors, NaN and infinity, numbers too large for a double, integers of more than
    4,300 digits, a key given twice, NUL characters, lone surrogates, and nesting deeper than `max_depth`.
    """
    text = _as_text(data)
    try:
        value, refused = _read(text, parse_int=None)
    except json.JSONDecodeError as error:
        raise BadJSON(_syntax_message(error)) from None
    except RecursionError:
        raise BadJSON(_sentence(_depth_message(max_depth))) from None
    except ValueError:  # an integer of too many digits: read again, slower, to name its place
        value, refused = _read(text, parse_int=_parse_int)
    if refused or "\\u" in text or text.count("[") + text.count("{") > max_depth:
        check(value, max_depth=max_depth)
    return value


def check(value: object, *, max_depth: int = MAX_DEPTH) -> JSON:
    """Return `value` if it is JSON by the rules of `loads`, otherwise raise BadJSON naming the place in it."""
    if not _is_acceptable(value, max_depth):
        place, message = next(_faults(value, max_depth))
        raise BadJSON(f"At `{_path_text(place)}`: {message}" if place else _sentence(message))
    return value  # type: ignore[return-value]  # the walk above has just proved it


def dumps(value: JSON, *, sort_keys: bool = False) -> str:
    """Compact JSON text that `loads` reads back as the same value. Raises BadJSON for what is not JSON."""
    return dumps_bytes(value, sort_keys=sort_keys).decode()


def dumps_bytes(value: JSON, *, sort_keys: bool = False) -> bytes:
    """As `dumps`, in UTF-8."""
    options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        written = orjson.dumps(value, option=options | orjson.OPT_SORT_KEYS if sort_keys else options)
    except TypeError:  # integers beyond 64 bits, or not JSON at all
        return _dumps_slowly(value, sort_keys)
    if b"null" in written and not _is_finite(value):  # orjson writes NaN as null
        raise BadJSON("NaN and infinity are not numbers in JSON.")
    return written


def _dumps_slowly(value: JSON, sort_keys: bool) -> bytes:
    check(value, max_depth=254)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode()


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list | tuple) else True


def _as_text(data: bytes | str) -> str:
    if isinstance(data, str):
        if not _is_clean_unicode(data):
            raise BadJSON("The text contains half of a surrogate pair, which is not a character.")
        text = data
    else:
        text = _decode(data)
    if not text.strip(" \t\r\n"):
        raise BadJSON("The text is empty, where JSON was expected.")
    return text


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        raise BadJSON("The text is UTF-16 or UTF-32. JSON is sent as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadJSON(f"Byte {error.start + 1} is not valid UTF-8. JSON is sent as UTF-8.") from None


def _read(text: str, *, parse_int: Callable[[str], object] | None) -> tuple[JSON, bool]:
    """The value, perhaps with `_Refused` inside, and whether to look for them."""
    refused: list[_Refused] = []

    def refuse(message: str) -> _Refused:
        refused.append(_Refused(message))
        return refused[-1]

    def constant(name: str) -> _Refused:
        return refuse(f"{name} is not a number in JSON.")

    def fraction(number: str) -> float | _Refused:
        value = float(number)
        return value if math.isfinite(value) else refuse("the number is too large.")

    def members(pairs: list[tuple[str, JSON]]) -> dict[str, JSON] | _Refused:
        found = dict(pairs)
        return found if len(found) == len(pairs) else refuse(_duplicate_message(pairs))

    reader = json.JSONDecoder(
        object_pairs_hook=members,
        parse_constant=constant,
        parse_float=fraction,
        parse_int=parse_int,
    )
    return reader.decode(text), bool(refused) or parse_int is not None


def _parse_int(number: str) -> object:
    if len(number.lstrip("-")) > MAX_INT_DIGITS:
        return _Refused(_digits_message())
    return int(number)


def _is_acceptable(value: object, levels: int) -> bool:
    """Whether `_faults` would find nothing; several times faster, for the usual case."""
    if isinstance(value, str):
        return text_fault(value) is None
    if isinstance(value, dict):
        return levels > 0 and all(
            isinstance(key, str) and text_fault(key) is None and _is_acceptable(member, levels - 1)
            for key, member in value.items()
        )
    if isinstance(value, list):
        return levels > 0 and all(_is_acceptable(member, levels - 1) for member in value)
    return _scalar_fault(value) is None


def _faults(value: object, max_depth: int) -> Iterator[tuple[tuple[object, ...], str]]:
    """Every fault with its path, found without recursion."""
    waiting: list[tuple[tuple[object, ...], object]] = [((), value)]
    while waiting:
        place, item = waiting.pop()
        if not isinstance(item, dict | list):
            message = _scalar_fault(item)
        elif len(place) >= max_depth:
            place, message = place[:4], _depth_message(max_depth)
        else:
            members = list(item.items() if isinstance(item, dict) else enumerate(item))
            waiting += [((*place, key), member) for key, member in reversed(members)]
            message = _keys_fault(item) if isinstance(item, dict) else None
        if message:
            yield place, message


def _keys_fault(item: dict[object, object]) -> str | None:
    for key in item:
        if not isinstance(key, str):
            return f"a key is of the type {type(key).__name__}, but keys of objects are text."
        if text_fault(key):
            return f"in a key {text_fault(key)}"
    return None


def _scalar_fault(value: object) -> str | None:
    if isinstance(value, str):
        return text_fault(value)
    if isinstance(value, _Refused):
        return value.message
    if isinstance(value, float):
        return None if math.isfinite(value) else "NaN and infinity are not numbers in JSON."
    if isinstance(value, int):
        return None if value.bit_length() <= MAX_INT_BITS else _digits_message()
    return None if value is None else f"a value of the type {type(value).__name__} is not JSON."


def text_fault(text: str) -> str | None:
    """Why `text` cannot be stored (NUL, lone surrogates), as a part of a sentence; None when it can."""
    if "\0" in text:
        return "the text contains the NUL character, which cannot be stored."
    return (
        None
        if _is_clean_unicode(text)
        else "the text contains half of a surrogate pair, which is not a character."
    )


def _is_clean_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _duplicate_message(pairs: list[tuple[str, JSON]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return f"the key {json.dumps(key[:60])} is given twice."
        seen.add(key)
    raise AssertionError("called only when a key is given twice")


def _digits_message() -> str:
    return f"the integer has more than {MAX_INT_DIGITS:,} digits."


def _depth_message(max_depth: int) -> str:
    return f"the data is nested more than {max_depth} levels deep."


def _syntax_message(error: json.JSONDecodeError) -> str:
    fault = error.msg[0].lower() + error.msg[1:]
    return f"This is not JSON: {fault} at line {error.lineno}, column {error.colno}."


def _sentence(message: str) -> str:
    return message[0].upper() + message[1:]


def _path_text(place: tuple[object, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{str(part)[:60]}" for part in place)
    return text.removeprefix(".")

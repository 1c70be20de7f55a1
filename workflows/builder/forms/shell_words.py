"""A command line split into words, as bash and the Windows prompt do it. Pure: nothing is run, no variable is filled in."""

from __future__ import annotations

import re
from collections.abc import Callable


class BadCurl(ValueError):
    """It is no command we can read, or asks for something a workflow cannot do; the message is a sentence."""


def split_words(text: str) -> list[str]:
    r"""Words of bash (`\` goes on, '…', "…", $'…') or of the Windows prompt (`^` goes on, "…" with ^ before signs)."""
    windows = re.search(r"\^\s*\n|\^\"", text) is not None
    if windows:
        text = re.sub(r"\^\r?\n[ \t]*", " ", text)
        text = re.sub(r"\^(.)", r"\1", text, flags=re.DOTALL)
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text[at] in "|;&><" and not windows:
            raise BadCurl(
                f"There is a “{text[at]}” after the command. Paste the curl command alone, its address in quotes."
            )
        else:
            word, at = _word(text, at)
            if word is not None:
                words.append(word)
    return words


def _word(text: str, at: int) -> tuple[str | None, int]:
    made: list[str] = []
    start = at
    while at < len(text) and not text[at].isspace() and text[at] not in "|;><":
        sign = text[at]
        if sign == "'":
            part, at = _until(text, at + 1, "'")
        elif text.startswith("$'", at):
            part, at = _escaped(text, at + 2, "'", _c_escape)
        elif sign == '"':
            part, at = _escaped(text, at + 1, '"', _double_escape)
        elif sign == "\\":
            part, at = ("" if text[at + 1 : at + 2] == "\n" else text[at + 1 : at + 2]), at + 2
            if not part and not made:
                return None, at
        elif sign == "&":
            raise BadCurl("There is a “&” outside of quotes. Put the address in quotes.")
        else:
            part, at = sign, at + 1
        made.append(part)
    return ("".join(made) if at > start else None), at


def _until(text: str, at: int, sign: str) -> tuple[str, int]:
    end = text.find(sign, at)
    if end < 0:
        raise BadCurl(f"A quote ({sign}) is not closed. Copy the whole command.")
    return text[at:end], end + 1


def _escaped(text: str, at: int, sign: str, escape: Callable[[str, int], tuple[str, int]]) -> tuple[str, int]:
    made: list[str] = []
    while at < len(text):
        if text[at] == sign:
            return "".join(made), at + 1
        part, at = escape(text, at) if text[at] == "\\" else (text[at], at + 1)
        made.append(part)
    raise BadCurl(f"A quote ({sign}) is not closed. Copy the whole command.")


def _double_escape(text: str, at: int) -> tuple[str, int]:
    after = text[at + 1 : at + 2]
    if after == "\n":
        return "", at + 2
    return (after, at + 2) if after in '\\"$`' else ("\\", at + 1)


def _c_escape(text: str, at: int) -> tuple[str, int]:
    """What stands between $' and ': as in C."""
    coded = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8}))").match(text, at)
    if coded:
        number = int(next(part for part in coded.groups() if part), 16)
        return (chr(number) if number < 0x110000 else "\ufffd"), coded.end()
    after = text[at + 1 : at + 2]
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(after, after), at + 2

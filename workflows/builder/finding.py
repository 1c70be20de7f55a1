"""Searching what can be added: by name, app, category, and by other words for the same deed. Pure.

Every word that was typed has to fit somewhere; a word fits from its beginning ("cust" finds "Create customer").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

_WORD: Final = re.compile(r"[^\W_]+")
_PREFIX: Final = 3  # letters after which the beginning of another word for it counts


def _groups(*lines: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(line.split()) for line in lines)


DEEDS: Final = _groups(  # what a title begins with
    "send post notify publish alert inform deliver reply",
    "create add new make open insert start register",
    "get read fetch find look lookup search list query load download retrieve show select",
    "update edit change set modify replace assign move transition write",
    "delete remove erase drop clear trash",
    "upload attach write",
    "run call execute",
)
THINGS: Final = _groups(  # what a title names
    "mail email gmail letter inbox smtp imap",
    "message chat conversation dm",
    "issue ticket bug task card",
    "request http api rest url curl",
    "row rows table record records database db sql",
    "feed rss news blog atom",
    "file attachment document",
    "comment note remark",
    "user person member people contact",
)
SMALL: Final = frozenset(
    ["a", "an", "the", "to", "for", "of", "in", "into", "on", "up", "with", "and", "from", "by"]
)
TITLE, SYNONYM, APP, CATEGORY, MAYBE, DESCRIPTION = 12, 10, 9, 5, 4, 2


@dataclass(frozen=True)
class Entry:
    """What one thing to add is found by. `also`: other words for it."""

    title: str
    app: str = ""
    category: str = ""
    description: str = ""
    also: str = ""


def score(entry: Entry, query: str) -> int:
    """How well it fits; 0: not at all."""
    total = 0
    typed = tuple(word for word in words_of(query) if word not in SMALL) or words_of(query)
    for word in typed:
        found = _score_of(entry, word)
        if not found:
            return 0
        total += found
    if typed and words_of(entry.title)[: len(typed)] == typed:
        total += TITLE
    return total


def _score_of(entry: Entry, word: str) -> int:
    title, app = words_of(entry.title), words_of(entry.app)
    if word in title:
        return TITLE + 3
    if _begins(title, word):
        return TITLE
    is_other = _is_other(title, word)
    if is_other and _is_known(word):  # "post" is "send", before it is the beginning of "PostgreSQL"
        return SYNONYM
    if _begins(app, word):
        return APP
    if _begins(words_of(entry.also), word):
        return APP - 1
    if _begins(words_of(entry.category), word):
        return CATEGORY
    if is_other:
        return MAYBE
    if _begins(words_of(entry.description), word) or (len(word) >= _PREFIX and word in entry.title.lower()):
        return DESCRIPTION
    return 0


def _begins(words: Iterable[str], typed: str) -> bool:
    return any(word.startswith(typed) for word in words)


def _is_other(title: tuple[str, ...], word: str) -> bool:
    """Whether the title says the same deed, or names the same thing, in another word."""
    return any(own in same_as(word, DEEDS) for own in title[:1]) or any(
        own in same_as(word, THINGS) for own in title
    )


@lru_cache(maxsize=256)
def _is_known(word: str) -> bool:
    return any(word in group for group in (*DEEDS, *THINGS))


@lru_cache(maxsize=512)
def same_as(word: str, groups: tuple[frozenset[str], ...]) -> frozenset[str]:
    """Other words for what was typed, also for its beginning: "notif" is "notify", so "send" too."""
    found = [
        group
        for group in groups
        if word in group or (len(word) >= _PREFIX and any(one.startswith(word) for one in group))
    ]
    return frozenset().union(*found)


@lru_cache(maxsize=8192)
def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words without accents."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return tuple(_WORD.findall("".join(char for char in plain if not unicodedata.combining(char))))


T = TypeVar("T")


def best(found: Iterable[tuple[int, T]]) -> list[T]:
    """The best first; those that fit equally well stay in their order."""
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]

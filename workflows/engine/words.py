"""Small helpers for the sentences the engine says about documents."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "Did you mean `next`?" for the closest known word, else the known words; empty when there are none."""
    words = list(known)
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Use {listed(f'`{name}`' for name in words)}." if 0 < len(words) <= 25 else ""


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    names = list(words)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def humanise(key: str) -> str:
    """A name for people made of a key: `order_follow-up` → `Order follow up`."""
    text = key.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]

"""Help for a name that is not there: what is there, and what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

SHOWN = 8
COMPARED = 1000


def shortened(name: object, length: int = 40) -> str:
    """A name as it may stand in a message."""
    text = str(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """`a, b and c`; at most eight, then how many more."""
    known = [shortened(name) for name in names]
    if len(known) > SHOWN:
        return f"{', '.join(known[:SHOWN])} and {len(known) - SHOWN} more"
    return " and ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` Did you mean `x`?`, starting with a blank, or nothing when no name is close."""
    plain = {_plain(known): known for known in islice(names, COMPARED) if len(known) <= 60}
    close = get_close_matches(_plain(name[:60]), plain, n=1, cutoff=0.66)
    return f" Did you mean `{plain[close[0]]}`?" if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

"""Regular expressions, by an engine whose time grows only with the length of the text."""

import re
from collections.abc import Iterator

from automate.lib.expressions.converters import Items
from automate.lib.expressions.patterns import Match, Pattern, pattern
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.jsontypes import JSON

_REFERENCE = re.compile(r"\\(\d)|\$(\d)|\$\{(\w{1,40})\}|\\g<(\w{1,40})>|\\\\|\$\$", re.ASCII)


def _matches(run: Run, compiled: Pattern, text: str) -> Iterator[Match]:
    for match in compiled.finditer(text):
        run.room_for_items(1 + compiled.groups)
        run.check_time()
        yield match


def _result(compiled: Pattern, match: Match) -> JSON:
    if compiled.groupindex:
        return dict(match.groupdict())
    if compiled.groups == 0:
        return match.group()
    return match.groups()[0] if compiled.groups == 1 else list(match.groups())


@function("Patterns", '{{ "Order A-17" | matches("[A-Z]-[0-9]+") }}', True, aliases=("regex_test", "test"))
def matches(text: str, regex: str, ignore_case: bool = False) -> bool:
    """Whether the pattern is found anywhere in the text; ^ and $ bind it to the start and the end."""
    return pattern(regex, text, ignore_case=ignore_case).search(text) is not None


@function(
    "Patterns",
    '{{ "Order A-17 of 2026" | regex_find("([A-Z])-([0-9]+)") }}',
    ["A", "17"],
    aliases=("match", "regex_match", "regex_search"),
)
def regex_find(text: str, regex: str, ignore_case: bool = False) -> JSON:
    """What the pattern first finds, null if nothing: the text, its one group, a list of groups, or an object of named ones."""
    compiled = pattern(regex, text, ignore_case=ignore_case)
    match = compiled.search(text)
    return None if match is None else _result(compiled, match)


@function(
    "Patterns",
    '{{ "a1 b22" | regex_find_all("[0-9]+") }}',
    ["1", "22"],
    aliases=("find_all", "regex_findall"),
)
def regex_find_all(run: Run, text: str, regex: str, ignore_case: bool = False) -> Items:
    """Everything the pattern finds, each as in `regex_find`."""
    compiled = pattern(regex, text, ignore_case=ignore_case)
    return [_result(compiled, match) for match in _matches(run, compiled, text)]


@function(
    "Patterns",
    '{{ "2026-11-20" | regex_replace("([0-9]+)-([0-9]+)-([0-9]+)", "$3.$2.$1") }}',
    "20.11.2026",
    aliases=("regex_sub",),
)
def regex_replace(run: Run, text: str, regex: str, new: str = "", ignore_case: bool = False) -> str:
    """Everything the pattern finds replaced; $1 or \\1 stands for the first group, ${name} for a named one."""
    compiled = pattern(regex, text, ignore_case=ignore_case)
    pieces: list[str] = []
    at = 0
    for match in _matches(run, compiled, text):
        pieces.append(text[at : match.start()])
        pieces.append(str(run.made(_expanded(new, match))))
        at = match.end()
    pieces.append(text[at:])
    return "".join(pieces)


def _expanded(new: str, match: Match) -> str:
    def part(found: "re.Match[str]") -> str:
        number, name = found[1] or found[2], found[3] or found[4]
        if number:
            groups = (match.group(), *match.groups())
            return (groups[int(number)] or "") if int(number) < len(groups) else ""
        if name:
            return match.groupdict().get(name) or ""
        return found[0][0]

    return _REFERENCE.sub(part, new) if "$" in new or "\\" in new else new


@function("Patterns", '{{ "a1b22c" | regex_split("[0-9]+") }}', ["a", "b", "c"])
def regex_split(run: Run, text: str, regex: str, ignore_case: bool = False) -> Items:
    """The parts of the text between what the pattern finds."""
    parts: Items = []
    at = 0
    for match in _matches(run, pattern(regex, text, ignore_case=ignore_case), text):
        parts.append(text[at : match.start()])
        at = match.end()
    return [*parts, text[at:]]


@function("Patterns", '{{ "a.b*c" | regex_escape }}', "a\\.b\\*c")
def regex_escape(run: Run, text: str) -> str:
    """The text written so that a pattern takes it literally."""
    return re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", text)

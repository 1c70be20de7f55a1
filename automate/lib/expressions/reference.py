"""The table of functions for people, as Markdown. `python -m automate.lib.expressions.reference` rewrites the page."""

import sys
from itertools import groupby
from pathlib import Path

from automate.lib.expressions import FUNCTIONS, OPERATORS, FunctionInfo
from automate.lib.jsontypes import dumps

START, END = "<!-- functions: generated, do not edit below -->\n", "<!-- functions: end -->\n"


def function_tables() -> str:
    """A heading and a table for each group of functions, and one for the comparisons."""
    groups = groupby(sorted(FUNCTIONS.values(), key=lambda info: info.group), key=lambda info: info.group)
    return "\n".join([*(_table(name, list(infos)) for name, infos in groups), _comparisons()])


def with_tables(page: str) -> str:
    """The page with its tables renewed. Raises ValueError when the marks are not there."""
    before, mark, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError("The page has no marks between which the tables belong.")
    return f"{before}{START}\n{function_tables()}\n{END}{after}"


def _table(group: str, infos: list[FunctionInfo]) -> str:
    rows = [
        f"| {_cell(info.signature)} | {_help(info)} | {_cell(info.example)} | {_cell(dumps(info.result))} |"
        for info in infos
    ]
    return "\n".join(
        [f"### {group}\n", "| function | what it gives | example | result |", "|---|---|---|---|", *rows, ""]
    )


def _comparisons() -> str:
    rows = [f"| `{info.name}` | {info.label} | {', '.join(info.types)} |" for info in OPERATORS.values()]
    return "\n".join(["### Comparisons\n", "| name | reads as | for |", "|---|---|---|", *rows, ""])


def _help(info: FunctionInfo) -> str:
    text = " ".join(info.help.split())
    also = f" Also called {', '.join(f'`{alias}`' for alias in info.aliases)}." if info.aliases else ""
    return (text + also).replace("|", "\\|").replace("<", "&lt;")


def _cell(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/expressions.md")
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")

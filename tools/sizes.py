"""`python -m tools.sizes`: how long our functions, files, views, manifests, tests, templates and scripts are.

Physical lines of the files git tracks; a function counts from its `def` to its last line. Migrations and vendored
files are left out. The last line's exit status is 1 when something does not hold.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from statistics import median

SHOWN = 5  # offenders named per line of the table
FUNCTION_MAX, FILE_MAX, VIEW_MAX, PROTOCOL_FILE_MAX = 60, 600, 60, 400
MANIFEST_LINES = (60, 250)
PROTOCOL_LINES = (80, 250)
SOURCES = {".py", ".js", ".css", ".html"}
VIEW_ROOMS = ("workflows/ingress/", "automate/api/v1/")


@dataclass(frozen=True)
class Piece:
    """Something with a length, and where it is: `path` or `path:line name`."""

    lines: int
    place: str


@dataclass(frozen=True)
class Line:
    """A line of the table; `offenders` are what to look at, also where the line as a whole holds."""

    subject: str
    promise: str
    measured: str
    holds: bool
    offenders: list[Piece] = field(default_factory=list)


@dataclass
class House:
    """Everything that was measured, in pieces by kind."""

    functions: list[Piece] = field(default_factory=list)
    files: list[Piece] = field(default_factory=list)
    views: list[Piece] = field(default_factory=list)
    tests: list[Piece] = field(default_factory=list)
    manifests: list[Piece] = field(default_factory=list)
    protocols: list[Piece] = field(default_factory=list)
    templates: list[Piece] = field(default_factory=list)
    scripts: list[Piece] = field(default_factory=list)


# --- measuring ------------------------------------------------------------------------------------


def tracked(root: Path) -> list[PurePosixPath]:
    """The files git tracks below `root` that are still there. Raises SystemExit outside a checkout."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if asked.returncode:
        raise SystemExit(f"The sizes are those of a git checkout: {asked.stderr.decode().strip()}")
    paths = [PurePosixPath(name) for name in asked.stdout.decode().split("\0") if name]
    return [path for path in paths if (root / path).is_file() and not is_foreign(path)]


def is_foreign(path: PurePosixPath) -> bool:
    """Written by a machine or by others."""
    return bool({"migrations", "vendor", "node_modules"} & set(path.parts[:-1]))


def measure(root: Path, paths: Iterable[PurePosixPath]) -> House:
    """A protocol that is split counts as its longest file."""
    house = House()
    protocols: dict[str, Piece] = {}
    for path in paths:
        if path.suffix not in SOURCES | {".yaml", ".txt"}:
            continue
        text = (root / path).read_text(encoding="utf-8")
        whole = Piece(len(text.splitlines()), str(path))
        _sort_file(house, path, whole)
        if path.suffix == ".py":
            _sort_functions(house, path, text)
        name = protocol_of(path)
        if name and whole.lines > protocols.get(name, Piece(0, "")).lines:
            protocols[name] = whole
    house.protocols = list(protocols.values())
    return house


def _sort_file(house: House, path: PurePosixPath, whole: Piece) -> None:
    if path.suffix in SOURCES and whole.lines:
        house.files.append(whole)
    if path.match("integrations/catalogue/*.yaml"):
        house.manifests.append(whole)
    if path.parts[0] == "templates":
        house.templates.append(whole)
    if path.suffix == ".js" and path.is_relative_to("static/js"):
        house.scripts.append(whole)


def _sort_functions(house: House, path: PurePosixPath, text: str) -> None:
    in_tests, is_room = path.parts[0] == "tests", is_view_room(path)
    for node in ast.walk(ast.parse(text, filename=str(path))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        piece = Piece((node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
        house.functions.append(piece)
        if is_room and _first_argument(node) == "request":
            house.views.append(piece)
        if in_tests and node.name.startswith("test_"):
            house.tests.append(piece)


def is_view_room(path: PurePosixPath) -> bool:
    """views.py, a views/ folder, and the rooms that answer requests under other names."""
    if path.parts[0] == "tests":
        return False
    return path.stem == "views" or "views" in path.parts[:-1] or str(path).startswith(VIEW_ROOMS)


def _first_argument(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    arguments = [*node.args.posonlyargs, *node.args.args]
    return arguments[0].arg if arguments else None


def protocol_of(path: PurePosixPath) -> str | None:
    """`sql` for protocols/sql.py and for every file of protocols/sql/."""
    if path.suffix != ".py" or path.parts[:2] != ("integrations", "protocols") or len(path.parts) < 3:
        return None
    name = PurePosixPath(path.parts[2]).stem
    return None if name == "__init__" else name


# --- judging --------------------------------------------------------------------------------------


def judge(house: House) -> list[Line]:
    """The table, one line per promise; a line about nothing holds."""
    return [
        _share("functions of ≤ 20 lines", house.functions, 20, 80),
        _share("functions of ≤ 40 lines", house.functions, 40, 95),
        _none_over("longest function", house.functions, FUNCTION_MAX),
        _share("files of ≤ 300 lines", house.files, 300, 90),
        _none_over("longest file", house.files, FILE_MAX),
        _middle("a view, median", house.views, 20),
        _none_over("longest view", house.views, VIEW_MAX),
        _within("a manifest", house.manifests, *MANIFEST_LINES),
        _middle("a protocol, median", house.protocols, PROTOCOL_LINES[1], at_least=PROTOCOL_LINES[0]),
        _none_over("longest protocol, not split", house.protocols, PROTOCOL_FILE_MAX),
        _middle("a test, median", house.tests, 12),
        _ninetieth("a template, p90", house.templates, 150),
        _ninetieth("a script of ours, p90", house.scripts, 250),
    ]


def _share(subject: str, pieces: Sequence[Piece], lines: int, percent: int) -> Line:
    long = [piece for piece in pieces if piece.lines > lines]
    share = 100 * (1 - len(long) / len(pieces)) if pieces else 100.0
    return Line(
        subject, f"≥ {percent} %", f"{share:.1f} % of {len(pieces)}", share >= percent, _longest(long)
    )


def _none_over(subject: str, pieces: Sequence[Piece], lines: int) -> Line:
    over = [piece for piece in pieces if piece.lines > lines]
    longest = max((piece.lines for piece in pieces), default=0)
    return Line(subject, f"≤ {lines}", f"{longest} lines", not over, _longest(over))


def _middle(subject: str, pieces: Sequence[Piece], lines: int, *, at_least: int = 0) -> Line:
    middle = median(piece.lines for piece in pieces) if pieces else at_least
    promise = f"{at_least}-{lines}" if at_least else f"≤ {lines}"
    outside = [piece for piece in pieces if not at_least <= piece.lines <= lines]
    return Line(
        subject, promise, f"{middle:g} of {len(pieces)}", at_least <= middle <= lines, _longest(outside)
    )


def _within(subject: str, pieces: Sequence[Piece], least: int, most: int) -> Line:
    outside = [piece for piece in pieces if not least <= piece.lines <= most]
    lengths = [piece.lines for piece in pieces] or [least]
    measured = f"{min(lengths)}-{max(lengths)} of {len(pieces)}"
    return Line(subject, f"{least}-{most}", measured, not outside, _longest(outside))


def _ninetieth(subject: str, pieces: Sequence[Piece], lines: int) -> Line:
    found = ninetieth([piece.lines for piece in pieces])
    over = [piece for piece in pieces if piece.lines > lines]
    return Line(subject, f"≤ {lines}", f"{found} of {len(pieces)}", found <= lines, _longest(over))


def ninetieth(lengths: Sequence[int]) -> int:
    """The nearest-rank 90th percentile; 0 of nothing."""
    return sorted(lengths)[-(-9 * len(lengths) // 10) - 1] if lengths else 0


def _longest(pieces: Iterable[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (-piece.lines, piece.place))


# --- printing -------------------------------------------------------------------------------------


def table(lines: Sequence[Line], say: Callable[[str], object] = print) -> None:
    """The table, and below it the worst offenders of every line that does not hold."""
    say(f"{'':30} {'measured':>18} {'we hold':>10}")
    for line in lines:
        say(f"{line.subject:30} {line.measured:>18} {line.promise:>10}  {'OK' if line.holds else 'OVER'}")
    for line in lines:
        if not line.holds:
            say(f"\n{line.subject} ({line.promise}):")
            for piece in line.offenders[:SHOWN]:
                say(f"  {piece.lines:5}  {piece.place}")
            if len(line.offenders) > SHOWN:
                say(f"         and {len(line.offenders) - SHOWN} more")


def main(root: Path | None = None) -> int:
    root = root or Path(__file__).resolve().parent.parent
    lines = judge(measure(root, tracked(root)))
    table(lines)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())

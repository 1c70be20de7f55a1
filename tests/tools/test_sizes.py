"""The table of sizes, measured on small houses built for each test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.sizes import House, Line, Piece, judge, main, measure, ninetieth, tracked


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout without files."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def put(house: Path, path: str, text: str) -> None:
    place = house / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    subprocess.run(["git", "add", "-f", path], cwd=house, check=True)


def function(name: str, lines: int, arguments: str = "") -> str:
    return f"def {name}({arguments}):\n" + "    pass\n" * (lines - 1)


def measured(house: Path) -> House:
    return measure(house, tracked(house))


def line(house: House, subject: str) -> Line:
    return next(line for line in judge(house) if line.subject == subject)


def test_a_function_counts_from_its_def_to_its_last_line(house: Path) -> None:
    put(house, "a/b.py", "import x\n\n\n@x.y\n" + function("deed", 7) + "\n\nz = 1\n")

    assert measured(house).functions == [Piece(7, "a/b.py:5 deed")]


def test_only_tracked_files_of_our_own_count(house: Path) -> None:
    put(house, "a/ours.py", "x = 1\n")
    put(house, "a/migrations/0001_initial.py", "x = 1\n")
    put(house, "static/vendor/lib.js", "x = 1\n")
    (house / "a" / "untracked.py").write_text("x = 1\n")

    assert [piece.place for piece in measured(house).files] == ["a/ours.py"]


def test_views_are_functions_of_a_view_room_that_take_a_request(house: Path) -> None:
    for path in ("a/views.py", "a/views/runs.py", "workflows/ingress/hooks.py", "a/forms.py"):
        put(house, path, function("page", 3, "request") + function("helper", 2, "row"))

    assert [piece.place for piece in measured(house).views] == [
        "a/views.py:1 page", "a/views/runs.py:1 page", "workflows/ingress/hooks.py:1 page",
    ]  # fmt: skip


def test_tests_manifests_protocols_templates_and_scripts_are_told_apart(house: Path) -> None:
    put(house, "tests/test_a.py", function("test_fact", 2) + function("helper", 2))
    put(house, "integrations/catalogue/slack.yaml", "a: 1\n" * 60)
    put(house, "integrations/protocols/__init__.py", "x = 1\n")
    put(house, "integrations/protocols/rss.py", "x = 1\n" * 90)
    put(house, "integrations/protocols/sql/a.py", "x = 1\n" * 100)
    put(house, "integrations/protocols/sql/b.py", "x = 1\n" * 110)
    put(house, "templates/a/page.html", "<p>\n")
    put(house, "static/js/app.js", "x\n")

    found = measured(house)

    assert [piece.place for piece in found.tests] == ["tests/test_a.py:1 test_fact"]
    assert [piece.lines for piece in found.manifests] == [60]
    assert [piece.lines for piece in found.protocols] == [90, 110]
    assert [piece.place for piece in found.templates] == ["templates/a/page.html"]
    assert [piece.place for piece in found.scripts] == ["static/js/app.js"]


def test_a_share_holds_at_its_limit_and_names_who_is_over() -> None:
    held = House(functions=[Piece(20, f"f{n}") for n in range(8)] + [Piece(21, "long"), Piece(40, "longer")])
    over = House(functions=[*held.functions, Piece(21, "last")])

    assert line(held, "functions of ≤ 20 lines").holds
    assert not line(over, "functions of ≤ 20 lines").holds
    assert [piece.place for piece in line(over, "functions of ≤ 20 lines").offenders] == [
        "longer",
        "last",
        "long",
    ]


@pytest.mark.parametrize(
    ("subject", "kind", "held", "over"),
    [
        ("longest function", "functions", 60, 61),
        ("longest file", "files", 600, 601),
        ("longest view", "views", 60, 61),
        ("a view, median", "views", 20, 21),
        ("a manifest", "manifests", 250, 251),
        ("a manifest", "manifests", 60, 59),
        ("a protocol, median", "protocols", 80, 79),
        ("a protocol, median", "protocols", 250, 251),
        ("longest protocol, not split", "protocols", 400, 401),
        ("a test, median", "tests", 12, 13),
        ("a template, p90", "templates", 150, 151),
        ("a script of ours, p90", "scripts", 250, 251),
    ],
)
def test_every_limit_is_held_up_to_itself_only(subject: str, kind: str, held: int, over: int) -> None:
    assert line(House(**{kind: [Piece(held, "a")]}), subject).holds
    assert not line(House(**{kind: [Piece(over, "a")]}), subject).holds


def test_the_ninetieth_percentile_is_a_length_that_occurs() -> None:
    assert ninetieth(list(range(1, 11))) == 9
    assert ninetieth([7]) == 7
    assert ninetieth([]) == 0


def test_the_table_names_the_worst_and_the_status_tells(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(house, "a/fine.py", function("short", 3))
    assert main(house) == 0

    put(house, "a/long.py", function("endless", 61))

    assert main(house) == 1
    assert "61  a/long.py:1 endless" in capsys.readouterr().out


def test_outside_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(SystemExit, match="git checkout"):
        tracked(tmp_path)

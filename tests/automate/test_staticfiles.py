"""What browsers get of our scripts and styles."""

from __future__ import annotations

from pathlib import Path

from django.core.files.storage import FileSystemStorage

from automate.staticfiles import Smaller


def test_our_files_lose_comments_and_others_stay_as_they_are(tmp_path: Path) -> None:
    script = "// why\nconst both = `a  //  ${one}  b`;  /* and */\nexport const two = 2;\n"
    for folder in ("js", "vendor"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.js").write_text(script)
    (tmp_path / "css").mkdir()
    (tmp_path / "css/a.css").write_text("/* cards */\n.card   {\n  color: red;\n}\n")
    smaller = Smaller(FileSystemStorage(tmp_path))

    assert smaller.open("js/a.js").read() == b"const both=`a  //  ${one}  b`;export const two=2;"
    assert smaller.open("css/a.css").read() == b".card{color:red}"
    with smaller.open("vendor/a.js") as other:
        assert other.read().decode() == script

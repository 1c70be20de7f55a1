"""One `up` per data folder, and nothing left behind by one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from automate import processes
from automate.alone import AlreadyRunning, end_leftovers, hold_folder
from automate.processes import Child
from workflows.runs import dispatch


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.DATA_DIR = tmp_path
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.fixture
def sleeper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this folder, noted as its scheduler."""
    environment = {"PATH": os.environ["PATH"], "AUTOMATE_DATA_DIR": str(folder)}
    process = subprocess.Popen(["sleep", "100"], env=environment, start_new_session=True)
    (folder / "run" / "scheduler.pid").write_text(str(process.pid))
    yield process
    process.kill()
    process.wait()


def until_gone(pid: int) -> bool:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False


def test_second_start_on_a_folder_is_refused_with_a_sentence(folder: Path) -> None:
    with (
        hold_folder(),
        pytest.raises(AlreadyRunning, match=f"{folder} .process {os.getpid()}.. Stop that one first"),
    ):
        hold_folder()

    hold_folder().close()


def test_what_a_killed_start_left_behind_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    assert end_leftovers() == ["scheduler"]
    assert sleeper.wait(10) == -signal.SIGTERM


def test_process_of_another_folder_is_left_alone(
    sleeper: subprocess.Popen[bytes], settings, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "run").mkdir(parents=True)
    (other / "run" / "web.pid").write_text(str(sleeper.pid))
    settings.DATA_DIR = other

    assert end_leftovers() == []
    assert sleeper.poll() is None


def test_children_of_a_process_that_was_killed_end_with_it(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(processes.Child, "_relay", lambda self, stream: None)
    child = Child("web", ["sh", "-c", "sleep 100 & echo $! ; wait"])
    child.start()
    main = child.process
    assert main is not None
    assert main.stdout is not None
    with main.stdout as said:
        left = int(said.readline())
    main.kill()
    main.wait()

    child.look(time.monotonic())

    assert until_gone(left)


def test_doorbell_of_a_folder_with_a_long_name_is_elsewhere(settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / ("long" * 30)
    first = dispatch.doorbell_path()
    settings.DATA_DIR = tmp_path / ("long" * 31)

    assert first != dispatch.doorbell_path()
    assert len(first) < 108
    assert first.startswith("/tmp/")

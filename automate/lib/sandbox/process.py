"""One child, from the worker's side."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from automate.lib import jsontypes
from automate.lib.jsontypes import BadJSON
from automate.lib.sandbox.shapes import (
    HEAD_BYTES,
    MAX_OUTPUT_BYTES,
    TAKEN,
    CodeFault,
    CodeResult,
    Job,
    Stopped,
    timed_out,
)

ROOT: Final = Path(__file__).resolve().parents[3]
GRACE_S: Final = (
    1.0  # the interpreters stop a program themselves, with what it printed so far; then it is killed
)
BEGIN_S: Final = 20.0  # to start an interpreter on a busy machine
LOOK_EVERY_S: Final = 0.1
MAX_ANSWER_BYTES: Final = MAX_OUTPUT_BYTES + 1024 * 1024
START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from automate.lib.sandbox.child import main; main(sys.argv[2], float(sys.argv[3]))"


class NotTaken(Exception):
    """The child had ended before the job began: nothing happened, another child may run it."""


class Child:
    """A process that runs jobs of one language, one after another."""

    def __init__(self, language: str, idle_s: float) -> None:
        self.language = language
        self._process = subprocess.Popen(  # noqa: S603 - our own program, nothing of people's in the arguments
            [sys.executable, "-I", "-c", START, str(ROOT), language, str(idle_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"TZ": "UTC", "MONTY_BIN": _monty()}, cwd="/", bufsize=0,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout
        os.set_blocking(self._out.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: Job, stop: Callable[[], bool]) -> CodeResult:
        """Raises NotTaken, and Stopped once `stop` says so. After a fault that ends the child, `is_alive` is False."""
        self._send(job)
        if self._read(1, time.monotonic() + BEGIN_S, stop) != TAKEN:
            self.kill()
            raise NotTaken
        deadline = time.monotonic() + job.timeout_s + GRACE_S
        try:
            head = self._read(HEAD_BYTES, deadline, stop)
            size = int.from_bytes(head, "big") if head else 0
            body = self._read(size, deadline, stop) if head and size <= MAX_ANSWER_BYTES else None
        except TimeoutError:
            self.kill()
            return CodeResult(fault=timed_out(job.timeout_s))
        if body is None:
            return CodeResult(fault=self._died())
        try:
            return CodeResult.from_json(_object(body))
        except (BadJSON, KeyError, TypeError) as error:
            return CodeResult(
                fault=CodeFault(f"What the program returned cannot be kept: {error}", "code_output")
            )

    def kill(self) -> None:
        """End it and everything it started, at once."""
        for signal_all in (os.killpg, os.kill):
            try:
                signal_all(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        self._process.wait()
        self._in.close()
        self._out.close()

    def _send(self, job: Job) -> None:
        body = jsontypes.dumps(job.as_json()).encode("utf-8", "replace")
        data = memoryview(len(body).to_bytes(HEAD_BYTES, "big") + body)
        try:
            while data:
                data = data[self._in.write(data) or 0 :]
        except (BrokenPipeError, ValueError):
            self.kill()
            raise NotTaken from None

    def _read(self, count: int, deadline: float, stop: Callable[[], bool]) -> bytes | None:
        """So many bytes; None when the child has ended. Raises TimeoutError and Stopped."""
        parts: list[bytes] = []
        while count:
            try:
                part = os.read(self._out.fileno(), min(count, 1 << 20))
            except BlockingIOError:
                self._wait(deadline, stop)
                continue
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, deadline: float, stop: Callable[[], bool]) -> None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        ready, _, _ = select.select([self._out], [], [], min(left_s, LOOK_EVERY_S))
        if not ready and stop():
            self.kill()
            raise Stopped

    def _died(self) -> CodeFault:
        """Words for a child that ended without an answer: the kernel took it, most likely for its memory."""
        self.kill()
        how = self._process.returncode
        killed = f" (signal {-how})" if how and how < 0 else ""
        return CodeFault(
            f"The program's process ended without an answer{killed}, most likely because it needed too much memory. "
            "Let it keep less at once, or give the step more memory.",
            "code_died",
        )


def _object(body: bytes) -> dict[str, object]:
    value = jsontypes.loads(body)
    if not isinstance(value, dict):
        raise TypeError("no object")
    return dict(value)


def _monty() -> str:
    """Where pip puts Monty's program: beside the interpreter of this environment."""
    return str(Path(sys.executable).parent / "monty")

"""The child process: reads jobs from its standard input, one at a time, and writes what came of them.

It exits by itself when it was idle for a while or its worker is gone. While a program runs, the end of the worker is
told by the kernel: a closed pipe sends SIGIO to the child's process group, whose default is to end it, even though the
interpreter may be holding every lock there is.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from automate.lib.sandbox.shapes import HEAD_BYTES, MAX_OUTPUT_BYTES, TAKEN, CodeFault, out_of_memory, too_big

Run = Callable[[dict[str, Any]], dict[str, Any]]
FRESH_AFTER = 1_000  # jobs of one child; the next finds a new one
SPARE_S = 5.0  # after its time limit a child ends by the kernel's alarm, should nobody be there to kill it


def main(language: str, idle_s: float) -> None:
    """Serve until idle for `idle_s` seconds or the other side closes."""
    os.setpgid(0, 0)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints by accident must not end up among the answers
    run = _engine(language)
    _lock_in(language)
    for _ in range(FRESH_AFTER):
        if not _wait(idle_s):
            return
        head = _read(HEAD_BYTES)
        if head is None:
            return
        body = _read(int.from_bytes(head, "big"))
        if body is None:
            return
        os.write(answers, TAKEN)
        job = json.loads(body)
        _watch(True, job["timeout_s"])
        result = _answer(run, job)
        _watch(False, 0)
        _write(answers, len(result).to_bytes(HEAD_BYTES, "big") + result)


def _engine(language: str) -> Run:
    if language == "python":
        from automate.lib.sandbox import child_python

        return child_python.start()
    from automate.lib.sandbox import child_javascript

    return child_javascript.run


def _lock_in(language: str) -> None:
    """No files, no core dumps; JavaScript, which runs right here, gets no processes either."""
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))
    if language == "javascript":
        files = (
            max(int(name) for name in os.listdir("/proc/self/fd")) + 1
            if os.path.isdir("/proc/self/fd")
            else 16
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _answer(run: Run, job: dict[str, Any]) -> bytes:
    try:
        made = json.dumps(run(job), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        answer = made.encode("utf-8", "replace")
    except MemoryError:
        return _failed(out_of_memory(job["memory_mb"]))
    except (ValueError, TypeError, RecursionError) as error:
        return _failed(CodeFault(f"What the program returned is no JSON: {error}.", "code_output"))
    return answer if len(answer) <= MAX_OUTPUT_BYTES else _failed(too_big())


def _failed(fault: CodeFault) -> bytes:
    return json.dumps({"fault": fault.as_json()}).encode()


def _watch(on: bool, timeout_s: float) -> None:
    """Let the kernel end this process group when the worker goes away, or long after the time is over."""
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    if on:
        fcntl.fcntl(0, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    else:
        fcntl.fcntl(0, fcntl.F_SETFL, flags & ~os.O_ASYNC)
    signal.setitimer(signal.ITIMER_REAL, timeout_s + SPARE_S if on else 0)


def _wait(idle_s: float) -> bool:
    ready, _, _ = select.select([0], [], [], idle_s)
    return bool(ready)


def _read(count: int) -> bytes | None:
    """Exactly so many bytes; None when the other side has closed."""
    parts: list[bytes] = []
    while count:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))

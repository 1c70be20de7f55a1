"""What goes into a sandbox and what comes out, on both sides of the pipe: plain values and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

LANGUAGES: Final = ("python", "javascript")
DEFAULT_TIMEOUT_S: Final = 10.0
MIN_TIMEOUT_S: Final = 0.1
MAX_TIMEOUT_S: Final = 300.0  # longer work belongs into a service of its own that the workflow waits for
DEFAULT_MEMORY_MB: Final = 64
MIN_MEMORY_MB: Final = 16
MAX_MEMORY_MB: Final = 512  # two children of one worker at once stay below a gigabyte
MAX_SOURCE_CHARS: Final = 200_000
MAX_OUTPUT_BYTES: Final = 16 * 1024 * 1024  # what a step may give at most; see the limits in ARCHITECTURE
MAX_LOG_LINES: Final = 1_000
MAX_LOG_CHARS: Final = 64 * 1024
MAX_LINE_CHARS: Final = 2_000
HEAD_BYTES: Final = 8  # length of a message, before the message
TAKEN: Final = b"+"  # the child's word that a job has begun: until then it may be given to another child


@dataclass(frozen=True, slots=True)
class Job:
    """One program to run. `now_ms` is the only time it sees, `seed` what its random numbers come from."""

    language: str
    source: str
    input: Any = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_mb: int = DEFAULT_MEMORY_MB
    now_ms: int = 0
    time_zone: str = "UTC"
    seed: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CodeFault:
    """Why a program did not give a value. `line` counts from 1 in its source."""

    message: str
    code: str  # code_error | code_syntax | code_timeout | code_memory | code_output | code_died | code_unavailable
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CodeResult:
    """`log`: what it printed, line by line; `cut`: some of it was left out."""

    output: Any = None
    log: list[str] = field(default_factory=list)
    cut: bool = False
    fault: CodeFault | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CodeResult:
        fault = data.get("fault")
        return cls(
            data.get("output"),
            [str(line) for line in data.get("log") or ()],
            bool(data.get("cut")),
            CodeFault(str(fault["message"]), str(fault["code"]), fault.get("line")) if fault else None,
        )


class Stopped(Exception):
    """The program was killed because nobody waits for it any more."""


@dataclass(slots=True)
class Log:
    """What a program prints, up to a limit: the rest is dropped, and that it was is kept."""

    lines: list[str] = field(default_factory=list)
    cut: bool = False
    chars: int = 0
    open_line: str = ""

    def write(self, text: str) -> None:
        """Add a piece of text that may hold several lines or a part of one."""
        if self.cut:
            return
        *whole, rest = (self.open_line + text[: MAX_LOG_CHARS + 1]).split("\n")
        self.open_line = rest[: MAX_LINE_CHARS + 1]
        for line in whole:
            self.add(line)

    def add(self, line: str) -> None:
        """Add one line."""
        shown = line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + "…"
        if self.cut or len(self.lines) >= MAX_LOG_LINES or self.chars + len(shown) > MAX_LOG_CHARS:
            self.cut = True
            return
        self.chars += len(shown)
        self.lines.append(shown)

    def close(self) -> None:
        """The last line need not end in a line break."""
        if self.open_line:
            self.add(self.open_line)
            self.open_line = ""


def too_big() -> CodeFault:
    size = MAX_OUTPUT_BYTES // 1024 // 1024
    return CodeFault(
        f"The program returned more than {size} MB. Return less, or keep it elsewhere.", "code_output"
    )


def timed_out(timeout_s: float) -> CodeFault:
    return CodeFault(
        f"The program took longer than its limit of {timeout_s:g} s and was stopped. Let it do less, "
        f"or give the step more time (at most {MAX_TIMEOUT_S:g} s).",
        "code_timeout",
    )


def out_of_memory(memory_mb: int) -> CodeFault:
    return CodeFault(
        f"The program used more than its limit of {memory_mb} MB and was stopped. Let it keep less at once, "
        f"or give the step more memory (at most {MAX_MEMORY_MB} MB).",
        "code_memory",
    )

"""Runs people's programs in child processes: Python on Monty's interpreter, JavaScript on QuickJS.

Neither interpreter knows files, the network, the environment or other processes; the child that holds it may do none
of that either, has limits of its own, and is killed when it does not answer in time. Each run sees a fresh world.
"""

from automate.lib.sandbox.shapes import (
    DEFAULT_MEMORY_MB,
    DEFAULT_TIMEOUT_S,
    LANGUAGES,
    MAX_LOG_LINES,
    MAX_MEMORY_MB,
    MAX_OUTPUT_BYTES,
    MAX_SOURCE_CHARS,
    MAX_TIMEOUT_S,
    MIN_MEMORY_MB,
    MIN_TIMEOUT_S,
    CodeFault,
    CodeResult,
    Job,
    Stopped,
)

__all__ = [
    "DEFAULT_MEMORY_MB", "DEFAULT_TIMEOUT_S", "LANGUAGES", "MAX_LOG_LINES", "MAX_MEMORY_MB", "MAX_OUTPUT_BYTES",
    "MAX_SOURCE_CHARS", "MAX_TIMEOUT_S", "MIN_MEMORY_MB", "MIN_TIMEOUT_S", "CodeFault", "CodeResult", "Job", "Stopped",
]  # fmt: skip

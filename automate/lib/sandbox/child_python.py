"""Python in the child: Monty, an interpreter of its own for a part of Python, in a process of its own again.

Monty has no access to files, the environment, the network or other processes. Here its time, its random numbers and
its limits are set, and what a program gives is made JSON.
"""

from __future__ import annotations

import ast
import base64
import datetime as dt
import math
import resource
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pydantic_monty as monty

from automate.lib.sandbox.shapes import Log, out_of_memory, timed_out

SPARE_BYTES: Final = 384 * 1024 * 1024  # address space of the interpreter itself, beside the program's heap
MAX_DEPTH: Final = 64
FRESH_AFTER: Final = 200  # sessions of one interpreter process
MANY_STEPS: Final = 100_000  # prints, sleeps: suspensions of Monty that are no calls to us


def start() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Start the interpreter's process and give the function that runs a job in it."""
    pool = monty.Monty(min_processes=1, max_processes=1, max_checkouts_per_worker=FRESH_AFTER).__enter__()
    return lambda job: _run(pool, job)


def _run(pool: monty.Monty, job: dict[str, Any]) -> dict[str, Any]:
    """`{output, log, cut}` or `{fault, log, cut}`."""
    log = Log()
    source, shift = shaped(job["source"])
    result: dict[str, Any] = {}
    try:
        with _session(pool, job) as session:
            _limit_space(session.worker_pid, job["memory_mb"])
            value = session.feed_run(
                source, inputs={"input": job["input"]}, print_callback=lambda _stream, text: log.write(text)
            )
        result["output"] = plain(value)
    except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
        result["fault"] = _fault(error, job, shift)
    except monty.MontyCrashedError as error:
        fault = timed_out(job["timeout_s"]) if error.timed_out else out_of_memory(job["memory_mb"])
        result["fault"] = fault.as_json()
    except BadOutput as error:
        result["fault"] = {"message": str(error), "code": "code_output", "line": None}
    log.close()
    return result | {"log": log.lines, "cut": log.cut}


def _session(pool: monty.Monty, job: dict[str, Any]) -> monty.MontySession:
    now = dt.datetime.fromtimestamp(job["now_ms"] / 1000, dt.UTC)
    return pool.checkout(
        script_name="program",
        limits={
            "max_feed_duration_secs": job["timeout_s"],
            "max_memory": job["memory_mb"] * 1024 * 1024,
            "max_suspensions": MANY_STEPS,
        },
        os_policy={
            "datetime": now,
            "timezone": job["time_zone"],
            "sleep": "zero",
            "random_start": {"seed": job["seed"]},
        },
    )


def _limit_space(pid: int | None, memory_mb: int) -> None:
    """What Monty's own limit does not count is held by the kernel's: the address space of its process."""
    if pid is None or not sys.platform.startswith("linux"):
        return
    limit = memory_mb * 1024 * 1024 + SPARE_BYTES
    hard = resource.prlimit(pid, resource.RLIMIT_AS)[1]
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, hard))


# --- source ---------------------------------------------------------------------------------------


def shaped(source: str) -> tuple[str, int]:
    """The program so that it gives a value, and by how many lines it moved down.

    `return` outside a function makes the whole a function's body; else the last line's value counts, or what was
    put into `output`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source, 0  # Monty knows newer grammar, or says what is wrong
    if _returns(tree.body):
        return _as_function(source, tree), 1
    if tree.body and not isinstance(tree.body[-1], ast.Expr) and _sets_output(tree.body):
        return source + "\noutput", 0
    return source, 0


def _returns(body: list[ast.stmt]) -> bool:
    """Whether `return` stands outside every function."""
    for part in body:
        if isinstance(part, ast.Return):
            return True
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner = [
            one
            for one in ast.iter_child_nodes(part)
            if isinstance(one, ast.stmt | ast.excepthandler | ast.match_case)
        ]
        if _returns(inner):  # type: ignore[arg-type]  # handlers and cases hold statements as statements do
            return True
    return False


def _sets_output(body: list[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "output" and isinstance(node.ctx, ast.Store)
        for part in body
        if not isinstance(part, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(part)
    )


def _as_function(source: str, tree: ast.AST) -> str:
    """Indented, but for lines that begin inside a text: those would change."""
    inside = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno
        for line in range(node.lineno + 1, node.end_lineno + 1)
    }
    lines = [
        line if number in inside or not line.strip() else " " + line
        for number, line in enumerate(source.split("\n"), start=1)
    ]
    return "\n".join(["def program(input):", *lines, "program(input)"])


# --- errors ---------------------------------------------------------------------------------------


def _fault(error: Any, job: dict[str, Any], shift: int) -> dict[str, Any]:
    """A sentence with the line it happened in, as the person who wrote the program counts."""
    message = error.display("type-msg")
    if message.startswith("TimeoutError") and "limit exceeded" in message:
        return timed_out(job["timeout_s"]).as_json()
    if message.startswith("MemoryError"):
        return out_of_memory(job["memory_mb"]).as_json()
    is_syntax = isinstance(error, monty.MontySyntaxError)
    line = _line(error, shift, job["source"].count("\n") + 1)
    where = f"Line {line}: " if line else ""
    kind = "code_syntax" if is_syntax else "code_error"
    return {"message": f"{where}{message[:500]}", "code": kind, "line": line}


def _line(error: Any, shift: int, last: int) -> int | None:
    """Of the innermost frame."""
    frames = error.traceback()
    return max(1, min(frames[-1].line - shift, last)) if frames else None


# --- values ---------------------------------------------------------------------------------------


class BadOutput(Exception):
    """What the program gave has no form in JSON."""


def plain(value: Any, depth: int = 0) -> Any:
    """A value of the program as JSON: dates as ISO text, sets and tuples as lists, bytes as base64."""
    if depth > MAX_DEPTH:
        raise BadOutput(
            f"What the program returned is nested more than {MAX_DEPTH} deep. Return something flatter."
        )
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadOutput(
                f"The program returned {value}, which is no number that JSON knows. Return None instead."
            )
        return value
    if isinstance(value, dict):
        return {_key(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner, depth + 1) for inner in value]
    return _rich(value, depth)


def _rich(value: Any, depth: int) -> Any:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**18 else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, monty.MontyClassProxy):
        return {name: plain(inner, depth + 1) for name, inner in value.attributes.items()}
    raise BadOutput(
        f"The program returned {type(value).__name__}, which is no JSON. Return texts, numbers, lists and dicts."
    )


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int | float | dt.date | dt.datetime | Decimal):
        return str(key)
    raise BadOutput(f"The program returned a dict with a {type(key).__name__} as a key. Keys must be texts.")

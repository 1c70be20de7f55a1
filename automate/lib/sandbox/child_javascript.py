"""JavaScript in the child: a new QuickJS context per run, with a console, a fixed clock and seeded random numbers."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from typing import Any, Final

import _quickjs  # the module beneath `quickjs`, whose wrapper starts a thread

from automate.lib.sandbox.shapes import (
    MAX_LINE_CHARS,
    MAX_LOG_CHARS,
    MAX_LOG_LINES,
    MAX_OUTPUT_BYTES,
    out_of_memory,
    timed_out,
    too_big,
)

SPARE_BYTES: Final = 256 * 1024 * 1024  # address space beside the program's own heap: texts on their way out
_LINE: Final = re.compile(r"<input>:(\d+)(?::\d+)?")
# Everything that is needed after the program has run is taken hold of before it runs: it may replace any name.
PRELUDE: Final = """
(function (given, now, seed, limits) {
  const stringify = JSON.stringify, join = Array.prototype.join, push = Array.prototype.push, text = String;
  const then = Promise.prototype.then;
  const lines = []; let cut = false, chars = 0;
  const shown = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return text(value);
    try { const made = stringify(value, plain); return made === undefined ? text(value) : made; } catch { return text(value); }
  };
  const plain = (key, value) => typeof value === "bigint"
    ? (value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : text(value)) : value;
  const log = (...parts) => {
    if (cut) return;
    for (let i = 0; i < parts.length; i++) parts[i] = shown(parts[i]);
    for (let line of join.call(parts, " ").split("\\n")) {
      if (line.length > limits.line) line = line.slice(0, limits.line) + "…";
      if (lines.length >= limits.lines || chars + line.length > limits.chars) { cut = true; return; }
      chars += line.length; push.call(lines, line);
    }
  };
  globalThis.console = { log, info: log, warn: log, error: log, debug: log };

  const Real = Date;
  const Fixed = function Date(...parts) {
    if (!new.target) return new Real(now).toString();
    return parts.length ? Reflect.construct(Real, parts, new.target) : Reflect.construct(Real, [now], new.target);
  };
  Fixed.prototype = Real.prototype; Real.prototype.constructor = Fixed;
  Fixed.now = () => now; Fixed.UTC = Real.UTC; Fixed.parse = Real.parse;
  globalThis.Date = Fixed;
  delete globalThis.performance;

  let a = 1779033703 ^ seed.length;
  for (let i = 0; i < seed.length; i++) { a = Math.imul(a ^ seed.charCodeAt(i), 3432918353); a = (a << 13) | (a >>> 19); }
  Math.random = () => {
    a = (a + 0x6d2b79f5) | 0; let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  globalThis.input = given;
  let state = "waiting", value, reason;
  const asked = {
    follow(promise) {
      if (!(promise instanceof Promise)) { value = promise; state = "done"; return; }
      then.call(promise, (made) => { value = made; state = "done"; }, (error) => { reason = error; state = "failed"; });
    },
    state() { return state; },
    output() {
      const made = stringify(value, plain);
      if (made !== undefined && made.length > limits.output) throw new RangeError("too much");
      return made === undefined ? "null" : made;
    },
    reason() {
      const isError = reason instanceof Error;
      const said = isError ? text(reason) : shown(reason);
      const stack = isError ? text(reason.stack || "") : "";
      return stringify({ message: text(said).slice(0, 2000), stack: stack.slice(0, 2000) });
    },
    printed() { return stringify({ lines, cut }); },
  };
  return (what, promise) => asked[what](promise);
})
"""


class Told(Exception):
    """The program failed in a way that has been put into words already."""

    def __init__(self, fault: dict[str, Any]) -> None:
        super().__init__(fault["message"])
        self.fault = fault


def run(job: dict[str, Any]) -> dict[str, Any]:
    """`{output, log, cut}` or `{fault, log, cut}`."""
    _limit_space(job["memory_mb"])
    context = _quickjs.Context()
    context.set_memory_limit(job["memory_mb"] * 1024 * 1024)
    limits = {
        "line": MAX_LINE_CHARS,
        "lines": MAX_LOG_LINES,
        "chars": MAX_LOG_CHARS,
        "output": MAX_OUTPUT_BYTES,
    }
    result: dict[str, Any] = {}
    given = [job["input"], job["now_ms"], job["seed"], limits]
    try:
        ask = context.eval(f"(...given) => ({PRELUDE})(...given)")(*_values(context, given))
    except _quickjs.JSException:
        return {"fault": _memory(job)}
    try:
        result["output"] = _run(context, ask, job)
    except Told as told:
        result["fault"] = told.fault
    except _quickjs.JSException as error:
        result["fault"] = _fault(str(error), job)
    return result | _printed(context, ask)


def _values(context: Any, given: list[Any]) -> list[Any]:
    """Values as JavaScript has them; plain ones cross by themselves."""
    return [context.parse_json(json.dumps(value)) for value in given]


def _run(context: Any, ask: Any, job: dict[str, Any]) -> Any:
    """The program as the body of an async function, until it has settled."""
    deadline = time.process_time() + job["timeout_s"]
    context.set_time_limit(job["timeout_s"])
    ask("follow", context.eval("(async function (input) {" + job["source"] + "\n})(input)"))
    while context.execute_pending_job():
        if time.process_time() > deadline:
            raise Told(timed_out(job["timeout_s"]).as_json())
    state = ask("state")
    if state == "failed" and time.process_time() > deadline:
        raise Told(timed_out(job["timeout_s"]).as_json())
    if state == "failed":
        said = json.loads(ask("reason"))
        if said["message"] == "null":  # no memory was left to make an error with
            raise Told(_memory(job))
        raise Told(_fault(f"{said['message']}\n{said['stack']}", job))
    if state != "done":
        raise Told({"message": "The program waits for something that never comes: there are no timers here and no "
                               "network. Or it ran out of memory while it waited.", "code": "code_error", "line": None})  # fmt: skip
    return json.loads(ask("output"))


def _printed(context: Any, ask: Any) -> dict[str, Any]:
    try:
        context.set_memory_limit(-1)
        said = json.loads(ask("printed"))
    except (_quickjs.JSException, ValueError):
        return {"log": [], "cut": True}
    return {"log": said["lines"], "cut": said["cut"]}


def _fault(text: str, job: dict[str, Any]) -> dict[str, Any]:
    """A sentence with the line it happened in, from QuickJS's message and stack."""
    message = text.split("\n", 1)[0].strip()
    if "interrupted" in message:
        return timed_out(job["timeout_s"]).as_json()
    if "out of memory" in message:
        return _memory(job)
    if message == "RangeError: too much":
        return too_big().as_json()
    last = job["source"].count("\n") + 1
    found = _LINE.search(text)
    line = min(int(found[1]), last) if found else None
    kind = "code_syntax" if message.startswith("SyntaxError") else "code_error"
    where = f"Line {line}: " if line else ""
    return {
        "message": f"{where}{message[:500] or 'The program failed without a word.'}",
        "code": kind,
        "line": line,
    }


def _memory(job: dict[str, Any]) -> dict[str, Any]:
    return out_of_memory(job["memory_mb"]).as_json()


def _limit_space(memory_mb: int) -> None:
    """What the interpreter's own limit does not count is held by the kernel's: the address space of the process."""
    if not sys.platform.startswith("linux"):
        return
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + memory_mb * 1024 * 1024 + SPARE_BYTES, hard))

"""Programs in the sandbox: values, limits, and everything they must not reach."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from automate.lib.sandbox import CodeResult, Job, Stopped
from automate.lib.sandbox import shapes as limits
from automate.lib.sandbox.child_python import shaped
from automate.lib.sandbox.pool import Sandbox
from automate.lib.sandbox.process import ROOT


@pytest.fixture(scope="module")
def box():
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def run(box):
    def go(language, source, given=None, **more):
        settings = {"timeout_s": 0.3, "memory_mb": 32, "now_ms": 1_000, "seed": "s"} | more
        return box.run(Job(language, source, given, **settings))

    return go


def py(run, source, given=None, **more) -> CodeResult:
    return run("python", source, given, **more)


def js(run, source, given=None, **more) -> CodeResult:
    return run("javascript", source, given, **more)


# --- values -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "source", "wanted"),
    [
        ("python", "return {'n': input['n'] + 1}", {"n": 2}),
        ("python", "input['n']", 1),
        ("python", "output = [input['n']]", [1]),
        ("python", "if input['n'] == 1:\n    return 'one'\nreturn 'more'", "one"),
        ("python", 'text = """a\n  b"""\nreturn text', "a\n  b"),
        ("python", "x = 1", None),
        ("python", "2 ** 70", 2**70),
        ("python", "import datetime\nreturn {'d': datetime.date(2026, 1, 2), 1: (1, 2), 's': {3}, 'b': b'Hi!'}",
         {"d": "2026-01-02", "1": [1, 2], "s": [3], "b": "SGkh"}),
        ("python", "from decimal import Decimal\nreturn [Decimal('1.50'), Decimal('2')]", [1.5, 2]),
        ("python", "import re, json, math, hashlib, base64, itertools, collections\nreturn math.floor(1.5)", 1),
        ("javascript", "return {n: input.n + 1}", {"n": 2}),
        ("javascript", "return await Promise.resolve(input.n)", 1),
        ("javascript", "let x = 1", None),
        ("javascript", "return [5n, 2n ** 70n, undefined, NaN, new Date(0)]",
         [5, str(2**70), None, None, "1970-01-01T00:00:00.000Z"]),
        ("javascript", "return [...'aé'].map(c => c.toUpperCase())", ["A", "É"]),
    ],
)  # fmt: skip
def test_the_value_of_a_program(run, language, source, wanted):
    result = run(language, source, {"n": 1})

    assert (result.fault, result.output) == (None, wanted)


@pytest.mark.parametrize(
    ("language", "source", "code", "said"),
    [
        ("python", "a = 1\nreturn a / 0", "code_error", "Line 2: ZeroDivisionError: division by zero"),
        ("python", "def f():\n    return 1 / 0\n\nreturn f()", "code_error", "Line 2: ZeroDivisionError"),
        ("python", "x = input['gone']", "code_error", "Line 1: KeyError: gone"),
        ("python", "a = 1\nreturn (", "code_syntax", "Line 2: SyntaxError"),
        ("python", "float('nan')", "code_output", "nan, which is no number that JSON knows"),
        ("python", "{(1, 2): 3}", "code_output", "a dict with a tuple as a key"),
        ("python", "print", "code_output", "which is no JSON"),
        ("javascript", "let a = 1;\nthrow new Error('boo');", "code_error", "Line 2: Error: boo"),
        ("javascript", "let a = null;\nreturn a.b;", "code_error", "Line 2: TypeError"),
        ("javascript", "let a = ;", "code_syntax", "Line 1: SyntaxError"),
        ("javascript", "const a = {}; a.a = a; return a", "code_error", "TypeError: circular reference"),
        ("javascript", "throw 'text'", "code_error", "text"),
        ("javascript", "await new Promise(() => {})", "code_error", "waits for something that never comes"),
    ],
)
def test_what_goes_wrong_is_said_with_its_line(run, language, source, code, said):
    fault = run(language, source, {}).fault

    assert (fault.code, said in fault.message) == (code, True), fault


def test_time_stands_still_and_chance_repeats(run):
    pythons = [py(run, "import datetime, random, time\nreturn [datetime.datetime.now().isoformat(), time.time(), random.random()]",
                  time_zone="Europe/Berlin").output for _ in range(2)]  # fmt: skip
    javascripts = [
        js(run, "return [new Date().toISOString(), Date.now(), Math.random()]").output for _ in range(2)
    ]

    assert pythons[0] == pythons[1]
    assert pythons[0][:2] == ["1970-01-01T01:00:01", 1.0]
    assert javascripts[0] == javascripts[1]
    assert javascripts[0][:2] == ["1970-01-01T00:00:01.000Z", 1000]


def test_a_source_with_return_keeps_its_lines_and_texts():
    source, shift = shaped('a = """x\ny"""\nfor b in a:\n\n    return b')

    assert (source, shift) == (
        'def program(input):\n a = """x\ny"""\n for b in a:\n\n     return b\nprogram(input)',
        1,
    )


# --- what is printed --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "source"),
    [("python", "print('a', 1)\nprint('b\\nc', end='')\nraise ValueError"),
     ("javascript", "console.log('a', 1); console.error('b\\nc'); throw 1")],
)  # fmt: skip
def test_what_is_printed_is_kept_line_by_line(run, language, source):
    assert run(language, source).log == ["a 1", "b", "c"]


@pytest.mark.parametrize(
    ("language", "source"),
    [("python", "for i in range(5000): print(i)\nreturn 1"),
     ("javascript", "for (let i = 0; i < 5000; i++) console.log(i); return 1"),
     ("python", "print('x' * 100_000)\nfor i in range(2000): print('y' * 100)\nreturn 1")],
)  # fmt: skip
def test_too_much_printing_is_cut_and_the_program_goes_on(run, language, source):
    result = run(language, source, timeout_s=2)

    assert (result.output, result.cut) == (1, True)
    assert len(result.log) <= limits.MAX_LOG_LINES
    assert sum(map(len, result.log)) <= limits.MAX_LOG_CHARS
    assert max(map(len, result.log)) <= limits.MAX_LINE_CHARS + 1


# --- limits -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "while True: pass"),
        ("python", "while True:\n  try:\n    while True: pass\n  except BaseException: pass"),
        ("javascript", "while (true) {}"),
        ("javascript", "while (true) { try { while (true) {} } catch {} }"),
        ("javascript", "for (;;) await 1"),
        ("javascript", "return /(a+)+$/.test('a'.repeat(60) + 'b')"),
    ],
)
def test_no_program_runs_longer_than_its_time(run, language, source):
    began = time.monotonic()

    fault = run(language, source, timeout_s=0.1).fault

    assert fault.code == "code_timeout"
    assert "longer than its limit of 0.1 s" in fault.message
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "x = []\nwhile True: x.append('a' * 100_000)"),
        ("python", "'a' * 10**10"),
        ("python", "[1] * 10**9"),
        ("python", "10 ** 10 ** 8"),
        ("javascript", "const x = []; while (true) x.push('a'.repeat(100000) + x.length)"),
        ("javascript", "return 'x'.repeat(1e9)"),
        ("javascript", "return new ArrayBuffer(1e9)"),
    ],
)
def test_no_program_takes_more_memory_than_its_limit(run, language, source):
    fault = run(language, source, timeout_s=5, memory_mb=16).fault

    assert fault.code == "code_memory"
    assert "16 MB" in fault.message


@pytest.mark.parametrize(
    ("language", "source"),
    [("python", "'x' * (17 * 1024 * 1024)"), ("javascript", "return 'x'.repeat(17 * 1024 * 1024)")],
)
def test_no_program_gives_more_than_can_be_kept(run, language, source):
    fault = run(language, source, timeout_s=5, memory_mb=256).fault

    assert (fault.code, "more than 16 MB" in fault.message) == ("code_output", True)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "def f(n): return f(n + 1)\nf(0)"),
        ("javascript", "function f() { return f() + 1 } return f()"),
        ("javascript", "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a"),
        ("javascript", "const loop = () => Promise.resolve().then(loop); await loop()"),
        ("python", "a = []\nfor _ in range(1000): a = [a]\nreturn a"),
    ],
)
def test_depth_has_an_end(run, language, source):
    assert run(language, source, timeout_s=5).fault is not None


# --- the walls --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "source",
    [
        "open('{mark}', 'w').write('out')",
        "import pathlib\npathlib.Path('{mark}').write_text('out')",
        "import os\nos.system('touch {mark}')",
        "import subprocess\nsubprocess.run(['touch', '{mark}'])",
        "import socket\nsocket.create_connection(('127.0.0.1', 1))",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')",
        "import ctypes",
        "import importlib\nimportlib.import_module('os').system('touch {mark}')",
        "__import__('os').system('touch {mark}')",
        "().__class__.__bases__[0].__subclasses__()",
        "eval('__import__(\"os\")')",
        "exec('import subprocess')",
        "(lambda: 0).__globals__",
        "input.__class__.__mro__",
        "'{0.__class__}'.format(input)",
        "import os\nreturn os.environ['HOME']",
        "import os\nreturn os.getenv('PATH') or 1 / 0",
        "import sys\nreturn sys.modules['os']",
        "open('/etc/passwd').read()",
        "import os\nreturn os.listdir('/')",
        "import automate",
    ],
)
def test_python_reaches_nothing(run, source, tmp_path):
    mark = tmp_path / "mark"

    result = py(run, source.replace("{mark}", str(mark)), {"a": 1})

    assert result.fault is not None, result.output
    assert not mark.exists()


@pytest.mark.parametrize(
    "source",
    [
        "return require('fs')",
        "return process.env",
        "return (await import('os')).exec(['touch', '{mark}'])",
        "return (await import('std')).open('{mark}', 'w')",
        "return std.open('{mark}', 'w')",
        "return os.exec(['touch', '{mark}'])",
        "return fetch('http://127.0.0.1')",
        "return new XMLHttpRequest()",
        "return setTimeout(() => 1, 1)",
        "return new Function('return process')()",
        "return (0, eval)('require')('fs')",
        "return Deno.readTextFileSync('/etc/passwd')",
        "return console.log.constructor('return process')()",
        "return load('/etc/passwd')",
        "return new Worker('x')",
    ],
)
def test_javascript_reaches_nothing(run, source, tmp_path):
    mark = tmp_path / "mark"

    result = js(run, source.replace("{mark}", str(mark)), {"a": 1})

    assert result.fault is not None, result.output
    assert not mark.exists()


def test_no_run_sees_what_another_one_left(run):
    py(run, "import json\njson.loads = None\nglobal left\nleft = 1\nx = 1")
    js(
        run,
        "Object.prototype.left = 1; Array.prototype.map = null; globalThis.left = 1; JSON.stringify = null; return 1",
    )

    assert py(run, "import json\nreturn json.loads('1')").output == 1
    assert py(run, "left").fault.message == "Line 1: NameError: name 'left' is not defined"
    assert js(run, "return [typeof left, {}.left, typeof [].map, JSON.stringify([1])]").output == [
        "undefined", None, "function", "[1]",
    ]  # fmt: skip


def test_a_program_that_breaks_its_world_breaks_only_its_own_answer(run):
    source = "JSON.stringify = String = null; Array.prototype.push = null; Promise.prototype.then = null;" \
             "console.log('still here'); return {a: [1]}"  # fmt: skip

    result = js(run, source)

    assert (result.output, result.log) == ({"a": [1]}, ["still here"])


def test_a_program_that_ends_its_wrapper_early_stays_inside(run):
    assert js(run, "return 1 }); throw new Error('outside'); (function () {").fault.code == "code_error"


# --- children ---------------------------------------------------------------------------------------
def test_a_child_that_died_is_replaced(run, box):
    js(run, "return 1")
    os.kill(next(child.pid for child in box._resting if child.language == "javascript"), signal.SIGKILL)

    assert js(run, "return 2").output == 2


def test_a_child_that_dies_while_it_runs_is_a_fault_with_a_sentence(box):
    result: list[CodeResult] = []
    job = Job("javascript", "while (true) {}", timeout_s=30)
    thread = threading.Thread(target=lambda: result.append(box.run(job)))
    thread.start()
    _until(lambda: box._busy)
    time.sleep(0.05)  # it has begun
    os.kill(next(iter(box._busy)).pid, signal.SIGKILL)
    thread.join()

    assert result[0].fault.code == "code_died"
    assert "ended without an answer (signal 9)" in result[0].fault.message


def test_a_program_nobody_waits_for_is_killed(box):
    with pytest.raises(Stopped):
        box.run(Job("python", "while True: pass", timeout_s=60), stop=lambda: True)

    assert box.run(Job("python", "1")).output == 1


def test_children_are_started_when_needed_and_end_when_idle_or_closed():
    sandbox = Sandbox(idle_s=0.05)
    assert not sandbox._resting

    assert sandbox.run(Job("javascript", "return 1")).output == 1
    (child,) = sandbox._resting
    _until(lambda: not child.is_alive)

    assert sandbox.run(Job("javascript", "return 2")).output == 2
    sandbox.close()
    with pytest.raises(Stopped):
        sandbox.run(Job("javascript", "return 3"))


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_no_child_outlives_its_worker(language):
    source = {"python": "while True: pass", "javascript": "while (true) {}"}[language]
    program = (
        "import sys, threading, time; from automate.lib.sandbox import Job; from automate.lib.sandbox.pool import Sandbox\n"
        f"box = Sandbox(); job = Job({language!r}, {source!r}, timeout_s=300)\n"
        "threading.Thread(target=lambda: box.run(job), daemon=True).start()\n"
        "while not box._busy: time.sleep(0.01)\n"
        "time.sleep(0.1); print(next(iter(box._busy)).pid, flush=True); time.sleep(60)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    assert worker.stdout
    pid = int(worker.stdout.readline())

    worker.kill()
    worker.wait()
    worker.stdout.close()

    _until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Whether any process of the child's group still does something; those that ended may wait to be collected."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return any(
        line.split()[0] == str(pid) and not line.split()[1].startswith("Z") for line in listed.splitlines()
    )


def _until(holds, within_s=10.0):
    give_up = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)

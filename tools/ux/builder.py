"""The builder with many steps: how soon it is usable, how quickly it answers, what it weighs."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.stage import Stage
from tools.ux.table import Table
from tools.ux.weight import weigh

REPEATS = 5
TRIES = 20


def long_document(steps: int) -> dict[str, Any]:
    """A chain of values, with a condition whose branches meet again every ten steps."""
    made = [_step(n, f"s{n + 1}" if n + 1 < steps else "") for n in range(steps)]
    return {
        "format": "automate/1", "key": f"long-{steps}", "name": f"{steps} steps", "start": "s0",
        "triggers": [{"key": "call", "type": "webhook"}], "steps": made,
    }  # fmt: skip


def _step(n: int, after: str) -> dict[str, Any]:
    step: dict[str, Any] = {"key": f"s{n}", "name": f"Step {n}"}
    if n % 10 == 5 and after:
        when = {"left": "{{ trigger.body.n }}", "op": "greater_than", "right": n}
        cases = [{"key": "yes", "name": "Yes", "when": when}]
        return step | {"type": "condition", "cases": cases, "next": {"yes": after, "else": after}}
    step |= {"type": "transform", "config": {"set": {"n": n}}}
    return step | {"next": after} if after else step


def measure(context: BrowserContext, stage: Stage, table: Table) -> None:
    page = context.new_page()
    hundred = _import(page, stage, 100)
    times = [_usable_after(page, hundred) for _ in range(REPEATS)]
    table.at_most("builder usable, 100 steps", statistics.median(times), 1.0, " s")
    _slowed(page, hundred, 100, 1.5, table)
    table.at_most("opening a step, 100 steps, p95", _p95(_open_times(page, hundred)), 100, " ms")
    table.at_most("edit command, 100 steps, p95", _p95(_edit_times(page, hundred)), 150, " ms")
    weigh(context, "builder, 100 steps", hundred, 60, table, html_kb=20)
    two_hundred = _import(page, stage, 200)
    _slowed(page, two_hundred, 200, 2.0, table)
    _pan(page, two_hundred, table)
    page.close()


def _import(page: Page, stage: Stage, steps: int) -> str:
    page.goto(f"{stage.workspace}workflows/import/")
    page.locator("textarea").first.fill(json.dumps(long_document(steps)))
    page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    page.wait_for_url("**/build/**")
    return page.url.split("?")[0]


def _usable_after(page: Page, address: str) -> float:
    """Seconds from the start of the navigation until the last step is drawn and the scripts have run."""
    page.goto(address, wait_until="load")
    page.locator(".node[data-id]").first.wait_for()
    spent: float = page.evaluate("performance.now()")
    return spent / 1000


def _slowed(page: Page, address: str, steps: int, most: float, table: Table) -> None:
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    times = [_usable_after(page, address) for _ in range(3)]
    client.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    table.at_most(f"builder usable, {steps} steps, CPU slowed 4x", statistics.median(times), most, " s")


PAN = """async () => {
  const [frames, long] = [[], []];
  new PerformanceObserver((list) => long.push(...list.getEntries())).observe({ type: "longtask" });
  const cv = document.querySelector("#canvas");
  const send = (type, x) => cv.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, clientX: x, clientY: 400 }));
  send("pointerdown", 400);
  for (let n = 0, last = performance.now(); n < 90; n += 1) {
    send("pointermove", 400 + (n % 45) * 6);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  send("pointerup", 400);
  frames.sort((one, other) => one - other);
  return [frames[45], long.length];
}"""


def _pan(page: Page, address: str, table: Table) -> None:
    """Dragging the empty canvas about for 90 frames."""
    page.goto(address)
    page.wait_for_timeout(500)
    frame, long_tasks = page.evaluate(PAN)
    table.at_most("pan, 200 steps: median frame", frame, 17, " ms")
    table.at_most("pan, 200 steps: tasks over 50 ms", long_tasks, 0)


def _open_times(page: Page, address: str) -> list[float]:
    steps = address.removesuffix("build/") + "steps/"
    return [_asked(page, f"{steps}s{n}/", "panel") for n in range(TRIES)]


def _asked(page: Page, url: str, target: str) -> float:
    began = time.perf_counter()
    answer = page.request.get(url, headers={"HX-Request": "true", "HX-Target": target})
    answer.body()
    assert answer.ok, f"{url}: {answer.status}"
    return (time.perf_counter() - began) * 1000


def _edit_times(page: Page, address: str) -> list[float]:
    """Each switches a step off: a command like any other, answered with the whole canvas."""
    page.goto(address)
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    times = []
    for n in range(TRIES):
        began = time.perf_counter()
        answer = page.request.post(
            address.removesuffix("build/") + "edit/",
            form={"command": "toggle", "step": f"s{n}", "csrfmiddlewaretoken": token},
            headers={"HX-Request": "true", "HX-Target": "canvas", "Referer": address},
        )
        answer.body()
        assert answer.ok, f"edit: {answer.status}"
        times.append((time.perf_counter() - began) * 1000)
    return times


def _p95(times: list[float]) -> float:
    return sorted(times)[max(int(len(times) * 0.95) - 1, 0)]

"""Step types that decide, repeat, wait, call and answer: set in their panels, run once, and looked at step by step.

Programs, memory and lists: test_data_steps.py; people and services that are waited for: test_waiting_steps.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests.e2e.desk import Desk, Flow, send, sitting_at
from tests.e2e.hand import card
from tests.support.product import Product


def shape(key: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "type": "transform",
        "config": {"set": more.pop("set", {"n": 1})},
        **more,
    }


DECIDING: dict[str, Any] = {
    "key": "deciding", "name": "Deciding", "start": "split", "triggers": [{"key": "call", "type": "webhook", "config": {"respond": "step"}}],
    "steps": [
        {"key": "split", "name": "Which taxes?", "type": "condition", "next": {"eu": "vat", "big": "luxury", "else": "none"}, "cases": [
            {"key": "eu", "name": "In Europe", "when": {"left": "{{ trigger.body.country }}", "op": "in", "right": ["DE", "PT"]}},
            {"key": "big", "name": "Big", "when": {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": 100}}]},
        shape("vat", "VAT", set={"part": 19}, next="meet"),
        shape("luxury", "Luxury tax", set={"part": 10}, next="meet"),
        shape("none", "No tax", set={"part": 0}, next="meet"),
        {"key": "meet", "name": "Add them up", "type": "merge", "join": "any", "next": ["answer", "big_only"]},
        {"key": "answer", "name": "Answer the caller", "type": "respond", "config": {
            "json": {"vat": "{{ steps.vat.part }}", "luxury": "{{ steps.luxury.part | default(0) }}"}}},
        {"key": "big_only", "name": "Only the biggest", "type": "filter", "when": {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": 1},
         "next": "ring"},
        shape("ring", "Ring the boss"),
    ],
}  # fmt: skip


def repeating(address: str, other: str) -> dict[str, Any]:
    return {
        "key": "repeating", "name": "Repeating", "start": "lines", "triggers": [{"key": "call", "type": "webhook"}],
        "steps": [
            {"key": "lines", "name": "Each line", "type": "loop", "over": "{{ trigger.body.lines }}", "as": "line",
             "collect": "{{ steps.double.n }}", "next": {"each": "odd", "done": "asked"}},
            {"key": "odd", "name": "Odd?", "type": "condition", "next": {"odd": "leave", "else": "double"},
             "cases": [{"key": "odd", "name": "Odd", "when": "{{ line % 2 == 1 }}"}]},
            {"key": "leave", "name": "Leave it out", "type": "stop", "config": {"as": "break"}},
            shape("double", "Double it", set={"n": "{{ line * 2 }}"}),
            {"key": "asked", "name": "Ask for each", "type": "loop", "over": "{{ trigger.body.lines }}", "as": "line",
             "collect": "{{ steps.ask.body.n }}", "next": {"each": "ask", "done": "until"}},
            {"key": "ask", "name": "Ask", "type": "action", "integration": "http", "action": "request",
             "input": {"method": "GET", "url": address + "?n={{ line }}"}},
            {"key": "until", "name": "Until it is enough", "type": "loop", "while": {"left": "{{ loop.state.n }}", "op": "less_than", "right": 2},
             "state": {"n": "{{ steps.grow.n | default(0) }}"}, "next": {"each": "grow", "done": "pause"}},
            shape("grow", "Grow", set={"n": "{{ loop.state.n + 1 }}"}),
            {"key": "pause", "name": "Take a breath", "type": "delay", "config": {"hours": 1}, "next": "child"},
            {"key": "child", "name": "Ask the other", "type": "sub_workflow", "workflow": other, "input": {"n": 20}, "next": "aside"},
            {"key": "aside", "name": "Tell the other", "type": "sub_workflow", "workflow": other, "input": {"n": 1}, "next": "end"},
            {"key": "end", "name": "That is all", "type": "stop", "config": {
                "as": "failed", "output": {"doubled": "{{ steps.lines.results }}", "child": "{{ steps.child }}"}}},
        ],
    }  # fmt: skip


OTHER: dict[str, Any] = {
    "key": "other", "name": "The other", "start": "add", "triggers": [{"key": "called", "type": "workflow"}],
    "steps": [shape("add", "Add one", set={"n": "{{ trigger.body.n + 1 }}"})],
}  # fmt: skip


@pytest.fixture(scope="module")
def office(browser: Browser, product: Product) -> Iterator[Desk]:
    with sitting_at(browser, product) as desk:
        yield desk


@pytest.fixture
def desk(office: Desk) -> Iterator[Desk]:
    office.complaints.clear()
    yield office
    assert office.complaints == [], office.complaints


def sees_step(desk: Desk, run: str, step: str, *texts: str) -> None:
    desk.open(run, step)
    for text in texts:
        expect(desk.page.locator("#panel")).to_contain_text(text)


def run_of(desk: Desk, flow: Flow) -> str:
    run: str = desk.newest(flow)[0]["id"]
    desk.open(run)
    return run


def test_ways_part_meet_end_and_answer(desk: Desk) -> None:
    page, flow = desk.page, desk.bring(DECIDING)
    desk.fill_in(flow, "step=split", config__mode="all")
    desk.shot("step-condition")
    desk.fill_in(flow, "step=meet", config__join="all")
    desk.fill_in(flow, "step=answer", config__status="201")
    desk.fill_in(flow, "step=big_only", config__when__right__0="{{ 1000 }}")
    desk.shot("step-filter")
    desk.publish(flow)

    assert send(flow.hook, {"country": "PT", "total": 500}) == {"vat": 19, "luxury": 10}

    run = run_of(desk, flow)
    desk.sees("Succeeded")
    for step, state in {
        "vat": "ok",
        "luxury": "ok",
        "none": "idle",
        "meet": "ok",
        "answer": "ok",
        "ring": "idle",
    }.items():
        expect(card(page, step).locator(".step")).to_have_class(re.compile(f"is-{state}"))
    desk.shot("step-deciding-run")
    sees_step(desk, run, "answer", "201")
    sees_step(desk, run, "ring", "Skipped: no path led here")
    page.goto(f"{flow.url}/events/?kind=FILTERED")
    expect(page.locator("#events")).to_contain_text("“Only the biggest” ended the branch")


def test_loops_waits_and_other_workflows(desk: Desk, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ask").respond_with_handler(
        lambda request: Response(json.dumps({"n": int(request.args["n"])}), content_type="application/json")
    )
    page, other = desk.page, desk.bring(OTHER)
    desk.publish(other)
    flow = desk.bring(repeating(httpserver.url_for("/ask"), other.key))
    desk.fill_in(flow, "step=leave", config__as="next_item")
    desk.fill_in(flow, "step=asked", config__parallel="3")
    desk.shot("step-loop")
    desk.fill_in(flow, "step=until", config__while__right__0="{{ 4 }}")
    desk.fill_in(flow, "step=pause", config__amount="2", config__unit="seconds")
    desk.shot("step-delay")
    desk.fill_in(flow, "step=aside", config__wait="false")
    desk.shot("step-sub-workflow")
    desk.fill_in(flow, "step=end", config__as="completed")
    desk.publish(flow)

    run = desk.call(flow, {"lines": [1, 2, 3, 4]})
    desk.open(run)
    expect(page.locator("#run-steps")).to_contain_text("Take a breath")
    desk.sees("Waiting")
    desk.shot("step-waiting")
    desk.sees("Succeeded")
    assert desk.run(run)["output"] == {"doubled": [4, 8], "child": {"n": 21}}
    desk.shot("step-repeating-run")
    sees_step(desk, run, "lines", '"count": 4')
    sees_step(desk, run, "asked", '"results"')
    sees_step(desk, run, "asked[2].ask", "/ask?n=3")
    sees_step(desk, run, "until", '"count": 4')
    sees_step(desk, run, "pause", '"until"')
    sees_step(desk, run, "child", "It started", "The other #1", '"n": 21')
    sees_step(desk, run, "aside", "The other #2")
    desk.shot("step-child")
    page.get_by_role("link", name="The other #2").click()
    desk.sees("Succeeded")
    expect(page.locator(".run-facts")).to_contain_text("Another workflow")
    desk.shot("step-called")

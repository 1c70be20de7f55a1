"""What a workflow and a workspace may have at once, pausing, draining, time limits, rate limits, and what is kept.

Each is set on its page, then runs are started and their pages say what became of them and why.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.e2e.desk import SOON_MS, Desk, Flow, patiently, send, sitting_at
from tests.e2e.hand import card, middle
from tests.support.product import Product

GATE: dict[str, Any] = {
    "key": "gate", "name": "Goods in", "start": "address", "triggers": [{"key": "call", "name": "A delivery", "type": "webhook"}],
    "steps": [
        {"key": "address", "name": "Give the address", "type": "transform", "next": "gate",
         "config": {"set": {"url": "{{ callback_url('gate') }}"}}},
        {"key": "gate", "name": "Wait at the gate", "type": "callback", "config": {"timeout_s": 3600}, "next": "done"},
        {"key": "done", "name": "Done", "type": "transform", "config": {"set": {"ok": "{{ true }}"}}},
    ],
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


def open_gate(desk: Desk, run: str) -> None:
    assert send(desk.output(run, "address")["url"]) == {"status": "received"}


def asking(server: HTTPServer, path: str, **more: Any) -> dict[str, Any]:
    """A workflow of one request, whose address comes with the call."""
    step = {"key": "ask", "name": "Ask the shop", "type": "action", "integration": "http", "action": "request",
            "input": {"method": "GET", "url": server.url_for(path) + "?{{ trigger.body.q | default('') }}"}, "next": "done"}  # fmt: skip
    done = {
        "key": "done",
        "name": "Done",
        "type": "transform",
        "config": {"set": {"said": "{{ steps.ask.status }}"}},
    }
    return {"key": "ask", "name": "Ask the shop", "start": "ask", "triggers": [{"key": "call", "type": "webhook"}],
            "steps": [{**step, **more.pop("step", {})}, done], **more}  # fmt: skip


def slowly(server: HTTPServer, path: str, seconds: float) -> None:
    """`?fast` is answered at once."""

    def answer(request: Request) -> Response:
        time.sleep(0 if "fast" in request.url else seconds)
        return Response("{}", content_type="application/json")

    server.expect_request(path).respond_with_handler(answer)


def test_runs_wait_are_left_out_replaced_or_side_by_side_as_the_settings_say(desk: Desk) -> None:
    page, flow = desk.page, desk.bring(GATE)
    desk.settings(flow, overlap="queue")
    first, second, third = (desk.call(flow) for _ in range(3))
    desk.output(first, "address")
    desk.open(third)
    desk.sees("Waiting for an earlier run")
    expect(page.locator("#run-steps")).to_contain_text("1 more run is in line before it.")
    desk.open(second)
    expect(page.locator("#run-steps")).to_contain_text("Waiting for run #1 to end")
    expect(page.locator("#run-steps")).to_contain_text("This workflow runs one at a time")
    desk.shot("policy-queue")
    page.get_by_role("link", name="Show run #1").click()
    expect(page).to_have_url(re.compile(first))
    desk.open(second)
    open_gate(desk, first)
    expect(page.locator(".run-waiting")).to_contain_text("Waiting for a call", timeout=SOON_MS)  # by itself
    page.get_by_role("button", name="Stop run").click()
    page.locator("dialog[open]").get_by_role("button", name="Stop run").click()
    desk.sees("Cancelled")
    expect(page.locator("#run-steps")).to_contain_text("The run was stopped by a person.")
    expect(page.locator("#run-deeds")).not_to_contain_text("Stop run")  # the button that has the focus by now
    assert middle(card(page, "address"))[1] < middle(card(page, "done"))[1]
    desk.shot("policy-stopped")
    desk.output(third, "address")  # its turn has come

    desk.settings(flow, overlap="skip")
    assert send(flow.hook) == {"status": "skipped"}
    page.goto(f"{flow.url}/events/")
    expect(page.locator("#events")).to_contain_text(
        "A start was left out, because a run of this workflow was still under way."
    )
    desk.shot("policy-skip")

    desk.settings(flow, overlap="restart")
    fourth = desk.call(flow)
    desk.open(third)
    desk.sees("Cancelled")
    expect(page.locator("#run-steps")).to_contain_text("A newer run of this workflow was started.")
    desk.shot("policy-replaced")
    page.goto(f"{flow.url}/events/?kind=REPLACED")
    expect(page.locator("#events")).to_contain_text("the older one is stopped then")

    desk.settings(flow, overlap="parallel", max_parallel_runs="2")
    desk.output(fourth, "address")
    _, sixth = desk.call(flow), desk.call(flow)
    desk.open(sixth)
    expect(page.locator("#run-steps")).to_contain_text("Waiting for one of 2 runs to end")
    expect(page.locator("#run-steps").get_by_role("link", name="Show ")).to_have_count(2)
    desk.shot("policy-parallel")
    desk.settings(flow, max_parallel_runs="")
    desk.open(sixth)
    expect(page.locator(".run-waiting")).to_contain_text("Waiting for a call", timeout=SOON_MS)


def test_a_full_workspace_and_a_draining_server_hold_runs_and_say_so(
    desk: Desk, httpserver: HTTPServer
) -> None:
    slowly(httpserver, "/slow", 3.0)
    page, flow = desk.page, desk.bring(asking(httpserver, "/slow"))
    limit_workspace(desk, "1")
    desk.publish(flow)
    _, second = desk.call(flow), desk.call(flow)
    desk.open(second)
    expect(page.locator("#run-steps")).to_contain_text("Waiting for room in the workspace")
    expect(page.locator("#run-steps")).to_contain_text(
        "1 run of this workspace is at work, as many as its settings allow."
    )
    desk.shot("policy-workspace")
    desk.sees("Succeeded")
    limit_workspace(desk, "")

    drain(desk, "on")
    try:
        held = held_run(desk, flow)
        desk.open(held)
        expect(page.locator("#run-steps")).to_contain_text("Nothing new begins just now")
        desk.shot("policy-drain")
        page.goto(f"{flow.url}/runs/")
        expect(page.locator("#runs .banner")).to_contain_text("Nothing is lost")
        desk.shot("policy-drain-list")
    finally:
        drain(desk, "off")
    desk.open(held)
    desk.sees("Succeeded")


def limit_workspace(desk: Desk, runs: str) -> None:
    desk.page.goto("/")
    desk.page.goto(desk.page.url.rstrip("/") + "/settings/")
    desk.page.fill("[name=max_parallel_runs]", runs)
    desk.page.locator("main").get_by_role("button", name="Save").click()
    expect(desk.page.locator("#toasts")).to_contain_text("saved")


def drain(desk: Desk, state: str) -> None:
    """By the engine switch of the admin."""
    page = desk.page
    page.goto("/admin/workflows/engineswitch/")
    page.locator("#result_list tbody a, #content a.addlink").first.click()
    page.locator("[name=is_draining]").set_checked(state == "on")
    page.locator("[name=_save]").click()
    page.locator(".messagelist .success").wait_for()


def held_run(desk: Desk, flow: Flow) -> str:
    """Workers hear of the switch within two seconds; the first run that none of them takes."""
    for _ in patiently("a run that is held"):
        run = desk.call(flow, {"q": "fast"})
        time.sleep(0.3)
        if desk.run(run)["status"] == "PENDING":
            return run
    raise AssertionError


def test_a_time_limit_a_failure_workflow_and_what_is_kept(desk: Desk, httpserver: HTTPServer) -> None:
    slowly(httpserver, "/slow", 1.4)
    page = desk.page
    helper = desk.bring({
        "key": "tell", "name": "Tell somebody", "start": "tell", "triggers": [{"key": "failed", "type": "workflow"}],
        "steps": [{"key": "tell", "name": "Nobody is there", "type": "stop", "config": {
            "as": "failed", "message": "{{ trigger.body.workflow.name }} failed, and nobody listens."}}]})  # fmt: skip
    flow = desk.bring(asking(httpserver, "/slow"))
    desk.settings(helper, on_failure=flow.key)  # in a circle, if nothing stopped it
    desk.settings(flow, timeout_s="1", on_failure=helper.key, keep_data="failures")
    page.goto(f"{flow.url}/settings/")
    desk.shot("policy-settings")

    late = desk.call(flow)
    desk.open(late)
    desk.sees("Timed out")
    expect(page.locator("#run-steps")).to_contain_text("The run took too long")
    desk.shot("policy-timeout")
    told = desk.newest(helper)[0]["id"]
    desk.open(told)
    desk.sees("Failed")
    expect(page.locator("#run-steps")).to_contain_text("Ask the shop failed, and nobody listens.")
    expect(page.locator(".run-facts")).to_contain_text("A workflow failed")
    desk.shot("policy-failure")
    good = desk.call(flow, {"q": "fast"})
    desk.open(good)
    desk.sees("Succeeded")
    assert [len(desk.newest(one)) for one in (helper, flow)] == [
        1,
        2,
    ]  # the failure of the helper started nothing

    desk.open(good, "ask")
    expect(page.locator("#panel")).to_contain_text("Not kept")
    desk.shot("policy-not-kept")
    desk.open(late, "ask")
    expect(page.locator("#panel")).to_contain_text("/slow")
    desk.settings(flow, keep_data="nothing")
    late = desk.call(flow)
    desk.open(late)
    desk.sees("Timed out")
    desk.open(late, "ask")
    expect(page.locator("#panel")).to_contain_text("Not kept")


def test_a_paused_workflow_records_and_starts_nothing_until_it_is_active_again(desk: Desk) -> None:
    page, flow = desk.page, desk.bring({**GATE, "key": "pausing", "name": "Pauses now and then"})
    desk.publish(flow)
    under_way = desk.call(flow)
    page.goto("/")
    page.goto(page.url.rstrip("/") + "/workflows/?q=now+and+then")
    page.locator(f"[role=switch][hx-post*='{flow.id}']").click()
    expect(page.locator("#toasts")).to_contain_text("is paused")

    assert send(flow.hook) == {"status": "recorded"}
    page.goto(f"{flow.url}/events/")
    expect(page.locator("#events")).to_contain_text("Recorded, not run")
    expect(page.locator(".workflow-paused")).to_contain_text("This workflow is paused")
    desk.shot("policy-paused")
    open_gate(desk, under_way)  # what had begun goes on
    desk.open(under_way)
    desk.sees("Succeeded")
    page.goto(f"{flow.url}/runs/")
    page.locator(".workflow-paused").get_by_role("button", name="Activate").click()
    expect(page.locator("#toasts")).to_contain_text("is active")
    expect(page.locator(".workflow-paused")).to_have_count(0)
    desk.output(desk.call(flow), "address")


def test_a_service_that_asks_for_rest_holds_every_run_of_its_connection(
    desk: Desk, httpserver: HTTPServer
) -> None:
    answers = [
        Response('{"message": "Slow down"}', 429, {"Retry-After": "6"}, content_type="application/json")
    ]
    httpserver.expect_request("/busy").respond_with_handler(
        lambda _: answers.pop() if answers else Response("{}", content_type="application/json")
    )
    page = desk.page
    document = asking(
        httpserver, "/busy", step={"connection": "shop"}, connections={"shop": {"integration": "http"}}
    )
    flow = desk.bring(document, shop=desk.connect("http", "BEARER", token="made-up-token"))
    desk.fill_in(flow, "step=ask&tab=errors", errors__attempts="2")
    desk.publish(flow)

    tried = desk.call(flow)
    desk.open(tried)
    expect(page.locator("#run-steps")).to_contain_text("2. Ask the shop is tried again")
    expect(page.locator("#run-steps")).to_contain_text("Slow down")
    expect(page.locator("#run-steps")).to_contain_text("Try 2 follows at")
    desk.shot("policy-retry-after")
    waiting = desk.call(flow)
    desk.open(waiting)
    expect(page.locator("#run-steps")).to_contain_text("The service asked us to wait before the next request")
    desk.shot("policy-rate")
    for run in (tried, waiting):
        desk.open(run)
        desk.sees("Succeeded")

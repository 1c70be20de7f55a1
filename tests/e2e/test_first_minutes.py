"""What a newcomer does first, in a real browser against the real product."""

from __future__ import annotations

import json
import re
import subprocess
import uuid

from playwright.sync_api import expect

from tests.e2e.conftest import Counted


def sign_up(person: Counted) -> None:
    person.page.goto("/accounts/signup/")
    person.type("input[name=email]", f"mia-{uuid.uuid4().hex[:8]}@example.com")
    person.type("input[name=password1]", "four unrelated words here")
    person.click("button[type=submit]")
    expect(person.page).to_have_title(re.compile("Home"))


def curl(url: str, body: dict[str, object]) -> dict[str, object]:
    said = subprocess.run(
        ["curl", "-s", "-X", "POST", url, "-H", "content-type: application/json", "-d", json.dumps(body)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    answer: dict[str, object] = json.loads(said.stdout)
    return answer


def test_from_sign_up_to_a_green_run_takes_six_clicks_and_two_fields(person: Counted) -> None:
    sign_up(person)
    person.click("text=Use template")
    person.page.wait_for_url("**/build/**")

    person.click("header >> text=Publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    address = person.page.locator("text=/http:.*hooks/").first
    expect(address).to_be_visible()
    url = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", person.page.content())
    assert url is not None
    person.click("dialog[open] >> a:has-text('runs')")
    person.page.wait_for_url("**/runs/**")

    assert curl(url[0], {"net": 100, "country": "DE"}) == {
        "country": "DE",
        "net": 100,
        "tax": 19,
        "total": 119,
    }

    expect(person.page.locator("text=Succeeded").first).to_be_visible(timeout=10_000)
    assert person.clicks <= 6
    assert person.typed <= 2
    assert person.complaints == []


def test_a_waiting_run_turns_green_on_the_open_page(person: Counted) -> None:
    sign_up(person)
    document = {
        "format": "automate/1", "key": "slow", "name": "Slow greeting", "start": "pause",
        "triggers": [{"key": "hook", "type": "webhook"}],
        "steps": [
            {"key": "pause", "type": "delay", "config": {"seconds": 8}, "next": "hello"},
            {"key": "hello", "type": "transform", "config": {"set": {"hello": "{{ trigger.body.name }}"}}},
        ],
    }  # fmt: skip
    slug = re.search(r"/w/([\w-]+)/", person.page.url)
    assert slug is not None
    person.page.goto(f"/w/{slug[1]}/workflows/import/")
    person.page.locator("textarea").first.fill(json.dumps(document))
    person.page.locator("main button[type=submit], dialog button[type=submit]").first.click()
    person.page.wait_for_url("**/build/**")
    person.click("header >> text=Publish")
    person.click("dialog[open] >> button:has-text('Publish')")
    expect(person.page.locator("text=/http:.*hooks/").first).to_be_visible()
    url = re.search(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+", person.page.content())
    assert url is not None

    run = curl(url[0], {"name": "Mia"})["execution"]
    person.page.goto(f"/runs/{run}/")

    expect(person.page.locator("header >> text=Waiting").first).to_be_visible(timeout=8_000)
    expect(person.page.locator("header >> text=Succeeded").first).to_be_visible(timeout=25_000)
    assert person.complaints == []

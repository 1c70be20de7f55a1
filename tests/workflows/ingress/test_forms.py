"""Forms: what people see, and what a sent form starts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Tenant, User
from tests.workflows.ingress.conftest import document
from workflows import documents
from workflows.engine.document import load
from workflows.ingress import forms
from workflows.models import Blob, LiveTrigger, RunEvent, Sample, WorkflowExecution
from workflows.publishing import pause, publish

pytestmark = [pytest.mark.django_db]

FIELDS: dict[str, Any] = {
    "type": "object",
    "required": ["name", "mail", "terms"],
    "x-order": ["name", "mail", "age", "size", "day", "about", "terms", "cv"],
    "properties": {
        "terms": {"type": "boolean", "title": "I agree"},
        "name": {"type": "string", "title": "Your name", "maxLength": 40},
        "mail": {"type": "string", "format": "email"},
        "age": {"type": "integer", "minimum": 18},
        "size": {"enum": ["S", "M", 7]},
        "day": {"type": "string", "format": "date"},
        "about": {"type": "string", "x-multiline": True, "description": "A few words."},
        "cv": {"type": "object", "x-file": True, "x-accept": [".pdf"]},
    },
}
ANSWERS = {"f-name": "Ada", "f-mail": "ada@example.com", "f-terms": "on"}


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def make_form(alice: User, workspace: Tenant):
    def make(config: dict[str, Any] | None = None, *, published: bool = True, **parts: Any) -> LiveTrigger:
        made = document(**parts)
        made["triggers"] = [{"key": "ask", "type": "form", "config": {"fields": FIELDS, **(config or {})}}]
        template = documents.create(workspace, load(made), by=alice)
        if published:
            publish(template, by=alice)
        return LiveTrigger.objects.get(template=template)

    return make


@pytest.fixture
def form(make_form) -> LiveTrigger:
    return make_form(
        {"title": "Apply", "description": "Join us.", "thanks": "We will write.", "button": "Apply now"}
    )


def url(live: LiveTrigger) -> str:
    return f"/forms/{live.token}"


def key_of(client: Client, live: LiveTrigger) -> str:
    page = client.get(url(live)).content.decode()
    found = re.search(r'name="_key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def send(
    client: Client,
    live: LiveTrigger,
    answers: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    **more,
):
    given = ANSWERS if answers is None else answers
    return client.post(url(live), {"_key": key_of(client, live) if key is None else key, **given}, **more)


def input_of_run() -> dict[str, Any]:
    return WorkflowExecution.objects.get().input


def test_page_shows_the_fields_in_their_order_with_words_of_its_own(caller, form):
    page = caller.get(url(form))
    text = page.content.decode()

    assert page.status_code == 200
    places = [text.index(f'name="f-{name}"') for name in FIELDS["x-order"]]
    assert places == sorted(places)
    for words in ("Apply", "Join us.", "Apply now", "Northwind", "Your name", "A few words."):
        assert words in text
    for kind in ('type="date"', 'type="email"', 'accept=".pdf"'):
        assert kind in text
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]


def test_sent_form_starts_a_run_with_plain_values(caller, form):
    filled = {**ANSWERS, "f-age": "33", "f-size": "7", "f-day": "2026-12-24", "f-about": "a\r\nb"}

    answer = send(caller, form, filled)

    assert (answer.status_code, answer["Location"]) == (303, f"{url(form)}?sent=1")
    assert "We will write." in caller.get(answer["Location"]).content.decode()
    given = input_of_run()
    assert (given["type"], given["key"], given["files"]) == ("form", "ask", {})
    assert given["body"] == {
        "name": "Ada", "mail": "ada@example.com", "age": 33, "size": 7, "day": "2026-12-24", "about": "a\nb",
        "terms": True, "cv": None,
    }  # fmt: skip
    assert WorkflowExecution.objects.get().trigger_type == "FORM"


def test_file_is_a_file_value_stored_with_its_run(caller, form):
    send(caller, form, {**ANSWERS, "f-cv": SimpleUploadedFile("cv.pdf", b"%PDF", "application/pdf")})

    given, run = input_of_run(), WorkflowExecution.objects.get()
    blob = Blob.objects.get(execution_id=run.pk)
    assert given["body"]["cv"] == given["files"]["cv"]
    assert given["body"]["cv"]["$file"] == str(blob.pk)
    assert (blob.name, bytes(blob.data), blob.mime) == ("cv.pdf", b"%PDF", "application/pdf")


def test_sending_twice_under_one_key_starts_one_run(caller, form):
    key = key_of(caller, form)
    upload = [SimpleUploadedFile("cv.pdf", b"%PDF", "application/pdf") for _ in range(2)]

    answers = [send(caller, form, {**ANSWERS, "f-cv": file}, key=key) for file in upload]

    assert [answer.status_code for answer in answers] == [303, 303]
    run = WorkflowExecution.objects.get()
    assert Blob.objects.count() == 1
    assert RunEvent.objects.get(kind="DUPLICATE").execution_id == run.pk


def test_other_answers_under_a_used_key_are_asked_about_and_then_sent(caller, form):
    key = key_of(caller, form)
    send(caller, form, key=key)

    again = send(caller, form, {**ANSWERS, "f-name": "Bea"}, key=key)
    new_key = re.search(r'name="_key" value="([^"]+)"', again.content.decode())

    assert again.status_code == 409
    assert new_key is not None
    assert new_key[1] != key
    assert send(caller, form, {**ANSWERS, "f-name": "Bea"}, key=new_key[1]).status_code == 303
    assert WorkflowExecution.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("f-name", "", "Fill this in."),
        ("f-name", "x" * 41, "at most 40 characters"),
        ("f-mail", "ada", "This is no e-mail address."),
        ("f-age", "many", "Write a whole number"),
        ("f-age", "17", "greater than or equal to 18"),
        ("f-size", "XL", "Choose one of the list."),
        ("f-day", "24.12.", "Write the date as year, month, day"),
        ("f-cv", SimpleUploadedFile("cv.exe", b"MZ"), "Choose a file that ends in .pdf."),
        ("f-name", "a\0b", "Null characters are not allowed."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(caller, form, field, value, words):
    answer = send(caller, form, {**ANSWERS, field: value})
    text = answer.content.decode()

    assert answer.status_code == 422
    assert words in text[text.index(f'id="field-{field}"') :].split('class="field"')[0]
    assert "One answer needs another look." in text
    assert not WorkflowExecution.objects.exists()


def test_box_that_has_to_be_ticked_says_so(caller, form):
    answer = send(caller, form, {name: value for name, value in ANSWERS.items() if name != "f-terms"})

    assert answer.status_code == 422
    assert "This has to be ticked." in answer.content.decode()


def test_file_above_the_limit_is_refused_beside_its_field(caller, form, settings):
    settings.MAX_BLOB_BYTES = 3

    fits = send(caller, form, {**ANSWERS, "f-cv": SimpleUploadedFile("a.pdf", b"123")})
    above = send(caller, form, {**ANSWERS, "f-cv": SimpleUploadedFile("a.pdf", b"1234")})

    assert (fits.status_code, above.status_code) == (303, 422)
    assert "This file is larger than" in above.content.decode()


def test_everything_together_above_the_limit_is_refused_unread(caller, form, monkeypatch):
    monkeypatch.setattr(forms, "MAX_BYTES", 10)

    answer = send(caller, form)

    assert answer.status_code == 413
    assert "too large" in answer.content.decode()
    assert not WorkflowExecution.objects.exists()


def test_old_foreign_and_missing_keys_ask_to_send_again(caller, form, make_form, monkeypatch):
    old, other = key_of(caller, form), key_of(caller, make_form())
    monkeypatch.setattr(forms, "KEY_AGE_S", -1)
    answers = [send(caller, form, key=old)]
    monkeypatch.undo()
    answers += [send(caller, form, key=other), send(caller, form, key="")]

    for answer in answers:
        assert answer.status_code == 422
        assert "send them again" in answer.content.decode()
    assert not WorkflowExecution.objects.exists()


def test_robot_that_fills_in_the_trap_sees_thanks_and_starts_nothing(caller, form):
    answer = send(caller, form, {**ANSWERS, forms.TRAP: "yes"})

    assert answer.status_code == 200
    assert "We will write." in answer.content.decode()
    assert not WorkflowExecution.objects.exists()
    assert "robot" in RunEvent.objects.get(kind="REJECTED").message


def test_too_many_from_one_address_are_held_off_and_others_are_not(caller, form, monkeypatch):
    monkeypatch.setattr(forms, "SENDS_PER_MINUTE", 2)
    monkeypatch.setattr("workflows.ingress.limits.WINDOW_S", 10**9)

    answers = [send(caller, form).status_code for _ in range(3)]

    assert answers == [303, 303, 429]
    assert send(caller, form, REMOTE_ADDR="10.1.1.1").status_code == 303


@pytest.mark.parametrize(("is_paused", "words"), [(False, "not published yet"), (True, "paused just now")])
def test_form_that_is_not_live_says_so_and_records(caller, make_form, alice, is_paused, words):
    live = make_form(published=is_paused)
    if is_paused:
        pause(live.template, alice)

    page = caller.get(url(live)).content.decode()
    answer = send(caller, live)

    assert words in page
    assert "were kept" in caller.get(answer["Location"]).content.decode()
    assert not WorkflowExecution.objects.exists()
    assert Sample.objects.get(trigger_key="ask").data["body"]["name"] == "Ada"
    assert RunEvent.objects.get(kind="RECORDED").trigger_key == "ask"


def test_form_that_is_switched_off_or_unknown_is_404(caller, form):
    token = form.token
    LiveTrigger.objects.filter(pk=form.pk).update(is_off=True)

    assert caller.get(url(form)).status_code == 404
    assert caller.get("/forms/" + "x" * 30).status_code == 404
    assert caller.post(f"/hooks/{token}").status_code == 404


def test_webhook_is_no_form(caller, hook):
    assert caller.get(url(hook)).status_code == 404


def test_answer_that_the_overlap_rule_leaves_out_is_asked_for_again(caller, make_form):
    live = make_form(settings={"overlap": "skip"})

    answers = [send(caller, live).status_code for _ in range(2)]
    again = send(caller, live)

    assert answers == [303, 409]
    assert "Send it again in a while" in again.content.decode()
    assert 'value="Ada"' in again.content.decode()
    assert WorkflowExecution.objects.count() == 1
    assert RunEvent.objects.filter(kind="SKIPPED").exists()


def test_people_are_sent_on_to_a_web_address_only(caller, make_form):
    onward = make_form({"respond": "redirect", "redirect": "https://example.com/done?x=1"})
    evil = make_form({"respond": "redirect", "redirect": "javascript:alert(1)"})

    assert send(caller, onward)["Location"] == "https://example.com/done?x=1"
    assert "form-action 'self' https://example.com" in caller.get(url(onward))["Content-Security-Policy"]
    assert send(caller, evil)["Location"] == f"{url(evil)}?sent=1"


def test_basic_auth_asks_before_the_form_is_shown(caller, make_form):
    live = make_form(
        {"auth": {"type": "basic", "connection": "gate"}},
        published=False,
        connections={"gate": {"integration": "http"}},
    )

    answer = caller.get(url(live))

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic")


def test_text_of_others_stays_text(caller, make_form):
    live = make_form({"title": "<script>alert(1)</script>", "thanks": "<b>hi</b>"})

    assert b"<script>alert(1)" not in caller.get(url(live)).content
    assert b"&lt;b&gt;hi&lt;/b&gt;" in caller.get(f"{url(live)}?sent=1").content

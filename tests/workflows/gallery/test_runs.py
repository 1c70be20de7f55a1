"""Every template that works in apps does what it says, in good weather and in the bad weather that matters most.

The apps are stand-ins on loopback: an HTTP server, a mail server, the test run's own PostgreSQL.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
import psycopg
import pytest
from werkzeug import Request, Response

from accounts.models import User
from tests.workflows.gallery.conftest import POSTGRES, Flow, Inbox, Services
from tests.workflows.runs.waits.conftest import came, tokens
from workflows import documents
from workflows.engine.document import load
from workflows.models import Blob, StepState, WorkflowExecution
from workflows.publishing import publish
from workflows.runs.answers import Given, answer_by_link
from workflows.runs.blobs import bytes_of, make_blob, shelve

SetUp = Callable[..., Flow]
NEEDS_POSTGRES = pytest.mark.skipif(
    not POSTGRES.startswith("postgres"),
    reason="It stores rows in PostgreSQL; this run uses the embedded database.",
)


@pytest.fixture
def table() -> Iterator[str]:
    name = f"gallery_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        database.execute(f"CREATE TABLE {name} (id text PRIMARY KEY, name text, price numeric, country text,"
                         " total numeric, created_at date)")  # fmt: skip
        yield name
        database.execute(f"DROP TABLE {name}")


def rows(table: str, columns: str = "id, name, price") -> list[tuple[Any, ...]]:
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        return database.execute(f"SELECT {columns} FROM {table} ORDER BY id").fetchall()


# --- data -------------------------------------------------------------------------------------------


@NEEDS_POSTGRES
def test_list_of_a_service_is_copied_page_by_page_and_only_once(
    set_up: SetUp, services: Services, table: str
) -> None:
    pages = {1: [{"id": 1, "title": "Lamp", "price": 9.5, "junk": "x"}, {"id": 2, "title": "Desk", "price": 120}],
             2: [{"id": 3, "title": "Chair", "price": 45}], 3: []}  # fmt: skip
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.args["page"])
        if len(asked) == 1:
            return Response("busy", 503)
        return Response(
            load_json({"products": pages[int(request.args["page"])]}), content_type="application/json"
        )

    services.server.expect_request("/products").respond_with_handler(answer)
    flow = set_up("api-to-table", {"steps.read.input.url": services.server.url_for("/products"),
                                   "steps.store.input.table": table})  # fmt: skip

    first, second = flow.run(), flow.run()

    assert (first.status, first.output) == ("COMPLETED", {"read": 3, "added": 3, "refused": 0})
    assert second.output == {"read": 3, "added": 0, "refused": 0}
    assert [(key, name, float(price)) for key, name, price in rows(table)] == [
        ("1", "Lamp", 9.5), ("2", "Desk", 120.0), ("3", "Chair", 45.0)
    ]  # fmt: skip


def load_json(value: Any) -> str:
    import json

    return json.dumps(value)


@NEEDS_POSTGRES
def test_daily_report_is_mailed_and_an_empty_one_is_not(set_up: SetUp, inbox: Inbox, table: str) -> None:
    from workflows.gallery import shipped
    from workflows.gallery.asks import value_at

    entry = next(one for one in shipped() if one.slug == "daily-sql-report")
    sql = str(value_at(entry.document, "steps.figures.input.sql")).replace("FROM orders", f"FROM {table}")
    flow = set_up(
        "daily-sql-report", {"steps.send.input.to": "boss@acme.example", "steps.figures.input.sql": sql}
    )

    flow.run()
    nothing = len(inbox.raw)
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        database.execute(
            f"INSERT INTO {table} (id, country, total, created_at) VALUES ('1', 'PT', 20, current_date - 1)"
        )
    inbox.busy = 1
    sent = flow.run()

    assert (nothing, sent.status, sent.error) == (0, "COMPLETED", None)
    assert inbox.mails[0]["To"] == "boss@acme.example"
    assert "<td>PT</td>" in str(inbox.mails[0].get_body(("html",)))


def test_rows_become_an_excel_file_and_nothing_is_refused_in_words(set_up: SetUp) -> None:
    flow = set_up("json-to-excel")

    full, empty = flow.run(), flow.run({"rows": []})

    file = flow.answer(full)["file"]
    assert file["name"] == "Orders of November.xlsx"
    sheet = openpyxl.load_workbook(io.BytesIO(bytes_of(Blob.objects.get(pk=file["$file"])))).active
    assert list(sheet.iter_rows(values_only=True))[:2] == [
        ("order", "customer", "total", "paid"), ("10482", "Duarte Lda", 1249, True)
    ]  # fmt: skip
    assert flow.answer(empty)["status"] == 400


def test_contacts_come_back_clean_and_a_list_without_addresses_is_refused(set_up: SetUp) -> None:
    flow = set_up("clean-contacts")

    def upload(text: str) -> WorkflowExecution:
        blob = shelve(make_blob(text.encode(), tenant_id=flow.template.tenant_id, execution_id=None,
                                name="list.csv", mime="text/csv"))  # fmt: skip
        blob.save()
        file = {
            "$file": str(blob.pk),
            "name": blob.name,
            "mime": blob.mime,
            "size": blob.size_bytes,
            "sha256": blob.sha256,
        }
        return flow.run({"list": file})

    good = upload(
        "name,email\nAda, ADA@example.com \nBo,bo@example\nAda,ada@example.com\nCy,cy@example.com\n"
    )
    bad = upload("who,what\nAda,none\n")

    blob = Blob.objects.get(pk=flow.answer(good)["file"]["$file"])
    sheet = openpyxl.load_workbook(io.BytesIO(bytes_of(blob))).active
    assert [row[1] for row in sheet.iter_rows(values_only=True)] == [
        "email",
        "ada@example.com",
        "cy@example.com",
    ]
    assert flow.answer(bad)["status"] == 422


# --- messages ---------------------------------------------------------------------------------------


def feed(*titles: str) -> str:
    items = "".join(
        f"<item><guid>{t}</guid><title>{t}</title><link>https://news.example/{t}</link></item>"
        for t in titles
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'


def test_news_are_posted_once_although_another_feed_is_broken(set_up: SetUp, services: Services) -> None:
    shown = ["one", "two"]
    services.server.expect_request("/feed").respond_with_handler(
        lambda _request: Response(feed(*shown), content_type="application/rss+xml")
    )
    services.server.expect_request("/gone").respond_with_data("gone", status=410)
    flow = set_up("feeds-to-slack", {
        "steps.sources.config.set.feeds": [services.server.url_for("/gone"), services.server.url_for("/feed")],
        "steps.post.input.channel": "C42"})  # fmt: skip

    flow.run()
    again = flow.run()
    shown.append("three")
    last = flow.run()

    assert (again.status, last.status) == ("COMPLETED", "COMPLETED")
    assert len(services.slack) == 2
    assert "<https://news.example/one|one> (News)" in services.slack[0]
    assert services.slack[1] == "• <https://news.example/three|three> (News)"


def test_failure_is_told_with_a_link_to_the_run_and_at_most_ten_times_a_day(
    set_up: SetUp, services: Services, alice: User
) -> None:
    flow = set_up("failures-to-slack")
    broken = {"format": "automate/1", "key": "orders", "name": "Orders", "triggers": [{"key": "go", "type": "manual"}],
              "start": "a", "steps": [{"key": "a", "type": "stop", "config": {"as": "failed", "message": "No stock"}}]}  # fmt: skip
    failing = Flow(documents.create(flow.template.tenant, load(broken), by=alice), flow.engine)
    publish(failing.template, by=alice)

    run = failing.run()
    told = list(services.slack)
    memory = StepState.objects.get(template=flow.template)
    StepState.objects.filter(pk=memory.pk).update(value=10)
    failing.run()

    assert run.status == "FAILED"
    assert "*Orders* failed at “A”" in told[0] or "*Orders* failed at “a”" in told[0]
    assert "No stock" in told[0]
    assert f"/runs/{run.pk}/|Open run #1>" in told[0]
    assert services.slack == told


def test_failure_is_mailed_even_if_the_mail_server_is_busy(set_up: SetUp, inbox: Inbox) -> None:
    flow = set_up("failures-by-mail", {"steps.send.input.to": "ops@acme.example"})
    inbox.busy = 1

    run = flow.run({"workflow": {"key": "orders", "name": "Orders"}, "run": {"url": "https://a.example/runs/1/"},
                    "error": {"message": "No stock", "step": None}})  # fmt: skip

    assert (run.status, inbox.subjects) == ("COMPLETED", ["Orders failed"])
    assert "https://a.example/runs/1/" in inbox.mails[0].get_content()


def test_lead_is_posted_and_spam_is_not(set_up: SetUp, services: Services) -> None:
    flow = set_up("lead-to-slack")
    services.answers["/chat.postMessage"] = [(200, {"ok": False, "error": "internal_error"})]

    flow.run()
    flow.run({"name": "Robot"})

    assert len(services.slack) == 2  # a first try and its second
    assert "ines@duarte.example" in services.slack[1]


@pytest.mark.parametrize(("total", "sign"), [(2500, ":bell:"), (20, ":package:")])
def test_new_order_is_announced(set_up: SetUp, services: Services, total: int, sign: str) -> None:
    flow = set_up("new-rows-to-slack", {"triggers.row.config.input.table": "orders"})

    flow.run({"id": 7, "total": total})

    assert services.slack == [f"{sign} Order 7: {total}"]


def test_urgent_tickets_are_posted_as_one_list(set_up: SetUp, services: Services) -> None:
    flow = set_up("open-tickets-to-slack", {"triggers.morning.config.cron": "0 9 * * *"})
    found = {"key": "OPS-1", "fields": {"summary": "On fire", "priority": {"name": "High"}}}
    services.answers["/rest/api/3/search/jql"] = [(200, {"issues": [found]}), (200, {"issues": []})]

    flow.run()
    flow.run()

    assert services.slack == ["1 urgent tickets are open:\n• *OPS-1* On fire (High)"]


# --- people -----------------------------------------------------------------------------------------


def test_only_an_approved_draft_is_published_and_the_author_always_hears(
    set_up: SetUp, services: Services, inbox: Inbox
) -> None:
    published: list[Any] = []

    def blog(request: Request) -> Response:
        published.append(request.get_json())
        return Response("{}", content_type="application/json")

    services.server.expect_request("/blog", method="POST").respond_with_handler(blog)
    flow = set_up("draft-approval", {"steps.decide.config.assignees": ["editor@acme.example"],
                                     "steps.publish.input.url": services.server.url_for("/blog")})  # fmt: skip

    def hand_in(title: str) -> WorkflowExecution:
        return flow.run({"title": title, "text": "Words", "author": "ada@example.com"})

    yes, no, late = hand_in("Yes"), hand_in("No"), hand_in("Late")
    for run, given in ((yes, Given(approved=True)), (no, Given(approved=False, comment="Too long"))):
        answer_by_link(tokens(run)["editor@acme.example"], given, user=None)
        flow.go(run.pk)
    flow.pass_time(late.pk)

    assert [one["title"] for one in published] == ["Yes"]
    assert inbox.subjects == ["Published: Yes", "Not yet: No", "No answer yet: Late"]
    assert "Too long" in inbox.mails[1].get_content()


def test_draft_that_cannot_be_published_fails_the_run(
    set_up: SetUp, services: Services, inbox: Inbox
) -> None:
    services.server.expect_request("/blog").respond_with_data("no", status=403)
    flow = set_up("draft-approval", {"steps.decide.config.assignees": ["editor@acme.example"],
                                     "steps.publish.input.url": services.server.url_for("/blog")})  # fmt: skip
    run = flow.run({"title": "Yes", "text": "Words", "author": "ada@example.com"})

    answer_by_link(tokens(run)["editor@acme.example"], Given(approved=True), user=None)
    ended = flow.go(run.pk)

    assert ended.status == "FAILED"
    assert "“Yes” was approved, but could not be published" in str(ended.error)
    assert inbox.raw == []


def test_welcome_mails_come_three_times_unless_somebody_replies_or_stops_them(
    set_up: SetUp, inbox: Inbox
) -> None:
    flow = set_up("welcome-mails")

    ines, bo, cy = (
        flow.start({"name": name, "email": f"{name}@example.com"}) for name in ("Ines", "Bo", "Cy")
    )
    flow.go(cy)
    flow.run({"from": {"address": "bo@example.com"}}, trigger="reply")
    came(cy, None, path="stop_link")
    flow.go(cy)
    for _wait in range(2):
        for run in (ines, bo, cy):
            flow.pass_time(run)

    to = [str(mail["To"]).lower() for mail in inbox.mails]
    assert to.count("ines@example.com") == 3
    assert (to.count("bo@example.com"), to.count("cy@example.com")) == (1, 1)
    assert "/callbacks/" in inbox.mails[0].get_content()


def test_message_of_the_contact_form_reaches_the_team_even_from_a_wrong_address(
    set_up: SetUp, inbox: Inbox
) -> None:
    flow = set_up("contact-form", {"steps.tell_team.input.to": "team@acme.example"})

    good = flow.run({"name": "Ada", "email": "ada@example.com", "topic": "An order", "text": "Hello"})
    bad = flow.run({"name": "Bo", "email": "bo@refused.example", "topic": None, "text": "Hello"})

    assert (good.status, bad.status) == ("COMPLETED", "COMPLETED")
    assert sorted(inbox.subjects) == ["A message from Bo", "An order from Ada", "We have your message"]
    assert flow.step(bad, "note_it")["no_answer_to"] == "bo@refused.example"


def test_support_mail_becomes_an_issue_and_robots_get_none(
    set_up: SetUp, services: Services, inbox: Inbox
) -> None:
    flow = set_up("mail-to-jira", {"steps.create.input.project": "SUP", "steps.create.input.issue_type": "1"})
    mail = {
        "subject": "Help",
        "from": {"name": "Ada", "address": "ada@example.com"},
        "text": "It smokes.",
        "headers": {},
    }

    flow.run(mail)
    flow.run({**mail, "headers": {"auto-submitted": "auto-replied"}})
    services.answers["/rest/api/3/issue"] = [(400, {"errors": {"project": "No such project"}})]
    failed = flow.run(mail)

    assert services.said["/rest/api/3/issue"][0]["fields"]["project"] == {"key": "SUP"}
    assert inbox.subjects == ["[OPS-24] Help"]
    assert (failed.status, len(services.said["/rest/api/3/issue"])) == ("FAILED", 2)


# --- developers, operations, money --------------------------------------------------------------------


def test_issue_goes_to_jira_also_where_nobody_may_comment(set_up: SetUp, services: Services) -> None:
    flow = set_up("github-issue-to-jira", {"triggers.opened.config.input.repository": "acme/shop",
        "steps.create.input.project": "OPS", "steps.create.input.issue_type": "1"})  # fmt: skip
    issue = {
        "title": "Broken",
        "number": 5,
        "html_url": "https://github.com/acme/shop/issues/5",
        "body": None,
    }
    body = {"issue": issue, "repository": {"full_name": "acme/shop"}}
    comments = "/repos/acme/shop/issues/5/comments"

    good = flow.run(body)
    services.answers[comments] = [(403, {"message": "Forbidden"})]
    barred = flow.run(body)

    assert (good.status, barred.status) == ("COMPLETED", "COMPLETED")
    assert "OPS-24" in services.said[comments][0]["body"]
    assert barred.output["created"] == "OPS-24"


def test_new_error_becomes_an_issue_and_a_known_one_a_comment(set_up: SetUp, services: Services) -> None:
    flow = set_up("error-to-github", {"steps.place.config.set.repository": "acme/shop"})
    services.answers["/search/issues"] = [(200, {"items": []}), (200, {"items": [{"number": 9}]})]

    flow.run()
    flow.run()

    assert services.said["/repos/acme/shop/issues"][0]["title"] == "TypeError: total is undefined"
    assert "Again in checkout" in services.said["/repos/acme/shop/issues/9/comments"][0]["body"]


def test_page_that_goes_down_is_told_once_and_so_is_its_return(
    set_up: SetUp, services: Services, inbox: Inbox
) -> None:
    state = {"status": 500}
    services.server.expect_request("/shop").respond_with_handler(
        lambda _request: Response("x", state["status"])
    )
    services.server.expect_request("/fine").respond_with_data("x")
    pages = [services.server.url_for("/fine"), services.server.url_for("/shop")]
    flow = set_up(
        "uptime-alert", {"steps.pages.config.set.list": pages, "steps.tell_down.input.to": "ops@acme.example"}
    )

    flow.run()
    flow.run()
    state["status"] = 200
    flow.run()
    ended = flow.run()

    assert ended.status == "COMPLETED"
    assert inbox.subjects == [f"Down: {pages[1]}", f"Back: {pages[1]}"]
    assert inbox.mails[1]["To"] == "ops@acme.example"


def test_order_gets_a_verdict_and_one_that_cannot_be_read_is_looked_at(set_up: SetUp) -> None:
    flow = set_up("check-orders")

    risky, fine = flow.run(), flow.run({"number": "2", "total": 20, "country": "DE", "orders_before": 3})
    odd = flow.run({"number": "3", "total": "a lot"})

    assert flow.answer(risky)["json"]["verdict"] == "refuse"
    assert flow.answer(fine)["json"] == {"order": "2", "verdict": "accept", "reasons": []}
    assert flow.answer(odd)["json"]["verdict"] == "look"


def test_paid_order_is_released_and_one_that_nobody_pays_is_cancelled(set_up: SetUp) -> None:
    flow = set_up("wait-for-payment")

    paid, forgotten = flow.run({"number": "1"}), flow.run({"number": "2"})
    address = flow.answer(paid)["json"]["call_when_paid"]
    came(paid.pk, {"method": "card"}, path="paid")

    assert "/callbacks/" in address
    assert flow.go(paid.pk).output == {"order": "1", "state": "paid", "by": "card"}
    assert flow.pass_time(forgotten.pk).output == {"order": "2", "state": "cancelled"}

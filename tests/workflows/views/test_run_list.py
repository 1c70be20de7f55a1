"""Lists of runs: who sees which, filters, pages, and asking whether anything is new."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from automate.lib import clock
from workflows.models import WorkflowAccess, WorkflowExecution

HTMX = {"HX-Request": "true", "HX-Target": "runs"}


@pytest.fixture
def url(workspace):
    return reverse("workflows:run-list", args=[workspace.slug])


def listed(answer):
    """The numbers of the runs on a page, in order."""
    return [run.number for run in answer.context["runs"]]


def test_newest_runs_come_first(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for number in (1, 2, 3):
        make_run(template, number=number)

    assert listed(as_alice.get(url)) == [3, 2, 1]


def test_strangers_get_404(as_charlie, url):
    assert as_charlie.get(url).status_code == 404


def test_runs_of_another_workspace_are_not_listed(as_alice, url, charlie, make_workflow, make_run):
    template = make_workflow()
    make_run(template)
    other = charlie.memberships.get().tenant
    WorkflowExecution.objects.update(tenant=other)

    assert listed(as_alice.get(url)) == []


def test_runs_of_a_workflow_shared_with_others_are_hidden(as_bob, url, alice, make_workflow, make_run):
    template = make_workflow()
    make_run(template)
    WorkflowAccess.objects.create(tenant=template.tenant, template=template, user=alice)

    answer = as_bob.get(url)

    assert listed(answer) == []
    assert template.name not in answer.content.decode()


def test_somebody_it_is_shared_with_sees_the_runs(as_bob, url, bob, make_workflow, make_run):
    template = make_workflow()
    make_run(template, number=7)
    WorkflowAccess.objects.create(tenant=template.tenant, template=template, user=bob)

    assert listed(as_bob.get(url)) == [7]


@pytest.mark.parametrize(
    ("group", "numbers"),
    [
        ("running", [2, 1]), ("waiting", [3]), ("attention", [4]), ("succeeded", [5]), ("failed", [7, 6]),
        ("cancelled", [8]), ("", [8, 7, 6, 5, 4, 3, 2, 1]), ("nonsense", [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)  # fmt: skip
def test_runs_are_filtered_by_status(as_alice, url, make_workflow, make_run, group, numbers):
    template = make_workflow()
    statuses = [
        "PENDING",
        "RUNNING",
        "WAITING",
        "NEEDS_ATTENTION",
        "COMPLETED",
        "FAILED",
        "TIMED_OUT",
        "CANCELLED",
    ]
    for number, status in enumerate(statuses, start=1):
        make_run(template, status, number=number)

    assert listed(as_alice.get(url, {"status": group})) == numbers


def test_chips_count_whatever_status_is_chosen(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for status in ("COMPLETED", "COMPLETED", "FAILED"):
        make_run(template, status)

    chips = {
        chip["label"]: chip["count"] for chip in as_alice.get(url, {"status": "failed"}).context["chips"]
    }

    assert (chips["All"], chips["Succeeded"], chips["Failed"], chips["Waiting"]) == ("3", "2", "1", "")


@pytest.mark.parametrize(("choice", "numbers"), [("", [2, 1]), ("hide", [1]), ("only", [2])])
def test_test_runs_can_be_left_out(as_alice, url, make_workflow, make_run, choice, numbers):
    template = make_workflow()
    make_run(template, number=1)
    make_run(template, number=2, is_test=True)

    assert listed(as_alice.get(url, {"tests": choice})) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("#41", [41]),
        ("42", [42]),
        ("refund", [42]),
        ("REFUND sync", [42]),
        ("failed", [41]),
        ("nothing like it", []),
    ],
)
def test_search_takes_numbers_names_and_statuses(as_alice, url, make_workflow, make_run, text, numbers):
    make_run(make_workflow("Order follow-up"), "FAILED", number=41)
    make_run(make_workflow("Refund sync"), number=42)

    assert listed(as_alice.get(url, {"q": text})) == numbers


def test_search_takes_the_id_of_a_run(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    wanted = make_run(template, number=1)
    make_run(template, number=2)

    assert listed(as_alice.get(url, {"q": str(wanted.pk)})) == [1]


def test_search_takes_a_day_in_the_readers_zone(as_alice, url, make_workflow, make_run):
    make_run(make_workflow(), number=1)
    today = clock.now().date()

    assert listed(as_alice.get(url, {"q": today.isoformat()})) == [1]
    assert listed(as_alice.get(url, {"q": "today"})) == [1]
    assert listed(as_alice.get(url, {"q": (today - timedelta(days=3)).isoformat()})) == []


def test_runs_are_filtered_by_workflow(as_alice, url, make_workflow, make_run):
    first, second = make_workflow("First"), make_workflow("Second")
    make_run(first, number=1)
    make_run(second, number=2)

    assert listed(as_alice.get(url, {"workflow": str(second.pk)})) == [2]


def test_pages_lead_to_older_runs_and_back(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for number in range(1, 71):
        make_run(template, number=number)

    first = as_alice.get(url)
    second = as_alice.get(url + first.context["page"].older)
    third = as_alice.get(url + second.context["page"].older)
    back = as_alice.get(url + third.context["page"].newer)

    assert listed(first) == list(range(70, 40, -1))
    assert listed(second) == list(range(40, 10, -1))
    assert (listed(third), third.context["page"].older) == (list(range(10, 0, -1)), None)
    assert listed(back) == listed(second)


def test_going_back_from_the_second_page_ends_at_the_first(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for number in range(1, 36):
        make_run(template, number=number)

    second = as_alice.get(url + as_alice.get(url).context["page"].older)
    back = as_alice.get(url + second.context["page"].newer)

    assert listed(back) == list(range(35, 5, -1))
    assert back.context["page"].newer is None


def test_pages_keep_the_filters(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for number in range(1, 41):
        make_run(template, "FAILED", number=number)

    older = as_alice.get(url, {"status": "failed"}).context["page"].older

    assert older.startswith("?status=failed&before=")


def test_nothing_new_is_204_and_a_new_run_is_shown(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    make_run(template, number=1)
    poll = as_alice.get(url).context["poll_url"]

    quiet = as_alice.get(poll, headers=HTMX)
    make_run(template, number=2)
    new = as_alice.get(poll, headers=HTMX)

    assert quiet.status_code == 204
    assert listed(new) == [2, 1]
    assert b"<html" not in new.content


def test_a_changed_status_is_news(as_alice, url, make_workflow, make_run):
    run = make_run(make_workflow(), "RUNNING")
    poll = as_alice.get(url).context["poll_url"]

    WorkflowExecution.objects.filter(pk=run.pk).update(status="COMPLETED")

    assert as_alice.get(poll, headers=HTMX).status_code == 200


def test_older_pages_do_not_ask_for_news(as_alice, url, make_workflow, make_run):
    template = make_workflow()
    for _ in range(31):
        make_run(template)
    older = as_alice.get(url).context["page"].older

    assert as_alice.get(url + older).context["poll_url"] == ""


def test_a_filter_by_htmx_gives_the_region_and_the_address(as_alice, url, make_workflow, make_run):
    make_run(make_workflow(), "FAILED", number=9)

    answer = as_alice.get(url, {"q": "", "status": "failed", "workflow": ""}, headers=HTMX)

    assert answer["HX-Push-Url"] == f"{url}?status=failed"
    assert answer.content.decode().lstrip().startswith("<section")
    assert {"HX-Request", "HX-Target"} <= {part.strip() for part in answer["Vary"].split(",")}


def test_the_back_button_of_htmx_gets_the_whole_page(as_alice, url):
    answer = as_alice.get(url, headers=HTMX | {"HX-History-Restore-Request": "true"})

    assert b"<html" in answer.content


def test_an_empty_workspace_says_where_runs_come_from(as_alice, url):
    assert "Nothing has run yet" in as_alice.get(url).content.decode()


def test_filters_that_fit_nothing_offer_to_clear_them(as_alice, url):
    page = as_alice.get(url, {"q": "zzz"}).content.decode()

    assert "No run matches" in page
    assert f'href="{url}"' in page


def test_names_and_messages_are_escaped(as_alice, url, make_workflow, make_run):
    error = {"message": "<script>alert(1)</script>", "code": "x"}
    make_run(make_workflow("<b>bold</b>"), "FAILED", error=error)

    page = as_alice.get(url).content.decode()

    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_twenty_runs_cost_no_more_queries_than_ten(
    as_bob, url, make_workflow, make_run, django_assert_max_num_queries
):
    def cost():
        with django_assert_max_num_queries(100) as queries:
            as_bob.get(url)
        return len(queries)

    for _ in range(10):
        make_run(make_workflow(), "RUNNING")
    as_bob.get(url)
    ten = cost()
    for _ in range(10):
        make_run(make_workflow(), "FAILED", error={"message": "no"})

    assert cost() == ten <= 14


def test_asking_for_news_costs_few_queries(
    as_alice, url, make_workflow, make_run, django_assert_max_num_queries
):
    make_run(make_workflow())
    poll = as_alice.get(url).context["poll_url"]

    with django_assert_max_num_queries(5):
        assert as_alice.get(poll, headers=HTMX).status_code == 204


def test_runs_of_one_workflow_are_its_own(as_alice, make_workflow, make_run):
    first, second = make_workflow("First"), make_workflow("Second")
    make_run(first, number=1)
    make_run(second, number=2)

    answer = as_alice.get(reverse("workflows:workflow-runs", args=[second.pk]))

    assert listed(answer) == [2]
    assert answer.context["bar_title"] == "Second"


def test_runs_of_a_workflow_are_404_for_strangers(as_charlie, make_workflow):
    url = reverse("workflows:workflow-runs", args=[make_workflow().pk])

    assert as_charlie.get(url).status_code == 404


def test_people_who_may_not_edit_see_no_build_tab(as_bob, viewer, make_workflow):
    answer = as_bob.get(reverse("workflows:workflow-runs", args=[make_workflow().pk]))

    assert [tab["key"] for tab in answer.context["bar_tabs"]] == ["runs", "versions"]


def test_the_list_beside_a_run_grows_without_gaps(as_alice, make_workflow, make_run):
    template = make_workflow()
    runs = [make_run(template, number=number) for number in range(1, 36)]
    page = as_alice.get(reverse("workflows:run-detail", args=[runs[-1].pk]))
    column = page.context["column"]

    make_run(template, number=36)
    renewed = as_alice.get(column["poll_url"], headers={"HX-Request": "true"}).context["column"]["rows"]
    more = as_alice.get(column["more_url"], headers={"HX-Request": "true"}).context["column"]["rows"]

    assert [run.number for run in renewed] == list(range(36, 5, -1))
    assert [run.number for run in more] == [5, 4, 3, 2, 1]


def test_the_list_beside_a_run_is_searched_by_status(as_alice, make_workflow, make_run):
    template = make_workflow()
    make_run(template, "FAILED", number=1)
    shown = make_run(template, number=2)
    column = as_alice.get(reverse("workflows:run-detail", args=[shown.pk])).context["column"]

    found = as_alice.get(
        column["list_url"], {"current": str(shown.pk), "q": "failed"}, headers={"HX-Request": "true"}
    )

    assert [run.number for run in found.context["column"]["rows"]] == [1]


def test_recent_runs_are_few_and_quiet_when_nothing_is_new(as_alice, workspace, make_workflow, make_run):
    template = make_workflow()
    for number in range(1, 9):
        make_run(template, number=number)
    url = reverse("workflows:runs-recent", args=[workspace.slug])

    answer = as_alice.get(url, headers={"HX-Request": "true"})
    poll = re.findall(r'hx-get="([^"]+)"', answer.content.decode())[0]

    assert [run.number for run in answer.context["recent"]["rows"]] == [8, 7, 6, 5, 4, 3]
    assert as_alice.get(poll, headers={"HX-Request": "true"}).status_code == 204

"""The page of what a workflow remembers."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from workflows.models import SeenItem, StepState


@pytest.fixture
def remembered(flow):
    """Two names and a seen item of live runs, and one name of test runs."""
    own = {"tenant": flow.tenant, "template": flow}
    environment = flow.tenant.environments.get(is_default=True).pk
    live = own | {"environment_id": environment}
    StepState.objects.create(**live, key="last_order", value={"zebra": 1, "a": [1, "<b>"]})
    StepState.objects.create(**live, key="token", value={"$sealed": "x"}, is_encrypted=True)
    StepState.objects.create(**own, key="of_tests", value=1)
    SeenItem.objects.create(**live, step_key="fresh", digest="d" * 32)
    return flow


def page(client, flow, **query):
    return client.get(reverse("workflows:memory-list", args=[flow.pk]), query).content.decode()


def forget(client, flow, **post):
    return client.post(reverse("workflows:memory-forget", args=[flow.pk]), post)


def test_the_page_lists_names_and_values_in_the_order_they_were_kept(as_alice, remembered):
    shown = page(as_alice, remembered)

    assert "{&quot;zebra&quot;:1,&quot;a&quot;:[1,&quot;&lt;b&gt;&quot;]}" in shown
    assert "It quotes a secret." in shown
    assert "$sealed" not in shown
    assert "of_tests" not in shown
    assert "fresh" in shown


def test_the_memory_of_test_runs_has_a_page_of_its_own(as_alice, remembered):
    shown = page(as_alice, remembered, of="tests")

    assert "of_tests" in shown
    assert "last_order" not in shown


def test_names_can_be_searched(as_alice, remembered):
    assert "last_order" in page(as_alice, remembered, q="ORDER")
    assert "No name matches" in page(as_alice, remembered, q="nothing")


def test_one_name_is_forgotten_and_the_audit_log_says_so(as_alice, remembered):
    forget(as_alice, remembered, key="last_order")

    assert sorted(StepState.objects.values_list("key", flat=True)) == ["of_tests", "token"]
    assert AuditEvent.objects.filter(verb="workflow.memory_changed").count() == 1


def test_what_a_step_has_seen_is_forgotten_alone(as_alice, remembered):
    forget(as_alice, remembered, step="fresh")

    assert (SeenItem.objects.count(), StepState.objects.count()) == (0, 3)


def test_everything_means_one_memory(as_alice, remembered):
    forget(as_alice, remembered, all="1", of="tests")
    assert (SeenItem.objects.count(), StepState.objects.count()) == (1, 2)

    forget(as_alice, remembered, all="1")
    assert (SeenItem.objects.count(), StepState.objects.count()) == (0, 0)


def test_an_empty_memory_says_how_it_fills(as_alice, flow):
    assert "It remembers nothing" in page(as_alice, flow)


def test_twenty_names_cost_no_more_queries_than_ten(as_alice, remembered, django_assert_max_num_queries):
    environment = remembered.tenant.environments.get(is_default=True).pk
    StepState.objects.bulk_create(
        StepState(
            tenant=remembered.tenant, template=remembered, environment_id=environment, key=f"k{n:03}", value=n
        )
        for n in range(120)
    )

    with django_assert_max_num_queries(30):
        shown = page(as_alice, remembered)

    assert "Show more" in shown
    assert "k119" in page(as_alice, remembered, after="k099")

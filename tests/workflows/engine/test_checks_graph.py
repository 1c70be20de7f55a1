"""Faults of the graph, each with its place and the way out."""

from typing import Any

import pytest

from tests.workflows.engine import samples
from workflows.engine.checks import check, errors
from workflows.engine.document import load

CATALOGUE = samples.SmallCatalogue()


def faults(*steps: Any, **more: Any) -> dict[str, str]:
    found = check(samples.draft(*steps, **more), CATALOGUE)
    return {fault.path: fault.message for fault in found}


def loop(key: str, each: Any, done: Any = None, **more: Any) -> dict[str, Any]:
    links = {port: target for port, target in (("each", each), ("done", done)) if target}
    return samples.step(key, links, type="loop", over="{{ trigger.body }}", **more)


def test_the_order_example_has_no_fault():
    assert check(load(samples.ORDER), CATALOGUE) == []


def test_a_workflow_needs_a_trigger_and_a_step():
    found = faults(triggers=None)

    assert "no trigger" in found["triggers"]
    assert "no steps" in found["steps"]


def test_triggers_must_lead_somewhere():
    found = faults(samples.step("a"), start=[])

    assert found["triggers.hand.next"] == (
        "Trigger `hand` leads to no step. Set `start` to the first step, or give the trigger its own `next`."
    )


def test_triggers_switched_off_are_a_warning():
    (fault,) = check(
        samples.draft(samples.step("a"), triggers=[{"key": "t", "type": "manual", "enabled": False}]),
        CATALOGUE,
    )

    assert (fault.path, fault.severity) == ("triggers", "warning")


def test_dangling_links_are_named_with_what_was_meant():
    found = faults(samples.step("a", "lgo"), samples.step("log"), start=["gone"])

    assert found["steps.a.next"] == "Step `a` leads to `lgo`, which does not exist. Did you mean `log`?"
    assert "`start` leads to `gone`" in found["start"]


@pytest.mark.parametrize(
    ("targets", "words"),
    [("a", "leads to itself"), (["b", "b"], "more than once"), ("n", "is a note")],
)
def test_links_that_cannot_be(targets, words):
    found = faults(samples.step("a", targets), samples.step("b"), samples.step("n", type="note"))

    assert words in found["steps.a.next"]


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        (samples.step("a", {"mian": "b"}), "next.mian", "Did you mean `main`?"),
        (samples.step("a", {"done": "b"}), "next.done", "no port `done`"),
        (
            samples.step("a", "b", type="condition", cases=[{"key": "big", "when": True}]),
            "next",
            "`big` and `else`",
        ),
        (samples.step("a", "b", type="loop", over=[1]), "next", "`each` or `done`"),
        (
            samples.step("a", {"bg": "b"}, type="condition", cases=[{"key": "big", "when": True}]),
            "next.bg",
            "`big`",
        ),
    ],
)
def test_ports_must_exist_for_the_type_and_its_cases(step, path, words):
    assert words in faults(step, samples.step("b"))[f"steps.a.{path}"]


def test_a_circle_is_shown_with_its_path():
    found = faults(samples.step("a", "b"), samples.step("b", "c"), samples.step("c", "a"))

    assert found["steps.c.next"].startswith(
        "The steps run in a circle: a → b → c → a. Remove one of the links"
    )


def test_each_circle_is_said_once():
    found = faults(
        samples.step("a", ["b", "x"], on_error="y"), samples.step("b", "a"), samples.step("x", "y"),
        samples.step("y", on_error="x"),
    )  # fmt: skip

    assert [message.split(".")[0] for message in found.values()] == [
        "The steps run in a circle: a → b → a",
        "The steps run in a circle: x → y → x",
    ]
    assert set(found) == {"steps.b.next", "steps.y.on_error"}


def test_a_link_back_to_the_loop_is_not_needed():
    found = faults(loop("l", "a"), samples.step("a", "b"), samples.step("b", "l"))

    assert found["steps.b.next"] == (
        "The steps run in a circle: l → a → b → l. The body of a loop goes back by itself: "
        "remove the link from `b` to `l`."
    )


def test_bodies_may_not_lead_out_of_their_loop():
    found = faults(loop("l", "a", "z"), samples.step("a", "z"), samples.step("z"))

    assert (
        "from inside the loop `l` (from `a`) and from outside it (from `l`, port `done`)"
        in found["steps.a.next"]
    )


def test_bodies_may_not_be_entered_from_outside():
    found = faults(samples.step("s", ["l", "b"]), loop("l", "a"), samples.step("a", "b"), samples.step("b"))

    assert "from outside it (from `s`)" in found["steps.a.next"]


def test_a_loop_may_not_start_its_body_from_the_trigger_too():
    found = faults(loop("l", "a"), samples.step("a"), start=["l", "a"])

    assert "from outside it (where the workflow starts)" in found["steps.l.next"]


def test_inner_loops_are_bodies_too():
    assert (
        faults(
            loop("o", "i", "z"), loop("i", "x", "y"), samples.step("x"), samples.step("y"), samples.step("z")
        )
        == {}
    )


def test_a_loop_without_a_body_is_a_warning():
    (fault,) = check(samples.draft(loop("l", None)), CATALOGUE)

    assert (fault.severity, fault.step) == ("warning", "l")


def test_steps_nothing_leads_to_are_a_warning():
    found = check(samples.draft(samples.step("a"), samples.step("b")), CATALOGUE)

    assert errors(found) == []
    assert [fault.message for fault in found] == [
        "Nothing leads to step `b`, so it never runs. Link it, or delete it."
    ]


@pytest.mark.parametrize("how", ["next_item", "break"])
def test_items_can_be_ended_in_a_body_alone(how):
    stop = samples.step("a", type="stop", config={"as": how})

    assert "in the body of a loop alone" in faults(stop)["steps.a.config.as"]
    assert faults(loop("l", "a"), stop) == {}


def test_respond_needs_a_webhook_that_waits():
    respond = samples.step("a", type="respond", config={"text": "ok"})
    webhook = {"key": "hook", "type": "webhook", "config": {"respond": "step"}}

    assert "no webhook or form waits" in faults(respond)["steps.a.type"]
    assert faults(respond, triggers=[webhook]) == {}
    assert "there is none" in faults(samples.step("a"), triggers=[webhook])["triggers.hook.config.respond"]


def test_faults_come_in_the_documents_order():
    document = samples.draft(
        samples.step("b", "gone", retry={"retry_if": "{{ x }}"}), samples.step("a", "away"), start=["b", "a"],
        settings={"time_zone": "Mars"}, triggers=[{"key": "t", "type": "schedule", "config": {"cron": "x"}}],
    )  # fmt: skip

    assert [fault.path for fault in check(document, CATALOGUE)] == [
        "settings.time_zone", "triggers.t.config.cron", "steps.b.next", "steps.b.retry.retry_if", "steps.a.next",
    ]  # fmt: skip


def test_what_is_missing_or_malformed_is_among_the_faults():
    found = faults({"key": "a", "type": "action"}, {"key": "b", "type": "delay"}, start=["a", "b"])

    assert found["steps.a.integration"] == "Step `a` has no `integration`. Choose an integration."
    assert "how long" in found["steps.b.config"]


def test_500_steps_are_checked_in_time():
    steps = [
        samples.step(f"s{n}", f"s{n + 1}", config={"set": {"a": f"{{{{ steps.s{n - 1}.a }}}}"}})
        for n in range(1, 499)
    ]
    document = samples.draft(samples.step("s0", "s1"), *steps, samples.step("s499"))

    assert check(document, CATALOGUE) == []

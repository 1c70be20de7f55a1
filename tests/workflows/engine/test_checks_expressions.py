"""Faults in expressions: names, steps that cannot have run, secrets."""

from typing import Any

import pytest

from tests.workflows.engine import samples
from workflows.engine.checks import check

CATALOGUE = samples.SmallCatalogue()


def faults(*steps, severity="error", variables=None, secrets=(), workflows=None, **more) -> dict[str, str]:
    found = check(
        samples.draft(*steps, **more), CATALOGUE, variables=variables, secrets=secrets, workflows=workflows
    )
    return {fault.path: fault.message for fault in found if fault.severity == severity}


def maker(key: str, text: str, next: Any = None, **more: Any) -> dict[str, Any]:
    return samples.step(key, next, type="transform", config={"set": {"x": text}}, **more)


def fault_of(text, **more) -> str:
    """The one fault of an expression in step `b`, between `a` and `c`, beside `d`; `body` is in the loop `l`."""
    found = faults(
        samples.step("a", ["b", "d"]),
        maker("b", text, "l"),
        samples.step(
            "l", {"each": "body", "done": "c"}, type="loop", over="{{ trigger.body }}", **{"as": "line"}
        ),
        samples.step("body"),
        samples.step("c"),
        samples.step("d"),
        samples.step("n", type="note"),
        **more,
    )
    assert list(found) in ([], ["steps.b.config.set.x"])
    return found.get("steps.b.config.set.x", "")


@pytest.mark.parametrize(
    "text",
    [
        "{{ trigger.body.x }}",
        "{{ steps.a.a }}",
        "{{ vars.X }}",
        "{{ run.id }}",
        "{{ now }}",
        "plain",
        "{% if %}",
        "{{ [1] | first }}",
    ],
)
def test_names_that_are_at_hand(text):
    assert fault_of(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ 1 + }}", "ends too early"),
        ("{{ nope(1) }}", "There is no function `nope`"),
        ("{{ triger.body }}", "Did you mean `trigger`?"),
        ("{{ a.x }}", "is written `steps.a`"),
        ("{{ steps.aa }}", "there is no step `aa`"),
        ("{{ steps.b.x }}", "its own output"),
        ("{{ steps.c.x }}", "cannot have run before this one"),
        ("{{ steps.d.x }}", "cannot have run before this one"),
        ("{{ steps.body.x }}", "`steps.l.results`"),
        ("{{ steps.n }}", "is a note and has no output"),
        ("{{ line.sku }}", "is an item of the loop `l`"),
        ("{{ loop.index }}", "in the body of a loop only"),
        ("{{ result.x }}", "in `output` only"),
        ("a {{ 1 }} b {{ steps.aa }}", "there is no step `aa`"),
        ('{{ steps["aa"].x }}', "there is no step `aa`"),
    ],
)
def test_names_that_are_not(text, words):
    message = fault_of(text)

    assert message.startswith("Step `b`, `config.set.x`: ")
    assert words in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ trigger.total }}", "write `trigger.body.total`"),
        ("{{ run.nmber }}", "Did you mean `number`?"),
        ("{{ error.message }}", "on an error path only"),
        ("{{ foo | default(1) }}", "there is no `foo`"),
        ("{{ steps.a.b }}", "`steps.a` has no `b`"),
    ],
)
def test_doubtful_names_are_warnings(text, words):
    assert words in fault_of(text, severity="warning")
    assert fault_of(text) == ""


def test_the_item_is_known_in_the_body_and_in_collect():
    steps = [
        samples.step("l", {"each": "x"}, type="loop", over="{{ trigger.body }}",
                     collect="{{ steps.x.x + line.n + loop.index }}", **{"as": "line"}),
        maker("x", "{{ line.sku }} {{ loop.index }} {{ loop.parent }}"),
    ]  # fmt: skip

    assert faults(*steps) == {}


def test_items_of_outer_loops_are_known_in_inner_ones():
    steps = [
        samples.step("o", {"each": "i"}, type="loop", over="{{ trigger.body }}", **{"as": "order"}),
        samples.step("i", {"each": "x"}, type="loop", over="{{ order.lines }}", **{"as": "line"}),
        maker("x", "{{ order.id }} {{ line.id }}"),
    ]

    assert faults(*steps) == {}


def test_a_loop_has_no_output_for_its_own_body():
    steps = [
        samples.step("l", {"each": "x"}, type="loop", over="{{ trigger.body }}"),
        maker("x", "{{ steps.l.count }}"),
    ]

    assert "has no output while its body runs. Use `item`" in faults(*steps)["steps.x.config.set.x"]


def test_over_sees_no_item_yet():
    steps = [samples.step("l", {"each": "x"}, type="loop", over="{{ item.lines }}"), samples.step("x")]

    assert "known in its body only" in faults(*steps)["steps.l.over"]


def paging(**given: Any) -> dict[str, str]:
    plain = {"while": "{{ loop.state.page }}", "state": {"page": "{{ steps.x.a | default(1) }}"}}
    return faults(samples.step("l", {"each": "x"}, type="loop", **{**plain, **given}), samples.step("x"))


def test_while_sees_the_state_and_state_sees_the_body():
    assert paging() == {}
    assert paging(state={"n": "{{ loop.index | default(0) }}"}) == {}


def test_while_is_asked_before_the_body_has_run():
    assert "use `loop.state`" in paging(**{"while": "{{ steps.x.a }}"})["steps.l.while"]


@pytest.mark.parametrize(
    ("text", "name"), [("{{ steps.x.a }}", "`steps.x`"), ("{{ loop.state.page + 1 }}", "`loop`")]
)
def test_state_needs_a_first_value(text, name):
    message = paging(state={"page": text})["steps.l.state.page"]

    assert f"{name} is not there before the first round" in message


def test_output_sees_the_result():
    step = samples.step("a", type="action", integration="http", action="request", input={"url": "x"},
                        output={"id": "{{ result.body.id }}"})  # fmt: skip

    assert faults(step) == {}


def test_output_names_are_what_later_steps_see():
    step = samples.step("a", "b", type="action", integration="http", action="request", input={"url": "x"},
                        output={"id": "{{ result.body.id }}"})  # fmt: skip
    found = faults(step, maker("b", "{{ steps.a.body }}"), severity="warning")

    assert "`steps.a` has no `body`" in found["steps.b.config.set.x"]


def test_slips_against_an_output_schema_are_warnings():
    step = samples.step("a", "b", type="action", integration="slack", action="send_message", connection="t",
                        input={"channel": "a", "text": "b"})  # fmt: skip
    more = {"connections": {"t": {"integration": "slack"}}, "severity": "warning"}

    assert (
        "Did you mean `channel`?"
        in faults(step, maker("b", "{{ steps.a.chanel }}"), **more)["steps.b.config.set.x"]
    )
    assert faults(step, maker("b", "{{ steps.a.something_else }}"), **more) == {}


def test_list_operations_see_the_item():
    ops = [{"op": "set", "fields": {"b": "{{ item.a }}"}}]
    step = samples.step("a", type="transform", config={"items": "{{ trigger.body }}", "ops": ops})

    assert faults(step) == {}


def test_error_is_at_hand_behind_on_error_and_in_retry_if():
    steps = [samples.step("a", on_error="b", retry={"attempts": 2, "retry_if": "{{ error.status == 503 }}"}),
             maker("b", "{{ error.message }}", "c"), maker("c", "{{ error.code }}")]  # fmt: skip

    assert faults(*steps, severity="warning") == {}


def test_callback_url_names_a_step_that_waits_for_a_call():
    wait = samples.step("wait", type="callback")
    inside = samples.step("l", {"each": "wait"}, type="loop", over="{{ trigger.body }}")

    assert faults(maker("b", '{{ callback_url("wait") }}', "wait"), wait) == {}
    assert (
        "no step `wat` waits for a call. Did you mean `wait`?"
        in faults(maker("b", '{{ callback_url("wat") }}', "wait"), wait)["steps.b.config.set.x"]
    )
    assert (
        "known inside the loop `l` only"
        in faults(maker("b", "{{ callback_url('wait') }}", "l"), inside, wait)["steps.b.config.set.x"]
    )


def test_programs_and_notes_are_not_expressions():
    code = samples.step(
        "a", type="code", config={"language": "python", "source": "x = '{{ nope'"}, notes="{{ nope"
    )

    assert faults(code) == {}


def test_cases_are_checked_by_place():
    step = samples.step("a", type="condition", cases=[
        {"key": "x", "name": "{{ free text", "when": {"any": [{"left": "{{ steps.q }}", "op": "exists"}]}}
    ])  # fmt: skip

    assert "there is no step `q`" in faults(step)["steps.a.cases[0].when.any[0].left"]


@pytest.mark.parametrize(
    ("step", "path"),
    [
        (samples.step("a", type="filter", when="steps.b.ok"), "when"),
        (samples.step("a", type="filter", when={"not": {"all": ["x"]}}), "when.not.all[0]"),
        (samples.step("a", type="condition", cases=[{"key": "x", "when": "y"}]), "cases[0].when"),
        (samples.step("a", retry={"retry_if": "error.status"}), "retry.retry_if"),
    ],
)
def test_conditions_of_fixed_text_are_warnings(step, path):
    assert "always holds" in faults(step, severity="warning")[f"steps.a.{path}"]


def test_a_loop_over_text_is_a_fault():
    step = samples.step("a", {"each": "b"}, type="loop", over="trigger.body.lines")

    assert "text, not a list" in faults(step, samples.step("b"))["steps.a.over"]


def test_triggers_see_no_steps():
    hook = {"key": "t", "type": "webhook", "config": {"dedup": "{{ steps.a.x }}{{ trigger.headers.etag }}"}}

    assert "no step has run yet" in faults(samples.step("a"), triggers=[hook])["triggers.t.config.dedup"]


def test_variables_are_checked_when_they_are_known():
    assert fault_of("{{ vars.TOKE }}") == ""
    assert "Did you mean `TOKEN`?" not in fault_of("{{ vars.TOKEN }}", variables={"TOKEN"})
    assert "there is no variable `URL`. Add it to the workspace." in fault_of(
        "{{ vars.URL }}", variables=set()
    )
    assert fault_of("{{ vars.URL | default('') }}", variables=set()) == ""


def test_secrets_are_for_inputs_of_actions_only():
    call = samples.step(
        "a", type="action", integration="http", action="request", input={"url": "{{ vars.KEY }}"}
    )

    assert faults(call, secrets={"KEY"}, variables=set()) == {}
    assert "input of actions only" in fault_of("{{ vars.KEY }}", secrets={"KEY"}, variables=set())


def test_workflows_are_checked_when_they_are_known():
    step = samples.step("a", type="sub_workflow", workflow="other")
    settings = {"on_failure": "tell"}

    assert faults(step, settings=settings) == {}
    assert set(faults(step, settings=settings, workflows={"third"})) == {
        "steps.a.workflow",
        "settings.on_failure",
    }
    assert faults(step, settings=settings, workflows={"other", "tell"}) == {}


def test_a_workflow_does_not_tell_itself_of_failures():
    assert "itself" in faults(samples.step("a"), settings={"on_failure": "sample"})["settings.on_failure"]

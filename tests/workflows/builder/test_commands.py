"""Commands: pure functions from a document to a document, or a refusal in words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.builder.commands import Change, Place, apply
from workflows.builder.commands.structure import lost_with
from workflows.engine.catalogue import ActionInfo, IntegrationInfo, TriggerInfo
from workflows.engine.checks_graph import graph_faults
from workflows.engine.document import Document, dump, load
from workflows.engine.graph import Graph
from workflows.errors import EditRefused


class Apps:
    """Two apps: `chat` needs a connection, `web` does not."""

    def integration(self, slug: str) -> IntegrationInfo | None:
        return {"chat": IntegrationInfo("chat", "Chat"), "web": IntegrationInfo("web", "Web")}.get(slug)

    def action(self, integration: str, action: str) -> ActionInfo | None:
        known = {
            ("chat", "send"): ActionInfo("send", display_name="Send message"),
            ("web", "call"): ActionInfo("call", needs_connection=False, display_name="Call"),
        }
        return known.get((integration, action))

    def trigger(self, integration: str, event: str) -> TriggerInfo | None:
        return None


def flow() -> Document:
    """call → big? → (yes: alert —error→ tell | else: thank) → items(each: reserve) → log."""
    return load(
        """
format: automate/1
key: flow
triggers: [{key: call, type: webhook}]
start: big
steps:
  - {key: big, name: Big?, type: condition, cases: [{key: "yes", name: "Yes", when: "{{ trigger.body.big }}"}],
     next: {"yes": alert, else: thank}}
  - {key: alert, name: Alert, type: delay, config: {minutes: 1}, next: items, on_error: tell}
  - {key: tell, name: Tell, type: stop}
  - {key: thank, name: Thank, type: delay, config: {minutes: 2}, next: items}
  - {key: items, name: Items, type: loop, over: "{{ trigger.body.lines }}", next: {each: reserve, done: log}}
  - {key: reserve, name: Reserve, type: delay, config: {minutes: 3}}
  - {key: log, name: Log, type: delay, config: {minutes: 4}}
"""
    )


def do(document: Document, command: str, **args: str) -> Change:
    before = dump(document)
    change = apply(document, command, args, Apps())
    assert dump(document) == before, "commands never alter the document they are given"
    load(dump(change.document), complete=False)
    return change


def lines(document: Document) -> set[str]:
    """Every line as `source:port>target`; the start is the source `start`."""
    found = {f"start>{key}" for key in document.start}
    for step in document.steps:
        found |= {f"{step.key}:{port}>{target}" for port, targets in step.next.items() for target in targets}
    return found


def changed_lines(before: Document, after: Document) -> tuple[set[str], set[str]]:
    """What went and what came."""
    return lines(before) - lines(after), lines(after) - lines(before)


# --- insert ---------------------------------------------------------------------------------------


def test_a_step_is_put_between_two() -> None:
    change = do(flow(), "insert", type="delay", source="alert", port="main")

    assert changed_lines(flow(), change.document) == (
        {"alert:main>items"},
        {"alert:main>wait", "wait:main>items"},
    )
    assert (change.label, change.opens) == ("Added Wait", "wait")


def test_a_step_before_a_join_takes_over_all_its_lines() -> None:
    gone, come = changed_lines(flow(), do(flow(), "insert", type="delay", before="items").document)

    assert gone == {"alert:main>items", "thank:main>items"}
    assert come == {"alert:main>wait", "thank:main>wait", "wait:main>items"}


def test_what_follows_goes_into_the_first_case_of_a_new_condition() -> None:
    _, come = changed_lines(flow(), do(flow(), "insert", type="condition", source="", port="main").document)

    assert come == {"start>condition", "condition:yes>big"}


def test_what_follows_comes_after_the_last_item_of_a_new_loop() -> None:
    _, come = changed_lines(flow(), do(flow(), "insert", type="loop", before="big").document)

    assert come == {"start>for_each_item", "for_each_item:done>big"}


def test_a_step_after_all_branches_joins_their_open_ends() -> None:
    document = do(flow(), "delete", key="items").document
    document = do(document, "delete", key="log").document

    change = do(document, "insert", type="delay", after="big")

    assert {"alert:main>wait", "thank:main>wait"} <= lines(change.document)


def test_a_step_beside_another_runs_at_the_same_time() -> None:
    change = do(flow(), "insert", type="delay", source="thank", port="main", beside="1")

    assert {"thank:main>items", "thank:main>wait"} <= lines(change.document)


def test_only_the_named_line_is_taken_over() -> None:
    document = do(flow(), "link", source="thank", port="main", target="log").document

    change = do(document, "insert", type="delay", source="thank", port="main", target="log")

    assert {"thank:main>items", "thank:main>wait", "wait:main>log"} <= lines(change.document)


def test_stop_in_the_middle_is_refused() -> None:
    with pytest.raises(EditRefused, match="Stop ends the path"):
        do(flow(), "insert", type="stop", source="alert", port="main")


def test_an_action_brings_the_slot_it_needs_and_the_next_one_shares_it() -> None:
    first = do(flow(), "insert", type="action", integration="chat", action="send", source="log", port="main")
    second = do(
        first.document, "insert", type="action", integration="chat", action="send", source="log", port="main"
    )

    steps = {step.key: step for step in second.document.steps}
    assert [slot.integration for slot in second.document.connections.values()] == ["chat"]
    assert steps["send"].connection == steps["send_2"].connection == "chat"


def test_an_action_without_sign_in_brings_no_slot() -> None:
    change = do(flow(), "insert", type="action", integration="web", action="call", source="log", port="main")

    assert change.document.connections == {}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"type": "nonsense"}, 'no step of the type "nonsense"'),
        ({"type": "action", "integration": "nowhere"}, 'no app "nowhere"'),
        ({"type": "action", "integration": "chat", "action": "sing"}, 'Chat has no action "sing"'),
        ({"type": "delay", "source": "gone", "port": "main"}, "not there any more"),
        ({"type": "delay", "before": "gone"}, "not there any more"),
        ({"type": "delay", "source": "alert", "port": "sideways"}, 'no way out called "sideways"'),
    ],
)
def test_what_cannot_be_added_is_refused_in_words(args: dict[str, str], words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        do(flow(), "insert", **args)


def test_keys_avoid_reserved_words_and_taken_ones() -> None:
    document = flow()
    for _ in range(2):
        document = do(document, "insert", type="merge", source="log", port="main").document
    change = do(document, "add_trigger", type="manual")

    assert {"meet", "meet_2"} <= {step.key for step in change.document.steps}
    assert change.opens == "manual"


# --- delete ---------------------------------------------------------------------------------------


def test_deleting_a_step_closes_the_path() -> None:
    gone, come = changed_lines(flow(), do(flow(), "delete", key="thank").document)

    assert (gone, come) == ({"big:else>thank", "thank:main>items"}, {"big:else>items"})


def test_deleting_a_step_takes_its_error_path_along() -> None:
    change = do(flow(), "delete", key="alert")

    assert "tell" not in {step.key for step in change.document.steps}
    assert change.label == "Deleted Alert and 1 step of its branches"


def test_deleting_a_condition_keeps_its_first_way_and_what_follows() -> None:
    change = do(flow(), "delete", key="big")

    assert {step.key for step in change.document.steps} == {"alert", "tell", "items", "reserve", "log"}
    assert change.document.start == ("alert",)


def test_deleting_a_loop_takes_its_body_along_and_keeps_what_comes_after() -> None:
    change = do(flow(), "delete", key="items")

    assert {"reserve", "items"}.isdisjoint({step.key for step in change.document.steps})
    assert {"alert:main>log", "thank:main>log"} <= lines(change.document)
    assert lost_with(flow(), "items") == ["reserve"]


def test_a_slot_goes_with_the_last_step_that_used_it() -> None:
    document = do(
        flow(), "insert", type="action", integration="chat", action="send", source="log", port="main"
    ).document

    change = do(document, "delete", key="send")

    assert change.document.connections == {}


def test_deleting_the_trigger_leaves_the_steps() -> None:
    change = do(flow(), "delete_trigger", key="call")

    assert change.document.triggers == ()
    assert change.document.start == ("big",)


# --- move -----------------------------------------------------------------------------------------


def test_moving_up_and_down_are_opposite() -> None:
    document = do(flow(), "insert", type="delay", source="log", port="main").document

    up = do(document, "move", key="wait", to="up").document
    down = do(up, "move", key="wait", to="down").document

    assert {"items:done>wait", "wait:main>log"} <= lines(up)
    assert lines(down) == lines(document)


def test_a_step_moves_into_another_branch() -> None:
    gone, come = changed_lines(flow(), do(flow(), "move", key="thank", source="alert", port="main").document)

    assert gone == {"alert:main>items", "big:else>thank"}
    assert come == {"alert:main>thank", "big:else>items"}


def test_a_block_moves_with_its_branches() -> None:
    change = do(flow(), "move", key="items", before="big")

    after = lines(change.document)
    assert {"start>items", "items:each>reserve", "items:done>big"} <= after
    assert {"alert:main>log", "thank:main>log"} <= after


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"key": "items", "source": "reserve", "port": "main"}, "cannot be moved into its own branches"),
        ({"key": "alert", "before": "alert"}, "is there already"),
        ({"key": "big", "to": "up"}, "first step of its branch"),
        ({"key": "log", "to": "down"}, "last step of its branch"),
        ({"key": "tell", "before": "big"}, "ends the path"),
    ],
)
def test_moves_that_make_no_sense_are_refused(args: dict[str, str], words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        do(flow(), "move", **args)


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"source": "log", "target": "log"}, "cannot lead to itself"),
        ({"source": "alert", "target": "items"}, "already leads to"),
        ({"source": "log", "target": "big"}, "in a circle"),
        ({"source": "reserve", "target": "log"}, "loop"),
        ({"source": "alert", "target": "reserve"}, "loop"),
        ({"source": "alert", "port": "done", "target": "log"}, 'no way out called "done"'),
        ({"source": "alert", "target": "gone"}, "not there any more"),
    ],
)
def test_lines_that_cannot_be_are_refused_in_words(args: dict[str, str], words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        do(flow(), "link", **args)


def test_a_line_is_drawn_and_taken_away() -> None:
    linked = do(flow(), "link", source="thank", port="error", target="tell").document
    unlinked = do(linked, "unlink", source="thank", port="error", target="tell").document

    assert "thank:error>tell" in lines(linked)
    assert lines(unlinked) == lines(flow())


def test_taking_away_a_line_that_is_gone_is_refused() -> None:
    with pytest.raises(EditRefused, match="not there any more"):
        do(flow(), "unlink", source="thank", port="main", target="log")


# --- small changes --------------------------------------------------------------------------------


def test_a_copy_stands_right_behind() -> None:
    change = do(flow(), "duplicate", key="alert")

    copy = next(step for step in change.document.steps if step.key == "alert_2")
    assert (copy.name, copy.config, copy.next) == ("Alert copy", {"minutes": 1}, {"main": ("items",)})
    assert change.opens == "alert_2"


def test_renaming_keeps_the_key() -> None:
    change = do(flow(), "rename", key="alert", name="  Shout  ")

    assert [(s.key, s.name) for s in change.document.steps if s.key == "alert"] == [("alert", "Shout")]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_name_is_neither_empty_nor_endless(name: str) -> None:
    with pytest.raises(EditRefused, match="1 to 200 characters"):
        do(flow(), "rename", key="alert", name=name)


def test_a_step_is_switched_off_and_on() -> None:
    off = do(flow(), "toggle", key="alert")
    on = do(off.document, "toggle", key="alert")

    assert (off.label, on.label) == ("Switched Alert off", "Switched Alert on")
    assert on.document == flow()


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(EditRefused, match='no command "explode"'):
        do(flow(), "explode")


# --- whatever people do, the draft stays sound ----------------------------------------------------


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    keys = st.sampled_from(
        ["big", "alert", "tell", "thank", "items", "reserve", "log", "wait", "condition", "alert_2"]
    )
    place: dict[str, str] = draw(
        st.one_of(
            st.builds(
                lambda s, p: {"source": s, "port": p},
                keys,
                st.sampled_from(["main", "else", "each", "done", "error"]),
            ),
            st.builds(lambda k: {"before": k}, keys),
            st.builds(lambda k: {"after": k}, keys),
        )
    )
    kind: Any = draw(st.sampled_from(["insert", "delete", "move", "duplicate", "link", "unlink", "toggle"]))
    if kind == "insert":
        return kind, {
            "type": draw(st.sampled_from(["delay", "condition", "loop", "stop", "filter"])),
            **place,
        }
    if kind in ("link", "unlink"):
        ports = st.sampled_from(["main", "yes", "else", "each", "done", "error"])
        return kind, {"source": draw(keys), "port": draw(ports), "target": draw(keys)}
    if kind == "move":
        return kind, {"key": draw(keys), **draw(st.sampled_from([place, {"to": "up"}, {"to": "down"}]))}
    return kind, {"key": draw(keys)}


@settings(max_examples=40, deadline=None)
@given(st.lists(commands(), max_size=12))
def test_no_row_of_commands_breaks_the_graph(given_commands: list[tuple[str, dict[str, str]]]) -> None:
    document = flow()

    for command, args in given_commands:
        with suppress(EditRefused):
            document = do(document, command, **args).document

    faults = [fault.message for fault in graph_faults(document, Graph(document)) if fault.severity == "error"]
    assert [
        message for message in faults if "has no steps" not in message and "leads to no step" not in message
    ] == []


def test_places_survive_being_written_into_a_form() -> None:
    for place in (Place(source="a", port="else"), Place(before="b"), Place(after="c"), Place(beside=True)):
        assert Place.read(place.as_args()) == place

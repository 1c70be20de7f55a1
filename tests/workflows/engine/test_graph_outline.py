"""The outline: what the builder's list shows, and screen readers read."""

from typing import Any

from tests.workflows.engine import samples
from workflows.engine.document import Document, load
from workflows.engine.graph import Graph
from workflows.engine.outline import OutlineBranch, OutlineNode


def drawn(*steps: Any, **more: Any) -> list[str]:
    """One line per node and branch, indented by nesting."""
    return lines(samples.draft(*steps, **more))


def lines(document: Document) -> list[str]:
    outline = Graph(document).outline()
    found: list[str] = []

    def branch(part: OutlineBranch, indent: int) -> None:
        onward = f" → {', '.join(part.leads_to)}" if part.leads_to else ""
        found.append("  " * indent + f"[{part.label}]{onward}")
        for inner in part.branches:
            branch(inner, indent + 1)
        nodes(part.nodes, indent + 1)

    def nodes(parts: tuple[OutlineNode, ...], indent: int) -> None:
        for node in parts:
            joins = f" after {', '.join(node.joins)}" if node.joins else ""
            onward = f" → {', '.join(node.leads_to)}" if node.leads_to else ""
            shared = " (on error)" if node.on_error else ""
            found.append("  " * indent + node.step.key + joins + onward + shared)
            for inner in node.branches:
                branch(inner, indent + 1)

    for part in outline.branches:
        branch(part, 0)
    nodes(outline.nodes, 0)
    if outline.loose:
        found.append("loose")
        nodes(outline.loose, 1)
    return found


def condition(key: str, yes: str | None = None, no: str | None = None, **more: Any) -> dict[str, Any]:
    links = {port: target for port, target in (("yes", yes), ("else", no)) if target}
    return samples.step(
        key, links, type="condition", cases=[{"key": "yes", "name": "Yes!", "when": True}], **more
    )


def test_the_order_example():
    assert lines(load(samples.ORDER)) == [
        "big",
        "  [Yes]",
        "    alert → items",
        "      [On error]",
        "        tell_me",
        "  [Otherwise]",
        "    thank → items",
        "items after alert, thank",
        "  [Repeats for each item]",
        "    reserve",
        "log",
    ]


def test_numbers_follow_the_reading_order_and_depth_the_nesting():
    nodes = list(Graph(load(samples.ORDER)).outline().walk())

    assert [node.step.key for node in nodes] == [
        "big",
        "alert",
        "tell_me",
        "thank",
        "items",
        "reserve",
        "log",
    ]
    assert [node.depth for node in nodes] == [0, 1, 2, 1, 0, 1, 0]


def test_a_chain_stays_on_its_level():
    assert drawn(samples.step("a", "b"), samples.step("b", "c"), samples.step("c")) == ["a", "b", "c"]


def test_empty_branches_are_there_to_be_filled():
    assert drawn(condition("a")) == ["a", "  [Yes!]", "  [Otherwise]"]
    assert drawn(samples.step("a", type="loop", over=[1])) == ["a", "  [Repeats for each item]"]


def test_a_branch_may_lead_straight_to_the_join():
    assert drawn(condition("a", "b", "c"), samples.step("b", "c"), samples.step("c")) == [
        "a",
        "  [Yes!]",
        "    b → c",
        "  [Otherwise] → c",
        "c after a, b",
    ]


def test_a_join_of_some_branches_comes_where_they_parted():
    steps = [
        samples.step("a", {"yes": "b", "maybe": "c", "else": "d"}, type="condition",
                     cases=[{"key": "yes", "when": True}, {"key": "maybe", "when": True}]),
        samples.step("b", "j"), samples.step("c", "j"), samples.step("d"), samples.step("j"),
    ]  # fmt: skip

    assert drawn(*steps) == [
        "a", "  [Yes]", "    b → j", "  [Maybe]", "    c → j", "  [Otherwise]", "    d", "j after b, c"
    ]  # fmt: skip


def test_nested_conditions_join_level_by_level():
    steps = [
        condition("a", "b", "e"),
        condition("b", "c", "d"),
        samples.step("c", "inner"),
        samples.step("d", "inner"),
        samples.step("inner", "outer"),
        samples.step("e", "outer"),
        samples.step("outer"),
    ]

    assert drawn(*steps) == [
        "a", "  [Yes!]", "    b", "      [Yes!]", "        c → inner", "      [Otherwise]", "        d → inner",
        "    inner after c, d → outer", "  [Otherwise]", "    e → outer", "outer after inner, e",
    ]  # fmt: skip


def test_parallel_steps_are_branches():
    steps = [samples.step("a", ["b", "c"]), samples.step("b", "d"), samples.step("c", "d"), samples.step("d")]

    assert drawn(*steps) == [
        "a", "  [At the same time]", "    b → d", "  [At the same time]", "    c → d", "d after b, c"
    ]  # fmt: skip


def test_parallel_steps_in_a_body_join_in_it():
    steps = [
        samples.step("l", {"each": ["a", "b"], "done": "z"}, type="loop", over=[1]),
        samples.step("a", "j"), samples.step("b", "j"), samples.step("j"), samples.step("z"),
    ]  # fmt: skip

    assert drawn(*steps) == [
        "l", "  [Repeats for each item]", "    [At the same time]", "      a → j", "    [At the same time]",
        "      b → j", "    j after a, b", "z",
    ]  # fmt: skip


def test_an_error_path_that_comes_back_joins_the_main_path():
    steps = [samples.step("a", "b", on_error="fix"), samples.step("fix", "b"), samples.step("b")]

    assert drawn(*steps) == ["a → b", "  [On error]", "    fix → b", "b after a, fix"]


def test_an_error_path_shared_by_steps_is_marked():
    steps = [
        samples.step("a", "b", on_error="tell"),
        samples.step("b", on_error="tell"),
        samples.step("tell"),
    ]

    assert drawn(*steps) == [
        "a", "  [On error] → tell", "b", "  [On error] → tell", "tell after a, b (on error)"
    ]  # fmt: skip


def test_approval_shows_all_its_ways():
    steps = [
        samples.step("ask", {"approved": "a", "timeout": "b"}, type="approval", config={"assignees": ["x"]}),
        samples.step("a"), samples.step("b"),
    ]  # fmt: skip

    assert drawn(*steps) == [
        "ask", "  [Approved]", "    a", "  [Rejected]", "  [No answer in time]", "    b"
    ]  # fmt: skip


def test_triggers_that_lead_to_different_steps_are_branches():
    steps = [samples.step("a", "c"), samples.step("b", "c"), samples.step("c")]
    triggers = [{"key": "hand", "type": "manual"}, {"key": "clock", "type": "manual", "next": "b"}]

    assert drawn(*steps, triggers=triggers) == ["[Hand]", "  a → c", "[Clock]", "  b → c", "c after a, b"]


def test_two_starts_are_branches():
    assert drawn(samples.step("a"), samples.step("b"), start=["a", "b"]) == [
        "[At the same time]", "  a", "[At the same time]", "  b"
    ]  # fmt: skip


def test_steps_nothing_leads_to_stand_apart():
    steps = [samples.step("a"), samples.step("b", "c"), samples.step("c")]

    assert drawn(*steps) == ["a", "loose", "  b", "  c"]


def test_notes_stand_apart():
    document = samples.draft(samples.step("a"), samples.step("n", type="note", notes="Remember"))

    assert [note.key for note in Graph(document).outline().notes] == ["n"]


def test_a_circle_is_drawn_as_a_link_back():
    steps = [samples.step("a", "b"), samples.step("b", "c"), samples.step("c", ["b"])]

    assert drawn(*steps) == ["a → b", "b after a, c", "c → b"]


def test_deep_nesting_is_no_problem():
    steps = [condition(f"s{number}", f"s{number + 1}") for number in range(499)]

    nodes = list(Graph(samples.draft(*steps, samples.step("s499"))).outline().walk())

    assert [node.depth for node in nodes] == list(range(500))

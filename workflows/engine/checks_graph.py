"""Faults of the graph: links that lead nowhere, circles, bodies entered from outside, steps nothing leads to."""

from collections import Counter
from collections.abc import Iterator

from workflows.engine.errors import Fault
from workflows.engine.graph import Graph, Link, reachable
from workflows.engine.parts import Document, Step, ports
from workflows.engine.words import did_you_mean, listed


def graph_faults(document: Document, graph: Graph) -> Iterator[Fault]:
    """Everything wrong with how the steps hang together."""
    yield from _start_faults(document, graph)
    for step in document.steps:
        yield from _link_faults(step, graph)
    yield from _circles(graph)
    for loop, step in graph.steps.items():
        if step.type == "loop" and loop not in graph.circular:
            yield from _body_faults(graph, loop)
    yield from _unreachable(document, graph)
    yield from _misplaced(graph)


def _step_fault(step: str, field: str, message: str, *, warning: bool = False) -> Fault:
    return Fault(f"steps.{step}.{field}", message, step, field, "warning" if warning else "error")


# -- where things start


def _start_faults(document: Document, graph: Graph) -> Iterator[Fault]:
    if not document.triggers:
        yield Fault(
            "triggers", "The workflow has no trigger. Add one, such as a webhook or a schedule, to start it."
        )
    elif not any(trigger.enabled for trigger in document.triggers):
        yield Fault(
            "triggers", "All triggers are switched off, so nothing starts the workflow.", severity="warning"
        )
    if not graph.order:
        yield Fault("steps", "The workflow has no steps. Add at least one.")
        return
    yield from _targets_faults(document.start, "start", "`start`", graph)
    for trigger in document.triggers:
        who = f"Trigger `{trigger.key}`"
        yield from _targets_faults(trigger.next, f"triggers.{trigger.key}.next", who, graph)
        if not trigger.next and not document.start:
            yield Fault(
                f"triggers.{trigger.key}.next",
                f"{who} leads to no step. Set `start` to the first step, or give the trigger its own `next`.",
                field="next",
            )


def _targets_faults(targets: tuple[str, ...], path: str, who: str, graph: Graph) -> Iterator[Fault]:
    field = "next" if path != "start" else None
    for target, words in _bad_targets(targets, graph):
        yield Fault(path, f"{who} leads to `{target}`{words}", field=field)


def _bad_targets(targets: tuple[str, ...], graph: Graph) -> Iterator[tuple[str, str]]:
    for target, count in Counter(targets).items():
        if target not in graph.steps:
            hint = did_you_mean(target, graph.order) or "Choose another step."
            yield target, f", which does not exist. {hint}"
        elif graph.steps[target].type == "note":
            yield target, ", which is a note and never runs. Choose another step."
        elif count > 1:
            yield target, " more than once. Keep one of the links."


# -- links


def _link_faults(step: Step, graph: Graph) -> Iterator[Fault]:
    known = ports(step)
    for port, targets in step.next.items():
        field = "on_error" if port == "error" else "next" if port == "main" else f"next.{port}"
        if port not in known:
            yield _step_fault(step.key, field, _unknown_port(step, port, known))
            continue
        for target, words in _bad_targets(targets, graph):
            yield _step_fault(step.key, field, f"Step `{step.key}` leads to `{target}`{words}")
        if step.key in targets:
            message = f"Step `{step.key}` leads to itself. To repeat something, use a loop; to try again, use `retry`."
            yield _step_fault(step.key, field, message)


def _unknown_port(step: Step, port: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"Step `{step.key}` is a {step.type} and leads nowhere. Remove its links."
    if port == "main" and step.type == "condition":
        ways = listed((f"`{name}`" for name in known if name != "error"), "and")
        return f"Step `{step.key}` is a condition, so `next` must say where each way goes: {ways}."
    names = [name for name in known if name != "error"]
    if port == "main":
        return f"Step `{step.key}` has no port `main`. Write `next` with {listed(f'`{name}`' for name in names)}."
    return f"Step `{step.key}` has no port `{port}`. {did_you_mean(port, names)}".rstrip()


# -- circles


def _circles(graph: Graph) -> Iterator[Fault]:
    seen: set[str] = set()
    for key in graph.order:
        if key in graph.circular and key not in seen:
            circle = _circle_through(graph, key)
            if circle:
                seen |= _knot(graph, key)
                yield _circle_fault(graph, circle)


def _knot(graph: Graph, key: str) -> set[str]:
    """All steps that lie on some circle together with this one."""
    ahead = reachable((key,), lambda at: (link.target for link in graph.outgoing[at]))
    behind = reachable((key,), lambda at: (link.source for link in graph.incoming[at]))
    return ahead & behind


def _circle_through(graph: Graph, key: str) -> list[Link]:
    """The shortest way from a step back to itself; empty if there is none."""
    came: dict[str, Link] = {}
    waiting = [key]
    for at in waiting:
        for link in graph.outgoing[at]:
            if link.target not in came:
                came[link.target] = link
                waiting.append(link.target)
    if key not in came:
        return []
    path = [came[key]]
    while path[-1].source != key:
        path.append(came[path[-1].source])
    return path[::-1]


def _circle_fault(graph: Graph, circle: list[Link]) -> Fault:
    way = " → ".join([circle[0].source, *(link.target for link in circle)])
    body = next((at for at, link in enumerate(circle) if link.port == "each"), None)
    last = circle[-1] if body is None else circle[body - 1]
    message = f"The steps run in a circle: {way}. Remove one of the links, or use a loop to repeat steps."
    if body is not None:
        loop = circle[body].source
        message = (
            f"The steps run in a circle: {way}. The body of a loop goes back by itself: "
            f"remove the link from `{last.source}` to `{loop}`."
        )
    return _step_fault(last.source, _link_field(last.port), message)


def _link_field(port: str) -> str:
    return "on_error" if port == "error" else "next"


# -- loops


def _body_faults(graph: Graph, loop: str) -> Iterator[Fault]:
    body = {key for key in graph.order if loop in graph.loops_around(key)}
    if not graph.steps[loop].next.get("each") and "main" not in graph.steps[loop].next:
        message = f"Loop `{loop}` has no body: nothing is linked to its port `each`. Add the steps to repeat."
        yield _step_fault(loop, "next.each", message, warning=True)
    said: set[str] = set()
    for link in graph.links:
        inside = link.source in body or (link.source == loop and link.port == "each")
        if (
            inside
            and link.target not in body
            and link.target not in graph.circular
            and link.target not in said
        ):
            said.add(link.target)
            yield _step_fault(link.source, _link_field(link.port), _crossing(graph, loop, body, link))


def _crossing(graph: Graph, loop: str, body: set[str], link: Link) -> str:
    target = link.target
    outside = next(
        (
            f"from `{other.source}`" + (f", port `{other.port}`" if other.port != "main" else "")
            for other in graph.incoming[target]
            if other.source not in body and not (other.source == loop and other.port == "each")
        ),
        "where the workflow starts",
    )
    return (
        f"Step `{target}` is reached from inside the loop `{loop}` (from `{link.source}`) and from outside it ({outside}). "
        "A body can neither be entered from outside nor lead out of its loop: remove one of the two links. "
        "What comes after the last item is linked to the loop's port `done`."
    )


# -- steps out of place


def _unreachable(document: Document, graph: Graph) -> Iterator[Fault]:
    if not graph.roots():
        return
    reached = graph.reached()
    for key in graph.order:
        if key not in reached:
            message = f"Nothing leads to step `{key}`, so it never runs. Link it, or delete it."
            yield _step_fault(key, "key", message, warning=True)


def _misplaced(graph: Graph) -> Iterator[Fault]:
    for key in graph.order:
        step = graph.steps[key]
        how = step.setting("as") if step.type == "stop" else None
        if how in ("next_item", "break") and graph.loop_of[key] is None and key not in graph.circular:
            message = f'Step `{key}` stops as "{how}", which works in the body of a loop alone. Use completed or failed.'
            yield _step_fault(key, "config.as", message)
    yield from _answers(graph)


def _answers(graph: Graph) -> Iterator[Fault]:
    responds = [key for key in graph.order if graph.steps[key].type == "respond"]
    waiting = [
        trigger
        for trigger in graph.document.triggers
        if trigger.type in ("webhook", "form") and trigger.setting("respond") == "step"
    ]
    if not waiting:
        for key in responds:
            message = f"Step `{key}` answers a caller, but no webhook or form waits for it. Set `respond: step` there."
            yield _step_fault(key, "type", message, warning=True)
    elif not responds:
        for trigger in waiting:
            instead = "thanks" if trigger.type == "form" else "when_done"
            message = f"Trigger `{trigger.key}` waits for a respond step, but there is none. Add one, or set `respond: {instead}`."
            yield Fault(
                f"triggers.{trigger.key}.config.respond", message, field="config.respond", severity="warning"
            )

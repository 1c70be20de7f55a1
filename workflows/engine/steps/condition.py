"""Goes different ways: the first case that holds, or all that hold, else `else`."""

from automate.lib.jsontypes import JSON
from workflows.engine.conditions import case_holds
from workflows.engine.document import port_name
from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    step = context.step
    value = context.value(step.config["value"]) if "value" in step.config else None
    taken: list[str] = []
    for case in step.cases:
        if case_holds(case, value, context.scope):
            taken.append(str(case["key"]))
            if step.setting("mode") == "first":
                break
    ports = tuple(taken) or ("else",)
    names: list[JSON] = [port_name(step, port) for port in ports]
    return Done({"taken": list(ports), "names": names}, ports)

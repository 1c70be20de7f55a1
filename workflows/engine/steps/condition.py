"""Goes different ways: the first case that holds, or all that hold, else `else`."""

from automate.lib.jsontypes import JSON
from workflows.engine.conditions import chosen_ports
from workflows.engine.document import port_name
from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    ports = chosen_ports(context.step, context.scope)
    names: list[JSON] = [port_name(context.step, port) for port in ports]
    return Done({"taken": list(ports), "names": names}, ports)

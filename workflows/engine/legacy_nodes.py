"""What each type of node of the older form becomes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflows.engine.legacy_names import slug, workflow_key

Params = Mapping[str, Any]

NODE_KINDS: Final = {
    **dict.fromkeys(("task", "action", "integration", "api", "app"), "task"),
    **dict.fromkeys(("http", "http_request", "request", "rest", "api_call"), "http"),
    **dict.fromkeys(("condition", "if", "decision", "branch", "conditional"), "condition"),
    **dict.fromkeys(("filter",), "filter"),
    **dict.fromkeys(("loop", "foreach", "for_each", "iterator", "each"), "loop"),
    **dict.fromkeys(("delay", "wait", "sleep", "timer"), "delay"),
    **dict.fromkeys(("merge", "join"), "merge"),
    **dict.fromkeys(("transform", "set", "map", "mapping"), "transform"),
    **dict.fromkeys(("code", "script", "function"), "code"),
    **dict.fromkeys(("sub_workflow", "workflow", "subworkflow"), "sub_workflow"),
    **dict.fromkeys(("stop", "end", "finish"), "stop"),
    **dict.fromkeys(("manual", "start"), "manual"),
    **dict.fromkeys(("webhook", "webhook_trigger"), "webhook"),
    **dict.fromkeys(("schedule", "cron", "schedule_trigger"), "schedule"),
}
_OPS: Final = {
    "==": "equals", "=": "equals", "eq": "equals", "equal": "equals", "is": "equals", "!=": "not_equals",
    "ne": "not_equals", ">": "greater_than", "gt": "greater_than", ">=": "at_least", "gte": "at_least",
    "<": "less_than", "lt": "less_than", "<=": "at_most", "lte": "at_most", "empty": "is_empty",
}  # fmt: skip
_UNITS: Final = {"second": "seconds", "sec": "seconds", "s": "seconds", "minute": "minutes", "min": "minutes",
                 "m": "minutes", "hour": "hours", "h": "hours", "day": "days", "d": "days"}  # fmt: skip
_YES: Final = frozenset(("true", "yes", "then", "success", "on_true", "if", "match", "1"))
_NO: Final = frozenset(("false", "no", "else", "otherwise", "on_false", "default", "0"))
_BODY: Final = frozenset(("each", "body", "item", "loop", "do"))
_AFTER: Final = frozenset(("done", "after", "end", "exit", "finished", "complete"))
_FAILED: Final = frozenset(("error", "on_error", "failure", "fail", "failed", "catch"))


def port_of(kind: str, link: Params, taken: set[str]) -> str:
    """The port a connection leaves by: its label, else the first free one of the type."""
    given = next(
        (link[name] for name in ("port", "label", "condition", "branch", "type", "when") if name in link),
        None,
    )
    word = slug(str(given)) if given is not None else ""
    if word in _FAILED and kind != "stop":
        return "error"
    if kind == "condition":
        return "else" if word in _NO or (word not in _YES and "yes" in taken) else "yes"
    if kind == "loop":
        return "done" if word in _AFTER or (word not in _BODY and "each" in taken) else "each"
    return "main"


def as_step(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    """The type of step and its own keys; an action's app is worked out elsewhere."""
    if kind in ("task", "http"):
        body = {
            "json" if name == "body" and kind == "http" else name: value for name, value in params.items()
        }
        return {"type": "action", "input": body}
    return {"type": kind, **_MAKERS[kind](params)}


def as_trigger(kind: str, params: Params) -> dict[str, Any]:
    """The type of trigger and its config."""
    if kind == "webhook":
        method = params.get("method")
        return {
            "type": "webhook",
            **({"config": {"methods": [method.upper()]}} if isinstance(method, str) else {}),
        }
    if kind == "schedule":
        return {"type": "schedule", "config": _schedule(params)}
    return {"type": kind}


def _schedule(params: Params) -> dict[str, Any]:
    config: dict[str, Any] = {}
    cron = _first(params, "cron", "cron_expression", "schedule", "expression")
    every = _first(params, "every_s", "interval", "interval_seconds", "seconds")
    zone = _first(params, "time_zone", "timezone", "tz")
    if cron is not None:
        config["cron"] = cron
    elif every is not None:
        config["every_s"] = every
    return config | ({"time_zone": zone} if zone is not None else {})


def _first(params: Params, *names: str) -> Any:
    return next((params[name] for name in names if params.get(name) is not None), None)


def _when(params: Params) -> Any:
    """A whole condition, an expression without braces, or field, operator and value."""
    field = _first(params, "field", "left", "variable")
    if field is not None:
        op = slug(str(_first(params, "operator", "op") or "equals"))
        given = str(_first(params, "operator", "op") or "equals")
        return {
            "left": _braced(field),
            "op": _OPS.get(given, _OPS.get(op, op)),
            "right": _first(params, "value", "right"),
        }
    return _braced(_first(params, "when", "condition", "expression", "if"))


def _braced(text: Any) -> Any:
    return f"{{{{ {text} }}}}" if isinstance(text, str) and text and "{{" not in text else text


def _condition(params: Params) -> dict[str, Any]:
    return {"cases": [{"key": "yes", "name": "Yes", "when": _when(params)}]}


def _loop(params: Params) -> dict[str, Any]:
    over = _first(params, "over", "items", "list", "collection", "array")
    name = _first(params, "as", "item_name", "variable")
    return {"over": _braced(over), **({"as": slug(name)} if isinstance(name, str) and slug(name) else {})}


def _delay(params: Params) -> dict[str, Any]:
    amount = _first(params, "duration", "amount", "delay")
    if amount is not None:
        unit = slug(str(params.get("unit") or "seconds"))
        return {"config": {_UNITS.get(unit.rstrip("s") or unit, _UNITS.get(unit, "seconds")): amount}}
    return {
        "config": {
            name: params[name] for name in ("seconds", "minutes", "hours", "days", "until") if name in params
        }
    }


def _transform(params: Params) -> dict[str, Any]:
    inner = _first(params, "set", "mapping", "fields", "values")
    return {"config": {"set": inner if isinstance(inner, dict) else dict(params)}}


def _code(params: Params) -> dict[str, Any]:
    config = {
        "language": _first(params, "language") or "python",
        "source": _first(params, "source", "code", "script"),
    }
    given = params.get("input")
    return {"config": config, **({"input": given} if isinstance(given, dict) else {})}


def _sub_workflow(params: Params) -> dict[str, Any]:
    name = _first(params, "workflow", "workflow_id", "name")
    given = params.get("input")
    return {
        **({"workflow": workflow_key(name)} if isinstance(name, str) else {}),
        **({"input": given} if isinstance(given, dict) else {}),
    }


def _stop(params: Params) -> dict[str, Any]:
    config = {name: params[name] for name in ("message", "output") if name in params}
    return {"config": config} if config else {}


_MAKERS: Final[dict[str, Callable[[Params], dict[str, Any]]]] = {
    "condition": _condition,
    "filter": lambda params: {"when": _when(params)},
    "loop": _loop,
    "delay": _delay,
    "merge": lambda params: {"join": "any"} if params.get("join") == "any" else {},
    "transform": _transform,
    "code": _code,
    "sub_workflow": _sub_workflow,
    "stop": _stop,
}

"""Documents and a small catalogue that the tests of the engine share."""

from typing import Any

from workflows.engine.catalogue import ActionInfo, IntegrationInfo, TriggerInfo
from workflows.engine.document import Document, load

ORDER = """\
format: automate/1
key: order-follow-up
name: High-value order follow-up
description: Tell sales about big orders and open an onboarding task.
settings: {timeout_s: 3600, time_zone: Europe/Berlin, overlap: queue, max_parallel_runs: 10, keep_data: all, on_failure: tell-ops}
connections:
  sales_slack: {integration: slack}
triggers:
  - {key: order, type: webhook, config: {respond: immediately}}
start: big                          # where triggers lead; a trigger may name its own `next`
steps:
  - key: big
    name: Over 500 EUR?
    type: condition
    cases:
      - {key: high, name: "Yes", when: {all: [{left: "{{ trigger.body.order.total }}", op: greater_than, right: 500}]}}
    next: {high: [alert], else: [thank]}
  - key: alert
    name: Alert sales team
    type: action
    integration: slack
    action: send_message
    connection: sales_slack
    input: {channel: "#sales", text: "Order {{ trigger.body.order.number }}: {{ trigger.body.order.total }} EUR"}
    retry: {attempts: 4, backoff_s: 2, factor: 2, max_s: 60}
    next: [items]                   # a plain key or list is the port `main`
    on_error: [tell_me]
  - key: items
    type: loop
    over: "{{ trigger.body.order.lines }}"
    as: line
    parallel: 5
    on_item_error: continue
    collect: "{{ steps.reserve.body.id }}"
    next: {each: [reserve], done: [log]}
  - key: reserve
    type: action
    integration: http
    action: request
    effect: safe
    input: {method: POST, url: "{{ vars.STOCK_URL }}/reservations", json: {sku: "{{ line.sku }}", quantity: "{{ line.quantity }}"}}
  - key: thank
    type: action
    integration: http
    action: request
    input: {method: POST, url: "{{ vars.MAIL_URL }}", json: {to: "{{ trigger.body.order.email }}"}}
    next: items
  - key: tell_me
    type: action
    integration: http
    action: request
    input: {method: POST, url: "{{ vars.PAGER_URL }}", json: {text: "{{ error.message }}"}}
  - key: log
    type: transform
    config: {set: {reserved: "{{ steps.items.results }}", alerted: "{{ steps.alert.ts }}"}}
"""

_MESSAGE_INPUT = {
    "type": "object",
    "required": ["channel", "text"],
    "properties": {
        "channel": {"type": "string", "title": "Channel"},
        "text": {"type": "string", "title": "Message"},
        "unfurl": {"type": "boolean"},
    },
}
_REQUEST_INPUT = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "method": {"enum": ["GET", "POST", "PUT", "DELETE"]},
        "url": {"type": "string", "minLength": 1},
        "timeout": {"type": "integer", "maximum": 300},
        "tags": {"type": "array", "items": {"type": "string"}},
        "shared": {"$ref": "#/$defs/shared"},
        "json": {},
    },
    "additionalProperties": False,
    "$defs": {"shared": {"type": "number"}},
}


class SmallCatalogue:
    """Slack with one action and one event, http without a connection."""

    _actions = {
        ("slack", "send_message"): ActionInfo(
            "send_message",
            _MESSAGE_INPUT,
            {"type": "object", "properties": {"ts": {"type": "string"}, "channel": {"type": "string"}}},
        ),
        ("http", "request"): ActionInfo("request", _REQUEST_INPUT, needs_connection=False),
    }
    _triggers = {("slack", "new_message"): TriggerInfo("new_message", "WEBHOOK")}
    _integrations = {
        "slack": IntegrationInfo("slack", "Slack", ("send_message",), ("new_message",)),
        "http": IntegrationInfo("http", "HTTP", ("request",)),
    }

    def integration(self, slug: str) -> IntegrationInfo | None:
        return self._integrations.get(slug)

    def action(self, integration: str, action: str) -> ActionInfo | None:
        return self._actions.get((integration, action))

    def trigger(self, integration: str, event: str) -> TriggerInfo | None:
        return self._triggers.get((integration, event))


def step(key: str, next: Any = None, **more: Any) -> dict[str, Any]:
    """A transform step, or whatever `type` says."""
    plain: dict[str, Any] = {"key": key, "type": "transform"}
    if "type" not in more:
        plain["config"] = {"set": {"a": 1}}
    return plain | ({"next": next} if next is not None else {}) | more


def data(*steps: dict[str, Any], start: Any = None, **more: Any) -> dict[str, Any]:
    """A document as a dict: a manual trigger, and the first step as start unless said otherwise."""
    first = [steps[0]["key"]] if steps else []
    return {
        "format": "automate/1",
        "key": "sample",
        "triggers": [{"key": "hand", "type": "manual"}],
        "start": first if start is None else start,
        "steps": list(steps),
    } | more


def draft(*steps: dict[str, Any], **more: Any) -> Document:
    """The same, loaded; things may be missing."""
    return load(data(*steps, **more), complete=False)

"""Documents that tests of drafts, publishing and the builder share."""

from __future__ import annotations

from workflows.engine.document import Document, load

ORDER = """
format: automate/1
key: order-follow-up
name: High-value order follow-up
description: Tell sales about big orders.
settings: {timeout_s: 3600, time_zone: Europe/Berlin, overlap: queue, max_parallel_runs: 10}
connections:
  sales_chat: {integration: chat}
triggers:
  - {key: order, name: New order received, type: webhook, config: {respond: when_done}}
  - {key: nightly, type: schedule, config: {cron: "30 2 * * *", time_zone: Europe/Paris}, next: thank}
start: big
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
    integration: chat
    action: send_message
    connection: sales_chat
    input: {channel: "#sales", text: "Order {{ trigger.body.order.number }}", silent: false}
    output: {id: "{{ result.id }}"}
    retry: {attempts: 4, backoff_s: 2.5}
    timeout_s: 30
    notes: |
      Ask Mia before changing
      the channel.
    next: items
    on_error: [tell_me]
  - key: items
    type: loop
    over: "{{ trigger.body.order.lines }}"
    as: line
    parallel: 5
    on_item_error: continue
    next: {each: [reserve], done: [log]}
  - {key: reserve, type: transform, config: {set: {sku: "{{ line.sku }}", count: 1, sure: true}}}
  - {key: thank, type: delay, config: {minutes: 5}, next: items, enabled: false}
  - {key: tell_me, type: stop, config: {as: failed, message: "{{ error.message }}"}}
  - {key: log, type: transform, config: {set: {n: "{{ steps.items.count }}"}}}
  - {key: memo, type: note, notes: Hello}
"""

SMALL = """
format: automate/1
key: small
name: Small one
triggers:
  - {key: call, type: webhook}
start: shape
steps:
  - {key: shape, name: Shape, type: transform, config: {set: {greeting: "Hello {{ trigger.body.name }}"}}}
"""


def order() -> Document:
    return load(ORDER)


def small() -> Document:
    return load(SMALL)

"""A draft that touches every part of the builder, and the two ways a browser asks for things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Tenant, User
from integrations.models import IntegrationAction, IntegrationDefinition, UserIntegration
from workflows import documents
from workflows.engine.document import load
from workflows.models import Sample, WorkflowTemplate

DOCUMENT = """
format: automate/1
key: greet
name: Greet people
triggers:
  - {key: call, name: A call, type: webhook}
connections: {chat: {integration: chat}}
start: big
steps:
  - {key: big, name: Big?, type: condition, cases: [{key: "yes", name: "Yes", when: "{{ trigger.body.big }}"}], next: {"yes": shape, else: say}}
  - {key: shape, name: Shape, type: transform, config: {set: {greeting: "Hello {{ trigger.body.name }}"}}, next: say}
  - {key: say, name: Say it, type: action, integration: chat, action: send, connection: chat, input: {text: "{{ steps.shape.greeting }}"}}
"""
SCHEMA = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "title": "Message", "x-multiline": True},
        "loud": {"type": "boolean"},
    },
}
Act = Callable[..., Any]  # Django's test client adds names to responses that its types do not know


@pytest.fixture
def chat(db: None) -> IntegrationDefinition:
    chat = IntegrationDefinition.objects.create(name="chat", display_name="Chat", auth_type="BEARER")
    IntegrationAction.objects.create(
        integration=chat, name="send", display_name="Send message", input_schema=SCHEMA
    )
    IntegrationAction.objects.create(
        integration=chat, name="list_rooms", display_name="List rooms", description="All rooms."
    )
    return chat


@pytest.fixture
def draft(alice: User, workspace: Tenant, chat: IntegrationDefinition) -> WorkflowTemplate:
    template = documents.create(workspace, load(DOCUMENT), by=alice)
    body = {"name": "Mia", "big": True, "lines": [{"sku": "A1"}, {"sku": "B2"}]}
    Sample.objects.create(
        tenant=workspace,
        template=template,
        trigger_key="call",
        data={"type": "webhook", "key": "call", "at": "2026-01-01T00:00:00Z", "body": body},
        source=Sample.Source.REQUEST,
    )
    return template


@pytest.fixture
def edit(as_alice: Client, draft: WorkflowTemplate) -> Act:
    """POST one command as HTMX does; `plain=True` as a form without scripts does."""

    def act(command: str, *, plain: bool = False, **args: str) -> Any:
        headers = {} if plain else {"HX-Request": "true", "HX-Target": "outline"}
        return as_alice.post(f"/workflows/{draft.pk}/edit/", {"command": command, **args}, headers=headers)

    return act


@pytest.fixture
def mine(alice: User, workspace: Tenant, chat: IntegrationDefinition) -> UserIntegration:
    return UserIntegration.objects.create(
        tenant=workspace, user=alice, integration=chat, name="My chat", auth_type="BEARER"
    )

"""Runs any action of any integration: map the input, send, page, read the answer, name the error."""

from integrations.actions.answers import Answer, retry_after_s
from integrations.actions.effects import effect_of
from integrations.actions.inputs import InputSchema
from integrations.actions.runner import ActionRunner, way_of
from integrations.errors import ActionError, InputError, RateLimited
from integrations.values import ActionResult, Connection, Context, FileStore, Limiter, Outgoing

__all__ = [
    "ActionError",
    "ActionResult",
    "ActionRunner",
    "Answer",
    "Connection",
    "Context",
    "FileStore",
    "InputError",
    "InputSchema",
    "Limiter",
    "Outgoing",
    "RateLimited",
    "effect_of",
    "retry_after_s",
    "way_of",
]

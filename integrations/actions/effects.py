"""Whether an action may be sent again when nobody knows if it arrived."""

from collections.abc import Mapping
from typing import Literal

from automate.lib.jsontypes import JSON
from integrations.manifest import Action, Manifest

Effect = Literal["safe", "unsafe"]

UNSAFE_METHODS = frozenset(("POST", "PATCH"))  # the others may be repeated by HTTP's own definition


def effect_of(manifest: Manifest, action: Action | str, input: Mapping[str, JSON]) -> Effect:
    """The manifest's word first; then an idempotency key the service honours; then the method decides."""
    found = manifest.action(action) if isinstance(action, str) else action
    if found is None:
        return "unsafe"
    if found.effect is not None:
        return found.effect
    if found.idempotency is not None:
        return "safe"
    if manifest.protocol == "http_request":
        methods = [str(input.get("method") or "GET").upper()]
    elif manifest.protocol == "http":
        methods = [call.method for call in found.requests] or [found.method or "GET"]
    else:
        return "unsafe"
    return "unsafe" if UNSAFE_METHODS.intersection(methods) else "safe"

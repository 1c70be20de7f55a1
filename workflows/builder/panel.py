"""What the side panel shows of one step or trigger: a plain dict for its template, made of values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from automate.lib import clock
from workflows import documents
from workflows.builder import labels, previews
from workflows.builder.commands import Place, structure
from workflows.builder.commands.base import TRIGGER, continuation, links_into
from workflows.builder.commands.links import way_words
from workflows.builder.connection_field import connection_choice, proof_choice
from workflows.builder.forms.fields import Errors, Post
from workflows.builder.forms.step import TABS, show_errors, show_step
from workflows.builder.forms.trigger import Times, show_trigger, times
from workflows.builder.names import tile_of
from workflows.builder.room import Room, base_of
from workflows.builder.standing import standing
from workflows.documents.catalogue import ActionEntry, EventEntry
from workflows.engine.document import Step, Trigger, dump, port_name, ports
from workflows.engine.steps import RUNNABLE_TYPES
from workflows.models import LiveTrigger, WorkflowTemplate
from workflows.runs.pins import PINNABLE

TAB_WORDS: Final = {
    "setup": "Setup",
    "test": "Test",
    "errors": "Errors & retries",
    "json": "JSON",
    "sample": "Sample",
}
TRIGGER_TABS: Final = ("setup", "sample", "json")
MAX_WORKFLOWS: Final = 500


@dataclass(frozen=True)
class Way:
    """One line from or to a step, as "Connect to…" lists it."""

    words: str
    source: str
    port: str
    target: str


def step_panel(
    room: Room,
    key: str,
    tab: str = "setup",
    *,
    step: Step | None = None,
    posted: Post | None = None,
    errors: Errors | None = None,
) -> dict[str, Any]:
    """The panel of a step. `step`: as typed but not saved (its errors beside the fields)."""
    saved = room.step(key)
    step = step or saved
    tab = tab if tab in TABS else "setup"
    info = action_of(room, step)
    panel = _common(room, step, tab, TABS) | {
        "kind": "step",
        "step": step,
        "info": info,
        "app": room.catalogue.integration(step.integration) if step.integration else None,
        "url": room.url("builder-step", key),
        "can_run": step.type in RUNNABLE_TYPES,
        "has_error_port": "error" in ports(step),
        "beside_url": _beside_url(room, saved),
        "lost": len(structure.lost_with(room.document, key)),
        "base": base_of(room.document, saved),
        "unsaved": step is not saved,
        "problems": room.faults_of("steps", key),
    }
    if tab == "setup":
        panel |= _setup(room, step, info, posted, errors)
    elif tab == "errors":
        panel["form"] = show_errors(step, posted=posted, errors=errors)
        panel["error_steps"] = [room.names.numbered(target) for target in saved.next.get("error", ())]
    elif tab == "test":
        panel["sample"] = room.samples.steps.get(key)
        panel["can_pin"] = step.type in PINNABLE
    else:
        panel["json"] = _as_json(room, saved, posted)
        panel["json_error"] = (errors or {}).get("_json", "")
    return panel


def _setup(
    room: Room, step: Step, info: ActionEntry | None, posted: Post | None, errors: Errors | None
) -> dict[str, Any]:
    form = show_step(step, info, workflows=_workflows(room, step), posted=posted, errors=errors)
    connection = connection_choice(room, step, info)
    if connection is None or connection.chosen:
        form = labels.with_labels(room, step, form)
    if previews.has_data(form):
        form = previews.with_previews(form, step.config, room.scope(step.key))
    is_http = (step.integration, step.action) == ("http", "request")
    return {
        "form": form,
        "connection": connection,
        "actions": _actions(room, step),
        "curl_url": room.url("builder-curl", step.key) if is_http else "",
    }


def _beside_url(room: Room, step: Step) -> str:
    """Where a further branch behind the step is chosen; it runs at the same time as what follows now."""
    port = continuation(step)
    if port not in ("main", "done") or not step.next.get(port):
        return ""
    return room.addresses.adding(Place(source=step.key, port=port, beside=True))


def trigger_panel(
    room: Room,
    key: str,
    tab: str = "setup",
    *,
    trigger: Trigger | None = None,
    posted: Post | None = None,
    errors: Errors | None = None,
) -> dict[str, Any]:
    saved = room.trigger(key)
    trigger = trigger or saved
    tab = tab if tab in TRIGGER_TABS else "setup"
    info = event_of(room, trigger)
    panel = _common(room, trigger, tab, TRIGGER_TABS) | {
        "kind": "trigger",
        "trigger": trigger,
        "info": info,
        "app": room.catalogue.integration(trigger.integration) if trigger.integration else None,
        "url": room.url("builder-trigger", key),
        "base": base_of(room.document, saved),
        "unsaved": trigger is not saved,
        "problems": room.faults_of("triggers", key),
    }
    if tab == "setup":
        form = show_trigger(
            trigger, info, workflows=workflows_of(room, trigger), posted=posted, errors=errors
        )
        panel |= {
            "form": form,
            "connection": connection_choice(room, trigger, info),
            "auth_connection": proof_choice(room, trigger),
        }
        panel |= {
            "live": live_of(room, key),
            "times": schedule_times(room, trigger),
            "zone_of": _zone_of(room),
        }
        panel["standing"] = standing(room, trigger, panel["live"], panel["connection"])
    elif tab == "sample":
        panel["sample"] = room.samples.triggers.get(key)
        panel["live"] = live_of(room, key)
        panel["fetch_url"] = room.url("builder-fetch", key) if trigger.type in ("polling", "email") else ""
    else:
        panel["json"] = _as_json(room, saved, posted)
        panel["json_error"] = (errors or {}).get("_json", "")
    return panel


def _common(room: Room, part: Step | Trigger, tab: str, tabs: Iterable[str]) -> dict[str, Any]:
    word = "step" if isinstance(part, Step) else "trigger"
    page = room.addresses.of(part.key, trigger=isinstance(part, Trigger))
    return {
        "part": part,
        "what": word,
        "tile": tile_of(part),
        "n": room.names.numbers.get(part.key, 0),
        "sub": room.names.sub(part) if isinstance(part, Step) else room.names.trigger_sub(part),
        "tab": tab,
        "tabs": [
            {"key": name, "label": TAB_WORDS[name], "url": f"{page}&tab={name}"}
            for name in tabs
            if name != "json"
        ],
        "json_url": f"{page}&tab=json",
        "page": page,
        "workflow_url": room.addresses.page,
        "edit_url": room.url("builder-edit"),
    }


# --- what the fields need -------------------------------------------------------------------------


def action_of(room: Room, step: Step) -> ActionEntry | None:
    if step.type != "action" or not step.integration or not step.action:
        return None
    return room.catalogue.action(step.integration, step.action)


def event_of(room: Room, trigger: Trigger) -> EventEntry | None:
    if not trigger.integration or not trigger.event:
        return None
    return room.catalogue.trigger(trigger.integration, trigger.event)


def _actions(room: Room, step: Step) -> list[tuple[str, str]]:
    """All actions of the step's app, to choose another one from."""
    app = room.catalogue.integration(step.integration) if step.integration else None
    if app is None:
        return []
    kept = [a for a in app.action_entries.values() if not a.is_deprecated or a.name == step.action]
    return [(action.name, action.display_name or action.name) for action in kept]


def _workflows(room: Room, step: Step) -> list[tuple[str, str]]:
    if step.type != "sub_workflow":
        return []
    found = _other_workflows(room)
    known = {key for key, _ in found}
    own = step.config.get("workflow")
    return [*found, *([(own, own)] if isinstance(own, str) and own and own not in known else [])]


def workflows_of(room: Room, trigger: Trigger) -> list[tuple[str, str]]:
    """The workflows a trigger can be told about."""
    return _other_workflows(room) if trigger.type == "failure" else []


def _other_workflows(room: Room) -> list[tuple[str, str]]:
    rows = WorkflowTemplate.objects.for_tenant(room.template.tenant_id).not_archived().order_by("name")
    return list(rows.exclude(pk=room.template.pk).values_list("template_id", "name")[:MAX_WORKFLOWS])


def live_of(room: Room, key: str) -> LiveTrigger | None:
    return documents.addresses(room.template).get(key)


def schedule_times(room: Room, trigger: Trigger) -> Times | None:
    if trigger.type != "schedule":
        return None
    return times(trigger, _zone_of(room), clock.now())


def _zone_of(room: Room) -> str:
    """The zone that counts for a trigger without one of its own."""
    return room.document.settings.time_zone or room.template.tenant.time_zone or "UTC"


# --- lines and JSON -------------------------------------------------------------------------------


def ways_out(room: Room, step: Step) -> list[dict[str, Any]]:
    """Every way out of a step with the steps it leads to, for "Connect to…"."""
    return [
        {
            "port": port,
            "label": port_name(step, port),
            "lines": [
                Way(room.names.numbered(target), step.key, port, target) for target in step.next.get(port, ())
            ],
        }
        for port in ports(step)
    ]


def ways_in(room: Room, step: Step) -> list[Way]:
    """The lines that lead to a step."""
    found = links_into(room.document, step.key)
    return [Way(_source_words(room, source, port), source, port, step.key) for source, port in found]


def _source_words(room: Room, source: str, port: str) -> str:
    words = way_words(room.document, source, port)
    number = room.names.numbers.get(source.removeprefix(TRIGGER))
    return f"{number}. {words}" if number and port == "main" else words


def _as_json(room: Room, part: Step | Trigger, posted: Mapping[str, str] | None) -> str:
    from workflows.builder.forms.values import pretty

    if posted and "_json" in posted:
        return posted["_json"]
    name = "steps" if isinstance(part, Step) else "triggers"
    return pretty(next(data for data in dump(room.document)[name] if data["key"] == part.key))

"""The types of steps and triggers: their labels, ports and keys. Loader, JSON Schema, checker and pages read this table."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from automate.lib.sandbox import (
    DEFAULT_MEMORY_MB,
    DEFAULT_TIMEOUT_S,
    MAX_MEMORY_MB,
    MAX_TIMEOUT_S,
    MIN_MEMORY_MB,
    MIN_TIMEOUT_S,
)
from workflows.engine.shapes import Field
from workflows.engine.words import humanise

MAX_STEPS: Final = 500  # more than this nobody can read, and the canvas is drawn by the server
MAX_ITEMS: Final = 100_000  # items of one loop; see the limits in ARCHITECTURE
DEFAULT_ITEMS: Final = 1_000
MAX_PARALLEL: Final = 100  # items of one loop under way at once
YEAR_S: Final = 366 * 86_400


@dataclass(frozen=True)
class StepKind:
    """What one type of step is. `ports` come besides `error` and, for conditions, the keys of cases."""

    type: str
    label: str
    help: str
    ports: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    can_fail: bool = True  # has the port `error`, and takes retry
    has_timeout: bool = True  # takes the common timeout_s

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def common(self) -> tuple[str, ...]:
        """The keys any step of this type takes besides its own fields, in canonical order."""
        names = ["key", "name", "type", "next", "on_error", "retry", "timeout_s", "enabled", "notes"]
        if not self.ports:
            names.remove("next")
        if not self.can_fail:
            names = [name for name in names if name not in ("on_error", "retry")]
        if not self.has_timeout:
            names.remove("timeout_s")
        return tuple(names)


@dataclass(frozen=True)
class TriggerKind:
    """What one type of trigger is; `fields` lie under `config:`, the connecting keys beside `type`."""

    type: str
    label: str
    help: str
    fields: tuple[Field, ...] = ()
    connects: tuple[str, ...] = ()  # which of integration, event, connection it takes

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}


_INPUT = Field("input", "object", "What goes in: names and values, which may be expressions.", "attr")
_INPUT_SCHEMA = Field(
    "input_schema", "schema", "JSON Schema of the input a start must bring.", "config", literal=True
)

_ACTION = (
    Field("integration", "slug", "The integration.", "attr", literal=True, required="Choose an integration."),
    Field("action", "name", "The action.", "attr", literal=True, required="Choose one of the integration's actions."),
    Field("connection", "key", "The connection slot to use.", "attr", literal=True),
    _INPUT,
    Field("output", "object", "Names and expressions over `result`; without it, the result itself.", "attr"),
    Field("effect", "choice", "Whether it may be sent again.", choices=("safe", "unsafe"), literal=True),
    Field("after_unknown", "choice", "What to do when nobody knows whether it happened.",
          choices=("ask", "rerun", "fail"), default="ask", literal=True),
)  # fmt: skip
_CONDITION = (
    Field("value", "any", "Short form: the value that the cases' `equals` are held against."),
    Field("cases", "cases", "The ways to go on.", required="Add a case with a key and `when`."),
    Field("mode", "choice", "Take the first case that holds, or all.", choices=("first", "all"), default="first",
          literal=True),
)  # fmt: skip
_LOOP = (
    Field("over", "any", "The list to go through: an expression or a list."),
    Field("while", "condition", "Go on as long as this holds."),
    Field("state", "object", "Names and expressions, renewed each round as `loop.state`."),
    Field("as", "key", "What the body calls the item.", default="item", literal=True),
    Field("batch", "count", "Hand the body lists of this many items.", low=1, high=MAX_ITEMS, expr=True),
    Field("parallel", "count", "How many items at once.", low=1, high=MAX_PARALLEL, default=1, expr=True),
    Field("on_item_error", "choice", "What a failed item does.", choices=("stop", "continue"), default="stop",
          literal=True),
    Field("collect", "any", "What each item adds to `results`."),
    Field("max_items", "count", "More items than this are an error.", low=1, high=MAX_ITEMS, default=DEFAULT_ITEMS,
          expr=True),
)  # fmt: skip
_DELAY = (
    *(
        Field(unit, "number", f"How many {unit} to wait.", "config", low=0, high=YEAR_S / factor, expr=True)
        for unit, factor in (("seconds", 1), ("minutes", 60), ("hours", 3_600), ("days", 86_400))
    ),
    Field(
        "until",
        "text",
        "The moment to wait for: a date, the next time of day (09:00) or weekday (Monday 09:00), or an "
        "expression that gives one.",
        "config",
    ),
)
_APPROVAL = (
    Field("assignees", "any", "Who may answer: e-mail addresses, groups or roles.", "config",
          required="Say who may answer."),
    Field("message", "text", "What they read.", "config"),
    Field("notify", "notify", "How they hear of it; by e-mail unless you say otherwise.", "config"),
    Field("fields", "schema", "JSON Schema of what they fill in.", "config", literal=True),
    Field("timeout_s", "number", "Seconds until the port `timeout` is taken.", "config", low=1, high=YEAR_S, expr=True),
    Field("reminder_s", "number", "Seconds until those who have not answered are reminded, once.", "config", low=60,
          high=YEAR_S, expr=True),
    Field("need", "need", "How many must approve.", "config", default="any", literal=True),
)  # fmt: skip
_CALLBACK = (
    Field("timeout_s", "number", "Seconds until the port `timeout` is taken.", "config", low=1, high=YEAR_S, expr=True),
    Field("methods", "texts", "The HTTP methods it answers to. None chosen: POST.", "config", literal=True,
          choices=("GET", "POST", "PUT", "PATCH")),
    Field("auth", "auth", "How callers prove who they are, besides knowing the address.", "config", default="none",
          literal=True),
)  # fmt: skip
_SUB_WORKFLOW = (
    Field(
        "workflow",
        "workflow",
        "The key of the workflow to run.",
        literal=True,
        required="Choose the workflow to run.",
    ),
    _INPUT,
    Field("wait", "flag", "Wait for its end and take its output.", default=True, literal=True),
)
_TRANSFORM = (
    Field("set", "object", "Names and expressions: makes an object.", "config"),
    Field("items", "any", "The list to work on; a file or a text is a list of itself.", "config"),
    Field("ops", "ops", "What to do with the list, in order.", "config"),
    Field(
        "give",
        "choice",
        "What the step gives.",
        "config",
        choices=("list", "first"),
        default="list",
        literal=True,
    ),
)
STATE_DEEDS: Final = ("get", "set", "increment", "append", "delete")
_STATE = (
    Field("get", "name_or_names", "The name to read, or a list of names.", "config"),
    Field("default", "any", "What to give when nothing is kept yet.", "config"),
    Field("set", "object", "Names and values to keep; null forgets a name.", "config"),
    Field("increment", "object", "Names and the numbers to add; what is not kept yet counts as 0.", "config"),
    Field("append", "object", "Names of lists, and the item to add to each.", "config"),
    Field("keep", "count", "How many items of a list stay, the newest ones.", "config", low=1, high=10_000, expr=True),
    Field("delete", "name_or_names", "The name to forget, or a list of names.", "config"),
    Field("expires_s", "number", "Seconds after which it is forgotten.", "config", low=1, high=10 * YEAR_S, expr=True),
)  # fmt: skip
_CODE = (
    _INPUT,
    Field("language", "choice", "The language.", "config", choices=("python", "javascript"), literal=True,
          required="Choose python or javascript."),
    Field("source", "source", "The program: it sees `input`, and the value it returns is the output.", "config", literal=True,
          required="Write the program."),
    Field("timeout_s", "number", "Seconds it may take.", "config", low=MIN_TIMEOUT_S, high=MAX_TIMEOUT_S,
          default=DEFAULT_TIMEOUT_S),
    Field("memory_mb", "count", "Megabytes it may use.", "config", low=MIN_MEMORY_MB, high=MAX_MEMORY_MB,
          default=DEFAULT_MEMORY_MB),
)  # fmt: skip
_RESPOND = (
    Field("status", "count", "The HTTP status.", "config", low=200, high=599, default=200, expr=True),
    Field("headers", "object", "Headers to send.", "config"),
    Field("json", "any", "The body as JSON.", "config"),
    Field("text", "text", "The body as text.", "config"),
    Field("html", "text", "The body as HTML.", "config"),
    Field("file", "any", "The body as a file value.", "config"),
)
_STOP = (
    Field("as", "choice", "How the run, or the item, ends.", "config", default="completed", literal=True,
          choices=("completed", "failed", "next_item", "break")),
    Field("message", "text", "Why, for people.", "config"),
    Field("output", "any", "The run's output.", "config"),
)  # fmt: skip

STEP_KINDS: Final[dict[str, StepKind]] = {
    kind.type: kind
    for kind in (
        StepKind("action", "Action", "Does something in an app.", ("main",), _ACTION),
        StepKind("condition", "Condition", "Goes different ways.", ("else",), _CONDITION),
        StepKind("filter", "Filter", "Goes on only if something holds.", ("main",),
                 (Field("when", "condition", "Goes on only if this holds.", "attr",
                        required="Say when to go on."),)),
        StepKind("loop", "Loop", "Repeats steps for each item.", ("each", "done"), _LOOP),
        StepKind("merge", "Merge", "Waits for branches to meet.", ("main",),
                 (Field("join", "choice", "Wait for all branches alive, or for any.", choices=("all", "any"),
                        default="all", literal=True),)),
        StepKind("delay", "Delay", "Waits.", ("main",), _DELAY, has_timeout=False),
        StepKind("approval", "Approval", "Asks people.", ("approved", "rejected", "timeout"), _APPROVAL,
                 has_timeout=False),
        StepKind("callback", "Callback", "Waits for a call.", ("main", "timeout"), _CALLBACK, has_timeout=False),
        StepKind("sub_workflow", "Sub-workflow", "Runs another workflow.", ("main",), _SUB_WORKFLOW),
        StepKind("transform", "Transform", "Shapes data.", ("main",), _TRANSFORM),
        StepKind("state", "State", "Remembers values between runs.", ("main",), _STATE),
        StepKind("code", "Code", "Runs your own program.", ("main",), _CODE),
        StepKind("respond", "Respond", "Answers the caller.", ("main",), _RESPOND),
        StepKind("stop", "Stop", "Ends the run or the item.", (), _STOP, can_fail=False, has_timeout=False),
        StepKind("note", "Note", "Text on the canvas.", (), (), can_fail=False, has_timeout=False),
    )
}  # fmt: skip

_CONNECTED = ("integration", "event", "connection")
_EVENT_INPUT = Field("input", "object", "The event's own fields.", "config")
TRIGGER_KINDS: Final[dict[str, TriggerKind]] = {
    kind.type: kind
    for kind in (
        TriggerKind("manual", "By hand", "Started by a person, the API or a shell.", (_INPUT_SCHEMA,)),
        TriggerKind("webhook", "Webhook", "Started by a call to a URL.", (
            Field("methods", "texts", "The HTTP methods it answers to. None chosen: POST.", "config", literal=True,
                  choices=("GET", "POST", "PUT", "PATCH", "DELETE")),
            Field("respond", "choice", "When to answer the caller.", "config", default="immediately", literal=True,
                  choices=("immediately", "when_done", "step")),
            Field("auth", "auth", "How callers prove who they are.", "config", default="none", literal=True),
            Field("dedup", "text", "What makes two calls the same.", "config"),
            Field("max_bytes", "count", "The largest body accepted.", "config", low=1, high=64 * 1024 * 1024),
        )),
        TriggerKind("schedule", "Schedule", "Started by the clock.", (
            Field("cron", "text", "Minute, hour, day, month, weekday.", "config", literal=True),
            Field("every_s", "count", "Seconds between starts.", "config", low=1, high=YEAR_S),
            Field("time_zone", "text", "The zone of cron, such as Europe/Berlin.", "config", literal=True),
            Field("missed", "choice", "What to do with starts missed while down.", "config", default="last",
                  choices=("last", "skip", "all"), literal=True),
            Field("input", "any", "The body each run gets.", "config"),
        )),
        TriggerKind("polling", "Polling", "Asks an app for new items.", (
            _EVENT_INPUT,
            Field("every_s", "count", "Seconds between looks.", "config", low=10, high=30 * 86_400, default=300),
            Field("first_poll", "choice", "What the first answer starts.", "config", default="nothing",
                  choices=("nothing", "last", "all"), literal=True),
            Field("first_items", "count", "With `last`: how many of the newest.", "config", low=1, high=100, default=1),
        ), _CONNECTED),
        TriggerKind("event", "App event", "Started by an app that calls us.", (_EVENT_INPUT,), _CONNECTED),
        TriggerKind("form", "Form", "Started by a form people fill in.", (
            Field("fields", "schema", "JSON Schema of the form.", "config", literal=True,
                  required="Describe the form's fields."),
            Field("title", "text", "The form's title.", "config", literal=True),
            Field("description", "text", "What people read above the fields.", "config", literal=True),
            Field("button", "text", "The words on the button.", "config", literal=True),
            Field("respond", "choice", "What people see after sending.", "config", default="thanks", literal=True,
                  choices=("thanks", "redirect", "step")),
            Field("thanks", "text", "What people read after sending.", "config", literal=True),
            Field("redirect", "text", "The address people are sent on to.", "config", literal=True),
            Field("auth", "auth", "Who may fill it in.", "config", default="none", literal=True),
        )),
        TriggerKind("email", "E-mail", "Started by mail in a mailbox.", (
            Field("folder", "text", "The folder to watch.", "config", literal=True, default="INBOX"),
            Field("query", "text", "Which mails count.", "config", literal=True),
            Field("every_s", "count", "Seconds between looks.", "config", low=10, high=86_400, default=60),
        ), _CONNECTED),
        TriggerKind("workflow", "Called by a workflow", "Started by a sub-workflow step.", (_INPUT_SCHEMA,)),
        TriggerKind("failure", "Failure", "Started when a workflow fails.", (
            Field("workflows", "workflows", "All workflows, or the keys of some.", "config", default="all",
                  literal=True),
        )),
    )
}  # fmt: skip

RETRY_FIELDS: Final = (
    Field("attempts", "count", "How many tries in all, the first one included.", low=1, high=20, default=1),
    Field("backoff_s", "number", "Seconds before the second try, at most.", low=0, high=86_400, default=2),
    Field("factor", "number", "What each further wait is multiplied with.", low=1, high=10, default=2),
    Field("max_s", "number", "The longest wait in seconds.", low=0, high=7 * 86_400, default=60),
    Field("retry_if", "text", "Try again only if this expression over `error` holds."),
)
SETTINGS_FIELDS: Final = (
    Field("timeout_s", "number", "Seconds a run may take; waiting is not counted.", low=1, high=YEAR_S),
    Field("time_zone", "text", "The zone for dates, such as Europe/Berlin."),
    Field("overlap", "choice", "What happens to a start when too many runs are unfinished.", default="parallel",
          choices=("parallel", "queue", "skip", "restart")),
    Field("max_parallel_runs", "count", "How many runs may be unfinished.", low=1, high=100_000),
    Field("keep_data", "choice", "What to keep of ended runs.", default="all", choices=("all", "failures", "nothing")),
    Field("on_failure", "workflow", "The key of the workflow to start when a run fails."),
    Field("input_schema", "schema", "JSON Schema of the input."),
)  # fmt: skip
TIMEOUT_FIELD: Final = Field("timeout_s", "number", "Seconds one try may take.", low=0.1, high=7 * 86_400)

PORT_LABELS: Final = {
    "main": "Next", "error": "On error", "else": "Otherwise", "each": "Repeats for each item",
    "done": "After the last item", "approved": "Approved", "rejected": "Rejected", "timeout": "No answer in time",
}  # fmt: skip


def port_label(port: str) -> str:
    """The words people read on a port; a case without a name is called by its key."""
    return PORT_LABELS.get(port) or humanise(port)

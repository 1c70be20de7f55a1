"""The rows of workflows, one file per noun."""

from workflows.models.execution import ActiveRun, RunText, StepExecution, WorkflowExecution
from workflows.models.library import WorkflowTemplateLibrary
from workflows.models.rollup import Mark, RunHour, UncountedRun
from workflows.models.runtime import (
    Blob,
    DueWipe,
    EngineSwitch,
    RunEvent,
    StepState,
    WaitNotice,
    WaitToken,
    WorkerLease,
)
from workflows.models.seen import SeenItem
from workflows.models.step import StepLink, UsedStep, WorkflowStep
from workflows.models.subscription import TriggerSubscription
from workflows.models.template import (
    ConnectionSlot,
    DraftRevision,
    Favourite,
    Folder,
    Sample,
    WorkflowAccess,
    WorkflowCounter,
    WorkflowTemplate,
)
from workflows.models.trigger import LiveTrigger, TriggerReceipt, TriggerType, WorkflowTrigger
from workflows.models.variable import WorkflowVariable
from workflows.models.version import Deployment, WorkflowVersion

__all__ = [
    "ActiveRun",
    "Blob",
    "ConnectionSlot",
    "Deployment",
    "DraftRevision",
    "DueWipe",
    "EngineSwitch",
    "Favourite",
    "Folder",
    "LiveTrigger",
    "Mark",
    "RunEvent",
    "RunHour",
    "RunText",
    "Sample",
    "SeenItem",
    "StepExecution",
    "StepLink",
    "StepState",
    "TriggerReceipt",
    "TriggerSubscription",
    "TriggerType",
    "UncountedRun",
    "UsedStep",
    "WaitNotice",
    "WaitToken",
    "WorkerLease",
    "WorkflowAccess",
    "WorkflowCounter",
    "WorkflowExecution",
    "WorkflowStep",
    "WorkflowTemplate",
    "WorkflowTemplateLibrary",
    "WorkflowTrigger",
    "WorkflowVariable",
    "WorkflowVersion",
]

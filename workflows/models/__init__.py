"""The rows of workflows, one file per noun."""

from workflows.models.execution import ActiveRun, StepExecution, WorkflowExecution
from workflows.models.library import WorkflowTemplateLibrary
from workflows.models.runtime import Blob, RunEvent, StepState, WaitToken, WorkerLease
from workflows.models.step import StepLink, WorkflowStep
from workflows.models.template import (
    ConnectionSlot,
    DraftRevision,
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
    "Folder",
    "LiveTrigger",
    "RunEvent",
    "Sample",
    "StepExecution",
    "StepLink",
    "StepState",
    "TriggerReceipt",
    "TriggerType",
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

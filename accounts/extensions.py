"""What the packages above hang into the pages of this one; they register in their `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from accounts.models import Tenant

NavCount = Callable[[HttpRequest], int]
FailureWorkflows = Callable[[Tenant], list[tuple[str, str]]]

nav_counts: dict[str, NavCount] = {}
failure_workflow_lists: list[FailureWorkflows] = []


def register_nav_count(name: str, count: NavCount) -> None:
    """A number beside an entry of the side bar (`{{ nav_counts.<name> }}`), asked for only when a page shows it."""
    nav_counts[name] = count


def register_failure_workflows(listing: FailureWorkflows) -> None:
    """The (key, name) pairs a workspace may choose from to be told about failed runs."""
    failure_workflow_lists[:] = [listing]


def failure_workflows(tenant: Tenant) -> list[tuple[str, str]]:
    return [pair for listing in failure_workflow_lists for pair in listing(tenant)]

"""What every table that belongs to a workspace shares: rows are asked for through their tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    import uuid

    from accounts.models import Tenant

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """A QuerySet whose first question is always: whose rows?"""

    def for_tenant(self, tenant: Tenant | uuid.UUID) -> Self:
        """Only the rows of this workspace."""
        tenant_id: Any = getattr(tenant, "pk", tenant)
        return self.filter(tenant_id=tenant_id)

"""What all of these pages share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from automate.lib import clock
from workflows.errors import WorkflowError

MAX_CHOSEN = 500  # rows an action takes at a time: each is a transaction or two


class Rows(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Lists that stay quick: columns in `heavy` are not read for them, ids are looked up by index, counted once."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    heavy: ClassVar[tuple[str, ...]] = ()
    id_fields: ClassVar[tuple[str, ...]] = ("pk",)

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["css/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.heavy) if is_list(request) else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id is looked for among ids, any other text in `search_fields`."""
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        asked = Q()
        for name in self.id_fields:
            asked |= Q(**{name: wanted})
        return queryset.filter(asked), False


class ReadOnly(Rows):
    """Rows that only the product writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Actions need Django's change permission, although nothing can be typed over here."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def do(self, request: HttpRequest, rows: QuerySet[Any], deed: Any, done: str) -> None:
        """Do it to each row, say how many it changed (all for which it did not say False), and why others refused."""
        if rows.count() > MAX_CHOSEN:
            messages.error(request, f"Choose at most {MAX_CHOSEN} at a time. Nothing was changed.")
            return
        changed = 0
        for row in rows:
            try:
                changed += deed(row) is not False
            except WorkflowError as refusal:
                messages.error(request, f"{row}: {refusal.message}")
        messages.success(request, f"{done}: {changed} of {len(rows)}.")


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg] # not generic at run time
    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Since(admin.SimpleListFilter):
    """By age, read from the id (UUID version 7), so that it costs an index scan however many rows there are."""

    title = "age"
    parameter_name = "since_h"
    HOURS: ClassVar[dict[str, str]] = {
        "1": "Last hour", "24": "Last 24 hours", "168": "Last 7 days", "720": "Last 30 days"
    }  # fmt: skip

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return self.HOURS.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        hours = self.value()
        if hours not in self.HOURS:
            return queryset
        milliseconds = int((clock.now() - timedelta(hours=int(hours))).timestamp() * 1000)
        return queryset.filter(pk__gte=uuid.UUID(int=milliseconds << 80))


class OneOf(admin.SimpleListFilter):
    """By a column of few values that has no choices: offering all that occur would read the whole table."""

    choices_: ClassVar[list[tuple[str, str]]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return self.choices_

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


def is_list(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and (match.url_name or "").endswith("_changelist")


def staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user

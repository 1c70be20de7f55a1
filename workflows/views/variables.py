"""Variables of a workspace: listed, made, changed, removed. A secret is written, never read."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from accounts import audit
from accounts.access import open_workspace, workspace_view
from accounts.models import Environment
from accounts.request import AppRequest, client_ip
from automate.lib import clock, jsontypes
from workflows.forms.variables import VariableForm
from workflows.models import WorkflowStep, WorkflowVariable
from workflows.runs.secret_values import conceal
from workflows.views import replies

Kind = WorkflowVariable.Type
SHOWN_CHARS: Final = 120  # of a value in the list
MAX_USES: Final = 500  # steps looked at to say where a variable is used


@require_GET
@workspace_view(need="variable.view")
def variable_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    rows = WorkflowVariable.objects.for_tenant(request.workspace).select_related("environment")
    found = rows.filter(key__icontains=request.GET.get("q", "").strip()[:60])
    context = {
        "nav": "variables",
        "rows": [_row(variable) for variable in found],
        "total": rows.count(),
        "q": request.GET.get("q", ""),
        "list_url": reverse("workflows:variable-list", args=[workspace_slug]),
        "has_environments": Environment.objects.for_tenant(request.workspace).count() > 1,
    }
    is_part = replies.asks_for(request, "variables")
    name = "workflows/_variable_rows.html" if is_part else "workflows/variable_list.html"
    return replies.vary(render(request, name, context))


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@workspace_view(need="variable.edit")
def variable_new(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """`?type=` draws the form for that type, with what was typed so far."""
    if request.method == "GET":
        typed = {name: request.GET.get(name, "") for name in ("key", "type", "environment")}
        form = VariableForm(tenant=request.workspace, kind=typed["type"], initial=typed)
        return _dialog(request, form)
    form = VariableForm(request.POST, tenant=request.workspace)
    if not form.is_valid():
        return _dialog(request, form, status=422)
    variable = WorkflowVariable(
        tenant=request.workspace,
        key=form.cleaned_data["key"],
        type=form.kind,
        environment=form.cleaned_data.get("environment"),
    )
    try:
        _store(request, variable, form.cleaned_data["value"], "variable.created")
    except IntegrityError:
        form.add_error("key", f"There is a variable {variable.key} already. Change that one.")
        return _dialog(request, form, status=422)
    return _done(request, f"{variable.key} is added.")


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
def variable_edit(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    variable = _open(request, id)
    initial = {"value": "" if variable.is_encrypted else variable.value}
    form = VariableForm(request.POST or None, tenant=request.workspace, variable=variable, initial=initial)
    if not form.is_valid():
        return _dialog(request, form, status=422 if form.is_bound else 200)
    value = form.cleaned_data["value"]
    if value is not None or form.kind != Kind.SECRET:
        _store(request, variable, value, "variable.changed")
    return _done(request, f"{variable.key} is saved.")


@require_http_methods(["GET", "POST"])
def variable_delete(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """GET asks and lists the workflows that use it, POST deletes."""
    variable = _open(request, id)
    if request.method == "GET":
        context = {
            "nav": "variables",
            "variable": variable,
            "uses": _uses(variable),
            "dialog_title": f"Delete {variable.key}?",
            "back_url": reverse("workflows:variable-list", args=[request.workspace.slug]),
        }
        return replies.dialog(request, "workflows/variable_delete.html", context)
    with transaction.atomic():
        audit.record(request.workspace, request.user, "variable.deleted", variable, ip=client_ip(request))
        variable.delete()
    return _done(request, f"{variable.key} is deleted.")


def _open(request: AppRequest, id: uuid.UUID) -> WorkflowVariable:
    """Raises Http404, PermissionDenied. What the product set itself nobody changes."""
    variable = WorkflowVariable.objects.select_related("tenant", "environment").filter(pk=id).first()
    open_workspace(request, variable.tenant if variable else None, "variable.edit")
    if variable is None or variable.is_system:
        raise Http404
    return variable


@sensitive_variables("value")
def _store(request: AppRequest, variable: WorkflowVariable, value: Any, verb: str) -> None:
    """Raises IntegrityError when the name is taken."""
    variable.updated_at = clock.now()
    if variable.type == Kind.SECRET:
        conceal(variable, value)
    else:
        variable.value = value if variable.type == Kind.STRING else jsontypes.dumps(value)
    with transaction.atomic():
        variable.save()
        audit.record(request.workspace, request.user, verb, variable, ip=client_ip(request))


def _row(variable: WorkflowVariable) -> dict[str, Any]:
    shown = "" if variable.is_encrypted else variable.value
    if variable.type == Kind.BOOLEAN:
        shown = {"true": "Yes", "false": "No"}.get(shown, shown)
    cut = len(shown) > SHOWN_CHARS
    return {"variable": variable, "shown": shown[:SHOWN_CHARS] + ("…" if cut else "")}


def _uses(variable: WorkflowVariable) -> list[str]:
    """Names of the workflows whose draft names it."""
    text = Q()
    for column in ("input_mappings", "output_mappings", "config", "condition"):
        text |= Q(**{f"{column}__icontains": variable.key})
    steps = WorkflowStep.objects.for_tenant(variable.tenant_id).filter(text).select_related("template")
    named = re.compile(rf"\bvars\s*(\.\s*|\[\s*[\"'\\]*){re.escape(variable.key)}\b")
    found = {
        step.template.name
        for step in steps[:MAX_USES]
        if named.search(
            jsontypes.dumps([step.input_mappings, step.output_mappings, step.config, step.condition])
        )
    }
    return sorted(found)


def _dialog(request: AppRequest, form: VariableForm, *, status: int = 200) -> HttpResponse:
    variable, slug = form.variable, request.workspace.slug
    context = {
        "nav": "variables",
        "form": form,
        "variable": variable,
        "dialog_title": f"Change {variable.key}" if variable else "New variable",
        "action": reverse("workflows:variable-edit", args=[variable.pk])
        if variable
        else reverse("workflows:variable-new", args=[slug]),
        "back_url": reverse("workflows:variable-list", args=[slug]),
    }
    if replies.asks_for(request, "variable-fields"):
        return replies.vary(render(request, "workflows/_variable_fields.html", context))
    return replies.dialog(request, "workflows/variable_edit.html", context, status=status)


def _done(request: AppRequest, text: str) -> HttpResponse:
    home = reverse("workflows:variable-list", args=[request.workspace.slug])
    return replies.done(request, text, home=home, events=("variables-changed", "dialog-close"))

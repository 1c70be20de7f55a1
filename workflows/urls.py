"""Pages of workflows and runs. Hooks have addresses of their own: `workflows/ingress/urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from workflows.views import (
    creating,
    events,
    home_guide,
    importing,
    library,
    memory,
    requests,
    run_bulk,
    run_decide,
    run_deeds,
    run_start,
    run_view,
    runs,
    search,
    settings,
    template_publish,
    template_use,
    variables,
    version_compare,
    version_deeds,
    versions,
    workflows,
)

app_name = "workflows"

run_patterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace_slug>/runs/", runs.run_list, name="run-list"),
    path("w/<slug:workspace_slug>/runs/recent/", runs.runs_recent, name="runs-recent"),
    path("w/<slug:workspace_slug>/runs/retry/", run_bulk.runs_retry, name="runs-retry"),
    path("workflows/<uuid:id>/runs/", runs.workflow_runs, name="workflow-runs"),
    path("workflows/<uuid:id>/run/", run_start.workflow_run, name="workflow-run"),
    path("workflows/<uuid:id>/runs/retry/", run_bulk.workflow_runs_retry, name="workflow-runs-retry"),
    path("workflows/<uuid:id>/requests/", requests.request_list, name="request-list"),
    path("workflows/<uuid:id>/requests/<uuid:request_id>/", requests.request_use, name="request-use"),
    path("workflows/<uuid:id>/events/", events.event_list, name="event-list"),
    path("workflows/<uuid:id>/memory/", memory.memory_list, name="memory-list"),
    path("workflows/<uuid:id>/memory/forget/", memory.memory_forget, name="memory-forget"),
    path("runs/<uuid:id>/", run_view.run_detail, name="run-detail"),
    path("runs/<uuid:id>/live/", run_view.run_live, name="run-live"),
    path("runs/<uuid:id>/steps/<str:path>/", run_view.run_step, name="run-step"),
    path("runs/<uuid:id>/steps/<str:path>/<slug:name>.json", run_view.run_data, name="run-data"),
    path("runs/<uuid:id>/stop/", run_deeds.run_stop, name="run-stop"),
    path("runs/<uuid:id>/retry/", run_deeds.run_retry, name="run-retry"),
    path("runs/<uuid:id>/retry-from/<str:path>/", run_deeds.run_retry_from, name="run-retry-from"),
    path("runs/<uuid:id>/edit-input/", run_deeds.run_edit_input, name="run-edit-input"),
    path("runs/<uuid:id>/use-as-sample/", run_deeds.run_use_as_sample, name="run-use-as-sample"),
    path("runs/<uuid:id>/answer/", run_deeds.run_answer, name="run-answer"),
    path("runs/<uuid:id>/decide/<str:path>/", run_decide.run_decide, name="run-decide"),
]

workflow_patterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace_slug>/workflows/", workflows.workflow_list, name="workflow-list"),
    path("w/<slug:workspace_slug>/workflows/new/", creating.workflow_new, name="workflow-new"),
    path("w/<slug:workspace_slug>/workflows/import/", importing.workflow_import, name="workflow-import"),
    path("workflows/<uuid:id>/star/", workflows.workflow_star, name="workflow-star"),
    path("workflows/<uuid:id>/activate/", workflows.workflow_activate, name="workflow-activate"),
    path("workflows/<uuid:id>/pause/", workflows.workflow_pause, name="workflow-pause"),
    path("workflows/<uuid:id>/archive/", workflows.workflow_archive, name="workflow-archive"),
    path("workflows/<uuid:id>/bring-back/", workflows.workflow_bring_back, name="workflow-bring-back"),
    path("workflows/<uuid:id>/duplicate/", workflows.workflow_duplicate, name="workflow-duplicate"),
    path("workflows/<uuid:id>/delete/", workflows.workflow_delete, name="workflow-delete"),
    path("workflows/<uuid:id>/export/", workflows.workflow_export, name="workflow-export"),
    path("workflows/<uuid:id>/set-up/", importing.workflow_set_up, name="workflow-set-up"),
    path("workflows/<uuid:id>/settings/", settings.workflow_settings, name="workflow-settings"),
    path("workflows/<uuid:id>/versions/", versions.version_list, name="workflow-versions"),
    path("workflows/<uuid:id>/versions/compare/", version_compare.version_compare, name="version-compare"),
    path("workflows/<uuid:id>/versions/<int:number>/", versions.version_detail, name="version-detail"),
    path(
        "workflows/<uuid:id>/versions/<int:number>/roll-back/",
        version_deeds.version_roll_back,
        name="version-roll-back",
    ),
    path(
        "workflows/<uuid:id>/versions/<int:number>/restore/",
        version_deeds.version_restore,
        name="version-restore",
    ),
    path(
        "workflows/<uuid:id>/versions/<int:number>/deprecate/",
        version_deeds.version_deprecate,
        name="version-deprecate",
    ),
]

template_patterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace_slug>/templates/", library.template_list, name="template-list"),
    path(
        "w/<slug:workspace_slug>/templates/publish/",
        template_publish.template_publish,
        name="template-publish",
    ),
    path("w/<slug:workspace_slug>/templates/<slug:slug>/", library.template_detail, name="template-detail"),
    path(
        "w/<slug:workspace_slug>/templates/<slug:slug>/use/", template_use.template_use, name="template-use"
    ),
    path(
        "w/<slug:workspace_slug>/templates/<slug:slug>/withdraw/",
        template_publish.template_withdraw,
        name="template-withdraw",
    ),
]

variable_patterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace_slug>/search/", search.search, name="search"),
    path("w/<slug:workspace_slug>/guide/hide/", home_guide.guide_hide, name="guide-hide"),
    path("w/<slug:workspace_slug>/variables/", variables.variable_list, name="variable-list"),
    path("w/<slug:workspace_slug>/variables/new/", variables.variable_new, name="variable-new"),
    path("variables/<uuid:id>/", variables.variable_edit, name="variable-edit"),
    path("variables/<uuid:id>/delete/", variables.variable_delete, name="variable-delete"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *run_patterns,
    *workflow_patterns,
    *template_patterns,
    *variable_patterns,
    path("", include("workflows.builder.urls")),
]

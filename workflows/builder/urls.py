"""Addresses of the builder; included below `workflows:`."""

from __future__ import annotations

from django.urls import path

from workflows.builder.views import (
    canvas,
    curl,
    data,
    fetching,
    here,
    page,
    publish,
    samples,
    steps,
    testing,
    triggers,
)

STEP = "workflows/<uuid:id>/steps/<str:key>/"

urlpatterns = [
    path("workflows/<uuid:id>/build/", page.build, name="workflow-build"),
    path("steps-view/", canvas.steps_view, name="steps-view"),
    path("workflows/<uuid:id>/copy/", canvas.copy, name="builder-copy"),
    path("workflows/<uuid:id>/paste/", canvas.paste, name="builder-paste"),
    path("workflows/<uuid:id>/here/", here.who_is_here, name="builder-here"),
    path("workflows/<uuid:id>/edit/", page.edit, name="builder-edit"),
    path("workflows/<uuid:id>/add/", page.add, name="builder-add"),
    path("workflows/<uuid:id>/test-run/", testing.test_run, name="builder-test-run"),
    path("workflows/<uuid:id>/publish/", publish.publish, name="workflow-publish"),
    path("workflows/<uuid:id>/triggers/<str:key>/", triggers.trigger, name="builder-trigger"),
    path("workflows/<uuid:id>/triggers/<str:key>/fetch/", fetching.fetch, name="builder-fetch"),
    path(
        "workflows/<uuid:id>/triggers/<str:key>/options/<str:name>/",
        fetching.load_options,
        name="builder-trigger-options",
    ),
    path("workflows/<uuid:id>/triggers/<str:key>/sample/", triggers.keep_sample, name="builder-sample"),
    path("workflows/<uuid:id>/triggers/<str:key>/wait/", samples.wait, name="builder-wait"),
    path(
        "workflows/<uuid:id>/triggers/<str:key>/use-request/", samples.use_request, name="builder-use-request"
    ),
    path(f"{STEP}pin/", samples.pin_step, name="builder-pin"),
    path(STEP, steps.step, name="builder-step"),
    path(f"{STEP}form/", steps.form, name="builder-form"),
    path(f"{STEP}move/", steps.move, name="builder-move"),
    path(f"{STEP}connect/", steps.connect, name="builder-connect"),
    path(f"{STEP}preview/", steps.preview_field, name="builder-preview"),
    path(f"{STEP}options/<str:name>/", steps.load_options, name="builder-options"),
    path(f"{STEP}data/", data.data, name="builder-data"),
    path(f"{STEP}curl/", curl.curl, name="builder-curl"),
    path(f"{STEP}test/", testing.test_step, name="builder-test"),
]

"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from automate import health, home
from automate.api import api
from automate.schema import schema
from automate.styleguide import styleguide
from workflows.views.home import workspace_home

admin.autodiscover()
urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("workflows.ingress.urls")),
    path("schema/automate-1.json", schema, name="schema"),
    path("styleguide/", styleguide, name="styleguide"),
    path("w/<slug:workspace_slug>/", workspace_home, name="workspace-home"),
    path("", include("accounts.urls")),
    path("", include("accounts.notifications.urls")),
    path("", include("integrations.urls")),
    path("", include("workflows.urls")),
    path("api/v1/", api.urls),
]

handler400 = "automate.errors.bad_request"
handler403 = "automate.errors.forbidden"
handler404 = "automate.errors.not_found"
handler500 = "automate.errors.server_error"

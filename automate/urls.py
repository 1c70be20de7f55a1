"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from automate import health, home
from automate.api import api

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("integrations.urls")),
    path("", include("workflows.urls")),
    path("api/v1/", api.urls),
]

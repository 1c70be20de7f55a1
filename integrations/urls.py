"""Addresses of the integration library, connections, and the sign-in's way back."""

from django.urls import path

from integrations.views import connecting, library, managing, signin

app_name = "integrations"
urlpatterns = [
    path("w/<slug:workspace_slug>/integrations/", library.integration_list, name="integration-list"),
    path(
        "w/<slug:workspace_slug>/integrations/<slug:slug>/",
        library.integration_detail,
        name="integration-detail",
    ),
    path(
        "w/<slug:workspace_slug>/integrations/<slug:slug>/connect/",
        connecting.connection_new,
        name="connection-new",
    ),
    path("w/<slug:workspace_slug>/connections/", managing.connection_list, name="connection-list"),
    path("connections/<uuid:id>/", managing.connection_edit, name="connection-edit"),
    path("connections/<uuid:id>/test/", managing.connection_test, name="connection-test"),
    path("connections/<uuid:id>/reconnect/", connecting.connection_reconnect, name="connection-reconnect"),
    path("connections/<uuid:id>/delete/", managing.connection_delete, name="connection-delete"),
    path("oauth/callback", signin.oauth_callback, name="oauth-callback"),
]

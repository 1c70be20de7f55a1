"""Addresses that services call. They carry their own proof: nobody signs in there."""

from django.urls import path

from workflows.ingress.hooks import hook

urlpatterns = [path("hooks/<path:token>", hook, name="hook")]

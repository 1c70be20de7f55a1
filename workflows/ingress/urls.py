"""Addresses that services call and forms that people fill in. They carry their own proof: nobody signs in there."""

from django.urls import path

from workflows.ingress.approvals import approval
from workflows.ingress.callbacks import callback
from workflows.ingress.forms import form
from workflows.ingress.hooks import app_hook, hook

urlpatterns = [
    path("hooks/apps/<slug:integration>", app_hook, name="app-hook"),
    path("hooks/<path:token>", hook, name="hook"),
    path("forms/<str:token>", form, name="form"),
    path("approvals/<str:token>", approval, name="approval"),
    path("callbacks/<str:token>", callback, name="callback"),
]

"""Entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automate.settings")

application = get_wsgi_application()

from automate.requests import SturdyRequest  # noqa: E402 - needs the settings

application.request_class = SturdyRequest

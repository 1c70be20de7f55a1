"""`manage.py create_token EMAIL [--workspace SLUG] [--scope read|run|write|admin]`: prints a token, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import ApiToken
from accounts.tokens import create_token
from automate.management.people import find_person, find_workspace


class Command(BaseCommand):
    help = "Makes an API token and prints it. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--workspace", metavar="SLUG", help="default: the person's own workspace")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.WRITE.value)
        parser.add_argument("--name", default="Made in a shell")

    def handle(self, *, email: str, workspace: str | None, scope: str, name: str, **_options: Any) -> None:
        person = find_person(email)
        tenant = find_workspace(person, workspace)
        _token, text = create_token(person, tenant, name[:80], scope)
        self.stderr.write(
            f"A token of {person.email} for the workspace {tenant.slug}, scope {scope}. Keep it safe:"
        )
        self.stdout.write(text)

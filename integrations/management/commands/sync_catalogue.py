"""`manage.py sync_catalogue`: the shipped integrations' rows say what their manifests say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.errors import ManifestError
from integrations.sync import sync_catalogue


class Command(BaseCommand):
    help = "Write the shipped integrations to the database; quick and silent about those that did not change."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = sync_catalogue()
        except ManifestError as error:
            raise CommandError(f"{error.message} Run check_catalogue to see every fault.") from None
        for word, slugs in (
            ("new", result.created),
            ("updated", result.updated),
            ("no longer offered", result.retired),
        ):
            if slugs:
                self.stdout.write(f"{word}: {', '.join(slugs)}")
        count = len(result.created) + len(result.updated) + len(result.unchanged)
        self.stdout.write(
            f"{count} integrations in the catalogue, {len(result.unchanged)} of them unchanged."
        )

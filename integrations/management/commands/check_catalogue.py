"""`manage.py check_catalogue`: every fault of every manifest, with its place."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.errors import Fault, ManifestError
from integrations.manifest import CATALOGUE, check, load


class Command(BaseCommand):
    help = "Check the manifests of the catalogue, or the given files; exits 1 when one has a fault."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="*", type=Path, help="Manifests to check instead of the catalogue."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        paths = options["files"] or sorted(CATALOGUE.glob("*.yaml"))
        faulty = 0
        for path in paths:
            faults = faults_of(path)
            faulty += bool(faults)
            for fault in faults:
                self.stdout.write(f"{path.name}: {fault}")
        if faulty:
            raise CommandError(f"{faulty} of {len(paths)} manifests cannot be used; the faults are above.")
        self.stdout.write(f"{len(paths)} manifests checked, no fault found.")


def faults_of(path: Path) -> list[Fault]:
    """Every fault of one manifest; a file must be named as its slug."""
    try:
        manifest = load(path)
    except OSError as error:
        return [Fault("", f"It cannot be read: {error.strerror}.")]
    except ManifestError as error:
        return error.faults
    faults = check(manifest)
    if manifest.slug != path.stem:
        faults = [*faults, Fault("slug", f"It must be “{path.stem}”, as the file is named.")]
    return faults

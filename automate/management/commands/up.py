"""`manage.py up`: the whole product on this machine, set up and running."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from automate.alone import AlreadyRunning, end_leftovers, hold_folder
from automate.processes import write_pid
from automate.staticfiles import collect_if_changed
from automate.supervise import become_supervisor
from workflows.gallery import sync_gallery


class Command(BaseCommand):
    help = "Prepare the database and run every process; Ctrl+C stops them together."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with hold_folder() as lock:
                self._prepare()
                become_supervisor(lock)
        except AlreadyRunning as error:
            raise CommandError(str(error)) from None

    def _prepare(self) -> None:
        if left := end_leftovers():
            self.stderr.write(f"Ended what an earlier start had left behind: {', '.join(left)}.")
        call_command("migrate", verbosity=0)
        if not settings.REDIS_URL:
            call_command("createcachetable", verbosity=0)
        call_command("sync_catalogue", verbosity=0)
        sync_gallery()
        if not settings.DEBUG:
            collect_if_changed()
        self.stderr.write(self._welcome())
        write_pid("up")

    def _welcome(self) -> str:
        database = "SQLite" if settings.ON_SQLITE else "PostgreSQL"
        engine = "Celery workers" if settings.HAS_BROKER else "the embedded engine"
        lines = [f"automate runs at {settings.AUTOMATE_BASE_URL} on {database} with {engine}."]
        if not settings.HAS_EMAIL:
            lines.append(
                "E-mail is off (EMAIL_URL is not set): addresses are not verified, invitations give a link."
            )
        return "\n".join(lines)

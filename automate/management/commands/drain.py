"""`manage.py drain on|off|status`: workers take nothing new while the web accepts, as for a deploy or a migration."""

from __future__ import annotations

import getpass
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from workflows.models import ActiveRun
from workflows.runs.claims import is_draining, set_draining

State = ActiveRun.State


class Command(BaseCommand):
    help = "Stop workers from taking runs (on), let them again (off), or say how it stands (status)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deed", choices=["on", "off", "status"])

    def handle(self, *, deed: str, **options: Any) -> None:
        if deed != "status":
            set_draining(deed == "on", by=f"shell: {getpass.getuser()}")
        running = ActiveRun.objects.filter(state=State.RUNNING).count()
        ready = ActiveRun.objects.filter(state=State.READY).count()
        self.stdout.write(json.dumps({"draining": is_draining(), "under_way": running, "ready": ready}))

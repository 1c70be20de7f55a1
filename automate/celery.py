"""The Celery application. Messages are wake-ups; the database is the truth (docs/engine.md)."""

import gc
import os
import warnings

import django
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automate.settings")

# Running as root is for whoever runs us to decide; in a container it is usual.
warnings.filterwarnings("ignore", message=".*superuser privileges.*")

# No Django fix-up: Celery's closes every database connection before and after each task,
# which multiplied the CPU of a run by three. `drain` checks its connection itself.
app = Celery("automate", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # for every thread: `current_app` knows the creating one alone


@signals.import_modules.connect
def _set_up_django(**_: object) -> None:
    """A worker process prepares Django before it imports the tasks."""
    django.setup(set_prefix=False)
    import workflows.tasks  # noqa: F401


@signals.worker_init.connect
def _share_memory(**_: object) -> None:
    """Before the pool is forked: its processes share what is in memory as long as no garbage collector writes to it."""
    gc.collect()
    gc.freeze()

"""Celery entry points. Each does one call; names are registered here and sent from `runs/dispatch.py`."""

from __future__ import annotations

import multiprocessing

from celery import shared_task, signals
from django.db import close_old_connections

from accounts.notifications import mail
from workflows.runs import dispatch, notices
from workflows.runs.bell import ear_of_worker
from workflows.runs.drain import Engine
from workflows.runs.failpoints import failpoint

DRAIN_FOR_S = 20.0  # then Celery gets the process back, to recycle or stop it
_stopping = multiprocessing.Event()  # made before the worker forks, so that all its processes share it
_engine: Engine | None = None


@signals.worker_shutting_down.connect
def _stop(**_: object) -> None:
    """A warm shutdown: claim nothing more, finish what is under way."""
    _stopping.set()


@shared_task(name="workflows.drain")
def drain() -> None:
    """Run what is ready."""
    global _engine
    _engine = _engine or Engine(ear=ear_of_worker())
    dispatch.message_taken()
    failpoint("drain.woken")
    try:
        has_more = _engine.drain(stop=_stopping.is_set, max_s=DRAIN_FOR_S)
    except Exception:
        _engine = None  # its lease runs out, and its runs go on elsewhere
        raise
    if has_more:
        dispatch.wake_engine()


@shared_task(name=mail.TASK)
def send_mails() -> None:
    """Mail what people want to be told."""
    close_old_connections()
    mail.send_due()


@shared_task(name=notices.TASK)
def send_notices() -> None:
    """Tell people that a run waits for them."""
    close_old_connections()
    notices.send_due()

"""Loaded by pytest before Django: gives the tests their own PostgreSQL, Redis and data folder.

`AUTOMATE_TEST_DATABASE=sqlite` runs the same tests on the embedded default. Workers of pytest-xdist inherit
what the first process started. The suite draws the same random examples each time, so that it says the same twice;
`HYPOTHESIS_PROFILE=explore` draws new ones.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hypothesis

from tests.support.servers import Postgres, Redis

hypothesis.settings.register_profile("same", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

FAST_AND_LOOSE = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0",
    "autovacuum": "off", "jit": "off", "track_activities": "off", "track_counts": "off",
}  # fmt: skip


def _prepare() -> None:
    if "AUTOMATE_TEST_READY" in os.environ:
        _own_redis()
        return
    os.environ["AUTOMATE_TEST_READY"] = "1"
    folder = tempfile.mkdtemp(prefix="automate-test-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["AUTOMATE_DATA_DIR"] = folder
    for name in (
        "DATABASE_OWNER_URL",
        "CELERY_BROKER_URL",
        "EMAIL_URL",
        "AUTOMATE_BASE_URL",
        "AUTOMATE_CLOCK",
    ):
        os.environ.pop(name, None)
    os.environ["DEBUG"] = "true"
    os.environ["AUTOMATE_EGRESS_ALLOW"] = "127.0.0.1,localhost"
    if os.environ.get("AUTOMATE_TEST_DATABASE") == "sqlite":
        os.environ.pop("DATABASE_URL", None)
        os.environ.pop("REDIS_URL", None)
        return
    postgres = Postgres(settings=FAST_AND_LOOSE).start()
    atexit.register(postgres.remove)
    redis = Redis().start()
    atexit.register(redis.remove)
    os.environ["DATABASE_URL"] = postgres.url
    os.environ["REDIS_URL"] = redis.url
    _migrate_template(postgres, Path(folder))


def _own_redis() -> None:
    """Each process of pytest-xdist empties a Redis database of its own, not that of the others."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and "REDIS_URL" in os.environ:
        os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rsplit('/', 1)[0]}/{int(worker) + 1}"


def _migrate_template(postgres: Postgres, folder: Path) -> None:
    """Migrate once, beside the collection of the tests, what every process's test database is then copied from."""
    done = folder / "migrated"
    os.environ["AUTOMATE_TEST_MIGRATED"] = str(done)
    command = (
        f'"{sys.executable}" manage.py migrate --verbosity 0 >"{folder}/migrate.log" 2>&1; touch "{done}"'
    )
    url = postgres.url.rsplit("/", 1)[0] + "/template1"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], env={**os.environ, "DATABASE_URL": url}, cwd=Path(__file__).parent.parent
    )
    atexit.register(process.terminate)


def await_template() -> None:
    """Come back once the template is migrated. Raises RuntimeError after two minutes."""
    done = os.environ.get("AUTOMATE_TEST_MIGRATED")
    give_up = time.monotonic() + 120
    while done and not Path(done).exists():
        if time.monotonic() > give_up:
            raise RuntimeError("The database that tests copy theirs from was not migrated in 120 s.")
        time.sleep(0.05)


_prepare()

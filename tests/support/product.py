"""The whole product in its own processes: started with `manage.py up`, called over HTTP, killed where it hurts."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tests.support.database import AT_REST, Database
from tests.support.servers import Postgres, Redis, free_port

ROOT = Path(__file__).resolve().parents[2]
OWNER = "owner@example.org"
START_TIMEOUT_S = 120.0  # migrations on a busy machine
STOP_TIMEOUT_S = 45.0
DatabaseKind = Literal["postgres", "sqlite"]

# Collecting static files takes seconds; what the first product of this process has made serves the next ones.
_shelf = tempfile.TemporaryDirectory(prefix="automate-static-", dir="/tmp")
_static_files = Path(_shelf.name) / "static"


@dataclass
class Product:
    """`with Product("postgres") as product:` gives a running installation with one owner and its own database.

    `settings` are environment variables. `postgres` and `redis` may be shared; else they are started and removed here.
    """

    database: DatabaseKind = "postgres"
    settings: dict[str, str] = field(default_factory=dict)
    postgres: Postgres | None = None
    redis: Redis | None = None

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="automate-product-", dir="/tmp"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._cleanup = contextlib.ExitStack()
        self.environment: dict[str, str] = {}
        self._token: str | None = None

    # --- start and stop ------------------------------------------------------------------------
    def __enter__(self) -> Product:
        try:
            self.start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def start(self) -> None:
        self._cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = self._environment()
        self._cleanup.callback(self.stop)
        self.start_again()
        if not _static_files.exists() and (self.folder / "data" / "static").exists():
            shutil.copytree(self.folder / "data" / "static", _static_files)
        credentials = {
            "DJANGO_SUPERUSER_EMAIL": OWNER,
            "DJANGO_SUPERUSER_PASSWORD": "a long enough secret 4711",
        }
        self.manage("createsuperuser", "--noinput", environment=credentials)

    def start_again(self, **settings: str) -> None:
        """Start what was stopped, with these settings changed; the data is as it was left."""
        self.environment |= settings
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready()

    def _environment(self) -> dict[str, str]:
        own = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "AUTOMATE_DATA_DIR": str(self.folder / "data"),
            "AUTOMATE_EGRESS_ALLOW": "127.0.0.1",
        }
        (self.folder / "data").mkdir()
        if _static_files.exists():
            shutil.copytree(_static_files, self.folder / "data" / "static")
        if self.database == "postgres":
            if self.postgres is None:
                self.postgres = Postgres()
                self._cleanup.callback(self.postgres.remove)
                self.postgres.start()
            if self.redis is None:
                self.redis = Redis()
                self._cleanup.callback(self.redis.remove)
                self.redis.start()
            own["DATABASE_URL"] = self.postgres.create_database(f"automate_{self.port}")
            own["REDIS_URL"] = self.redis.url
        return own | self.settings

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"The product did not get ready. It said:\n{self.log()[-4000:]}")
            time.sleep(0.2)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """Stop all processes as Ctrl+C does; what is left after STOP_TIMEOUT_S is killed."""
        if self.process is None:
            return
        children = [pid for name in self.process_names for pid in self._pid_or_none(name)]
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self.process = None

    # --- looking in ----------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.folder / "log"

    def log(self) -> str:
        """What all processes have written so far."""
        return self.log_file.read_text(errors="replace")

    def rows(self) -> Database:
        """A look into the database, past the product."""
        if self.database == "postgres":
            return Database(self.environment["DATABASE_URL"])
        return Database(str(self.folder / "data" / "automate.sqlite3"))

    # --- commands ------------------------------------------------------------------------------
    def manage(self, *words: str, given: str = "", environment: dict[str, str] | None = None) -> str:
        """Run a management command and give its standard output. Raises RuntimeError when it fails."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            cwd=ROOT, env=self.environment | (environment or {}), input=given, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"`manage.py {' '.join(words)}` ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def publish(self, document: dict[str, Any]) -> Published:
        """Import a document and publish it."""
        said = json.loads(
            self.manage("workflow", "import", "-", "--owner", OWNER, "--publish", given=json.dumps(document))
        )
        hooks = {trigger["key"]: trigger["webhook_url"] for trigger in said["triggers"]}
        return Published(said["id"], said["key"], hooks)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the REST API as the owner. Raises urllib.error.HTTPError."""
        if self._token is None:
            self._token = self.manage("create_token", OWNER, "--scope", "admin").strip().splitlines()[-1]
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    # --- processes -----------------------------------------------------------------------------
    @property
    def worker(self) -> str:
        """The name of the process that runs workflows."""
        return "worker" if self.database == "postgres" else "engine"

    @property
    def process_names(self) -> tuple[str, ...]:
        return (
            ("web", "worker", "scheduler", "engine")
            if self.database == "sqlite"
            else ("web", "worker", "scheduler")
        )

    def pid(self, name: str) -> int:
        """Raises FileNotFoundError or ValueError while the process is being started."""
        return int((self.folder / "data" / "run" / f"{name}.pid").read_text())

    def _pid_or_none(self, name: str) -> Iterator[int]:
        with contextlib.suppress(FileNotFoundError, ValueError):
            yield self.pid(name)

    def busy_pids(self) -> list[int]:
        """For each run that is under way, the living process that holds it."""
        return [pid for pid in self.rows().holders() if _is_alive(pid)]

    def kill_worker(self) -> None:
        """SIGKILL to the worker with all its children, as when a machine goes away."""
        self.kill(self.worker)

    def kill(self, name: str) -> None:
        """SIGKILL to a process with all its children. Raises ProcessLookupError when it has ended."""
        os.killpg(self.pid(name), signal.SIGKILL)

    def children(self, parent: int) -> list[int]:
        """The living children of a process."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(stat.parent.name))
        return [pid for pid in found if _is_alive(pid)]

    def wait_until_up(self, *, within_s: float = 90.0) -> None:
        """Until all processes are there and the product says it is ready."""
        give_up = time.monotonic() + within_s
        while not (self.is_ready() and all(_is_alive(pid) for pid in self._pids())):
            if time.monotonic() > give_up:
                raise TimeoutError(f"It did not come back in {within_s} s. It says:\n{self.log()[-3000:]}")
            time.sleep(0.1)

    def _pids(self) -> list[int]:
        """Of all processes; 0 for one that is being started."""
        return [next(self._pid_or_none(name), 0) for name in self.process_names]

    def wait_until_done(self, workflow: Published, count: int, *, within_s: float) -> None:
        """Until a workflow has `count` executions and none of them goes on by itself. Raises TimeoutError."""
        give_up = time.monotonic() + within_s
        while True:
            statuses = self.rows().statuses(workflow.id)
            if sum(statuses.values()) >= count and statuses.keys() <= AT_REST:
                return
            if time.monotonic() > give_up:
                raise TimeoutError(f"After {within_s} s: {statuses}. The product says:\n{self.log()[-3000:]}")
            time.sleep(0.2)

    def run_beside(self, *words: str) -> subprocess.Popen[bytes]:
        """One more process of this installation, such as a second `scheduler`; stopped with it."""
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *words],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._cleanup.callback(_end, process)
        return process


@dataclass(frozen=True)
class Published:
    """A published workflow; `hooks`: webhook URL by trigger key."""

    id: str
    key: str
    hooks: dict[str, str]


def _is_alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

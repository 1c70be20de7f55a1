"""Products for the rows, one at a time: another one would share the cores."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from types import TracebackType
from urllib.parse import urlsplit

from bench.measure import Bench
from bench.statements import SETTINGS
from tests.support.echo import Echo
from tests.support.product import DatabaseKind, Product
from tests.support.servers import Postgres, Redis


class Stage:
    def __init__(self) -> None:
        self.echo = Echo().start()
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self._bench: Bench | None = None
        self._which: tuple[str, tuple[tuple[str, str], ...]] | None = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        for server in (self.redis, self.postgres):
            if server is not None:
                server.remove()
        self.echo.stop()

    def servers(self, *, fresh: bool = False, **settings: str) -> Bench:
        """On PostgreSQL and Redis, with these settings."""
        if self.postgres is None:
            self.postgres, self.redis = Postgres(settings=SETTINGS), Redis()
            self.postgres.start()
            self.redis.start()
        return self._on("postgres", fresh, settings)

    def embedded(self, *, fresh: bool = False) -> Bench:
        """On SQLite, without any server."""
        return self._on("sqlite", fresh, {})

    def busiest(self) -> list[tuple[int, float, str]]:
        """The statements of the last pass that took the most time; none on SQLite."""
        statements = self._bench.statements if self._bench else None
        return statements.busiest() if statements else []

    def call_ms(self) -> float:
        """What one POST to the receiver takes from here, one after the other over a kept connection."""
        where = urlsplit(self.echo.url)
        connection = HTTPConnection(where.hostname or "127.0.0.1", where.port)
        began = time.perf_counter()
        for number in range(200):
            connection.request("POST", "/limit", body=f'{{"id": "{number}"}}')
            connection.getresponse().read()
        connection.close()
        return (time.perf_counter() - began) * 1000 / 200

    def _on(self, database: DatabaseKind, fresh: bool, settings: dict[str, str]) -> Bench:
        which = (database, tuple(sorted(settings.items())))
        if self._bench is None or self._which != which or fresh:
            self._close()
            servers = {"postgres": self.postgres, "redis": self.redis} if database == "postgres" else {}
            product = Product(database, settings=settings, **servers)  # type: ignore[arg-type]
            self._bench, self._which = Bench(product.__enter__(), self.echo), which
        return self._bench

    def _close(self) -> None:
        if self._bench is not None:
            self._bench.product.__exit__(None, None, None)
            self._bench = None

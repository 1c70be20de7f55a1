"""A receiver that records every request: stands in for the services that a workflow calls.

Runs as a process of its own (`python -m tests.support.echo PORT`), keeps connections, and does some ten thousand
requests per second. `?delay_ms=30` makes it wait, `?status=500` makes it fail. `GET /-/log?since=N` gives what was
recorded, `GET /-/count` how much that is.

It is also a service to be polled: `GET /-/put?list=x&count=7` adds rows, `GET /rows/x?page=1&since=…` gives them by threes,
oldest first; four rows in a row have the same second.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.support.servers import free_port

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nidempotency-key: *([^\r]*)", re.IGNORECASE)
_ID = re.compile(rb'"id": ?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. `at`: seconds since 1970; `id`: the string under `id` in its JSON body."""

    at: float
    method: str
    path: str
    key: str
    id: str


_log: list[tuple[float, str, str, str, str]] = []
_rows: dict[str, list[dict[str, Any]]] = {}
ROWS_PER_PAGE, ROWS_PER_SECOND = 3, 4


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as the product's client and the checks speak it: no chunks, one request after the other."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end]
            length = _LENGTH.search(head)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[end + 4 : stop], self.buffer[stop:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, target, _ = head[: head.find(b"\r\n") if b"\r\n" in head else None].decode().split(" ", 2)
        path, _, query = target.partition("?")
        if path.startswith("/-/"):
            self._send(200, _own_page(path, query))
            return
        if path.startswith("/rows/"):
            self._send(200, _page(path.removeprefix("/rows/"), parse_qs(query)))
            return
        key, id_ = _KEY.search(head), _ID.search(body)
        seen_id = id_[1].decode() if id_ else ""
        _log.append((time.time(), method, path, key[1].decode() if key else "", seen_id))
        answer = b'{"ok": true, "id": "%s"}' % seen_id.encode()
        wishes = parse_qs(query) if query else {}
        status = int(wishes.get("status", ["200"])[0])
        delay_ms = float(wishes.get("delay_ms", ["0"])[0])
        if delay_ms:
            asyncio.get_running_loop().call_later(delay_ms / 1000, self._send, status, answer)
        else:
            self._send(status, answer)

    def _send(self, status: int, body: bytes) -> None:
        assert self.transport is not None
        if not self.transport.is_closing():
            head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.transport.write(head % (status, len(body)) + body)


def _own_page(path: str, query: str) -> bytes:
    if path == "/-/count":
        return json.dumps(len(_log)).encode()
    if path == "/-/log":
        return json.dumps(_log[int(parse_qs(query).get("since", ["0"])[0]) :]).encode()
    if path == "/-/put":
        wishes = parse_qs(query)
        _put(wishes["list"][0], int(wishes["count"][0]))
    return b"null"


def _put(name: str, count: int) -> None:
    rows = _rows.setdefault(name, [])
    for number in range(len(rows), len(rows) + count):
        second = 1_900_000_000 + number // ROWS_PER_SECOND
        rows.append({"id": number, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))})


def _page(name: str, query: dict[str, list[str]]) -> bytes:
    since, page = query.get("since", [""])[0], int(query.get("page", ["1"])[0])
    found = [row for row in _rows.get(name, []) if row["at"] >= since]
    return json.dumps({"rows": found[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]}).encode()


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=1024)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.close()


@dataclass
class Echo:
    """The receiver as seen from a test: start it, read its log, stop it."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Echo:
        command = [sys.executable, "-m", "tests.support.echo", str(self.port)]
        self.process = subprocess.Popen(command, start_new_session=True)
        give_up = time.monotonic() + 20
        while True:
            try:
                self.count()
                return self
            except OSError:
                if time.monotonic() > give_up or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def count(self) -> int:
        return int(self._get("/-/count"))

    def log(self, since: int = 0) -> list[Seen]:
        """Every request from number `since` on, in the order of arrival."""
        return [Seen(*row) for row in self._get(f"/-/log?since={since}")]

    def put_rows(self, name: str, count: int) -> None:
        """Add rows to a list that can be polled; their ids count from 0."""
        self._get(f"/-/put?list={name}&count={count}")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

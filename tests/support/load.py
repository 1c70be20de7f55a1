"""Sends webhooks over kept connections, at a fixed rate or as fast as they are answered, and writes down every answer.

Without `patience_s` nothing is retried: what was not answered with 202 was not accepted. With it the sender does what
services do: each delivery carries its id as Idempotency-Key and is repeated until it is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_LENGTH = re.compile(r"\r\ncontent-length: *(\d+)")
TRY_S = 15.0  # a try that takes longer has no answer
PAUSE_S = 0.25  # between two tries


@dataclass(frozen=True, slots=True)
class Answer:
    """`due_at`: when it should have been sent (seconds since 1970); latency counts from there. Status 0: no answer.

    `refused`: what earlier tries of the same delivery were told, `503!` for a 503 without Retry-After.
    """

    id: str
    status: int
    execution: str | None
    due_at: float
    latency_ms: float
    refused: tuple[str, ...] = ()


def send_load(
    url: str,
    bodies: Iterable[dict[str, Any]],
    *,
    connections: int = 16,
    rate: float | None = None,
    patience_s: float = 0.0,
) -> list[Answer]:
    """POST every body (each has an `id`); with `rate`, that many per second. Blocks until all are answered.

    In a thread of its own: Playwright keeps an event loop in the test's.
    """
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(
            lambda: asyncio.run(
                send_load_async(url, bodies, connections=connections, rate=rate, patience_s=patience_s)
            )
        ).result()


async def send_load_async(
    url: str,
    bodies: Iterable[dict[str, Any]],
    *,
    connections: int = 16,
    rate: float | None = None,
    patience_s: float = 0.0,
) -> list[Answer]:
    began = time.time()
    work = enumerate(bodies)
    answers: list[Answer] = []
    senders = [_Sender(url, patience_s) for _ in range(connections)]
    await asyncio.gather(*(sender.work(work, began, rate, answers) for sender in senders))
    return answers


@dataclass(frozen=True, slots=True)
class _Said:
    """One try's answer."""

    status: int = 0
    body: Any = None
    retry_after: bool = False

    @property
    def word(self) -> str:
        return f"{self.status}!" if self.status == 503 and not self.retry_after else str(self.status)


class _Sender:
    """One connection, opened anew after a failure."""

    def __init__(self, url: str, patience_s: float) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self.head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.patience_s = patience_s

    async def work(
        self,
        work: Iterator[tuple[int, dict[str, Any]]],
        began: float,
        rate: float | None,
        answers: list[Answer],
    ) -> None:
        for number, body in work:
            due_at = time.time() if rate is None else began + number / rate
            if (wait_s := due_at - time.time()) > 0:
                await asyncio.sleep(wait_s)
            said, refused = await self._deliver(body)
            execution = said.body.get("execution") if isinstance(said.body, dict) else None
            took_ms = (time.time() - due_at) * 1000
            answers.append(
                Answer(str(body.get("id", number)), said.status, execution, due_at, took_ms, refused)
            )
        await self._close()

    async def _deliver(self, body: dict[str, Any]) -> tuple[_Said, tuple[str, ...]]:
        """The last try's answer, and what the tries before it were told."""
        more = f"Idempotency-Key: {body['id']}\r\n" if self.patience_s else ""
        give_up, refused = time.monotonic() + self.patience_s, list[str]()
        raw = json.dumps(body).encode()
        while True:
            said = await self._try(raw, more)
            if said.status == 202 or time.monotonic() >= give_up:
                return said, tuple(refused)
            refused.append(said.word)
            await asyncio.sleep(PAUSE_S)

    async def _try(self, body: bytes, more: str) -> _Said:
        try:
            async with asyncio.timeout(TRY_S):
                return await self._send(body, more)
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError):
            await self._close()
            return _Said()

    async def _send(self, body: bytes, more: str) -> _Said:
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        writer.write(f"{self.head}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        found = _LENGTH.search(head)
        if found is None:
            raise ValueError("The answer does not say how long it is.")
        answer = await reader.readexactly(int(found[1]))
        if "connection: close" in head:
            await self._close()
        return _Said(int(head.split(" ", 2)[1]), json.loads(answer), "\r\nretry-after:" in head)

    async def _close(self) -> None:
        if self.streams is not None:
            writer, self.streams = self.streams[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

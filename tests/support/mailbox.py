"""A real IMAP server (pymap) in a thread of the test's process, with one mailbox whose mails stand in memory."""

from __future__ import annotations

import asyncio
import imaplib
import threading
from argparse import Namespace
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

USER, PASSWORD = "ada@example.com", "app-password-1234"


class Mailbox:
    """`deliver` puts a mail into a folder; `renumber` gives a folder a new UIDVALIDITY, its mails in it."""

    def __init__(self) -> None:
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), daemon=True
        )

    def start(self) -> Mailbox:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    @property
    def values(self) -> dict[str, Any]:
        """What a person types to connect."""
        return {
            "host": "127.0.0.1", "port": self.port, "security": "none", "username": USER, "password": PASSWORD
        }  # fmt: skip

    def deliver(self, *messages: EmailMessage | bytes, folder: str = "INBOX") -> None:
        with self._client() as client:
            for message in messages:
                kind, said = client.append(folder, "", datetime.now(UTC), bytes(message))
                assert kind == "OK", said

    def renumber(self, folder: str) -> None:
        """As after a server was moved: the same mails under new numbers."""
        with self._client() as client:
            client.create(folder)
            client.select(folder)
            _, found = client.uid("search", "ALL")
            mails = [
                client.uid("fetch", number.decode(), "(BODY.PEEK[])")[1][0][1] for number in found[0].split()
            ]
            client.close()
            client.delete(folder)
            client.create(folder)
        self.deliver(*mails, folder=folder)

    def flags(self, folder: str = "INBOX") -> list[bytes]:
        with self._client() as client:
            client.select(folder, readonly=True)
            return [line for line in client.uid("fetch", "1:*", "(FLAGS)")[1] if line]

    def make(self, folder: str) -> None:
        with self._client() as client:
            client.create(folder)

    def _client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(f'"{USER}"', PASSWORD)
        return client

    async def _serve(self) -> None:
        from proxyprotocol.sock import SocketInfoLocal
        from pymap.backend.dict import DictBackend
        from pymap.imap import IMAPServer
        from pysasl.hashing import Cleartext

        args = Namespace(
            host=None, port=0, debug=False, cert=None, key=None, tls=False, passlib_cfg=None, proxy_protocol=None,
            demo_data=False, demo_user=USER, demo_password=PASSWORD, inherited_sockets=None,
        )  # fmt: skip
        backend, config = await DictBackend.init(
            args, secure_auth=False, reject_dnsbl=False, invalid_user_sleep=0.0, hash_context=Cleartext()
        )
        config.apply_context()
        async with AsyncExitStack() as stack:
            await backend.start(stack)
            speak = IMAPServer(backend.login, config)

            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    await speak(reader, writer, SocketInfoLocal(writer))
                finally:
                    writer.close()

            server = await asyncio.start_server(talk, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)


def mail(subject: str, text: str = "Hello.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = headers.pop("sender", "Shop <shop@example.com>")
    message["To"] = USER
    message["Subject"] = subject
    message["Message-ID"] = headers.pop("id", f"<{subject.encode().hex()[:60]}@example.com>")
    message["Date"] = "Fri, 20 Nov 2026 10:00:00 +0100"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message

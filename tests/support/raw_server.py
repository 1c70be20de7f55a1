"""An HTTP server that sends exactly what a test tells it to, well-formed or not."""

from __future__ import annotations

import socket
import ssl
import threading
import time

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class RawServer:
    """Answers the n-th request of each connection with the n-th script; a script may be a list to send slowly."""

    def __init__(self, *scripts, tls: ssl.SSLContext | None = None, pause_s: float = 0.0) -> None:
        self.scripts, self.tls, self.pause_s = scripts, tls, pause_s
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                if self.tls:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                for script in self.scripts:
                    self.requests.append(self._read(sock))
                    self._play(sock, script)
            except OSError:
                return
            finally:
                sock.close()

    def _read(self, sock: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += self._some(sock)
        return head + b"\r\n\r\n" + body

    def _some(self, sock: socket.socket) -> bytes:
        chunk = sock.recv(65536)
        if not chunk:
            raise OSError
        return chunk

    def _play(self, sock: socket.socket, script) -> None:
        for piece in script if isinstance(script, list) else [script]:
            sock.sendall(piece)
            time.sleep(self.pause_s)

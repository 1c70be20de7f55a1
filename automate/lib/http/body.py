"""Reads an answer's body, decompressed, and never more of it than the request allows."""

import http.client
import itertools
import zlib
from collections.abc import Iterator

from automate.lib.http.errors import AnswerTooLarge, BadAnswer, ConnectionLost

CHUNK_BYTES = 64 * 1024
MAX_CODINGS = 2  # a server that compresses three times is not doing it for the sake of size


def read_body(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Raises AnswerTooLarge, BadAnswer (damaged compression), ConnectionLost (cut off), OSError, HTTPException."""
    decoders = _decoders(answer.headers.get("content-encoding"))
    if answer.length is not None and answer.length > max_bytes:
        raise _too_large(max_bytes)
    if not decoders and answer.length is not None:
        return answer.read()
    body = bytearray()
    while chunk := answer.read(CHUNK_BYTES):
        for piece in _decoded(chunk, decoders):
            body += piece
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
    if answer.length:
        raise ConnectionLost("The answer was cut off.", sent=True)
    if any(decoder.cut_off for decoder in decoders):
        raise BadAnswer("The compressed answer ended too early.")
    return bytes(body)


def _too_large(max_bytes: int) -> AnswerTooLarge:
    return AnswerTooLarge(f"The answer is larger than {max_bytes:,} bytes, the most that is accepted here.")


class Decoder:
    """gzip, zlib or raw deflate, in small pieces on demand: a bomb is noticed before it is in memory."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate = zlib.decompressobj(31 if coding == "gzip" else 15)
        self._started = False

    @property
    def cut_off(self) -> bool:
        return self._started and not self._inflate.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._inflate_some(data)
            data = self._next_member() if self._inflate.eof else self._inflate.unconsumed_tail

    def _inflate_some(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, CHUNK_BYTES)
        except zlib.error:
            if self._started or self._coding != "deflate":
                raise BadAnswer("The answer's compression is damaged.") from None
            self._inflate = zlib.decompressobj(-15)  # some servers send deflate without its zlib header
            self._started = True
            return self._inflate_some(data)
        self._started = True
        return piece

    def _next_member(self) -> bytes:
        """A gzip stream may consist of several; anything else after the end is ignored, as browsers do."""
        rest = self._inflate.unused_data
        if self._coding != "gzip" or not rest.startswith(b"\x1f\x8b"):
            return b""
        self._inflate = zlib.decompressobj(31)
        return rest


def _decoders(header: str | None) -> list[Decoder]:
    """In the order of undoing. Encodings we did not ask for are left as they are."""
    codings = [part.strip().lower().removeprefix("x-") for part in (header or "").split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if any(coding not in ("gzip", "deflate") for coding in codings):
        return []
    if len(codings) > MAX_CODINGS:
        raise BadAnswer("The answer is compressed more than twice.")
    return [Decoder(coding) for coding in reversed(codings)]


def _decoded(chunk: bytes, decoders: list[Decoder]) -> Iterator[bytes]:
    pieces: Iterator[bytes] = iter((chunk,))
    for decoder in decoders:
        pieces = itertools.chain.from_iterable(map(decoder.feed, pieces))
    return pieces

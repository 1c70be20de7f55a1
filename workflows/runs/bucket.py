"""Stored bytes in an S3 bucket, of Amazon or of any server that speaks its protocol: three requests, signed.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Self
from urllib.parse import parse_qs, quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from automate.lib.http import EgressPolicy, HttpClient, HttpError, Request, Response
from workflows.runs.shelves import Missing

TIMEOUT_S: Final = 60.0
MAX_BYTES: Final = 64 * 1024 * 1024  # of an answer: what is encrypted is a third longer
EMPTY: Final = hashlib.sha256(b"").hexdigest()


class BucketRefused(OSError):
    """The bucket did not do as it was asked; the message is a sentence."""


@dataclass(frozen=True)
class Keys:
    """`token` belongs to keys that run out."""

    id: str
    secret: str
    token: str = ""


@dataclass
class Bucket:
    """`base` is the address that keys follow, without a slash at its end. Safe to share between threads."""

    base: str
    region: str
    keys: Keys
    allow: tuple[str, ...] = ()
    name: str = "s3"

    @classmethod
    def of(cls, setting: str) -> Self:
        """From `s3://bucket/prefix?region=…&endpoint=…` and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN."""
        parts = urlsplit(setting)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        region = given.get("region") or os.environ.get("AWS_REGION", "us-east-1")
        keys = Keys(
            *(
                os.environ.get(f"AWS_{name}", "")
                for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
            )
        )
        if not (parts.netloc and keys.id and keys.secret):
            raise ImproperlyConfigured(
                "AUTOMATE_BLOBS names a bucket: write s3://bucket/prefix?region=…, and set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY."
            )
        endpoint = given.get("endpoint", "").rstrip("/")
        where = (
            f"{endpoint}/{parts.netloc}" if endpoint else f"https://{parts.netloc}.s3.{region}.amazonaws.com"
        )
        host = urlsplit(where)
        return cls(where + parts.path.rstrip("/"), region, keys, (host.netloc,) if endpoint else ())

    def put(self, key: str, data: bytes) -> None:
        self._ask("PUT", key, data)

    def get(self, key: str) -> bytes:
        answer = self._ask("GET", key)
        if answer.status == 404:
            raise Missing(f"The stored file {key} is gone from {self.base}. Restore it from a backup.")
        return answer.body

    def delete(self, keys: list[str]) -> None:
        for key in keys:
            self._ask("DELETE", key)

    @cached_property
    def _client(self) -> HttpClient:
        """Of its own: the operator's bucket may lie in a network that workflows must not reach."""
        return HttpClient(EgressPolicy(self.allow))

    def _ask(self, method: str, key: str, data: bytes = b"") -> Response:
        url = f"{self.base}/{quote(key)}"
        headers = signed(method, url, data, self.keys, self.region, datetime.now(UTC))
        request = Request(
            method, url, headers, data if method == "PUT" else None, TIMEOUT_S, MAX_BYTES, allow_retry=True
        )
        try:
            answer = self._client.send(request)
        except HttpError as error:
            raise BucketRefused(f"The bucket at {self.base} cannot be reached: {error}") from error
        if answer.status >= 300 and not (answer.status == 404 and method != "PUT"):
            raise BucketRefused(
                f"The bucket at {self.base} refused {method} with {answer.status}: {answer.body[:300].decode('utf-8', 'replace')}"
            )
        return answer


def signed(
    method: str, url: str, data: bytes, keys: Keys, region: str, at: datetime, **more: str
) -> dict[str, str]:
    """The headers of a request, `more` among them, with the one that proves who sends it."""
    parts, stamp = urlsplit(url), at.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(data).hexdigest() if data else EMPTY
    headers = {"x-amz-content-sha256": digest, "x-amz-date": stamp, **more}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    seen = {**headers, "host": parts.netloc}
    names = ";".join(sorted(seen))
    lines = "".join(f"{name}:{seen[name]}\n" for name in sorted(seen))
    canonical = "\n".join([method, parts.path, parts.query, lines, names, digest])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope},SignedHeaders={names},Signature={proof}"
    )
    return headers

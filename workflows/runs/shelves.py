"""Where stored bytes lie besides the database: in a folder that all processes share, or a bucket (`bucket.py`)."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

from django.core.exceptions import ImproperlyConfigured


class Missing(LookupError):
    """Stored bytes are not where they were put; the message is a sentence."""


class Shelf(Protocol):
    """`name` is what rows remember of it. Keys are paths of plain ASCII. Safe to share between threads."""

    name: str

    def put(self, key: str, data: bytes) -> None:
        """Durable when it returns."""

    def get(self, key: str) -> bytes:
        """Raises Missing."""

    def delete(self, keys: list[str]) -> None:
        """What is not there is no error."""


@cache
def shelf_named(setting: str) -> Shelf | None:
    """The shelf for a value of AUTOMATE_BLOBS; None: bytes lie in the database."""
    if setting in ("", "database"):
        return None
    if setting.startswith("s3://"):
        from workflows.runs.bucket import Bucket

        return Bucket.of(setting)
    folder = Path(setting)
    if not folder.is_absolute():
        raise ImproperlyConfigured(
            f"AUTOMATE_BLOBS is “{setting}”: use `database`, the absolute path of a folder, or s3://bucket/prefix."
        )
    return Folder(folder)


class Folder:
    """Files in a folder, which may be on a disk that several machines share."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, data: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
        _sync(path.parent)

    def get(self, key: str) -> bytes:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            raise Missing(
                f"The stored file {key} is gone from {self.folder}. Restore it from a backup."
            ) from None

    def delete(self, keys: list[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError):
                (self.folder / key).unlink()


def _sync(folder: Path) -> None:
    """The name of a new file is durable once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

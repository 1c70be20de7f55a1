"""Secrets that are made on the first start and kept in the data folder."""

import os
import sys
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], str], *, what: str) -> str:
    """The text of `path`; on the first call it is made, readable by the owner alone, and announced on stderr.

    Two processes that start together agree: the file is created exclusively, the loser reads the winner's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            os.link(draft, path)
            sys.stderr.write(
                f"Made {what} in {path}. Keep a copy: without it nothing encrypted can be read.\n"
            )
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()

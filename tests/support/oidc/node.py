"""oidc-provider in Node as a second opinion, where Node is there. The Python server is the one that always runs."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent
MIN_NODE = 20
INSTALL_TIMEOUT_S = 120


class NoNode(Exception):
    """Why the second authorization server cannot run here, as a sentence."""


@dataclass
class NodeProvider:
    """Endpoints: /auth, /token, /token/revocation; the service: GET /me, GET and POST /notes."""

    redirect_uri: str
    client_id: str = "automate-test"
    client_secret: str = field(default_factory=lambda: f"client-secret-{secrets.token_hex(16)}")
    process: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self) -> NodeProvider:
        """Raises NoNode."""
        folder = installed()
        env = {
            "PATH": os.environ["PATH"],
            "REDIRECT_URI": self.redirect_uri,
            "CLIENT_SECRET": self.client_secret,
        }
        self.process = subprocess.Popen(
            ["node", "server.mjs"],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self.process.stdout is None:
            raise NoNode("Node gave no output.")
        port = self.process.stdout.readline().strip()
        if not port:
            raise NoNode("oidc-provider did not start.")
        self.url = f"http://127.0.0.1:{port}"
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            if self.process.stdout is not None:
                self.process.stdout.close()

    def revoke_everything(self) -> None:
        requests.post(f"{self.url}/control/revoke-all", timeout=5).raise_for_status()

    def state(self) -> dict[str, Any]:
        """`{calls: {grant: count}, notes: [], secrets: [everything given out]}`."""
        state: dict[str, Any] = requests.get(f"{self.url}/control/state", timeout=5).json()
        return state


def installed() -> Path:
    """A folder with server.mjs and its packages, as the lock file names them; made once per machine and lock file."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NoNode("Node and npm are not installed here.")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < MIN_NODE:
        raise NoNode(f"Node {version.strip()} is older than {MIN_NODE}.")
    sources = [HERE / name for name in ("package.json", "package-lock.json", "server.mjs")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"automate-oidc-{os.getuid()}-{digest}"
    if not (folder / "ready").exists():
        _install(sources, folder)
    return folder


def _install(sources: list[Path], folder: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="automate-oidc-"))
    for path in sources:
        shutil.copy(path, work)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise NoNode("npm did not answer in time.") from None
    if done.returncode:
        shutil.rmtree(work, ignore_errors=True)
        raise NoNode("npm could not fetch the packages.")
    (work / "ready").touch()
    try:
        work.rename(folder)
    except OSError:  # another test process was quicker
        shutil.rmtree(work, ignore_errors=True)

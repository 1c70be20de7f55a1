"""Lighthouse's scores, the desktop preset, the median of five: only where there is Node, by npx."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.support.chromium import CHROMIUM, FLAGS
from tools.ux.table import Table

PACKAGE = "lighthouse@12.8.2"  # the last that runs on Node 20
CATEGORIES = {"performance": 95, "accessibility": 100, "best-practices": 100}
REPEATS = 5


def measure(screens: dict[str, str], cookie: str, table: Table) -> None:
    npx = shutil.which("npx")
    if npx is None or CHROMIUM is None:
        table.skip("Lighthouse", "no Node here")
        return
    for name, address in screens.items():
        found = [_scores(npx, address, cookie) for _ in range(REPEATS)]
        for category, least in CATEGORIES.items():
            table.at_least(
                f"Lighthouse: {name}, {category}", statistics.median(one[category] for one in found), least
            )


def _scores(npx: str, address: str, cookie: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory(prefix="automate-lighthouse-", dir="/tmp") as folder:
        out = Path(folder) / "report.json"
        subprocess.run(
            [
                npx, "--yes", PACKAGE, address, "--preset=desktop", "--quiet", "--output=json",
                f"--output-path={out}", f"--only-categories={','.join(CATEGORIES)}",
                f"--extra-headers={json.dumps({'Cookie': cookie})}",
                f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
            ],
            check=True, capture_output=True, env={"CHROME_PATH": str(CHROMIUM), "PATH": "/usr/bin:/bin", "HOME": folder,
                                                  "npm_config_cache": "/tmp/automate-npm"},
        )  # fmt: skip
        categories = json.loads(out.read_text())["categories"]
    return {name: round(categories[name]["score"] * 100) for name in CATEGORIES}

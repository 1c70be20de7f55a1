"""Product time, real or simulated."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import time_machine

from automate.lib import clock


def _in_a_process(spec: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AUTOMATE_CLOCK": spec},
        capture_output=True,
        text=True,
    )


def test_now_is_aware_and_real_without_a_setting():
    with time_machine.travel("2026-11-20T10:30:00Z", tick=False):
        assert clock.now() == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
        assert clock.now().tzinfo is UTC
    assert clock.for_children() is None


@pytest.mark.parametrize(
    ("spec", "elapsed_s", "expected"),
    [
        ("rate=60,offset=3600", 0, 4600),
        ("rate=60,offset=3600", 10, 5200),
        ("offset=-5", 10, 1005),
        ("rate=0", 99, 1000),
    ],
)
def test_time_passes_at_the_rate_from_the_start(spec, elapsed_s, expected):
    simulated = clock.parse(spec, start=1000)

    assert simulated is not None
    assert simulated.at(1000 + elapsed_s) == expected


def test_children_share_the_start():
    simulated = clock.parse("rate=60,offset=3600", start=1000.25)

    assert simulated is not None
    assert clock.parse(simulated.spec(), start=5000) == simulated


@pytest.mark.parametrize("spec", ["", "  ", ","])
def test_no_setting_means_real_time(spec):
    assert clock.parse(spec, start=0) is None


@pytest.mark.parametrize(
    "spec",
    ["rate", "rate=", "rate=fast", "speed=2", "rate=1,rate=2", "rate=-1", "offset=nan", "rate=inf", "60"],
)
def test_a_wrong_setting_is_refused_with_advice(spec):
    with pytest.raises(
        ValueError, match=r"^AUTOMATE_CLOCK cannot be used: .* Write it like rate=60,offset=3600"
    ):
        clock.parse(spec, start=0)


def test_the_environment_is_honoured():
    done = _in_a_process(
        "offset=86400000", "from automate.lib import clock; print(clock.now().year, clock.for_children())"
    )

    assert int(done.stdout.split()[0]) >= datetime.now(UTC).year + 2
    assert done.stdout.split()[1].startswith("rate=1.0,offset=86400000.0,start=")


def test_a_wrong_environment_stops_the_process():
    assert (
        "AUTOMATE_CLOCK cannot be used: `rate=x` needs a number"
        in _in_a_process("rate=x", "import automate.lib.clock").stderr
    )


def test_monotonic_is_not_simulated():
    assert clock.monotonic() <= clock.monotonic()

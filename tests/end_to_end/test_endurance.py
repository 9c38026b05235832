"""The harness of the long run, for half a minute: what it looks at is there, and holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_half_a_minute_of_the_real_program(tmp_path):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "tools" / "endurance.py", "--minutes", "0.6", "--guard", "--json", report],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text())
    assert figures["wrong"] == []
    assert figures["trades"] >= 1
    assert figures["missed_countdowns"] == 0
    assert set(figures["processes"]) == {"console", "exchange", "guard"}
    assert len(figures["by_minute"]) >= 9
    assert all(each["guard"]["fds"] > 0 and each["console"]["rss_mb"] > 0 for each in figures["by_minute"])

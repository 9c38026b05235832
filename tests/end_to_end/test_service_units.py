"""The example units of docs/: systemd reads them, and their commands are commands of ours that do what the unit counts on."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_stage import CONFIG
from venue_driver import SimVenue, until

from core.config import SimConfig
from core.messages.exit_codes import ExitCode
from hip3_tui.cli import COMMANDS

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "docs").glob("*.service"))
HEADLESS, GUARD = ROOT / "docs" / "hip3-tui.service", ROOT / "docs" / "hip3-tui-guard.service"


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text(encoding="utf-8"))
    return parser


def test_there_are_two() -> None:
    assert UNITS == [GUARD, HEADLESS]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    """With a user and a program that are there; where there is no systemd, its grammar and the names of its settings are still looked at."""
    text = unit.read_text(encoding="utf-8")
    (command, *_) = shlex.split(read(unit)["Service"]["ExecStart"])
    for away, here in ((command, "/bin/true"), ("User=trader\n", ""), ("/home/trader/hip3-tui\n", "/tmp\n")):
        assert away in text
        text = text.replace(away, here)
    for other in UNITS:  # they name each other
        (tmp_path / other.name).write_text(text if other == unit else "[Service]\nExecStart=/bin/true\n")
    assert set(read(unit).sections()) == {"Unit", "Service", "Install"}
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
            capture_output=True, text=True, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        )  # fmt: skip
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
        assert complaints == [], complaints


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_its_settings_are_what_the_program_counts_on(unit: Path) -> None:
    service = read(unit)["Service"]
    assert service["KillSignal"] == "SIGTERM"
    assert service["KillMode"] == "mixed"
    assert service["LimitCORE"] == "0"
    assert service["UMask"] == "0077"
    assert int(service["TimeoutStopSec"]) >= 60
    assert service["Restart"] == ("always" if unit == GUARD else "no")
    if unit == HEADLESS:
        assert int(service["SuccessExitStatus"]) == 128 + signal.SIGTERM
        assert "yes-real-money" not in service["ExecStart"], "that word is the operator's to write"
    program, command, *_ = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/hip3-tui")
    assert command in COMMANDS


@pytest.fixture
def venue() -> Iterator[SimVenue]:
    venue = SimVenue(SimConfig(seed=11, latency_min_ms=10, latency_max_ms=40, markets=(SimVenue.COIN,)))
    yield venue
    venue.kill()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_their_commands_run_as_written_and_end_as_the_units_expect(venue: SimVenue, tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text(
        CONFIG.format(
            ws="ws", http="http", host="127.0.0.1", port=venue.port, time_stop_ms=60_000, post_timeout_ms=800, stop_grace_ms=15_000,
            position_sync_ms=5_000,
        )
    )  # fmt: skip
    running: list[tuple[Path, subprocess.Popen[bytes], Path]] = []
    try:
        for unit in (HEADLESS, GUARD):
            _, *words = shlex.split(read(unit)["Service"]["ExecStart"])
            words = [str(config) if word.endswith(".toml") else word for word in words]
            out = tmp_path / f"{unit.stem}.out"
            with out.open("wb") as said:
                process = subprocess.Popen(
                    [sys.executable, "-m", "hip3_tui", *words],
                    stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
                    env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
                )  # fmt: skip
            running.append((unit, process, out))
        (_, headless, said), (_, guard, guarded) = running
        until("the guard sees it", lambda: "console: alive" in guarded.read_text(), 60)
        until("it is ready", lambda: "READY" in said.read_text(), 60)
        venue.dislocate()
        until("an entry is filled", lambda: bool(venue.positions()), 20)
        venue.settle()
        headless.send_signal(signal.SIGTERM)
        assert headless.wait(60) == 128 + signal.SIGTERM, said.read_text()
        assert venue.positions() == []
        until("the guard is at rest", lambda: "console: ended in order" in guarded.read_text(), 20)
        guard.send_signal(signal.SIGTERM)
        assert guard.wait(60) == ExitCode.OK, guarded.read_text()
    finally:
        for _, process, _ in running:
            if process.poll() is None:
                process.kill()
                process.wait(10)

"""`hip3-tui verify` against the simulated exchange: all checks, and each one failing for the right reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from venue_driver import SimVenue, until

from core.config import SimConfig
from core.runtime.keys import TEST_ADDRESS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = {{ type = "simulator" }}
[execution]
time_stop_ms = 1500
"""
VENUE = SimConfig(seed=11, latency_min_ms=5, latency_max_ms=20, markets=(SimVenue.COIN,), ip_limits=False)


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venue = SimVenue(VENUE)
        self.config = folder / "verify.toml"
        self.config.write_text(CONFIG.format(port=self.venue.port))

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hip3_tui", "verify", "--config", str(self.config), "--json", *words]
        return subprocess.Popen(
            [*command, "--out", str(self.folder / "out")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state")},
            cwd=Path(__file__).parents[2],
        )

    def verify(self, *words: str, meanwhile: Callable[[], None] = lambda: None) -> tuple[int, dict[int, Any], str]:
        """Exit code, the checks by number, stderr."""
        process = self.start(*words)
        meanwhile()
        out, err = process.communicate(timeout=200)
        checks = json.loads(out)["checks"] if out else []
        return process.returncode, {c["number"]: c for c in checks}, err


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.venue.kill()


def test_all_ten_on_a_good_exchange(stage: Stage) -> None:
    code, checks, err = stage.verify()
    assert code == 0, (checks, err)
    assert {n: c["verdict"] for n, c in checks.items()} == dict.fromkeys(range(1, 11), "PASS")
    assert float(checks[7]["figures"]["held_ms"]) >= 500
    assert int(checks[8]["figures"]["actions"]) >= 20
    assert stage.venue.positions() == []
    assert stage.venue.truth()["openOrders"] == []
    (written,) = (stage.folder / "out").glob("*.toml")
    summary = tomllib.loads(written.read_text())
    assert [c["number"] for c in summary["checks"]] == list(range(1, 11))
    assert written.with_suffix(".md").exists()
    assert "flat confirmed" in err


@pytest.mark.parametrize(
    ("number", "fault", "settings", "why"),
    [
        (
            2,
            "reject_all",
            {"level": "action", "text": "User or API Wallet 0x00 does not exist."},
            "User or API Wallet 0x00 does not exist.",
        ),
        (3, "reject_all", {"text": "Insufficient margin to place order."}, "Insufficient margin to place order."),
        (5, "stale_clearinghouse", {"ms": 60_000, "count": 10_000}, "the exchange says 0"),
        (8, "duplicate_nonce", {}, "the exchange refused a nonce"),
        (
            10,
            "reject_all",
            {"text": "Something new."},
            "expected a refusal by the market, got: rejected: Something new.",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_a_check_fails_for_the_right_reason(
    stage: Stage, number: int, fault: str, settings: dict[str, Any], why: str
) -> None:
    stage.venue.fault(fault, **settings)
    code, checks, err = stage.verify("--only", str(number))
    assert code != 0, (checks, err)
    assert checks[number]["verdict"] == "FAIL", checks
    assert why in checks[number]["reason"]
    assert all(n == number for n, c in checks.items() if c["verdict"] == "FAIL"), checks


@pytest.mark.parametrize(("number", "why"), [(6, "not flat 10 s after the flatten"), (7, "still open 5 s after")])
def test_an_exit_that_finds_nobody_fails_the_check_that_waits_for_it(stage: Stage, number: int, why: str) -> None:
    def nobody_buys_it_back() -> None:
        until("a position is open", lambda: bool(stage.venue.positions()), 60)
        stage.venue.fault("one_sided", coin=SimVenue.COIN, side="bids", for_ms=13_000)

    stage.venue.fault("latency_storm", ms=1_000)  # so that the exit is not there before the bids are gone
    code, checks, err = stage.verify("--only", str(number), meanwhile=nobody_buys_it_back)
    assert code == 1, (checks, err)
    assert checks[number]["verdict"] == "FAIL", checks
    assert why in checks[number]["reason"]
    assert stage.venue.positions() == [], "it goes on until it is flat"


def test_a_fill_that_nobody_tells_of_fails_the_check_that_waits_for_it(stage: Stage) -> None:
    def nobody_tells() -> None:
        until("a position is open", lambda: bool(stage.venue.positions()), 60)
        stage.venue.fault("info_down", for_ms=14_000)

    stage.venue.fault("skip_fill_frame")
    code, checks, err = stage.verify("--only", "4", meanwhile=nobody_tells)
    assert code == 1, (checks, err)
    assert checks[4]["verdict"] == "FAIL", checks
    assert "filled was said, fills of 0 seen" in checks[4]["reason"]


def test_under_mainnets_rules_the_preflight_is_answered_with_the_word(tmp_path: Path) -> None:
    venue = SimVenue(replace(VENUE, network="mainnet"))
    stage = Stage.__new__(Stage)
    stage.folder, stage.venue, stage.config = tmp_path, venue, tmp_path / "verify.toml"
    more = f'[safety]\nmainnet = true\n[account]\naddress = "{TEST_ADDRESS}"\n[sim]\nnetwork = "mainnet"\n'
    stage.config.write_text(CONFIG.format(port=venue.port) + more)
    try:
        code, checks, err = stage.verify("--only", "2", "--yes-real-money")
        assert code == 0, (checks, err)
        assert checks[2]["verdict"] == "PASS"
        code, _, err = stage.verify("--only", "2")
        assert code == 78
        assert "REAL MONEY" in err
    finally:
        venue.kill()


def test_it_starts_from_a_flat_account_only(stage: Stage) -> None:
    subprocess.run(
        [sys.executable, "-m", "hip3_tui", "order", "--config", str(stage.config), "xyz:SNDK", "buy", "--usd", "20"],
        env={**os.environ, "XDG_STATE_HOME": str(stage.folder / "state")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        timeout=120,
    )
    code, _, err = stage.verify()
    assert code == 78
    assert "starts from flat only: position xyz:SNDK" in err

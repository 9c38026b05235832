"""A rehearsal of mainnet on this machine from the config to the end, with the real program: a fresh agent key, account and agent two addresses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pty_driver import spawn
from real_rules import Rehearsal, venue_under

from core.config import Network
from core.runtime.keys import TEST_ADDRESS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(150)


def environment(rehearsal: Rehearsal) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(rehearsal.state), "PYTHONPATH": str(ROOT)}


def command(rehearsal: Rehearsal, *options: str) -> list[str]:
    return [sys.executable, "-m", "hip3_tui", "run", "--config", str(rehearsal.config), *options]


class Headless:
    """A run without a screen whose lines are read as they come."""

    def __init__(self, rehearsal: Rehearsal, *options: str) -> None:
        self.process = subprocess.Popen(
            command(rehearsal, "--headless", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(rehearsal),
            cwd=ROOT,
        )
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line.rstrip("\n"))
                self._more.notify_all()

    def wait_for(self, text: str, timeout_s: float = 60.0) -> str:
        with self._more:
            found = self._more.wait_for(lambda: any(text in line for line in self.lines), timeout_s)
            assert found, f"never said {text!r}; it said:\n" + "\n".join(self.lines)
            return next(line for line in self.lines if text in line)

    def end(self, number: int | None = None, timeout_s: float = 60.0) -> int:
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        self._reader.join(10)
        return code


@contextmanager
def headless(rehearsal: Rehearsal, *options: str) -> Iterator[Headless]:
    program = Headless(rehearsal, *options)
    try:
        yield program
    finally:
        program.process.kill()


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with venue_under(Network.MAINNET) as venue:
        yield Rehearsal(venue, tmp_path)


def fills_of(rehearsal: Rehearsal, address: str) -> list[Any]:
    """As the exchange has them."""
    venue = rehearsal.venue
    asked = {"type": "userFills", "user": address}
    return list(venue.do(lambda: venue.server.exchange.info(asked, venue.now_ms())))


def test_without_the_word_nothing_is_sent(rehearsal: Rehearsal, tmp_path: Path) -> None:
    summary = tmp_path / "end.json"
    with headless(rehearsal, "--summary", str(summary)) as program:
        assert program.end() == 78
    assert any(
        "not begun: type REAL MONEY to begin; without a screen it is given as --yes-real-money" in line
        for line in program.lines
    )
    end = json.loads(summary.read_text())
    assert (end["traded"], end["flat_confirmed"]) == (False, True)
    assert fills_of(rehearsal, TEST_ADDRESS) == []


def test_a_failed_check_refuses_the_start_and_says_which(tmp_path: Path) -> None:
    with venue_under(Network.MAINNET) as venue:
        stranger = Rehearsal(venue, tmp_path, approved=False)
        with headless(stranger, "--yes-real-money") as program:
            assert program.end() == 78
    assert any("FAIL  signer" in line and "not known to the exchange: never approved" in line for line in program.lines)
    assert any("not begun: 1 checks failed: signer" in line for line in program.lines)


def test_from_preflight_to_a_trade_and_flat_at_sigterm(rehearsal: Rehearsal, tmp_path: Path) -> None:
    rehearsal.rest_a_foreign_order()
    rehearsal.write("[execution]\n", "[execution]\ntime_stop_ms = 1500\n")
    summary = tmp_path / "end.json"
    options = ("--yes-real-money", "--cancel-foreign", "--summary", str(summary))
    with headless(rehearsal, *options) as program:
        program.wait_for("READY-TRADING")
        refused = subprocess.run(
            command(rehearsal, "--headless"),
            env=environment(rehearsal),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert refused.returncode == 78
        assert f"is held by headless run, process {program.process.pid} on" in refused.stderr
        rehearsal.venue.control(do="hold", coin="xyz:SNDK", bps=60)
        program.wait_for("Flat completed: duration_ms=")
        assert program.end(signal.SIGTERM) == 128 + signal.SIGTERM
    expected = (
        "[INFO] Config loaded: ",
        "[INFO] Network: SIMULATOR (ws://127.0.0.1:",
        "[INFO] Mode: trading",
        f"[INFO] Signer address: {rehearsal.agent}",
        '[INFO] Allowed markets: ["xyz:SNDK"]',
        "[INFO] Safety guards: mainnet=true, max_notional=50 USD",
        "[INFO] PASS  market xyz:SNDK",
        "[INFO] WS connected to ws://127.0.0.1:",
        "[INFO] ready: READY-TRADING",
        "[INFO] Signal: xyz:SNDK",
        "[INFO] Order enqueued: cloid=0x",
        "[INFO] userFills received: cloid=0x",
        "[INFO] Position updated: xyz:SNDK size=",
        "[WARN] TimeStop triggered: market=xyz:SNDK, age=",
        "[INFO] Flatten triggered: market=xyz:SNDK",
        "[INFO] Position closed: xyz:SNDK size=0",
        "[INFO] Flat completed: duration_ms=",
    )
    text = "\n".join(program.lines)
    assert [line for line in expected if line not in text] == []
    (word,) = [line for line in program.lines if "started by" in line]
    assert (
        "word REAL MONEY, preflight: 16 checks passed, 1 warnings, 0 failed; 1 orders of others to be cancelled" in word
    )
    assert rehearsal.key.read_text() not in text
    end = json.loads(summary.read_text())
    assert end["flat_confirmed"] is True
    assert end["stop_reason"] == "SIGTERM"
    assert (end["network"], end["rules"]) == ("simulator", "mainnet")
    assert (end["account"], end["signer"]) == (TEST_ADDRESS, rehearsal.agent)
    assert end["trades"] >= 1
    assert end["sent_minus_completed"] == 0
    assert end["worst_flat_time_ms"] >= 0
    assert end["positions_open"] == []
    assert len(fills_of(rehearsal, TEST_ADDRESS)) >= 2, "the trades are those of the account, not of the key"
    assert fills_of(rehearsal, rehearsal.agent) == []


def test_what_is_found_open_is_shown_and_ended_on_the_operators_word(rehearsal: Rehearsal) -> None:
    rehearsal.rest_a_foreign_order()
    size = rehearsal.open_a_foreign_position()
    looked = subprocess.run(
        [sys.executable, "-m", "hip3_tui", "preflight", "--config", str(rehearsal.config)],
        env=environment(rehearsal), capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert looked.returncode == 0
    assert f"position: xyz:SNDK {size} @ " in looked.stdout
    assert "--headless takes --cancel-foreign and --close-found" in looked.stdout
    with headless(rehearsal, "--yes-real-money", "--cancel-foreign", "--close-found") as program:
        program.wait_for("READY-TRADING")
        program.wait_for("Position closed: xyz:SNDK size=0")
        assert program.end(signal.SIGTERM) == 128 + signal.SIGTERM
    venue, asked = rehearsal.venue, {"type": "openOrders", "user": TEST_ADDRESS, "dex": "xyz"}
    assert venue.do(lambda: venue.server.exchange.info(asked, venue.now_ms())) == []
    (word,) = [line for line in program.lines if "started by" in line]
    assert "1 orders of others to be cancelled; to be closed: xyz:SNDK" in word
    assert not any("TimeStop triggered" in line for line in program.lines), "closed at once, not when its time was over"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_testnets_rules_ask_no_word_and_every_signal_ends_in_order(number: int, tmp_path: Path) -> None:
    with venue_under(Network.TESTNET) as venue:
        testnet = Rehearsal(venue, tmp_path, Network.TESTNET)
        with headless(testnet) as program:
            program.wait_for("READY-TRADING")
            assert program.end(number) == 128 + number
    assert "flat confirmed" in program.lines[-1]


def test_its_time_is_over(rehearsal: Rehearsal) -> None:
    with headless(rehearsal, "--yes-real-money", "--for", "8") as program:
        assert program.end() == 0
    assert "its time is over" in program.lines[-1]


def test_a_checkpoint_pauses_and_is_in_the_summary(rehearsal: Rehearsal, tmp_path: Path) -> None:
    rehearsal.write("[execution]\n", "[execution]\ntime_stop_ms = 1000\n")
    text = rehearsal.config.read_text().replace("checkpoints = [10, 50, 100]", "checkpoints = [1]")
    rehearsal.config.write_text(text)
    summary = tmp_path / "end.json"
    with headless(rehearsal, "--yes-real-money", "--summary", str(summary)) as program:
        program.wait_for("READY-TRADING")
        rehearsal.venue.control(do="hold", coin="xyz:SNDK", bps=60)
        program.wait_for("alert: checkpoint 1: 1 trades,")
        assert program.end(signal.SIGTERM) == 128 + signal.SIGTERM
    end = json.loads(summary.read_text())
    assert end["checkpoint"] == {"reached": 1, "trades": 1}
    assert end["entries"] == 1
    with headless(rehearsal, "--yes-real-money") as again:
        again.wait_for("checkpoint: checkpoint 1: 1 trades are closed, go on or stop?")
        again.wait_for("READY-TRADING")
        assert again.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert not any("Order enqueued" in line for line in again.lines)
    decided = ("--go-on-beyond", "1", "--because", "fill rate is fine")
    with headless(rehearsal, "--yes-real-money", *decided) as further:
        further.wait_for("operator: checkpoint 1: go on; ")
        further.wait_for("Order enqueued")
        assert further.end(signal.SIGTERM) == 128 + signal.SIGTERM


def test_at_the_console_the_word_is_typed(rehearsal: Rehearsal) -> None:
    with spawn(command(rehearsal), cols=120, rows=40, cwd=str(ROOT), env=environment(rehearsal)) as console:
        console.wait_for("type REAL MONEY to begin", timeout=40)
        console.wait_for("id 110016", timeout=20)
        console.send("REAL MONEY")
        console.wait_for("█ REAL MONEY", timeout=20)
        console.send("\r")
        console.wait_for("READY", timeout=40)
        console.wait_for("started by", timeout=40)
        console.send("q")
        assert console.wait_exit(timeout=40) == 0

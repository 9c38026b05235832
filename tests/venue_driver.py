"""Our simulated exchange in a process of its own, and its own word on what happened (/control)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from core.config import SimConfig


class SimVenue:
    """A running simulator, with the one coin that these tests trade held at prices of their own."""

    COIN = "xyz:SNDK"

    def __init__(self, settings: SimConfig) -> None:
        self._settings = settings
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, or after `kill` another one on the same port that knows nothing of the first."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hip3_tui", "sim", "--child", "--port", str(self.port)],
            stdin=subprocess.PIPE,  # its end is the simulator's: none is left behind, whatever becomes of the test
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(self._settings).decode() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])
        self.settle()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(5)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    # --- acting on it ------------------------------------------------------------------------------------------------------

    def control(self, **command: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/control",
            data=json.dumps(command).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            result: dict[str, Any] = json.loads(answer.read())
            return result

    def fault(self, name: str, **settings: Any) -> None:
        self.control(do="fault", name=name, **settings)

    def clear_faults(self) -> None:
        self.control(do="clear_faults")

    def drop_connections(self) -> int:
        dropped: int = self.control(do="drop_connections")["dropped"]
        return dropped

    def dislocate(self) -> None:
        """The oracle stands 40 bps above the book: there is something to take."""
        self._pin("1697.6", "1698.2")

    def settle(self) -> None:
        """The book has come after the oracle: nothing more to take."""
        self._pin("1704.7", "1705.3")

    def _pin(self, bid: str, ask: str) -> None:
        self.control(do="set_price", coin=self.COIN, oracle="1705", bid=bid, ask=ask, size="1")

    # --- its own view --------------------------------------------------------------------------------------------------------

    def truth(self) -> dict[str, Any]:
        return self.control(do="truth")

    def positions(self) -> list[Any]:
        positions: list[Any] = self.truth()["positions"]
        return positions

    def fills(self) -> list[Any]:
        fills: list[Any] = self.truth()["fills"]
        return fills

    def orders_received(self, *, accepted: bool = True) -> list[Any]:
        """Actions with orders in them that reached it."""
        return [a for a in self.truth()["actions"] if a["type"] == "order" and a["accepted"] is accepted]

    def earned(self, first_fill: int = 0) -> Decimal:
        """What the account made with its fills from that one on, after fees."""
        return sum((Decimal(f["closedPnl"]) - Decimal(f["fee"]) for f in self.fills()[first_fill:]), Decimal(0))

    def faults_in_force(self) -> list[str]:
        return [f["name"] for f in self.control(do="list_faults")["inForce"]]


def until(what: str, holds: Callable[[], bool], timeout_s: float) -> float:
    """Ask until it holds. Returns how long that took, seconds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.03)  # the venue is another process; there is no clock of ours to pass in
    return time.monotonic() - begun

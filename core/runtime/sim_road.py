"""The way between a client and the simulated exchange: how long it takes, and what goes wrong on it on purpose.

Asks the fault board and says what to do; the server does it. Easy to get wrong: a request that fails at the edge may have been executed
all the same, and its sender cannot tell.

PROTOCOL 1.1, 6.1, 14; issue 4 part 4.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from msgspec import Struct

from core.config import SimConfig
from core.sim.admission import WireFailure
from core.sim.faults import HTTP_FAILURES, FaultBoard


class Edge(Struct, frozen=True):
    """A request that will be answered with a failure."""

    failure: WireFailure
    executed: bool


class Road:
    """How long the way takes, and what happens on it."""

    def __init__(self, faults: FaultBoard, clock: Callable[[], int], config: SimConfig) -> None:
        self._faults = faults
        self._clock = clock
        self._least_ms, self._most_ms = config.latency_min_ms, config.latency_max_ms
        self._dice = random.Random(f"{config.seed}/latency")
        self._storm_dice = random.Random(f"{config.seed}/storm")

    def latency_ms(self) -> tuple[int, int]:
        """(until the venue has it, until the sender has the reply), drawn for one request."""
        whole = self._dice.randint(self._least_ms, self._most_ms)
        there = int(whole * self._dice.uniform(0.3, 0.7))
        storm_there = self._storm_ms()
        return there + storm_there, whole + storm_there + self._storm_ms()

    def _storm_ms(self) -> int:
        """How much longer one way takes."""
        fault = self._faults.strike("latency_storm", self._clock())
        return 0 if fault is None else self._storm_dice.randint(0, fault.ms)

    def edge(self, road: str) -> Edge | None:
        """How a request to `info` or `exchange` fails, if it does."""
        fault = self._faults.strike_request(self._clock(), road)
        if fault is None:
            return None
        return Edge(WireFailure(*HTTP_FAILURES[fault.name]), fault.executed)

    def post_error(self) -> str | None:
        """The error payload that answers a post instead of its being carried out."""
        fault = self._faults.strike("post_error", self._clock())
        return None if fault is None else fault.text

    def read_after_s(self) -> float:
        """How long the venue leaves a frame of a client unread."""
        fault = self._faults.strike("slow_reads", self._clock())
        return 0.0 if fault is None else fault.ms / 1000

    @property
    def cuts_all_now(self) -> bool:
        return self._faults.strikes_by_itself("drop_connections", self._clock())

    @property
    def lets_in(self) -> bool:
        return self._faults.strike("refuse_connections", self._clock()) is None

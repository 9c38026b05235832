"""What the operator may do to our own simulated exchange, so that anybody can see the machine react. On any other network there is no such handle.

Called from worker threads: each call asks over HTTP, within a bound. The real one is core.runtime.simulator_client.SimulatorClient. Decides
nothing. Easy to get wrong: this moves the venue and never the engine, which learns of it as it would of the real one.

SPEC 11.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class SimulatorError(Exception):
    """It does not answer, or refuses; the text is one line for the operator."""


class FaultSetting(Struct, frozen=True):
    name: str
    says: str
    """What it is, and its range."""
    default: str
    """What it is when nothing is said; empty: nothing."""


class FaultInfo(Struct, frozen=True):
    """One thing that the exchange can do wrong on purpose."""

    name: str
    group: str
    says: str
    lasts: str
    settings: tuple[FaultSetting, ...]


class FaultInForce(Struct, frozen=True):
    name: str
    left: int | None
    """How often it still strikes; None: as often as there is cause."""
    until_ms: int | None


class SimulatorHandle(Protocol):
    def faults(self) -> tuple[FaultInfo, ...]:
        """Every fault there is. Needs no answer from the exchange."""
        ...

    def in_force(self) -> tuple[FaultInForce, ...]:
        """
        Raises:
            SimulatorError: As every call below.
        """
        ...

    def strike(self, name: str, settings: str) -> None:
        """Let a fault happen. ``settings``: ``key=value,key=value`` as on the command line, or empty."""
        ...

    def clear_faults(self) -> None: ...

    def drop_connections(self) -> int:
        """Drop every WebSocket connection without a close frame; answers how many."""
        ...

    def jump_oracle(self, coin: str, bps: int) -> None:
        """Move the oracle so far from the middle of the book, and hold both there until `release`."""
        ...

    def release(self, coin: str) -> None:
        """Let a market move by itself again."""
        ...

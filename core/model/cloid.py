"""The client order id: made once when an order is built, kept through requeue and resend, never derived from a post id.

``0x`` + ownership tag (8 digits) + run id (8) + counter (16). The tag tells our orders from foreign ones, after a restart too;
the run id keeps runs apart; the counter makes a simulation repeatable. Hex digits are lower case, as the exchange returns them.
"""

from __future__ import annotations

from typing import NewType

Cloid = NewType("Cloid", str)

OWNERSHIP_TAG = "68697033"
"""'hip3' in ASCII."""

_DIGITS = 32
_BY_HAND = 0x8000_0000_00A0_0000
"""Added to the counter of an id that the console makes, for an order by hand: the engine, which counts from 1, never gets there, and the
last digits that are shown tell the two apart."""


class CloidMaker:
    """Numbers the orders of one run."""

    def __init__(self, run_id: int) -> None:
        assert 0 <= run_id < 1 << 32, f"run id {run_id} needs more than 32 bits"
        self._prefix = f"0x{OWNERSHIP_TAG}{run_id:08x}"
        self._count = 0

    def next(self) -> Cloid:
        self._count += 1
        return Cloid(f"{self._prefix}{self._count:016x}")


def cloid_by_hand(run_id: int, count: int) -> Cloid:
    """The id of the ``count``-th order that the operator of this run places. Made before it is sent: sent twice, it is refused the second time."""
    assert 0 < count < 0x10_0000, f"order by hand number {count}"
    return Cloid(f"0x{OWNERSHIP_TAG}{run_id:08x}{_BY_HAND + count:016x}")


def is_by_hand(cloid: str, run_id: int) -> bool:
    """Whether this is an id that `cloid_by_hand` makes for this run."""
    prefix = f"0x{OWNERSHIP_TAG}{run_id:08x}{_BY_HAND:016x}"
    return is_cloid(cloid) and cloid[:-5] == prefix[:-5] and cloid[-5:] != "00000"


def is_cloid(text: str) -> bool:
    """Whether the exchange would take this text: 0x and exactly 32 hex digits."""
    return len(text) == _DIGITS + 2 and text[:2] == "0x" and all(c in "0123456789abcdefABCDEF" for c in text[2:])


def is_ours(cloid: str | None) -> bool:
    """Whether this console, in this run or an earlier one, made the id."""
    return cloid is not None and is_cloid(cloid) and cloid[2 : 2 + len(OWNERSHIP_TAG)] == OWNERSHIP_TAG


def short(cloid: str) -> str:
    """The last digits, enough to tell orders of one run apart on a screen."""
    return cloid[-6:]

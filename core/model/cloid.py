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


class CloidMaker:
    """Numbers the orders of one run."""

    def __init__(self, run_id: int) -> None:
        assert 0 <= run_id < 1 << 32, f"run id {run_id} needs more than 32 bits"
        self._prefix = f"0x{OWNERSHIP_TAG}{run_id:08x}"
        self._count = 0

    def next(self) -> Cloid:
        self._count += 1
        return Cloid(f"{self._prefix}{self._count:016x}")


def is_cloid(text: str) -> bool:
    """Whether the exchange would take this text: 0x and exactly 32 hex digits."""
    return len(text) == _DIGITS + 2 and text[:2] == "0x" and all(c in "0123456789abcdefABCDEF" for c in text[2:])


def is_ours(cloid: str | None) -> bool:
    """Whether this console, in this run or an earlier one, made the id."""
    return cloid is not None and is_cloid(cloid) and cloid[2 : 2 + len(OWNERSHIP_TAG)] == OWNERSHIP_TAG


def short(cloid: str) -> str:
    """The last digits, enough to tell orders of one run apart on a screen."""
    return cloid[-6:]

"""The client order id: made once when an order is built, kept through requeue and resend, never derived from a post id.

``0x`` + ownership tag (8 digits) + the run's space (16) + counter (8). The tag tells our orders from foreign ones, after a restart too;
the counter makes a simulation repeatable. Easy to get wrong: what keeps two runs of an account apart may not be remembered in a file, for
a file is deleted, moved, or put back from an older copy. So a program draws its space anew when it starts (`draw_space`) and writes it down only for
who replays it; a world and a test, whose ids must come out the same every time, use `space_of_run`. Hex digits are lower case, as the
exchange returns them.
"""

from __future__ import annotations

import re
from typing import NewType

Cloid = NewType("Cloid", str)

OWNERSHIP_TAG = "68697033"
"""'hip3' in ASCII."""

DICE_BITS = 31
"""How many random bits a space holds: two programs that start in the same second meet once in 2 thousand million times."""

_DIGITS = 32
_CLOID = re.compile(rf"0x[0-9a-fA-F]{{{_DIGITS}}}")
_COUNTER_BITS = 32
_SPACE_BITS = 64
_BY_HAND = 0x8000_0000_00A0_0000
"""Added to the number of an id that the console makes, for an order by hand: its highest bit is the one that no space has, so the engine, which
counts from 1, never gets there, and the last digits that are shown tell the two apart."""


def draw_space(now_ms: int, dice: int) -> int:
    """The space of one run's ids, which no other run of the account has, whatever became of its journal.

    Args:
        now_ms: When the run began.
        dice: `DICE_BITS` random bits, for a clock that was set back, and for two programs in one second.
    """
    assert 0 <= dice < 1 << DICE_BITS, f"{dice} is not {DICE_BITS} random bits"
    return now_ms // 1000 % (1 << 32) << 32 | dice


def space_of_run(run_id: int) -> int:
    """The space of a run that must come out the same every time, and of the runs recorded before spaces were drawn."""
    assert 0 <= run_id < 1 << 32, f"run id {run_id} needs more than 32 bits"
    return run_id << 32


class CloidMaker:
    """Numbers the orders of one run."""

    def __init__(self, space: int) -> None:
        assert 0 <= space < 1 << _SPACE_BITS, f"space {space} needs more than {_SPACE_BITS} bits"
        self._prefix = f"0x{OWNERSHIP_TAG}{space:016x}"
        self._count = 0

    def next(self) -> Cloid:
        self._count += 1
        assert self._count < 1 << _COUNTER_BITS, "an order a tick for ten years"
        return Cloid(f"{self._prefix}{self._count:08x}")


def cloid_by_hand(space: int, count: int) -> Cloid:
    """The id of the ``count``-th order that the operator of this run places. Made before it is sent: sent twice, it is refused the second time."""
    assert 0 < count < 0x10_0000, f"order by hand number {count}"
    return Cloid(f"0x{OWNERSHIP_TAG}{(space << _COUNTER_BITS) + _BY_HAND + count:024x}")


def is_by_hand(cloid: str, space: int) -> bool:
    """Whether this is an id that `cloid_by_hand` makes for this run."""
    prefix = f"0x{OWNERSHIP_TAG}{(space << _COUNTER_BITS) + _BY_HAND:024x}"
    return is_cloid(cloid) and cloid[:-5] == prefix[:-5] and cloid[-5:] != "00000"


def is_cloid(text: str) -> bool:
    """Whether the exchange would take this text: 0x and exactly 32 hex digits."""
    return _CLOID.fullmatch(text) is not None


def is_ours(cloid: str | None) -> bool:
    """Whether this console, in this run or an earlier one, made the id."""
    return cloid is not None and is_cloid(cloid) and cloid[2 : 2 + len(OWNERSHIP_TAG)] == OWNERSHIP_TAG


def short(cloid: str) -> str:
    """The last digits, enough to tell orders of one run apart on a screen."""
    return cloid[-6:]

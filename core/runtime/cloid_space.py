"""The number space of this program's order ids: drawn once at the start, from the clock and the machine's dice.

Here and not in the model, which has neither. Rule that is easy to get wrong: nothing that was saved takes part, because what was saved can be deleted,
moved, or put back from an older copy, and an id that comes twice on one account has its fills counted for the wrong order.
"""

from __future__ import annotations

import os

from core.model.cloid import DICE_BITS, draw_space
from core.runtime.clock import Clock


def new_space(clock: Clock) -> int:
    """A space that no run of the account had before."""
    return draw_space(clock.wall_ms(), int.from_bytes(os.urandom(4), "big") >> (32 - DICE_BITS))

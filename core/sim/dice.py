"""Seeded draws that are the same to the last bit on every machine.

Python's own `gauss` and `expovariate`, and `math.exp` and `math.log` beneath them, ask the machine's mathematics library, whose last bit
differs from one to the next: enough to make two walks part after a while. Here are only operations that IEEE 754 rounds exactly
(+ - * / and square root), the generator's own integers, and Decimal functions, which are rounded correctly by definition.

Easy to get wrong: a new draw anywhere in a sequence moves every draw after it, and with it every recorded seed.

Issue 3 part 1 (determinism).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

_SPREAD_OF_FOUR = math.sqrt(3.0)  # the sum of four draws from 0..1 has a variance of a third
_EXACT = Context(prec=24)
_PARTS = float(1 << 8)


def exp(x: float) -> float:
    """e to the power x, to twelve digits: a short series near zero, squared back up."""
    assert -20 < x < 20, x
    y = x / _PARTS
    power = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))))
    power *= power  # eight times, written out: this is drawn for every quote
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    return power


class Dice:
    """One stream of draws, fixed by its seed."""

    def __init__(self, seed: str) -> None:
        self._throw_with(random.Random(seed))

    def _throw_with(self, generator: random.Random) -> None:
        self._generator = generator
        self.random: Callable[[], float] = generator.random
        self.randint: Callable[[int, int], int] = generator.randint

    def __getstate__(self) -> tuple[Any, ...]:
        """Where the stream stands, as plain values."""
        return self._generator.getstate()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        generator = random.Random(0)
        generator.setstate(state)
        self._throw_with(generator)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def normal(self) -> float:
        """Mean 0, deviation 1, never beyond 3.47: the sum of four even draws."""
        draw = self.random
        return (draw() + draw() + draw() + draw() - 2.0) * _SPREAD_OF_FOUR

    def lognormal(self, median: float, sigma: float) -> float:
        return median * exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """How long until something that happens once per `mean` on average."""
        share = 1.0 - self.random()  # never zero
        return mean * -float(_EXACT.ln(Decimal(share)))

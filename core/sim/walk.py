"""Where one coin's oracle and book go: the walk in floats behind the moving market.

Between episodes oracle and book wander together. An episode opens a gap of 10 to 150 bps between oracle and book:

    real (about four in five)   the book follows the oracle within several seconds: whoever took the touch gains
    false: returns              the oracle comes back to the book, which drifts the wrong way meanwhile: the taker loses
    false: persists             the gap stays for half a minute or more, then the oracle gives in

Knows no tick, no lot and no order. Easy to get wrong: one step is one block, whatever the caller's pace.

Issue 2 part 3; issue 3 part 1.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

from core.sim.dice import Dice, exp

BLOCK_MS = 70
"""Measured spacing of the venue's blocks is 65 to 70 ms."""

_WANDER = (
    0.6 * math.sqrt(BLOCK_MS / 1000) / 1e4
)  # of oracle and book together, per block; about half the volatility of BTC
_IDLE_MEAN_MS = 25_000  # with seven markets: a gap of 25 bps or more opens about every 6 s
_GAP_MEDIAN_BPS, _GAP_SIGMA = 45.0, 0.55
_GAP_MIN_BPS, _GAP_MAX_BPS = 10.0, 150.0
_CLOSED_BPS = 2.0


class _Kind(Enum):
    REAL = "real"
    RETURNS = "returns"
    PERSISTS = "persists"


class _Episode(NamedTuple):
    kind: _Kind
    closes_from_ms: int
    """Until then nobody reacts."""
    closed_per_block: float
    """Share of the gap that closes in each block after that."""
    drift_bps_per_block: float
    """How the book runs away in the meantime (false episodes)."""


def _closing(tau_ms: float) -> float:
    return 1 - exp(-BLOCK_MS / tau_ms)


class Walk:
    """The middle of a book and how far the oracle is from it."""

    def __init__(self, dice: Dice, start_px: float, start_ms: int) -> None:
        self._dice = dice
        self.mid = start_px
        self.gap_bps = 0.0
        self._episode: _Episode | None = None
        self._next_episode_ms = start_ms + int(dice.uniform(1_000, _IDLE_MEAN_MS))

    @property
    def oracle(self) -> float:
        return self.mid * (1 + self.gap_bps / 1e4)

    def step(self, now_ms: int) -> None:
        """Live one block."""
        self.mid *= 1 + self._dice.normal() * _WANDER
        episode = self._episode
        if episode is None:
            if now_ms >= self._next_episode_ms:
                self._open_episode(now_ms)
        elif now_ms < episode.closes_from_ms:
            self._move_mid_only(episode.drift_bps_per_block)
        else:
            self._close(episode, now_ms)

    def _close(self, episode: _Episode, now_ms: int) -> None:
        closing_bps = self.gap_bps * episode.closed_per_block
        if episode.kind is _Kind.REAL:
            self._move_mid_only(closing_bps)
        else:
            self.gap_bps -= closing_bps
        if abs(self.gap_bps) < _CLOSED_BPS:
            self._episode = None
            self.gap_bps = 0.0
            self._next_episode_ms = now_ms + int(self._dice.exponential(_IDLE_MEAN_MS))

    def _open_episode(self, now_ms: int) -> None:
        dice = self._dice
        size = min(max(dice.lognormal(_GAP_MEDIAN_BPS, _GAP_SIGMA), _GAP_MIN_BPS), _GAP_MAX_BPS)
        self.gap_bps = size if dice.random() < 0.5 else -size
        away = -1.0 if self.gap_bps > 0 else 1.0
        draw = dice.random()
        if draw < 0.80:
            kind, hold_ms, drift_bps = _Kind.REAL, dice.randint(1_000, 2_500), 0.0
            closing = _closing(dice.uniform(1_800, 4_500))
        else:
            if draw < 0.91:
                kind, hold_ms, drift_bps = _Kind.RETURNS, dice.randint(2_500, 6_000), away * dice.uniform(4, 22)
            else:
                kind, hold_ms, drift_bps = _Kind.PERSISTS, dice.randint(25_000, 45_000), away * dice.uniform(0, 15)
            closing = _closing(dice.uniform(500, 1_500))
        self._episode = _Episode(kind, now_ms + hold_ms, closing, drift_bps / (hold_ms / BLOCK_MS))

    def _move_mid_only(self, bps: float) -> None:
        """The book moves, the oracle stays where it is."""
        self.mid *= 1 + bps / 1e4
        self.gap_bps -= bps

    # by hand -------------------------------------------------------------------------------------------------------

    def hold(self, mid: float, oracle: float) -> None:
        """Stand at these prices; nothing is under way."""
        self._episode = None
        self.mid = mid
        self.gap_bps = (oracle / mid - 1) * 1e4

    def let_go(self, now_ms: int) -> None:
        """Move on from here; a gap left behind closes like a real one."""
        self._episode = _Episode(_Kind.REAL, now_ms, _closing(3_000.0), 0.0)

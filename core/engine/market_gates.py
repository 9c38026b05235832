"""Market risk gates: is this market fit for an entry right now? Each refusal says why and what clears it.

Decides on one market at a time and remembers only what it must: the usual spread, and a pause. Exits and cancels are never judged
here. Easy to get wrong: with a one-sided book there is no judgement to make, which is a refusal and not a pass.

SPEC 7 (market risk gates); plan Phase A.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.config import RiskConfig
from core.engine.markets import MarketState
from core.model.market import MarketKey

_ZERO = Decimal(0)
_BPS = Decimal(10_000)
_EWMA_WEIGHT = Decimal("0.02")
"""About the last fifty touches."""
_MIN_SAMPLES = 20
"""Before that the usual spread is not known well enough to judge by."""
_SHRINK = Decimal("0.2")
_WENT_BACK_HOLD_MS = 1_000
_COOLDOWN_MS = 1_000
_COOLDOWN_MAX_MS = 30_000


class MarketVerdict(Struct, frozen=True):
    """``blocked``: why no entry may pass, empty if one may. ``size_factor``: 1, or a fifth when the spread is wide."""

    blocked: str
    size_factor: Decimal = Decimal(1)


_PASS = MarketVerdict("")
_PASS_SMALL = MarketVerdict("", _SHRINK)


class _Memory:
    def __init__(self) -> None:
        self.spread_ewma: Decimal | None = None
        self.samples = 0
        self.stopped = ""
        self.cooldown_until_ms = 0
        self.unfilled_in_a_row = 0
        self.at_oi_cap_until_ms = 0


class MarketGates:
    def __init__(self, markets: tuple[MarketKey, ...], risk: RiskConfig) -> None:
        self._risk = risk
        self._memory = {m: _Memory() for m in markets}

    def on_touch(self, state: MarketState) -> None:
        """Learn the usual spread; a spread that would be refused is not learned from at full weight."""
        spread = state.spread_bps
        if spread is None or spread < _ZERO:
            return
        memory = self._memory[state.market]
        if memory.spread_ewma is None:
            memory.spread_ewma = spread
        else:
            usual = memory.spread_ewma
            capped = min(spread, usual * self._risk.spread_block_factor + 1)
            memory.spread_ewma = usual + (capped - usual) * _EWMA_WEIGHT
        memory.samples += 1

    def judge(self, state: MarketState, now_ms: int) -> MarketVerdict:
        """The first gate that refuses, else a pass."""
        risk, memory = self._risk, self._memory[state.market]
        if memory.stopped:
            return MarketVerdict(memory.stopped)
        if state.spec is None:
            return MarketVerdict("no market spec yet")
        if state.spec.is_delisted:
            return MarketVerdict("delisted")
        if state.left_out:
            return MarketVerdict("left out: no data since the connection came up")
        bbo_age, ctx_age = state.bbo_age_ms(now_ms), state.ctx_age_ms(now_ms)
        if bbo_age is None or bbo_age > risk.bbo_stale_ms:
            return MarketVerdict(f"bbo stale: {_seconds(bbo_age)} > {_seconds(risk.bbo_stale_ms)}; clears with a touch")
        if ctx_age is None or ctx_age > risk.ctx_stale_ms:
            return MarketVerdict(
                f"oracle stale: {_seconds(ctx_age)} > {_seconds(risk.ctx_stale_ms)}; clears with an update"
            )
        if state.went_back_ms is not None and now_ms - state.went_back_ms < _WENT_BACK_HOLD_MS:
            return MarketVerdict("bbo time went backwards; clears after 1 s in order")
        mid, spread = state.mid_px, state.spread_bps
        if mid is None or spread is None or mid <= 0:
            return MarketVerdict("one-sided book; clears with both sides")
        if spread <= 0:
            return MarketVerdict("crossed book; clears when bid < ask")
        mark = state.mark_px
        if mark is None or mark <= 0:
            return MarketVerdict("no mark price; clears with an update")
        divergence = abs(mark - mid) / mid * _BPS
        if divergence > risk.max_mark_mid_divergence_bps:
            return MarketVerdict(
                f"mark-mid divergence {divergence:.0f} > {risk.max_mark_mid_divergence_bps:f} bps; clears below it"
            )
        if now_ms < memory.at_oi_cap_until_ms:
            return MarketVerdict("open interest at its cap; tried again after a minute")
        if now_ms < memory.cooldown_until_ms:
            left = _seconds(memory.cooldown_until_ms - now_ms)
            return MarketVerdict(f"last entry not filled: pause, {left} left")
        return self._judge_spread(memory, spread)

    def _judge_spread(self, memory: _Memory, spread: Decimal) -> MarketVerdict:
        if memory.spread_ewma is None or memory.samples < _MIN_SAMPLES:
            return _PASS
        usual = max(memory.spread_ewma, Decimal("0.1"))
        if spread > usual * self._risk.spread_block_factor:
            return MarketVerdict(
                f"spread {spread:.1f} bps > {self._risk.spread_block_factor:f} x usual {usual:.1f}; clears below it"
            )
        return _PASS_SMALL if spread > usual * self._risk.spread_shrink_factor else _PASS

    # --- what the rest of the engine tells --------------------------------------------------------------------------

    def stop(self, market: MarketKey, why: str) -> None:
        """No entry on this market for the rest of the run: its parameters changed or it was delisted."""
        self._memory[market].stopped = why

    def stopped(self, market: MarketKey) -> str:
        """Why no order may add to a position on this market for the rest of the run; empty if one may."""
        return self._memory[market].stopped

    def on_entry_ended(self, market: MarketKey, filled: bool, now_ms: int) -> None:
        """An entry that bought nothing asks for a pause, doubling while it goes on, so that a stuck signal cannot burn the budget."""
        memory = self._memory.get(market)
        if memory is None:
            return
        if filled:
            memory.unfilled_in_a_row = 0
            return
        pause = min(_COOLDOWN_MAX_MS, _COOLDOWN_MS << min(memory.unfilled_in_a_row, 10))
        memory.unfilled_in_a_row += 1
        memory.cooldown_until_ms = now_ms + pause

    def on_open_interest_cap(self, market: MarketKey, now_ms: int) -> None:
        memory = self._memory.get(market)
        if memory is not None:
            memory.at_oi_cap_until_ms = now_ms + 60_000

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: a pause lasts no longer."""
        for memory in self._memory.values():
            memory.cooldown_until_ms -= by_ms
            memory.at_oi_cap_until_ms -= by_ms


def _seconds(ms: int | None) -> str:
    return "never seen" if ms is None else f"{ms / 1000:.1f} s"

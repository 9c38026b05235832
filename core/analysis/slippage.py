"""Where a trade's slippage came from: the plan's one number, taken apart so that the parts add up to it.

With s the sign of the side, O the oracle at the signal, T the touch at the signal, U the limit before rounding, L the limit, T1 the touch when
the fill was known, E the average entry and X the average exit, each part in bps of O:

    allowance  -s(U - T)    expected_edge_bps is judged at the limit, which stands beyond the touch on purpose; what was not needed comes back
    rounding   -s(L - U)    likewise, for what rounding the limit added
    latency     s(T1 - T)   the touch had moved when the fill was known
    impact      s(E - T1)   the fill against that touch
    exit        s(O - X)    the exit against the price at which the edge was to be had
    fees       -2 fee       expected is after both fees, actual before them
    rest        what is left, because actual_edge_bps is a share of E and not of O

Easy to get wrong: latency and impact can only be told where the touch was seen at the fill; without it impact is None and latency as well,
and their sum is in `rest`.

SPEC 10 (slippage).
"""

from __future__ import annotations

from decimal import Decimal

from core.analysis.facts import EdgeFact, touch
from core.messages.report import SlippageParts
from core.model.position import Trade
from core.model.signal import Signal

_BPS = Decimal(10_000)


def slippage_parts(
    trade: Trade, signal: Signal, at_fill: EdgeFact | None, slippage_bps: Decimal | None
) -> SlippageParts:
    """Take the slippage of a trade apart.

    Args:
        at_fill: The market when the fill was known.
        slippage_bps: How far beyond the touch limits were set in that run; None if that is not known.
    """
    s, oracle = signal.side.sign, signal.oracle_px

    def bps(difference: Decimal) -> Decimal:
        return s * difference / oracle * _BPS

    allowance = rounding = latency = impact = None
    if slippage_bps is not None:
        reach = signal.touch_px * (1 + s * slippage_bps / _BPS)
        # Where rounding took the edge away, the detector falls back to the bare touch.
        unrounded = min((reach, signal.touch_px), key=lambda px: abs(signal.price - px))
        allowance, rounding = -bps(unrounded - signal.touch_px), -bps(signal.price - unrounded)
    touched = touch(at_fill, signal.side) if at_fill is not None else None
    if touched is not None:
        latency, impact = bps(touched - signal.touch_px), bps(trade.entry_price - touched)
    exit_ = bps(oracle - trade.exit_price)
    fees = -2 * signal.fee_bps
    slippage = signal.expected_edge_bps - trade.actual_edge_bps
    known = (allowance, rounding, latency, impact, exit_, fees)
    rest = slippage - sum((p for p in known if p is not None), Decimal(0))
    return SlippageParts(allowance, rounding, latency, impact, exit_, fees, rest)

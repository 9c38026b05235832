"""The gates of an entry, in their order. The first that refuses names itself and why; the rest are not asked.

Decides on a picture of facts that the engine puts together (`EntryFacts`); it knows none of the machines. Reduce-only orders and cancels
never come here: they pass always, HardStop included.

SPEC 7 (on_signal gates).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.model.rounding import MIN_NOTIONAL_USD


class Gate(Enum):
    """In the order in which they are asked. The value is the counter's name on the screen."""

    HARD_STOP = "hard stop"
    NOT_READY = "not ready"
    PAUSED = "paused"
    NOT_ALLOWED = "market not allowed"
    DAILY_CAP = "daily trade cap"
    FLATTEN = "flatten in progress"
    MARKET_RISK = "market risk"
    SIZE = "size"
    MAX_POSITION_MARKET = "max position per market"
    MAX_POSITION_TOTAL = "max position total"
    HAS_POSITION = "has position"
    PENDING_ORDER = "pending order"
    ACTION_BUDGET = "action budget"
    ENQUEUE = "enqueue"
    """Not a gate of its own: the queue refused what all gates had passed."""


class Denied(Struct, frozen=True):
    """Our own refusal. ``skipped``: nothing is wrong, there is only nothing to do (SPEC: Skipped); else Rejected."""

    gate: Gate
    reason: str

    @property
    def skipped(self) -> bool:
        return self.gate in (Gate.HAS_POSITION, Gate.PENDING_ORDER, Gate.ACTION_BUDGET)

    @property
    def text(self) -> str:
        return f"{self.gate.value}: {self.reason}" if self.reason else self.gate.value


class EntryFacts(Struct, frozen=True):
    """Everything the gates look at. Texts say why not, and are empty when nothing is against it. Amounts in USD at mark."""

    hard_stop: str
    not_ready: str
    paused: str
    not_allowed: str
    daily_cap: str
    flattening: str
    market_risk: str
    size: Decimal
    price: Decimal
    mark_px: Decimal | None
    market_exposure_usd: Decimal
    """Position and pending orders of this market."""
    total_exposure_usd: Decimal
    """The same over all markets."""
    max_market_usd: Decimal
    max_total_usd: Decimal
    has_position: bool
    is_busy: bool
    budget: str


def judge(f: EntryFacts) -> Denied | None:
    """The first gate that refuses; None lets the entry through."""
    for gate, refuse in _GATES:
        reason = refuse(f)
        if reason is not None:
            return Denied(gate, reason)
    return None


def _said(text: str) -> str | None:
    return text or None


def _size(f: EntryFacts) -> str | None:
    if f.size <= 0:
        return "rounds to zero lots"
    notional = f.size * f.price
    if notional < MIN_NOTIONAL_USD:
        return f"${notional:.2f} is under the exchange's minimum of ${MIN_NOTIONAL_USD}"
    return None


def _ready(f: EntryFacts) -> str | None:
    if f.not_ready:
        return f.not_ready
    return "no mark price" if f.mark_px is None else None


def _max_market(f: EntryFacts) -> str | None:
    assert f.mark_px is not None
    total = f.market_exposure_usd + f.size * f.mark_px
    return f"${total:.2f} > ${f.max_market_usd:f}" if total > f.max_market_usd else None


def _max_total(f: EntryFacts) -> str | None:
    assert f.mark_px is not None
    total = f.total_exposure_usd + f.size * f.mark_px
    return f"${total:.2f} > ${f.max_total_usd:f}" if total > f.max_total_usd else None


_GATES: tuple[tuple[Gate, Callable[[EntryFacts], str | None]], ...] = (
    (Gate.HARD_STOP, lambda f: _said(f.hard_stop)),
    (Gate.NOT_READY, _ready),
    (Gate.PAUSED, lambda f: _said(f.paused)),
    (Gate.NOT_ALLOWED, lambda f: _said(f.not_allowed)),
    (Gate.DAILY_CAP, lambda f: _said(f.daily_cap)),
    (Gate.FLATTEN, lambda f: _said(f.flattening)),
    (Gate.MARKET_RISK, lambda f: _said(f.market_risk)),
    (Gate.SIZE, _size),
    (Gate.MAX_POSITION_MARKET, _max_market),
    (Gate.MAX_POSITION_TOTAL, _max_total),
    (Gate.HAS_POSITION, lambda f: "" if f.has_position else None),
    (Gate.PENDING_ORDER, lambda f: "" if f.is_busy else None),
    (Gate.ACTION_BUDGET, lambda f: _said(f.budget)),
)

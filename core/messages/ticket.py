"""What is said about one order by hand: the facts it is judged by, the judgement before it is sent, and its life afterwards.

`OrderFacts` are part of the snapshot, so whoever shows a preview judges by what the engine itself judges by, with the engine's own
function (core.engine.hand_gates). Rule that is easy to get wrong: a preview is a forecast, the engine judges again when the order comes.

SPEC 7, 11 (order ticket).
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus, TimeInForce


class OrderFacts(Struct, frozen=True):
    """Everything the gates of an order by hand look at, for one market. Texts say why not, and are empty when nothing is against it."""

    market: MarketKey
    asset_id: int | None
    sz_decimals: int | None
    bid_px: Decimal | None
    ask_px: Decimal | None
    touch_age_ms: int | None
    touch_stale_ms: int
    """Beyond this age a price is not taken off the touch."""
    mark_px: Decimal | None
    held: Decimal
    """Signed size of the position."""
    hard_stop: str
    not_ready: str
    cannot_send: str
    """Why not even a reduce-only order can leave."""
    not_allowed: str
    daily_cap: str
    flattening: str
    exit_pending: str
    """A reduce-only order of this market that is not settled, or rests."""
    market_stopped: str
    market_warning: str
    """What keeps entries of our own out just now. Said, and no obstacle to an order by hand."""
    paused: bool
    """Entries of our own are paused. Said, and no obstacle either."""
    market_exposure_usd: Decimal
    """Position and pending orders of this market, at mark."""
    total_exposure_usd: Decimal
    max_market_usd: Decimal
    max_total_usd: Decimal
    max_order_usd: Decimal
    is_busy: bool
    """An order of ours that may add to the position is not settled, or rests."""
    budget: str
    taker_fee_bps: Decimal
    maker_fee_bps: Decimal
    time_stop_ms: int | None
    """After which a position on this market is closed; None: in this run none is."""


class Rounded(Struct, frozen=True):
    """Price and size as they would be sent. A problem stands in place of what could not be worked out."""

    price: Decimal | None
    size: Decimal | None
    price_problem: str = ""
    size_problem: str = ""

    @property
    def notional_usd(self) -> Decimal | None:
        """At the limit price, as the exchange counts its minimum."""
        return None if self.price is None or self.size is None else self.price * self.size


class GateVerdict(Struct, frozen=True):
    """``reason``: why it refuses; empty when it lets the order through."""

    gate: str
    reason: str

    @property
    def text(self) -> str:
        return f"{self.gate}: {self.reason}"


class OrderPreview(Struct, frozen=True):
    """What would happen if the order were sent now."""

    facts: OrderFacts
    rounded: Rounded
    verdicts: tuple[GateVerdict, ...]
    """Of every gate, in the order in which the engine asks them."""
    warnings: tuple[str, ...]
    """What does not stop the order and should be known."""
    fee_usd: Decimal | None
    """At the limit price: taker for what crosses, maker for what can only rest."""
    action_json: str
    """The action as it would be signed; empty when there is none. Nonce and expiry stand beside it, and no builder anywhere."""

    @property
    def refusal(self) -> str:
        """The first gate that refuses, in the words that the engine would use; empty if it may be sent."""
        return next((v.text for v in self.verdicts if v.reason), "")


class LifeStep(Struct, frozen=True):
    """One step of an order's life. ``count`` > 1: the same again, the last time at ``at_ms``."""

    at_ms: int
    name: str
    text: str
    count: int = 1


class OrderLifeView(Struct, frozen=True):
    """An order by hand from the key press to its end, and for a while after it."""

    command_id: str
    who: str
    market: MarketKey
    side: OrderSide
    tif: TimeInForce
    reduce_only: bool
    begun_ms: int
    steps: tuple[LifeStep, ...]
    correlation_id: str = ""
    cloid: Cloid | None = None
    """None: refused by us before it was an order."""
    oid: int | None = None
    price: Decimal | None = None
    size: Decimal | None = None
    status: OrderStatus | None = None
    filled: Decimal = Decimal(0)
    """By the fills that were seen."""
    said_filled: Decimal | None = None
    """By the exchange's word on the order itself; None: not said yet."""
    avg_px: Decimal | None = None
    fee_usd: Decimal = Decimal(0)
    is_settled: bool = False
    is_resting: bool = False
    denied: str = ""
    """The gate that refused it and why, verbatim."""
    reason: str = ""
    """What the exchange said of its end."""

    @property
    def is_over(self) -> bool:
        return bool(self.denied) or self.is_settled

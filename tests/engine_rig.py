"""Drives a real Engine with a number as clock: no thread, no socket, no waiting.

`Rig.ready()` plays the whole bootstrap, `advance(ms)` lets time pass in ticks, and a small scripted venue answers what the engine asks. What
becomes of a post is for the test to say: reply, reject, fill, or nothing at all. After every message the rig checks what must hold at every
instant (inflight, nonces, one entry and one exit per market, limits).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from msgspec.structs import replace

from core.config import AccountConfig, Config, MarketConfig, SignerConfig, SimulatorKey
from core.engine.engine import Engine
from core.engine.machines import Machines
from core.messages.commands import Command, FlattenMarket
from core.messages.effects import Alert, Ask, Effect, ForgetPost, Journal, Post, Repost
from core.messages.events import (
    Agent,
    AgentsRead,
    AnyEvent,
    AssetCtx,
    Bbo,
    Connected,
    Disconnected,
    FeesRead,
    Fills,
    FillsRead,
    FundingRead,
    OpenOrdersRead,
    OrderOutcome,
    OrderReport,
    OrderStatusRead,
    OrderUpdates,
    Outcome,
    PositionsRead,
    PostNotSent,
    PostRefused,
    PostReply,
    PostSent,
    RateLimitRead,
    ReadFailed,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
    Tick,
    VenuePosition,
)
from core.messages.queries import (
    Query,
    QueryAgents,
    QueryBook,
    QueryFees,
    QueryFills,
    QueryFunding,
    QueryOpenOrders,
    QueryOrderStatus,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.recovered import Recovered
from core.messages.snapshot import LoopStats, PositionView, RunInfo, Snapshot
from core.model.cloid import is_ours
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders, OrderSide, OrderStatus, PendingOrder
from core.model.position import Fill, FundingPayment

D = Decimal
ZERO, ONE = D(0), D(1)
FIRST_START = Recovered()
NOW = 1_705_054_000_000
"""A morning: no midnight within reach of a test."""
SNDK, NVDA, BTC = (MarketKey.parse(n) for n in ("xyz:SNDK", "xyz:NVDA", "BTC"))
BUY, SELL = OrderSide.BUY, OrderSide.SELL
ACCOUNT = "0x" + "a" * 40
TAKER = D("0.00045")
FOREIGN = "0x" + "f" * 32
IOC_NO_MATCH = "Order could not immediately match against any resting orders. asset=110016"
REDUCE_ONLY_FLAT = "Reduce only order would increase position. asset=110016"

E = TypeVar("E")

SPECS = {
    SNDK: MarketSpec(SNDK, 110016, 16, 3, 10),
    NVDA: MarketSpec(NVDA, 110002, 2, 3, 20),
    BTC: MarketSpec(BTC, 0, 0, 5, 40),
}
QUOTES = {
    SNDK: (D("199.98"), D("200.02")),
    NVDA: (D("179.98"), D("180.02")),
    BTC: (D(99990), D(100010)),
}


def make_config(markets: Iterable[str] = ("xyz:SNDK", "xyz:NVDA", "BTC"), **changes: Any) -> Config:
    """A trading config on the simulator; ``changes`` are whole sections or top-level settings."""
    settings: dict[str, Any] = {
        "ws_url": "ws://127.0.0.1:9/ws",
        "info_url": "http://127.0.0.1:9/info",
        "mode": "trading",
        "markets": tuple(MarketConfig(name) for name in markets),
        "signer": SignerConfig(SimulatorKey()),
        "account": AccountConfig(ACCOUNT),
    }
    return Config(**{**settings, **changes})


SIGNER = "0x" + "b" * 40
"""An agent of the account."""


def make_run(config: Config, run_id: int = 1, account: str = ACCOUNT, signer: str = SIGNER) -> RunInfo:
    return RunInfo(
        network=config.network.value,
        rules=config.rules.value,
        mode=config.mode,
        account=account,
        signer=signer,
        ws_url=config.ws_url,
        version="test",
        run_id=run_id,
        started_ms=NOW,
        config_source="test.toml",
        tick_interval_ms=config.execution.tick_interval_ms,
        time_stop_ms=config.execution.time_stop_ms,
    )


class Venue:
    """What the exchange would say. It matches nothing: the test decides what was filled."""

    def __init__(self) -> None:
        self.specs = dict(SPECS)
        self.quotes = dict(QUOTES)
        self.held: dict[MarketKey, tuple[Decimal, Decimal]] = {}
        """Signed size and entry price."""
        self.open_orders: list[OrderReport] = []
        self.known: dict[str, OrderReport] = {}
        """What orderStatus answers, by cloid."""
        self.fills: list[Fill] = []
        self.funding: list[FundingPayment] = []
        self.used, self.cap = 100, 10_000
        self.clock_offset_ms = 0
        self.roles = {SIGNER: RoleRead(SIGNER, "agent", ACCOUNT.lower())}
        self.agents: tuple[Agent, ...] = ()
        self._oid = 1_000

    def next_oid(self) -> int:
        self._oid += 1
        return self._oid

    def mid(self, market: MarketKey) -> Decimal:
        bid, ask = self.quotes[market]
        return (bid + ask) / 2

    def execute(
        self, market: MarketKey, side: OrderSide, size: Decimal, px: Decimal, now_ms: int, oid: int, cloid: str | None
    ) -> Fill:
        """Book an execution and return its fill."""
        start, entry = self.held.get(market, (D(0), D(0)))
        end = start + side.sign * size
        closing = min(size, abs(start)) if start * side.sign < 0 else D(0)
        closed_pnl = (px - entry) * closing * (1 if start > 0 else -1)
        if end == 0:
            self.held.pop(market, None)
        elif closing:
            self.held[market] = (end, entry if end * start > 0 else px)
        else:
            self.held[market] = (end, (entry * abs(start) + px * size) / abs(end))
        fill = Fill(
            market=market,
            side=side,
            price=px,
            size=size,
            time_ms=now_ms,
            start_position=start,
            closed_pnl=closed_pnl,
            fee=px * size * TAKER,
            oid=oid,
            tid=len(self.fills) + 1,
            cloid=cloid,
        )
        self.fills.append(fill)
        return fill

    def answer(self, query: Query, now_ms: int) -> AnyEvent:
        match query:
            case QuerySpecs(dex):
                return SpecsRead(dex, tuple(s for m, s in self.specs.items() if m.dex == dex))
            case QueryPositions(dex):
                return self.positions_read(dex, now_ms)
            case QueryOpenOrders(dex):
                return OpenOrdersRead(dex, tuple(o for o in self.open_orders if o.market.dex == dex))
            case QueryOrderStatus(cloid):
                return OrderStatusRead(cloid, self.known.get(cloid))
            case QueryFills(start_ms):
                return FillsRead(start_ms, tuple(f for f in self.fills if f.time_ms >= start_ms), True)
            case QueryFunding(start_ms):
                return FundingRead(start_ms, tuple(p for p in self.funding if p.time_ms >= start_ms))
            case QueryBook(market):
                return self.bbo(market, now_ms, from_book=True)
            case QueryRateLimit():
                return RateLimitRead(self.used, self.cap, D(1_000_000))
            case QueryFees():
                return FeesRead(TAKER, D("0.00015"))
            case QueryRole(address):
                return self.roles.get(address, RoleRead(address, "user"))
            case QueryAgents():
                return AgentsRead(self.agents)
            case QueryServerTime():
                return ServerTimeRead(now_ms + self.clock_offset_ms, now_ms)
        raise AssertionError(query)

    def positions_read(self, dex: str, now_ms: int) -> PositionsRead:
        positions = tuple(
            VenuePosition(m, size, px, abs(size) * self.mid(m), D(0))
            for m, (size, px) in self.held.items()
            if m.dex == dex
        )
        return PositionsRead(dex, now_ms, positions, D(1000), D(1000))

    def bbo(self, market: MarketKey, now_ms: int, *, from_book: bool = False) -> Bbo:
        bid, ask = self.quotes[market]
        return Bbo(market, now_ms, bid, D(1000), ask, D(1000), from_book)


class Rig:
    """Args: config: default three markets; recovered: what an earlier run left; ready: play the bootstrap at once; run: default of the config."""

    def __init__(
        self,
        config: Config | None = None,
        recovered: Recovered = FIRST_START,
        *,
        ready: bool = True,
        run: RunInfo | None = None,
    ) -> None:
        self.config = config or make_config()
        self.now = NOW
        self.venue = Venue()
        self.engine = Engine(self.config, run or make_run(self.config, recovered.run_id), recovered, self.now)
        self.log: list[tuple[int, Effect]] = []
        self.last: list[Effect] = []
        """Effects of the last message given with `handle`, its answers' effects not included."""
        self.posts: list[Post] = []
        self.reposts: list[Repost] = []
        self.sends = True
        """Each post is reported as sent at once; otherwise the test does it with `sent`."""
        self.quotes_live = True
        self.muted: set[type] = set()
        """Queries of these types get no answer."""
        self.failing: set[type] = set()
        """Queries of these types get ReadFailed."""
        self._kept_bytes: set[int] = set()
        self._epoch = 0
        if ready:
            self.ready()

    @property
    def m(self) -> Machines:
        """The machines, to look at. A test never writes them."""
        return self.engine._m

    # --- messages ------------------------------------------------------------------------------------------------------

    def handle(self, message: AnyEvent | Command) -> list[Effect]:
        """Give one message, check what must always hold, let the venue answer what was asked."""
        effects = self._take(message)
        self.last = effects
        queue = list(effects)
        while queue:
            for answer in self._reactions(queue.pop(0)):
                queue.extend(self._take(answer))
        return effects

    def _take(self, message: AnyEvent | Command) -> list[Effect]:
        effects = self.engine.handle(message, self.now)
        for effect in effects:
            self.log.append((self.now, effect))
            if isinstance(effect, Post):
                assert all(effect.nonce > p.nonce and effect.post_id != p.post_id for p in self.posts)
                self.posts.append(effect)
                self._kept_bytes.add(effect.post_id)
            elif isinstance(effect, Repost):
                assert effect.original_post_id in self._kept_bytes, "the bytes to repeat are forgotten already"
                self.reposts.append(effect)
            elif isinstance(effect, ForgetPost):
                self._kept_bytes.discard(effect.post_id)
        self._check()
        return effects

    def _reactions(self, effect: Effect) -> list[AnyEvent]:
        match effect:
            case Ask(query):
                if type(query) in self.muted:
                    return []
                if type(query) in self.failing:
                    return [ReadFailed(query, "HTTP 500")]
                return [self.venue.answer(query, self.now)]
            case Post() | Repost() if self.sends:
                return [PostSent(effect.post_id)]
        return []

    def _check(self) -> None:
        """What must hold at every instant."""
        m = self.m
        posts = m.posts
        really = sum(1 for i in posts.open_ids() if (p := posts.get(i)) is not None and p.sent)
        assert posts.inflight == posts.sent_total - posts.completed_total == really
        assert 0 <= posts.inflight <= self.config.execution.inflight_limit
        unsettled = m.orders.unsettled()
        for reduce_only in (False, True):
            moving = [o for o in unsettled if not (reduce_only and o.is_resting)]
            per_market = Counter(o.market for o in moving if o.reduce_only is reduce_only)
            assert all(n == 1 for n in per_market.values()), f"more than one order: {per_market}"
        # A cap is checked when an order is placed; a fill may move the mark a little above it.
        left_by_an_earlier_run = any(is_ours(o.cloid) for o in m.orders.external())
        assert left_by_an_earlier_run or m.total_exposure_usd() <= m.max_total_usd * D("1.05")

    # --- time ----------------------------------------------------------------------------------------------------------

    def advance(self, ms: int, step: int = 100) -> None:
        """Let time pass in ticks, with fresh quotes once a second as long as ``quotes_live``."""
        end = self.now + ms
        while self.now < end:
            before = self.now
            self.now = min(end, self.now + step)
            if self.quotes_live and before // 1000 != self.now // 1000:
                self.quote()
            self.handle(Tick())

    def quote(self, *markets: MarketKey) -> None:
        """A touch and a context of each market, nothing out of line."""
        for market in markets or self.m.markets_configured:
            self.handle(self.venue.bbo(market, self.now))
            self.handle(self.ctx(market))

    def ctx(self, market: MarketKey, oracle: Decimal | None = None) -> AssetCtx:
        mid = self.venue.mid(market)
        return AssetCtx(market, mid if oracle is None else oracle, mid, mid, D(1_000_000), D(0))

    def move(self, market: MarketKey, bps: int) -> None:
        """The book moves by so many bps, and the oracle with it."""
        bid, ask = self.venue.quotes[market]
        factor, tick = 1 + D(bps) / 10_000, D(10) ** (bid.adjusted() - 4)
        self.venue.quotes[market] = ((bid * factor).quantize(tick), (ask * factor).quantize(tick))
        self.quote(market)

    # --- connection ------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open a connection; the venue acknowledges the account's channels and sends its snapshot of fills."""
        self._epoch += 1
        self.handle(Connected(self._epoch))
        for channel in ("orderUpdates", "userFills"):
            self.handle(Subscribed(channel, ACCOUNT))
        self.handle(Fills(tuple(self.venue.fills), is_snapshot=True))

    def ready(self) -> None:
        """The bootstrap, to its end."""
        self.connect()
        self.advance(1)
        self.quote()
        self.advance(1000)
        snapshot = self.snapshot()
        assert snapshot.ready.is_ready or self.m.latch.tripped, snapshot.ready.missing

    def disconnect(self, reason: str = "socket closed") -> list[Effect]:
        return self.handle(Disconnected(reason))

    # --- posts ---------------------------------------------------------------------------------------------------------

    def dislocate(self, market: MarketKey = SNDK, bps: int = 40, side: OrderSide = BUY) -> Post | None:
        """The oracle runs away from the touch and comes back. Returns the post that this set off at once, if any."""
        count = len(self.posts)
        bid, ask = self.venue.quotes[market]
        touch = ask if side is BUY else bid
        self.handle(self.venue.bbo(market, self.now))
        self.handle(self.ctx(market, touch * (1 + side.sign * D(bps) / 10_000)))
        self.handle(self.ctx(market))
        return self.posts[count] if len(self.posts) > count else None

    def enter(self, market: MarketKey = SNDK, side: OrderSide = BUY) -> Post:
        """A dislocation that must lead to an entry, on its way."""
        post = self.dislocate(market, side=side)
        assert post is not None, f"denied: {self.market(market).gate or self.market(market).last_denial}"
        return post

    def open_position(self, market: MarketKey = SNDK, side: OrderSide = BUY) -> PositionView:
        """Enter and be filled."""
        self.fill_post(self.enter(market, side))
        position = self.position(market)
        assert position is not None
        self.advance(100)
        return position

    def sent(self, post: Post | Repost) -> list[Effect]:
        return self.handle(PostSent(post.post_id))

    def not_sent(self, post: Post | Repost, reason: str = "no connection") -> list[Effect]:
        return self.handle(PostNotSent(post.post_id, reason))

    def reply(self, post: Post | Repost, *outcomes: OrderOutcome) -> list[Effect]:
        return self.handle(PostReply(post.post_id, outcomes))

    def refuse(self, post: Post | Repost, error: str, *, is_transport: bool = False) -> list[Effect]:
        return self.handle(PostRefused(post.post_id, error, is_transport))

    def reject(self, post: Post, error: str = IOC_NO_MATCH) -> list[Effect]:
        """The action was taken, each of its orders refused."""
        count = len(post.batch.orders) if isinstance(post.batch, Orders) else len(post.batch.cancels)
        return self.reply(post, *[OrderOutcome(Outcome.ERROR, error=error)] * count)

    def execute(self, order: PendingOrder, size: Decimal | None = None, px: Decimal | None = None) -> Fill:
        """The venue executes an order; nobody is told yet."""
        size = order.size if size is None else size
        oid = self.venue.next_oid()
        fill = self.venue.execute(order.market, order.side, size, px or order.price, self.now, oid, order.cloid)
        self.venue.known[order.cloid] = report_of(order, OrderStatus.FILLED, oid, filled=size)
        return fill

    def show(self, *fills: Fill) -> list[Effect]:
        """The fills arrive."""
        return self.handle(Fills(fills, is_snapshot=False))

    def reply_filled(self, post: Post, *fills: Fill) -> list[Effect]:
        """The reply that goes with these fills, one per order."""
        return self.reply(post, *(OrderOutcome(Outcome.FILLED, f.oid, f.size, f.price) for f in fills))

    def fill_post(self, post: Post, px: Decimal | None = None) -> list[Fill]:
        """All orders of a post are executed, answered and shown."""
        fills = [self.execute(o, px=px) for o in orders_of(post)]
        self.reply_filled(post, *fills)
        self.show(*fills)
        return fills

    def lose_trade(self, loss_usd: Decimal = ONE, market: MarketKey = SNDK) -> None:
        """A whole trade, closed by the operator's word or whatever closes it first, that loses so much before fees."""
        held = self.open_position(market)
        self.handle(FlattenMarket(command_id="lose", market=market))
        self.advance(200)
        self.fill_post(self.posts[-1], px=held.entry_px - loss_usd / held.size)
        assert self.position(market) is None
        self.advance(1000)

    # --- looking ---------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        return self.engine.snapshot(self.now, LoopStats())

    def market(self, market: MarketKey) -> Any:
        return next(v for v in self.snapshot().markets if v.market == market)

    def position(self, market: MarketKey = SNDK) -> PositionView | None:
        return next((p for p in self.snapshot().positions if p.market == market), None)

    def order(self, order: PendingOrder) -> Any:
        return next(o for o in self.snapshot().orders if o.cloid == order.cloid)

    def effects(self, kind: type[E]) -> list[E]:
        """Every effect of this kind since the start."""
        return [e for _, e in self.log if isinstance(e, kind)]

    def alerts(self) -> list[str]:
        return [a.title for a in self.effects(Alert)]

    def audit(self, kind: str = "") -> list[str]:
        return [e.text for e in self.snapshot().audit if not kind or e.kind == kind]

    def rows(self, kind: type[E]) -> list[E]:
        """Journal rows of one kind."""
        return [j.row for j in self.effects(Journal) if isinstance(j.row, kind)]

    def answer_of(self, command: Command) -> str:
        """The audit entry that answers a command."""
        return next(e.text for e in self.snapshot().audit if e.command_id == command.command_id)

    @property
    def kept_bytes(self) -> set[int]:
        """Posts whose signed bytes the outside still keeps."""
        return set(self._kept_bytes)

    @property
    def inflight(self) -> int:
        return self.m.posts.inflight


# --- small makers -------------------------------------------------------------------------------------------------------


def orders_of(post: Post) -> tuple[PendingOrder, ...]:
    assert isinstance(post.batch, Orders), post
    return post.batch.orders


def order_of(post: Post) -> PendingOrder:
    (order,) = orders_of(post)
    return order


def cancels_of(post: Post) -> Cancels:
    assert isinstance(post.batch, Cancels), post
    return post.batch


def report_of(
    order: PendingOrder, status: OrderStatus, oid: int, *, filled: Decimal = ZERO, text: str = ""
) -> OrderReport:
    """What the venue says about an order of ours."""
    return OrderReport(
        market=order.market,
        oid=oid,
        cloid=order.cloid,
        side=order.side,
        limit_px=order.price,
        remaining=order.size - filled,
        original_size=order.size,
        reduce_only=order.reduce_only,
        status=status,
        status_text=text or status.value,
        status_time_ms=NOW,
        placed_time_ms=NOW,
    )


def foreign_order(market: MarketKey = NVDA, oid: int = 77, cloid: str | None = FOREIGN) -> OrderReport:
    """A resting order that this run did not place."""
    return OrderReport(
        market=market,
        oid=oid,
        cloid=cloid,
        side=BUY,
        limit_px=D(100),
        remaining=D("0.5"),
        original_size=D("0.5"),
        reduce_only=False,
        status=OrderStatus.OPEN,
        status_text="open",
        status_time_ms=NOW,
        placed_time_ms=NOW - 60_000,
    )


def update(report: OrderReport, **changes: Any) -> OrderUpdates:
    return OrderUpdates((replace(report, **changes),))

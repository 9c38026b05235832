"""The load half of check 9: the shipped engine with this config's limits, driven to its limit of unanswered posts in memory. Nothing is sent.

On the configured network the guards keep a program far from that load (`most_in_flight`): one entry, one exit and one cancel a market at once. So
the network shows that the count is right under the load there is, and this shows that the same code keeps its limits under the load
there must never be. Answers are withheld until nothing leaves any more, then all given. Easy to get wrong: what is in flight is counted here as
well, by what was handed out and what was answered, and compared with the engine's own count at every step.

SPEC 4, 9 (verification 9); plan 3.5.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from core.config import AccountConfig, Config, ExecutionConfig, MarketConfig, SafetyConfig, SignerConfig, SimulatorKey
from core.engine.engine import Engine
from core.messages.commands import AnyCommand, FlattenMarket, PlaceOrder
from core.messages.effects import Ask, Effect, Post
from core.messages.events import (
    AnyEvent,
    AssetCtx,
    Bbo,
    Connected,
    FeesRead,
    Fills,
    OpenOrdersRead,
    OrderOutcome,
    Outcome,
    PositionsRead,
    PostReply,
    PostSent,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
    Tick,
    VenuePosition,
)
from core.messages.queries import (
    Query,
    QueryBook,
    QueryFees,
    QueryOpenOrders,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.recovered import Recovered
from core.messages.snapshot import RunInfo
from core.model.market import MarketKey, MarketSpec
from core.model.order import Orders, OrderSide
from core.runtime.verify_judges import InflightSample, Load

_BEGIN_MS = 1_705_054_000_000
_TICK_MS = 100
_LONG_MS = 3_000_000
"""Nothing may time out: the load is what is not answered."""
_BEYOND = 12
"""So many more than would fit are asked for."""
_MOST_ANSWERS = 1_000
_BID, _ASK, _SIZE = Decimal("99.99"), Decimal("100.01"), Decimal("0.2")
_PER_MARKET = 3
_NO_MATCH = "Order could not immediately match against any resting orders."


def most_in_flight(config: Config) -> int:
    """How many posts can be unanswered at once with this config, whatever the exchange does."""
    x = config.execution
    until_timeout = -(-x.post_timeout_ms // x.tick_interval_ms)
    return min(x.inflight_limit, until_timeout, _PER_MARKET * len(config.markets))


def run_load(execution: ExecutionConfig) -> Load:
    """Up to the watermark with entries, up to the limit with exits, and down again with every answer given."""
    return _Stage(execution).play()


class _Stage:
    def __init__(self, execution: ExecutionConfig) -> None:
        self._high, self._limit = execution.inflight_high_watermark, execution.inflight_limit
        names = [f"load:E{n}" for n in range(self._high + _BEYOND)]
        held = [f"load:H{n}" for n in range(self._limit - self._high + _BEYOND)]
        self._entries = tuple(MarketKey.parse(n) for n in names)
        self._held = tuple(MarketKey.parse(n) for n in held)
        config = _config((*names, *held), execution)
        self._account = config.account.address if config.account is not None else ""
        self.now_ms = _BEGIN_MS
        self._engine = Engine(config, _run(config, self._account), Recovered(), self.now_ms)
        self._open: dict[int, Post] = {}
        self._sent = self._answered = self._entries_above = self._beyond = 0
        self._samples: list[InflightSample] = []
        self._miscounted = ""

    def play(self) -> Load:
        try:
            self._push()
        except Exception as e:  # an engine that breaks off under load has not kept anything
            self._miscounted = (
                f"the engine broke off with {type(e).__name__} at {self._sent} handed out, {self._answered} answered"
            )
        left = self._engine.machines.posts.inflight + len(self._open)
        return Load(tuple(self._samples), self._miscounted, self._entries_above, self._beyond, left)

    def _push(self) -> None:
        self._connect()
        for n, market in enumerate(self._entries):
            order = PlaceOrder(
                command_id=f"e{n}", market=market, side=OrderSide.BUY, usd=Decimal(12), limit_px=_BID, who="verify"
            )
            self._tell(order)
            self._tick()
        for n, market in enumerate(self._held):
            self._tell(FlattenMarket(command_id=f"h{n}", market=market, who="verify"))
            self._tick()
        while self._open and self._answered < _MOST_ANSWERS:
            self._answer_post(next(iter(self._open.values())))

    # --- the engine and what it is told ---------------------------------------------------------------------------------------

    def _tell(self, message: AnyEvent | AnyCommand) -> None:
        waiting = list(self._engine.handle(message, self.now_ms))
        while waiting:
            for answer in self._reactions(waiting.pop(0)):
                waiting.extend(self._engine.handle(answer, self.now_ms))
        self._look()

    def _reactions(self, effect: Effect) -> list[AnyEvent]:
        match effect:
            case Ask(query):
                return self._answers(query)
            case Post():
                in_flight = self._sent - self._answered
                is_entry = isinstance(effect.batch, Orders) and any(not o.reduce_only for o in effect.batch.orders)
                self._entries_above += is_entry and in_flight >= self._high
                self._beyond += in_flight >= self._limit
                self._sent += 1
                self._open[effect.post_id] = effect
                return [PostSent(effect.post_id)]
        return []

    def _answer_post(self, post: Post) -> None:
        del self._open[post.post_id]
        self._answered += 1
        count = len(post.batch.orders) if isinstance(post.batch, Orders) else len(post.batch.cancels)
        self._tell(PostReply(post.post_id, (OrderOutcome(Outcome.ERROR, error=_NO_MATCH),) * count))

    def _look(self) -> None:
        posts, ours = self._engine.machines.posts, self._sent - self._answered
        sample = InflightSample(posts.inflight, posts.sent_total, posts.completed_total)
        if not self._samples or self._samples[-1] != sample:
            self._samples.append(sample)
        if (posts.inflight, posts.sent_total) != (ours, self._sent) and not self._miscounted:
            self._miscounted = f"{self._sent} handed out, {self._answered} answered, and {posts.inflight} counted"

    def _tick(self) -> None:
        self.now_ms += _TICK_MS
        if self.now_ms % 1_000 < _TICK_MS:
            self._quote()
        self._tell(Tick())

    # --- what the exchange says -----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for event in (
            Connected(1),
            Subscribed("orderUpdates", self._account),
            Subscribed("userFills", self._account),
            Fills((), is_snapshot=True),
        ):
            self._tell(event)
        self._quote()
        for _ in range(12):
            self._tick()

    def _quote(self) -> None:
        for market in (*self._entries, *self._held):
            self._tell(Bbo(market, self.now_ms, _BID, Decimal(1000), _ASK, Decimal(1000), False))
            self._tell(AssetCtx(market, *(Decimal(100),) * 3, Decimal(1_000_000), Decimal(0)))

    def _answers(self, query: Query) -> list[AnyEvent]:
        match query:
            case QuerySpecs(dex):
                specs = (MarketSpec(m, 900_000 + n, n, 3, 10) for n, m in enumerate((*self._entries, *self._held)))
                return [SpecsRead(dex, tuple(specs))]
            case QueryPositions(dex):
                held = (VenuePosition(m, _SIZE, Decimal(100), _SIZE * 100, Decimal(0)) for m in self._held)
                return [PositionsRead(dex, self.now_ms, tuple(held), Decimal(100_000), Decimal(100_000))]
            case QueryOpenOrders(dex):
                return [OpenOrdersRead(dex, ())]
            case QueryRateLimit():
                return [RateLimitRead(0, 1_000_000, Decimal(1_000_000))]
            case QueryFees():
                return [FeesRead(Decimal("0.00045"), Decimal("0.00015"))]
            case QueryRole(address):
                return [RoleRead(address, "user")]
            case QueryServerTime():
                return [ServerTimeRead(self.now_ms, self.now_ms)]
            case QueryBook(market):
                return [Bbo(market, self.now_ms, _BID, Decimal(1000), _ASK, Decimal(1000), True)]
        return []


def _config(coins: tuple[str, ...], execution: ExecutionConfig) -> Config:
    plenty = Decimal(100_000)
    return Config(
        ws_url="ws://127.0.0.1:9/ws",
        info_url="http://127.0.0.1:9/info",
        mode="trading",
        markets=tuple(MarketConfig(c) for c in coins),
        signer=SignerConfig(SimulatorKey()),
        account=AccountConfig("0x" + "a" * 40),
        safety=SafetyConfig(max_notional_usd=plenty, max_daily_trades=10_000),
        execution=replace(
            execution,
            tick_interval_ms=_TICK_MS,
            post_timeout_ms=_LONG_MS,
            time_stop_ms=_LONG_MS,
            reduce_only_timeout_ms=_LONG_MS,
            max_notional_per_market=plenty,
            max_notional_total=plenty,
        ),
    )


def _run(config: Config, account: str) -> RunInfo:
    return RunInfo(
        network=config.network.value,
        rules=config.rules.value,
        mode=config.mode,
        account=account,
        signer=account,
        ws_url=config.ws_url,
        version="load",
        run_id=1,
        started_ms=_BEGIN_MS,
        config_source="load",
        tick_interval_ms=_TICK_MS,
        time_stop_ms=config.execution.time_stop_ms,
    )

"""The engine and the shipped simulated exchange in one process, joined by the bytes that would go over the wire; time is a number.

Every action is built, signed, written as JSON and read by the exchange; every frame and answer of the exchange is text that the shipped
parsers read. For the lessons that turn on what the exchange itself does or says; where the test is to decide what becomes of an order,
`engine_rig.Rig` is the simpler stage. What `Rig` offers for looking works here too; its scripted venue plays no part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from engine_rig import FIRST_START, NOW, Rig, make_config, make_run

from core.config import AccountConfig, Config
from core.hyperliquid.actions import canonical_action
from core.hyperliquid.info import read_answer, request_bodies
from core.hyperliquid.parsing import PongReceived, parse_frame
from core.hyperliquid.signing import sign_l1_action
from core.hyperliquid.signing_key import SigningKey
from core.messages.commands import Command
from core.messages.effects import Ask, Effect, Journal, PersistCounters, PersistLatch, Post, Repost, Subscribe
from core.messages.events import AnyEvent, Connected, Disconnected, PostSent, ReadFailed, Tick
from core.messages.queries import Query
from core.messages.recovered import Recovered
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.runtime.journal import Journal as JournalFile
from core.runtime.keys import TEST_ADDRESS, TEST_KEY, KeyManager
from core.runtime.signer import Signer
from core.sim.admission import WireFailure
from core.sim.exchange import Exchange
from core.sim.feed import Feed
from core.sim.session import Session
from core.sim.subscriptions import SocketKilled

ME = TEST_ADDRESS
SNDK = MarketKey.parse("xyz:SNDK")


def wire_config(*markets: str, **changes: Any) -> Config:
    return make_config(markets or ("xyz:SNDK",), **{"account": AccountConfig(ME), **changes})


class WireStage(Rig):
    """A rig whose venue is the simulated exchange.

    Args:
        config: Default: SNDK alone.
        exchange: One that an earlier run has traded on; time goes on from ``now_ms`` then.
        account, signer: What the engine is told it trades for and with.
    """

    def __init__(
        self,
        config: Config | None = None,
        recovered: Recovered = FIRST_START,
        *,
        ready: bool = True,
        exchange: Exchange | None = None,
        now_ms: int = NOW,
        account: str = ME,
        signer: str = ME,
    ) -> None:
        config = config or wire_config()
        self.exchange = exchange or Exchange(seed=7, markets=(), balance_usd=Decimal(1000), start_ms=NOW)
        self.feed = Feed(self.exchange)
        self.session: Session | None = None
        self.account = account
        self.signer = Signer(KeyManager(SigningKey.from_hex(TEST_KEY)), is_mainnet=self.exchange.is_mainnet)
        self.wire: list[dict[str, Any]] = []
        """Every action that left, as the JSON says it, repeats included."""
        self.bytes_of: dict[int, bytes] = {}
        self.tamper: Callable[[bytes], bytes] = lambda payload: payload
        """What a broken road would do to signed bytes."""
        self.fails: Callable[[dict[str, Any]], bool] = lambda body: False
        """Which info requests get HTTP 500."""
        self.instead: Callable[[dict[str, Any], Any], Any] = lambda body, answer: answer
        """What an info request is answered in place of the exchange's own answer."""
        self.heard: list[str] = []
        """Channels of all frames that came, in order."""
        self._frames: deque[str] = deque()
        self._by_hand = 0
        run = make_run(config, recovered.run_id, account, signer)
        super().__init__(config, recovered, ready=False, run=run)
        self.now = now_ms
        for market in config.markets:
            listing = self.exchange.venue.universe.by_coin.get(market.coin)
            if exchange is None and listing is not None and not listing.spec.is_delisted:
                self.settle(market.key)
        if ready:
            self.ready()

    # --- the exchange, by its own means -----------------------------------------------------------------------------------

    def control(self, **command: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.exchange.control(command, self.now)
        return result

    def fault(self, name: str, **settings: Any) -> None:
        self.control(do="fault", name=name, **settings)

    def pin(self, market: MarketKey, oracle: str, bid: str, ask: str, size: str) -> None:
        """The exchange's book and oracle, from now on."""
        self.control(do="set_price", coin=market.name, oracle=oracle, bid=bid, ask=ask, size=size)

    def settle(self, market: MarketKey = SNDK, oracle_bps: int = 0) -> None:
        """A tight and deep book around the listing's first price; the oracle that many bps away from it."""
        listing = self.exchange.venue.universe.by_coin[market.name]
        px = listing.start_px
        tick = Decimal(1).scaleb(max(px.adjusted() - 4, listing.spec.sz_decimals - 6))
        oracle = px * (1 + Decimal(oracle_bps) / 10_000)
        size = (Decimal(200_000) / px).quantize(Decimal(1).scaleb(-listing.spec.sz_decimals))
        self.pin(
            market, f"{oracle:f}", f"{(px - tick).quantize(tick):f}", f"{(px + tick).quantize(tick):f}", f"{size:f}"
        )

    def by_hand(self, market: MarketKey, side: OrderSide, px: str, sz: str, *, tif: str = "Gtc", **extra: Any) -> Any:
        """An order of this account placed elsewhere, with the same key. Returns its status."""
        order = {"a": self.exchange.venue.universe.by_coin[market.name].asset, "b": side.is_buy, "p": px, "s": sz}
        order |= {"r": False, "t": {"limit": {"tif": tif}}, **extra}
        return self.act_by_hand({"type": "order", "orders": [order], "grouping": "na"})["statuses"][0]

    def act_by_hand(self, action: dict[str, Any]) -> Any:
        self._by_hand += 1
        nonce = self.now - 60_000 + self._by_hand
        signature = sign_l1_action(TEST_KEY, canonical_action(action), None, nonce, None, self.exchange.is_mainnet)
        envelope = {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": None,
            "expiresAfter": None,
        }
        reply = self.exchange.submit(self.exchange.decode(envelope), self.now).reply
        assert reply["status"] == "ok", reply
        return reply["response"].get("data")

    def truth(self) -> dict[str, Any]:
        return self.control(do="truth")

    def held(self) -> dict[str, str]:
        """What the exchange says the account holds: coin -> signed size."""
        return {p["coin"]: p["szi"] for p in self.truth()["positions"] if p["user"] == self.account}

    def orders_on_wire(self) -> list[dict[str, Any]]:
        """Every order that left, in order."""
        return [o for w in self.wire if w["action"]["type"] == "order" for o in w["action"]["orders"]]

    # --- the connection -----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        self._epoch += 1
        self.session = self.feed.open(self._frames.append, self.now)
        self.handle(Connected(self._epoch))
        for channel in ("orderUpdates", "userFills"):
            self._subscribe({"type": channel, "user": self.account})
        self._pump()

    def cut(self, reason: str = "connection lost without a close frame") -> None:
        assert self.session is not None
        self.feed.close(self.session)
        self.session = None
        self._frames.clear()
        self.handle(Disconnected(reason))

    def quote(self, *markets: MarketKey) -> None:
        """The exchange quotes by itself."""

    def advance(self, ms: int, step: int = 100) -> None:
        end = self.now + ms
        while self.now < end:
            self.now = min(end, self.now + step)
            self.feed.publish(self.exchange.advance(self.now), self.now)
            self._pump()
            self.handle(Tick())

    def dislocate(self, market: MarketKey = SNDK, bps: int = 40, side: OrderSide = OrderSide.BUY) -> Post | None:
        """The oracle runs away from the book for one update, and comes back."""
        count = len(self.posts)
        self.settle(market, oracle_bps=side.sign * bps)
        self.advance(1_100)
        self.settle(market)
        self.advance(1_100)
        return self.posts[count] if len(self.posts) > count else None

    def enter(self, market: MarketKey = SNDK, side: OrderSide = OrderSide.BUY) -> Post:
        post = self.dislocate(market, side=side)
        assert post is not None, f"denied: {self.market(market).gate or self.market(market).last_denial}"
        return post

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def handle(self, message: AnyEvent | Command) -> list[Effect]:
        effects = super().handle(message)
        self._pump()
        return effects

    def _pump(self) -> None:
        while self._frames:
            text = self._frames.popleft()
            self.heard.append(msgspec.json.decode(text)["channel"])
            for event in parse_frame(text):
                if not isinstance(event, PongReceived):
                    super().handle(event)

    def _reactions(self, effect: Effect) -> list[AnyEvent]:
        match effect:
            case Ask(query):
                return [] if type(query) in self.muted else [self._answer(query)]
            case Subscribe(markets):
                for market in markets:
                    for channel in ("bbo", "activeAssetCtx"):
                        self._subscribe({"type": channel, "coin": market.name})
            case Post(post_id, nonce, batch, expires):
                signed = self.signer.build_and_sign(batch, nonce, expires, self.engine.asset_id)
                self.bytes_of[post_id] = msgspec.json.encode(signed.payload)
                return self._send(post_id, self.bytes_of[post_id])
            case Repost(post_id, original):
                self.bytes_of[post_id] = self.bytes_of[original]
                return self._send(post_id, self.bytes_of[original])
        return []

    def _answer(self, query: Query) -> AnyEvent:
        answers = []
        for body in request_bodies(query, self.account):
            if self.fails(body):
                return ReadFailed(query, "HTTP 500")
            try:
                answer = self.instead(body, self.exchange.info(body, self.now))
            except WireFailure as e:
                return ReadFailed(query, f"HTTP {e.status}")
            answers.append(msgspec.json.encode(answer))
        try:
            return read_answer(query, tuple(answers), self.now)
        except ValueError as e:
            return ReadFailed(query, str(e))

    def _subscribe(self, subscription: dict[str, Any]) -> None:
        self._receive(msgspec.json.encode({"method": "subscribe", "subscription": subscription}).decode())

    def _receive(self, text: str) -> Any:
        assert self.session is not None, "sent without a connection"
        try:
            return self.feed.receive(self.session, text, self.now)
        except SocketKilled:
            self.cut()
            return None

    def _send(self, post_id: int, payload: bytes) -> list[AnyEvent]:
        payload = self.tamper(payload)
        self.wire.append(msgspec.json.decode(payload))
        session = self.session
        assert session is not None, "posted without a connection"
        text = f'{{"method":"post","id":{post_id},"request":{{"type":"action","payload":{payload.decode()}}}}}'
        post, faults = self._receive(text), self.exchange.faults
        if not faults.strike("lose_request", self.now, self.account):
            try:
                reply = self.exchange.submit(self.exchange.decode(post.payload), self.now).reply
            except WireFailure as e:
                self.feed.fail(session, post, e, self.now)
            else:
                if not faults.strike("lose_reply", self.now, self.account):
                    self.feed.answer(session, post, reply, self.now)
        self.feed.forget(post)
        return [PostSent(post_id)]


def write_down(rig: Rig, journal: JournalFile) -> None:
    """What a run had its journal keep, in a real file."""
    for _, effect in rig.log:
        match effect:
            case Journal(row):
                journal.append(row)
            case PersistLatch(latch):
                assert journal.persist_latch(latch), "the latch is not on disk"
            case PersistCounters(counters):
                journal.put_counters(counters)


__all__ = ["ME", "SNDK", "WireStage", "wire_config", "write_down"]

"""Hostile frames and answers through the shipped parsers into the shipped engine, judged by what leaves it.

A life is a ready engine that trades: entries, fills, exits go on normally while frames of every kind come in spoiled, repeated, or about somebody
else. A twin lives the same life without those that were not understood. What must hold, whatever came:
  the engine never raises; its own book-keeping holds; what was not understood changed no order at all (the twin sent the same);
  an entry is for a market of ours, within the caps, with an edge over the oracle on a quote that agrees with the mark; an exit is no more than is held.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine_rig import ACCOUNT, BUY, NVDA, SELL, SNDK, Rig, orders_of
from hostile_input import as_bytes, spoil

from core.hyperliquid.info import read_answer, request_bodies
from core.hyperliquid.parsing import PongReceived, parse_frame
from core.messages.commands import Command, FlattenAll
from core.messages.effects import Effect, Journal, Post, SignalRow
from core.messages.events import AnyEvent, ChannelError, ReadFailed
from core.messages.queries import (
    Query,
    QueryBook,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.model.order import Orders, OrderSide
from core.model.position import Fill
from core.model.signal import Signal

GOLDEN = Path(__file__).parents[1] / "golden" / "messages"
ANSWERS = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(GOLDEN.glob("info_*.json"))]
PERP_DEXS = (GOLDEN / "info_perp_dexs.json").read_bytes()
QUERIES: tuple[Query, ...] = (
    QuerySpecs("xyz"),
    QueryPositions("xyz"),
    QueryOpenOrders("xyz"),
    QueryFills(0),
    QueryBook(SNDK),
    QueryRateLimit(),
    QueryFees(),
    QueryRole(ACCOUNT),
    QueryServerTime(),
)
SOMEBODY = "0x" + "c" * 40
FRAMES_IN_A_LIFE = 40
_DIVERGENCE_BPS = Decimal(50)


class HostileRig(Rig):
    """A rig that judges every order, and whose venue may be lied about."""

    def _take(self, message: AnyEvent | Command) -> list[Effect]:
        held = {p.market: p.size for p in self.m.positions.all()}
        effects = super()._take(message)
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, SignalRow) and effect.row.verdict == "accepted":
                self._judge_entry(effect.row.signal)
            if isinstance(effect, Post) and isinstance(effect.batch, Orders):
                for order in effect.batch.orders:
                    assert order.price > 0
                    assert order.size > 0
                    if order.reduce_only:
                        most = max(held.get(order.market, Decimal(0)), self._held(order.market))
                        assert order.size <= most, f"exit of {order.size} with {most} held"
        return effects

    def _held(self, market: Any) -> Decimal:
        position = self.m.positions.get(market)
        return position.size if position is not None else Decimal(0)

    def _judge_entry(self, signal: Signal) -> None:
        m = self.m
        assert not m.latch.tripped
        assert m.readiness.is_ready
        assert m.is_configured(signal.market)
        state, mark = m.markets.get(signal.market), m.mark_of(signal.market)
        assert state is not None
        assert mark is not None
        assert state.oracle_px == signal.oracle_px
        assert signal.edge_bps > 0, signal
        better = signal.price < signal.oracle_px if signal.side is OrderSide.BUY else signal.price > signal.oracle_px
        assert better, f"no edge: {signal}"
        assert abs(signal.mid_px - mark) / mark * 10_000 <= _DIVERGENCE_BPS, (
            f"the quote does not agree with the mark: {signal}"
        )
        assert signal.notional_usd <= m.max_market_usd
        assert m.exposure_usd(signal.market) <= m.max_market_usd * Decimal("1.01")

    def _check(self) -> None:
        """Without the sums over positions: a lie about a fill is a position to whoever is told it."""
        posts = self.m.posts
        assert posts.inflight == posts.sent_total - posts.completed_total
        assert 0 <= posts.inflight <= self.config.execution.inflight_limit


# --- frames ------------------------------------------------------------------------------------------------------------


def fill_frame(fill: Fill, user: str = ACCOUNT) -> dict[str, Any]:
    element = {
        "coin": fill.market.name,
        "px": str(fill.price),
        "sz": str(fill.size),
        "side": "B" if fill.side is BUY else "A",
        "time": fill.time_ms,
        "startPosition": str(fill.start_position),
        "dir": "Open Long",
        "closedPnl": str(fill.closed_pnl),
        "hash": "0x" + "0" * 64,
        "oid": fill.oid,
        "crossed": True,
        "fee": str(fill.fee),
        "tid": fill.tid,
        "feeToken": "USDC",
        "cloid": fill.cloid,
    }
    return {"channel": "userFills", "data": {"user": user, "fills": [element]}}


def frames_of_now(rig: Rig, dice: random.Random) -> list[dict[str, Any]]:
    """Frames that would be true now, of every kind, about the orders and posts that there are."""
    market = dice.choice([SNDK, NVDA])
    bid, ask = rig.venue.quotes[market]
    mid = str(rig.venue.mid(market))
    order = next(iter(rig.m.orders.unsettled()), None)
    cloid = order.cloid if order is not None and order.cloid else "0x" + "a1" * 16
    coin = {"coin": market.name}
    fills = [fill_frame(f) for f in rig.venue.fills[-3:]]
    post_id = rig.posts[-1].post_id if rig.posts else 1
    update = {
        "order": {**coin, "side": "B", "limitPx": str(ask), "sz": "0.0", "oid": 7, "timestamp": rig.now, "origSz": "0.05", "cloid": cloid},
        "status": dice.choice(["open", "filled", "canceled", "rejected", "iocCancelRejected", "holdingPattern"]),
        "statusTimestamp": rig.now,
    }  # fmt: skip
    statuses = [{"filled": {"totalSz": "0.05", "avgPx": str(ask), "oid": 7}}, {"error": "no"}, {"resting": {"oid": 8}}]
    answer = {"type": "order", "data": {"statuses": [dice.choice(statuses)]}}
    return [
        {"channel": "bbo", "data": {**coin, "time": rig.now, "bbo": [{"px": str(bid), "sz": "5", "n": 1}, {"px": str(ask), "sz": "5", "n": 1}]}},
        {"channel": "activeAssetCtx", "data": {**coin, "ctx": {"markPx": mid, "midPx": mid, "oraclePx": mid, "openInterest": "1000", "funding": "0"}}},
        {"channel": "orderUpdates", "data": [update]},
        {"channel": "post", "data": {"id": post_id, "response": {"type": "action", "payload": {"status": "ok", "response": answer}}}},
        {"channel": "post", "data": {"id": post_id, "response": {"type": "error", "payload": "429 Too Many Requests"}}},
        {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": {"type": "bbo", **coin}}},
        {"channel": "error", "data": "Too many pending post requests id=1"},
        {"channel": "user", "data": fills[0]["data"] | {} if fills else {"funding": {}}},
        {"channel": "pong"},
        *fills,
    ]  # fmt: skip


def lie(value: Any, dice: random.Random) -> Any:
    """The same message, well formed, with some of its numbers wrong: what no parser can see."""
    if isinstance(value, dict):
        return {key: each if key in ("user", "cloid", "hash") else lie(each, dice) for key, each in value.items()}
    if isinstance(value, list):
        return [lie(each, dice) for each in value]
    if isinstance(value, str) and value.replace(".", "", 1).isdigit() and dice.random() < 0.3:
        factor = Decimal(dice.choice(["0", "0.0001", "0.5", "0.99", "0.995", "1.005", "1.01", "2", "100", "-1"]))
        return f"{(Decimal(value) * factor).quantize(Decimal('0.01')):f}"
    return value


def believed(raw: bytes, count: Counter[str]) -> list[AnyEvent]:
    """What the parser made of a frame, for the engine."""
    events = [e for e in parse_frame(raw, ACCOUNT) if not isinstance(e, PongReceived)]
    understood = [e for e in events if not isinstance(e, ChannelError)]
    count["understood" if understood else "refused"] += 1
    return [*understood, *(e for e in events if isinstance(e, ChannelError))]


def live_normally(rigs: list[HostileRig], dice: random.Random) -> None:
    """One step of an honest life, the same for each."""
    step = dice.random()
    market = dice.choice([SNDK, NVDA])
    side = dice.choice([BUY, SELL])
    for rig in rigs:
        if step < 0.3:
            rig.advance(100)
        elif step < 0.5:
            rig.quote(market)
        elif step < 0.75:
            rig.dislocate(market, side=side)
        elif step < 0.8:
            rig.handle(FlattenAll(command_id="f"))
        else:
            open_posts = [p for p in rig.posts if p.post_id in rig.m.posts.open_ids() and isinstance(p.batch, Orders)]
            if open_posts:
                rig.fill_post(open_posts[-1])


def sent_by(rig: Rig) -> list[Any]:
    return [(p.nonce, p.batch) for p in rig.posts]


def frames(dice: random.Random, cases: int) -> Counter[str]:
    """Spoiled frames in the middle of a trading life, beside a twin that never saw what was not understood."""
    count: Counter[str] = Counter()
    while count["cases"] < cases:
        rig, twin = HostileRig(), HostileRig()
        for _ in range(FRAMES_IN_A_LIFE):
            frame = dice.choice(frames_of_now(rig, dice))
            if dice.random() < 0.5:
                raw = json.dumps(lie(frame, dice)).encode()
                count["lies"] += 1
            else:
                raw = as_bytes(spoil(frame, dice), dice)
            count["cases"] += 1
            for event in believed(raw, count):
                rig.handle(event)
                if not isinstance(event, ChannelError):
                    twin.handle(event)
            live_normally([rig, twin], random.Random(dice.random()))
            assert sent_by(rig) == sent_by(twin), "a frame that nobody understood changed an order"
            if rig.m.latch.tripped:
                count["lives that ended in a hard stop"] += 1
                break
        count["orders sent"] += sum(len(orders_of(p)) for p in rig.posts if isinstance(p.batch, Orders))
        count["lives"] += 1
    return count


def strangers_and_echoes(dice: random.Random, cases: int) -> Counter[str]:
    """Fills of other people, and everything that was true once more: neither may move a position, a sum or an order."""
    count: Counter[str] = Counter()
    while count["cases"] < cases:
        rig = HostileRig()
        heard: list[bytes] = []
        for _ in range(FRAMES_IN_A_LIFE):
            known = len(rig.venue.fills)
            live_normally([rig], dice)
            heard += [json.dumps(fill_frame(f)).encode() for f in rig.venue.fills[known:]]
            if not heard:
                continue
            before, sent = books(rig), len(rig.posts)
            echo = dice.choice(heard)
            other = json.dumps(fill_frame(dice.choice(rig.venue.fills), SOMEBODY) | {}).encode()
            other = other.replace(b'"tid": ', b'"tid": 9')
            for raw, what in ((echo, "echoes"), (other, "of others")):
                for event in parse_frame(raw, ACCOUNT):
                    assert isinstance(event, ChannelError) is (what == "of others"), event
                    assert not isinstance(event, PongReceived)
                    rig.handle(event)
                count[what] += 1
                count["cases"] += 1
            assert books(rig) == before
            assert len(rig.posts) == sent
            if rig.m.latch.tripped:
                break
        count["lives"] += 1
    return count


def books(rig: Rig) -> tuple[Any, ...]:
    s = rig.snapshot()
    held = tuple((p.market, p.side, p.size, p.entry_px) for p in s.positions)
    return held, s.pnl.realized_usd, s.pnl.fees_usd, s.pnl.trades, s.tally.fills, s.risk


# --- answers -----------------------------------------------------------------------------------------------------------


def answers(dice: random.Random, cases: int) -> Counter[str]:
    """Spoiled answers to every question, and answers to another one: understood or a failed read, and never a wrong order."""
    count: Counter[str] = Counter()
    while count["cases"] < cases:
        rig = HostileRig()
        for _ in range(FRAMES_IN_A_LIFE):
            query = dice.choice(QUERIES)
            body = as_bytes(spoil(dice.choice(ANSWERS), dice), dice)
            bodies = (PERP_DEXS,) * (len(request_bodies(query, ACCOUNT)) - 1) + (body,)
            count["cases"] += 1
            try:
                event = read_answer(query, bodies, rig.now)
                count["understood"] += 1
            except ValueError as e:
                assert len(str(e)) < 3_000  # noqa: PT017  that it may be raised is the point
                event = ReadFailed(query, str(e))
                count["refused"] += 1
            rig.handle(event)
            live_normally([rig], dice)
            if rig.m.latch.tripped:
                count["lives that ended in a hard stop"] += 1
                break
        count["lives"] += 1
    return count

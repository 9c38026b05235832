"""Who is told what over all connections: subscriptions, snapshots, live frames, periodic frames.

Builds a frame only when somebody is subscribed to it, and once for all who are. Easy to get wrong: bbo comes only when the touch changed,
orderUpdates never has a snapshot, and userFills has one on every subscribe, marked by a key that live frames do not have.

PROTOCOL 6.2 to 6.6, 9.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.sim import info, wire
from core.sim.exchange import Block, Exchange
from core.sim.session import Post, Session, answer_frame, failure_frame, read_frame
from core.sim.subscriptions import (
    InvalidSubscription,
    SocketKilled,
    Subscription,
    compact,
    read_subscription,
)
from core.sim.wire import Json

MAX_PENDING_POSTS = 100
"""Unanswered posts over all connections of one IP."""
_MAX_USERS = 14
_FAST_DEPTH = 5

_PERIOD_MS = {
    "l2Book": 5_400,
    "activeAssetCtx": 1_000,
    "allMids": 5_000,
    "clearinghouseState": 5_000,
    "openOrders": 5_000,
}
_FAST_BOOK_MS = 540
_ON_ACCOUNT_CHANGE = ("clearinghouseState", "openOrders")


class _Topic:
    """Everybody who has the same subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.sessions: list[Session] = []
        self.due_ms: int | None = None
        self.period_ms = _FAST_BOOK_MS if subscription.is_fast else _PERIOD_MS.get(subscription.kind)


class Feed:
    """All connections of the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._venue = exchange.venue
        self._topics: dict[str, _Topic] = {}
        self._touch: dict[str, Any] = {}
        self.sessions: list[Session] = []
        self.pending_posts = 0
        self._next_due_ms = 0
        """Before it no periodic frame is due."""

    # connections ---------------------------------------------------------------------------------------------------

    def open(self, send: Callable[[str], None], now_ms: int) -> Session:
        session = Session(send, now_ms)
        self.sessions.append(session)
        return session

    def close(self, session: Session) -> None:
        """Forget a connection; harmless when it is gone already."""
        if session in self.sessions:
            self.sessions.remove(session)
            for subscription in list(session.subscriptions.values()):
                self._leave(session, subscription)

    def idle(self, now_ms: int) -> list[Session]:
        """Connections that the venue would drop now."""
        return [s for s in self.sessions if s.is_idle(now_ms)]

    # frames in -----------------------------------------------------------------------------------------------------

    def receive(self, session: Session, text: str, now_ms: int) -> Post | None:
        """Take one frame of a client.

        Returns:
            A post to be carried out and answered through `answer` or `fail`, or given up through `forget`.

        Raises:
            SocketKilled: The connection must be cut, without a close frame.
        """
        frame = read_frame(text)
        if frame is None:
            session.send_error(f"Error parsing JSON into valid websocket request: {text}", now_ms)
        elif frame.method == "ping":
            session.send({"channel": "pong"}, now_ms)
        elif frame.post is not None:
            return self._take_post(session, frame.post, now_ms)
        else:
            self._change(session, frame.method, frame.subscription, now_ms)
        return None

    def _take_post(self, session: Session, post: Post, now_ms: int) -> Post | None:
        if self.pending_posts >= MAX_PENDING_POSTS:
            session.send_error(f"too many pending post requests id={post.id}", now_ms)
            return None
        self.pending_posts += 1
        return post

    def forget(self, post: Post) -> None:
        """A post is over, answered or not."""
        assert self.pending_posts > 0, f"post {post.id} ended twice"
        self.pending_posts -= 1

    def _change(self, session: Session, method: str, raw: Any, now_ms: int) -> None:
        try:
            wanted = read_subscription(raw, self._venue.universe)
        except InvalidSubscription:
            session.send_error(f"Invalid subscription {compact(raw)}", now_ms)
            return
        has_it = wanted.key in session.subscriptions
        if has_it == (method == "subscribe"):
            session.send_error(f"Already {method}d: {compact(raw)}", now_ms)
            return
        if method == "subscribe" and wanted.user is not None and not self._may_track(wanted.user):
            session.send_error("Cannot track more than 15 total users.", now_ms)
            return
        ack = {"method": method, "subscription": wanted.echo}
        session.send({"channel": "subscriptionResponse", "data": ack}, now_ms)
        if method == "subscribe":
            self._join(session, wanted, now_ms)
        else:
            self._leave(session, wanted)

    def _may_track(self, user: str) -> bool:
        users = {t.subscription.user for t in self._topics.values() if t.subscription.user is not None}
        return user in users or len(users) < _MAX_USERS

    def _join(self, session: Session, subscription: Subscription, now_ms: int) -> None:
        topic = self._topics.setdefault(subscription.key, _Topic(subscription))
        topic.sessions.append(session)
        session.subscriptions[subscription.key] = subscription
        if topic.due_ms is None and topic.period_ms is not None:
            topic.due_ms = now_ms + topic.period_ms
            self._next_due_ms = min(self._next_due_ms, topic.due_ms)
        if self._venue.faults.silences(subscription.channel, now_ms, subscription.user):
            return
        if subscription.kind == "bbo" and len(topic.sessions) == 1:
            self._changed_bbo(subscription, now_ms)  # what the snapshot shows is no news to its only listener
        first = self._snapshot(subscription, now_ms)
        if first is not None:
            session.send(first, now_ms)
            if subscription.user and self._venue.faults.strike("duplicate_snapshot", now_ms, subscription.user):
                session.send(first, now_ms)

    def _leave(self, session: Session, subscription: Subscription) -> None:
        del session.subscriptions[subscription.key]
        topic = self._topics[subscription.key]
        topic.sessions.remove(session)
        if not topic.sessions:
            del self._topics[subscription.key]

    # frames out ----------------------------------------------------------------------------------------------------

    def answer(self, session: Session, post: Post, payload: Any, now_ms: int) -> None:
        session.send(answer_frame(post, payload), now_ms)

    def fail(self, session: Session, post: Post, failure: Any, now_ms: int) -> None:
        session.send(failure_frame(post, failure), now_ms)

    def publish(self, block: Block, now_ms: int) -> None:
        """Tell everybody what changed in a block, and send what is due."""
        if not block.changed_something and now_ms < self._next_due_ms:
            return
        coins, users = block.coins, block.users  # a handful: not worth a set
        trades: dict[str, list[Json]] = {}
        if block.trades and any(t.subscription.kind == "trades" for t in self._topics.values()):
            for trade in block.trades:
                trades.setdefault(trade.coin, []).append(wire.trade(trade))
        events = [(e.channel, e.user, {"channel": e.channel, "data": e.data}) for e in block.user_events]
        for topic in list(self._topics.values()):
            wanted = topic.subscription
            for channel, user, frame in events:
                if wanted.channel == channel and wanted.user == user:
                    self._send(topic, frame, now_ms)
            frame_now: Json | None = None
            if wanted.kind == "bbo" and wanted.coin in coins:
                frame_now = self._changed_bbo(wanted, block.now_ms)
            elif wanted.kind == "trades" and wanted.coin in trades:
                frame_now = {"channel": "trades", "data": trades[wanted.coin]}
            elif wanted.kind in _ON_ACCOUNT_CHANGE and wanted.user in users:
                frame_now = self._snapshot(wanted, block.now_ms)
            elif topic.due_ms is not None and now_ms >= topic.due_ms:
                assert topic.period_ms is not None
                topic.due_ms = max(topic.due_ms + topic.period_ms, now_ms)
                frame_now = self._snapshot(wanted, block.now_ms)
            if frame_now is not None:
                self._send(topic, frame_now, now_ms)
        if now_ms >= self._next_due_ms:
            due = [topic.due_ms for topic in self._topics.values() if topic.due_ms is not None]
            self._next_due_ms = min(due, default=now_ms)

    def _send(self, topic: _Topic, frame: Json, now_ms: int) -> None:
        subscription = topic.subscription
        if self._venue.faults.silences(subscription.channel, now_ms, subscription.user):
            return
        text = compact(frame)
        if subscription.kind in _ON_ACCOUNT_CHANGE and self._venue.faults.strike(
            "duplicate_frames", now_ms, subscription.user
        ):
            for session in topic.sessions:
                session.send_text(text, now_ms)
        for session in topic.sessions:
            session.send_text(text, now_ms)

    def _changed_bbo(self, wanted: Subscription, now_ms: int) -> Json | None:
        assert wanted.coin is not None
        book = self._venue.books[wanted.coin]
        touch = (book.touch(True, now_ms), book.touch(False, now_ms))
        if self._touch.get(wanted.coin) == touch:
            return None
        self._touch[wanted.coin] = touch
        return {"channel": "bbo", "data": wire.bbo(wanted.coin, *touch, now_ms)}

    def _snapshot(self, wanted: Subscription, now_ms: int) -> Json | None:
        """The full present state of a subscription, or None for those that have none."""
        venue, kind, coin, user = self._venue, wanted.kind, wanted.coin, wanted.user
        data: Any
        if kind in ("orderUpdates", "userEvents"):
            return None
        if kind == "userFills":
            assert user is not None
            data = {"isSnapshot": True, "user": user, "fills": info.user_fills(venue, user)}
        elif kind == "clearinghouseState":
            assert user is not None
            state = info.clearinghouse(venue, user, wanted.dex, now_ms)
            data = {"dex": wanted.dex, "user": user, "clearinghouseState": state}
        elif kind == "openOrders":
            assert user is not None
            data = {"dex": wanted.dex, "user": user, "orders": info.frontend_open_orders(venue, user, wanted.dex)}
        elif kind == "allMids":
            data = {"mids": info.all_mids(venue, venue.universe.by_dex[wanted.dex])}
            if wanted.dex:
                data["dex"] = wanted.dex
        else:
            assert coin is not None
            data = self._coin_snapshot(wanted, coin, now_ms)
        return {"channel": wanted.channel, "data": data}

    def _coin_snapshot(self, wanted: Subscription, coin: str, now_ms: int) -> Any:
        venue = self._venue
        book = venue.books[coin]
        if wanted.kind == "bbo":
            return wire.bbo(coin, book.touch(True, now_ms), book.touch(False, now_ms), now_ms)
        if wanted.kind == "trades":
            return [wire.trade(t) for t in venue.trades.get(coin, ())]
        if wanted.kind == "activeAssetCtx":
            return {"coin": coin, "ctx": wire.asset_ctx(venue.markets[coin])}
        figures = wanted.sig_figs
        bids, asks = (info.coarser(book.levels(is_bid, now_ms), figures, is_bid) for is_bid in (True, False))
        if wanted.is_fast:
            bids, asks = bids[:_FAST_DEPTH], asks[:_FAST_DEPTH]
        data = wire.l2_book(coin, bids, asks, now_ms)
        if wanted.is_fast:
            data["fast"] = True
        if figures is not None and bids and asks:
            data["spread"] = wire.number(asks[0].px - bids[0].px)
        return data


__all__ = ["Feed", "SocketKilled"]

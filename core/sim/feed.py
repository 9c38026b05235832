"""Who is told what over all connections: subscriptions, snapshots, live frames, periodic frames.

Builds a frame only when somebody is subscribed to it, and once for all who are. Easy to get wrong: bbo comes only when the touch changed,
orderUpdates never has a snapshot, and userFills has one on every subscribe, marked by a key that live frames do not have.

PROTOCOL 6.2 to 6.6, 9.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from core.sim import wire
from core.sim.admission import WireFailure
from core.sim.exchange import Block, Exchange
from core.sim.held_frames import HeldFrames
from core.sim.live_frames import live_frame
from core.sim.session import IDLE_MS, Post, Session, answer_frame, failure_frame, read_frame
from core.sim.snapshots import NOTHING, fast_ctxs, packed, snapshot
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
MAX_SUBSCRIPTIONS = 1_000
MAX_USERS = 14

_PERIOD_MS = {
    "l2Book": 5_400,
    "activeAssetCtx": 1_000,
    "allMids": 5_000,
    "clearinghouseState": 5_000,
    "openOrders": 5_000,
    "allDexsAssetCtxs": 13_600,
    "assetCtxs": 5_000,
    "fastAssetCtxs": 1_000,
    "spotAssetCtxs": 5_000,
    "allDexsClearinghouseState": 5_000,
    "activeAssetData": 5_000,
    "webData3": 5_000,
    "spotState": 5_000,
}
_FAST_BOOK_MS = 540
_ON_ACCOUNT_CHANGE = ("clearinghouseState", "allDexsClearinghouseState", "openOrders", "activeAssetData", "spotState")
_IN_TRADES = ("trades", "candle")


class _Topic:
    """Everybody who has the same subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.is_bbo = subscription.kind == "bbo"
        self.in_trades = subscription.kind in _IN_TRADES
        self.on_account_change = subscription.kind in _ON_ACCOUNT_CHANGE
        self.sessions: list[Session] = []
        self.due_ms: int | None = None
        self.period_ms = _FAST_BOOK_MS if subscription.is_fast else _PERIOD_MS.get(subscription.kind)
        self.shown: dict[str, Json] = {}
        """What the last frame of fastAssetCtxs was made of."""


class _Ip:
    """What all connections of one IP have together."""

    def __init__(self) -> None:
        self.connections = 0
        self.posts = 0
        self.subscriptions = 0
        self.users: Counter[str] = Counter()


class Feed:
    """All connections of the exchange."""

    def __init__(self, exchange: Exchange, *, ip_limits: bool = True) -> None:
        """
        Args:
            ip_limits: Whether what one IP may have open is limited.
        """
        self._exchange = exchange
        self._ip_limits = ip_limits
        self._ips: dict[str, _Ip] = {}
        self._venue = exchange.venue
        self._topics: dict[str, _Topic] = {}
        self._touch: dict[str, Any] = {}
        self.sessions: list[Session] = []
        self._held = HeldFrames(exchange.faults)
        self._next_due_ms = 0
        """Before it no periodic frame is due."""

    # connections ---------------------------------------------------------------------------------------------------

    def open(self, send: Callable[[str], None], now_ms: int, ip: str = "") -> Session:
        session = Session(send, now_ms, ip)
        self.sessions.append(session)
        self._ips.setdefault(ip, _Ip()).connections += 1
        return session

    def close(self, session: Session) -> None:
        """Forget a connection; harmless when it is gone already."""
        if session in self.sessions:
            self.sessions.remove(session)
            for subscription in list(session.subscriptions.values()):
                self._leave(session, subscription)
            self._ips[session.ip].connections -= 1
            self._forget_ip(session.ip)

    def _forget_ip(self, ip: str) -> None:
        if not (self._ips[ip].connections or self._ips[ip].posts):
            del self._ips[ip]

    @property
    def pending_posts(self) -> int:
        """Posts that are under way, of all IPs."""
        return sum(ip.posts for ip in self._ips.values())

    @property
    def has_account_topics(self) -> bool:
        """Whether anybody listens to an account."""
        return any(topic.subscription.user is not None for topic in self._topics.values())

    def idle(self, now_ms: int) -> list[Session]:
        """Connections that the venue would drop now."""
        early = self._venue.faults.peek("idle_close", now_ms)
        after_ms = IDLE_MS if early is None else early.ms
        found = [s for s in self.sessions if s.is_idle(now_ms, after_ms)]
        if found and early is not None:
            self._venue.faults.strike("idle_close", now_ms)
        return found

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
        ip = self._ips[session.ip]
        if self._ip_limits and ip.posts >= MAX_PENDING_POSTS:
            session.send_error(f"too many pending post requests id={post.id}", now_ms)
            return None
        ip.posts += 1
        return replace(post, ip=session.ip)

    def refuse(self, session: Session, text: str, now_ms: int) -> None:
        """Answer a frame of an IP that sent too many. How the real one words this is not known."""
        frame = read_frame(text)
        if frame is not None and frame.post is not None:
            self.fail(session, frame.post, WireFailure(429, "null"), now_ms)
        else:
            session.send_error("Too many websocket messages.", now_ms)

    def forget(self, post: Post) -> None:
        """A post is over, answered or not."""
        ip = self._ips[post.ip]
        assert ip.posts > 0, f"post {post.id} ended twice"
        ip.posts -= 1
        self._forget_ip(post.ip)

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
        if method == "subscribe" and (error := self._too_much(session.ip, wanted)):
            session.send_error(error, now_ms)
            return
        if method == "subscribe" and self._venue.faults.strike("kill_on_subscribe", now_ms):
            raise SocketKilled("on purpose")
        ack = {"method": method, "subscription": wanted.echo}
        session.send({"channel": "subscriptionResponse", "data": ack}, now_ms)
        if method == "subscribe":
            self._join(session, wanted, now_ms)
        else:
            self._leave(session, wanted)

    def _too_much(self, ip: str, wanted: Subscription) -> str | None:
        """Why an IP may not have one more subscription, if so."""
        counts = self._ips[ip]
        if not self._ip_limits:
            return None
        if counts.subscriptions >= MAX_SUBSCRIPTIONS:
            return f"Cannot subscribe to more than {MAX_SUBSCRIPTIONS} channels."  # its real words are not known
        if wanted.user is not None and wanted.user not in counts.users and len(counts.users) >= MAX_USERS:
            return "Cannot track more than 15 total users."
        return None

    def _join(self, session: Session, subscription: Subscription, now_ms: int) -> None:
        topic = self._topics.setdefault(subscription.key, _Topic(subscription))
        topic.sessions.append(session)
        session.subscriptions[subscription.key] = subscription
        counts = self._ips[session.ip]
        counts.subscriptions += 1
        if subscription.user is not None:
            counts.users[subscription.user] += 1
        if topic.due_ms is None and topic.period_ms is not None:
            topic.due_ms = now_ms + topic.period_ms
            self._next_due_ms = min(self._next_due_ms, topic.due_ms)
        if subscription.user is not None:
            self._venue.outbox.has_asked(subscription.user)
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
        counts = self._ips[session.ip]
        counts.subscriptions -= 1
        if subscription.user is not None:
            counts.users -= Counter((subscription.user,))
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
        if self._held:
            self._held.flush(now_ms)
        if not block.changed_something and now_ms < self._next_due_ms:
            return
        coins, users = block.coins, block.users  # a handful: not worth a set
        is_due = now_ms >= self._next_due_ms
        trades: dict[str, list[Json]] = {}
        if block.trades and any(t.in_trades for t in self._topics.values()):
            for trade in block.trades:
                trades.setdefault(trade.coin, []).append(wire.trade(trade))
        for topic in list(self._topics.values()):
            wanted = topic.subscription
            if wanted.user is not None:
                for event in block.user_events:
                    told = live_frame(self._venue, wanted, event)
                    if told is not None:
                        self._send(topic, told, now_ms)
            frame_now: Json | None = None
            if topic.is_bbo:
                if wanted.coin in coins:
                    frame_now = self._changed_bbo(wanted, block.now_ms)
            elif topic.in_trades and wanted.coin in trades:
                if wanted.kind == "trades":
                    frame_now = {"channel": "trades", "data": trades[wanted.coin]}
                else:
                    frame_now = self._snapshot(wanted, block.now_ms)
            elif topic.on_account_change and wanted.user in users:
                frame_now = self._snapshot(wanted, block.now_ms)
            elif is_due and topic.due_ms is not None and now_ms >= topic.due_ms:
                assert topic.period_ms is not None
                topic.due_ms = max(topic.due_ms + topic.period_ms, now_ms)
                if wanted.kind == "fastAssetCtxs":
                    frame_now = self._fast_changes(topic)
                else:
                    frame_now = self._snapshot(wanted, block.now_ms)
            if frame_now is not None:
                self._send(topic, frame_now, now_ms)
        if is_due:
            due = [topic.due_ms for topic in self._topics.values() if topic.due_ms is not None]
            self._next_due_ms = min(due, default=now_ms)

    def _send(self, topic: _Topic, frame: Json, now_ms: int) -> None:
        subscription = topic.subscription
        faults = self._venue.faults
        if faults and faults.silences(subscription.channel, now_ms, subscription.user):
            return
        if self._venue.outbox.is_hushed(subscription.user):
            return
        text = compact(frame)
        if faults and self._held.keeps(topic.sessions, subscription.channel, subscription.user, text, now_ms):
            return
        if topic.on_account_change and faults.strike("duplicate_frames", now_ms, subscription.user):
            for session in topic.sessions:
                session.send_text(text, now_ms)
        for session in topic.sessions:
            session.send_text(text, now_ms)
        if self._held:
            self._held.sent(topic.sessions, now_ms)

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
        if wanted.kind == "fastAssetCtxs":
            return {"channel": wanted.channel, "data": packed(compact(fast_ctxs(self._venue)))}
        data = snapshot(self._venue, wanted, now_ms)
        return None if data is NOTHING else {"channel": wanted.channel, "data": data}

    def _fast_changes(self, topic: _Topic) -> Json | None:
        """Mark and mid of the coins where they changed since the last such frame."""
        now = fast_ctxs(self._venue)
        changed = {coin: ctx for coin, ctx in now.items() if topic.shown.get(coin) != ctx}
        topic.shown = now
        return {"channel": "fastAssetCtxs", "data": packed(compact(changed))} if changed else None


__all__ = ["Feed", "SocketKilled"]

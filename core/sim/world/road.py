"""The WebSocket between engine and venue, in virtual time: frames as text, delays, loss, cuts.

Stands for core.runtime.gateway and core.runtime.link on one end and for the server's sockets on the other, with the same promises: a
Disconnected comes before anything of the next connection, what was handed over counts as sent, what found no connection was not. Frames
of one channel keep their order; those of different channels may overtake each other unless the seed says that this road is orderly.

PROTOCOL 6.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from core.hyperliquid.parsing import PongReceived, parse_frame
from core.messages.events import ChannelError, Connected, Disconnected, PostNotSent, PostSent
from core.model.market import MarketKey
from core.sim.admission import Envelope, WireFailure
from core.sim.faults import HTTP_FAILURES, Fault
from core.sim.session import Post as VenuePost
from core.sim.session import Session, error_frame
from core.sim.subscriptions import SocketKilled
from core.sim.world.plan import dice_of

if TYPE_CHECKING:
    from core.sim.world.world import World

PING_EVERY_MS = 15_000
PONG_WITHIN_MS = 10_000
_RETRY_FIRST_MS, _RETRY_MOST_MS = 500, 3_000
_PING = '{"method":"ping"}'


class Socket:
    """One connection. It may be over on one end and not yet on the other."""

    def __init__(self, epoch: int, session: Session | None = None) -> None:
        self.epoch = epoch
        self.session = session
        self.ours = True
        """Our end is open."""
        self.theirs = True
        """The venue's end is open."""
        self.up_free_ms = 0
        self.down_free_ms: dict[str, int] = {}
        self.pong_due_ms: int | None = None
        self.unheard: list[str] = []
        """Frames that came while nothing was heard."""


class Road:
    def __init__(self, world: World, dice: Random) -> None:
        self._world = world
        self._agenda = world.agenda
        self._dice = dice
        plan = world.plan
        self._latency = (plan.latency_min_ms // 2, plan.latency_max_ms // 2)
        self._orderly = plan.orderly
        self._socket: Socket | None = None
        self._epoch = 0
        self._troubles = 0
        self._storm_dice = dice_of(plan.seed, "storm")
        self._waiting: list[tuple[int, int, Envelope, VenuePost, Socket, Fault | None]] = []
        self._arrivals = 0
        self.payloads: dict[int, Any] = {}
        """Signed actions by post id, until they are forgotten."""
        self._under_way: Counter[int] = Counter()
        self.slow_until_ms = 0
        self.slow_by_ms = 0
        self.deaf_until_ms = 0
        """Until then nothing comes down, though the connection looks open."""
        self.closed_until_ms = 0
        """Until then the venue takes no connection."""
        self.refuse_sends = 0
        """How many posts more will fail to leave."""
        self.jammed_until_ms = 0
        """Until then nothing leaves: what is handed over waits before the socket, and is not reported as sent."""
        self._jammed: list[tuple[int, Any]] = []
        self.hold_actions = 0
        """How many actions more will wait before the venue executes them, for at most `hold_ms`."""
        self.hold_ms = 0
        self.cut_after_posts = 0
        """How many posts more will be followed by a cut at once."""

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def calm(self) -> None:
        """Nothing is in the way any more."""
        self.deaf_until_ms = self.slow_until_ms = self.closed_until_ms = 0
        self.refuse_sends = self.cut_after_posts = self.hold_actions = 0
        self.jammed_until_ms = min(self.jammed_until_ms, self._agenda.now_ms)

    # --- our end: connection ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """A program begins: its gateway connects."""
        self._troubles = 0
        self._agenda.after(self._delay(), lambda life=self._world.life: self._connect(life))  # type: ignore[misc]

    def program_gone(self) -> None:
        """The program ended or was killed: its end of the connection is closed by the machine, nobody is told."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.ours = False
            self._agenda.after(self._delay(), lambda: self._venue_notices(socket))
        self.payloads.clear()
        self._jammed.clear()

    def drop(self, reason: str) -> None:
        """Our end is given up, and another connection is made after a while."""
        socket, self._socket = self._socket, None
        if socket is None:
            return
        socket.ours = False
        self._agenda.after(self._delay(), lambda: self._venue_notices(socket))
        self._world.give(Disconnected(reason))
        jammed, self._jammed = self._jammed, []
        for post_id, _ in jammed:
            self._world.give(PostNotSent(post_id, "connection lost before it was written"))
        self._retry()

    def _retry(self) -> None:
        self._troubles += 1
        delay = min(_RETRY_FIRST_MS * 2 ** min(self._troubles - 1, 10), _RETRY_MOST_MS)
        life = self._world.life
        self._agenda.after(self._dice.randint(delay * 3 // 4, delay), lambda: self._connect(life))

    def _connect(self, life: int) -> None:
        world = self._world
        if world.life != life or world.engine is None or self._socket is not None:
            return
        refused = world.exchange.faults.strike("refuse_connections", self._agenda.now_ms) is not None
        if refused or self._agenda.now_ms < self.closed_until_ms:
            world.give(ChannelError(f"cannot connect (attempt {self._troubles}): refused"))
            self._retry()
            return
        self._epoch += 1
        socket = self._socket = Socket(self._epoch)
        socket.session = world.feed.open(lambda text: self._down(socket, text), self._agenda.now_ms)
        world.give(Connected(self._epoch))
        for channel in ("orderUpdates", "userFills"):
            self._up(socket, {"type": channel, "user": world.plan.account})
        self._agenda.after(PING_EVERY_MS, lambda: self._ping(socket))

    def _ping(self, socket: Socket) -> None:
        if socket is not self._socket:
            return
        socket.pong_due_ms = self._agenda.now_ms + PONG_WITHIN_MS
        self._send(socket, _PING)
        self._agenda.after(PONG_WITHIN_MS, lambda: self._check_pong(socket))
        self._agenda.after(PING_EVERY_MS, lambda: self._ping(socket))

    def _check_pong(self, socket: Socket) -> None:
        if socket is self._socket and socket.pong_due_ms is not None and socket.pong_due_ms <= self._agenda.now_ms:
            self.drop("no answer to a ping within 10 s")

    # --- our end: sending ------------------------------------------------------------------------------------------

    def subscribe(self, markets: tuple[MarketKey, ...]) -> None:
        if self._socket is not None:
            for market in markets:
                for channel in ("bbo", "activeAssetCtx"):
                    self._up(self._socket, {"type": channel, "coin": market.name})

    def post(self, post_id: int, payload: Any) -> None:
        """Answered by PostSent or PostNotSent."""
        socket = self._socket
        if socket is None or self.refuse_sends > 0:
            if socket is not None:
                self.refuse_sends -= 1
            self._world.give(PostNotSent(post_id, "not connected" if socket is None else "the write failed"))
            return
        if self._jammed or self._agenda.now_ms < self.jammed_until_ms:
            if not self._jammed:
                self._agenda.at(self.jammed_until_ms, self._unjam)
            self._jammed.append((post_id, payload))
            return
        self._write(socket, post_id, payload)

    def _unjam(self) -> None:
        """What waited before the socket leaves, in its order."""
        jammed, self._jammed = self._jammed, []
        for post_id, payload in jammed:
            self.post(post_id, payload)

    def _write(self, socket: Socket, post_id: int, payload: Any) -> None:
        self._under_way[payload["nonce"]] += 1
        frame = {"method": "post", "id": post_id, "request": {"type": "action", "payload": payload}}
        self._send(socket, msgspec.json.encode(frame).decode(), payload["nonce"])
        self.tell_sent(post_id)
        if self.cut_after_posts > 0:
            self.cut_after_posts -= 1
            self.cut()

    def tell_sent(self, post_id: int) -> None:
        """The bytes are with the socket, and we hear of it."""
        self._world.give(PostSent(post_id))

    def repost(self, post_id: int, original_post_id: int) -> None:
        payload = self.payloads.get(original_post_id)
        if payload is None:
            self._world.give(PostNotSent(post_id, f"the signed bytes of post {original_post_id} are gone"))
        else:
            self.payloads[post_id] = payload
            self.post(post_id, payload)

    def _up(self, socket: Socket, subscription: dict[str, Any]) -> None:
        self._send(socket, msgspec.json.encode({"method": "subscribe", "subscription": subscription}).decode())

    def is_under_way(self, nonce: int) -> bool:
        """Whether the action may still reach the venue."""
        return self._under_way[nonce] > 0 or any(payload["nonce"] == nonce for _, payload in self._jammed)

    def _send(self, socket: Socket, text: str, nonce: int = 0) -> None:
        now_ms, faults = self._agenda.now_ms, self._world.exchange.faults
        slow = faults.strike("slow_reads", now_ms)
        free_ms = socket.up_free_ms + slow.ms if slow is not None else socket.up_free_ms
        socket.up_free_ms = max(free_ms, now_ms + self._delay() + (self.storm_ms() if nonce else 0))
        self._agenda.at(socket.up_free_ms, lambda: self._arrive_up(socket, text, nonce))

    def storm_ms(self) -> int:
        """How much longer a request or its answer takes, one way."""
        fault = self._world.exchange.faults.strike("latency_storm", self._agenda.now_ms)
        return 0 if fault is None else self._storm_dice.randint(0, fault.ms)

    def _delay(self) -> int:
        delay = self._dice.randint(*self._latency)
        return delay + self.slow_by_ms if self._agenda.now_ms < self.slow_until_ms else delay

    # --- the venue's end -------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """The connection breaks, for both ends at once; what was on its way down is gone, what was on its way up may arrive."""
        socket = self._socket
        if socket is None:
            return
        if self._dice.random() < 0.5:
            socket.theirs = False
        self.drop("connection lost without a close frame")

    def _venue_notices(self, socket: Socket) -> None:
        socket.theirs = False
        assert socket.session is not None
        self._world.feed.close(socket.session)

    def cut_idle(self) -> None:
        """What the venue has sent nothing to for a minute, it cuts."""
        socket = self._socket
        for session in self._world.feed.idle(self._agenda.now_ms):
            self._world.feed.close(session)
            if socket is not None and socket.session is session:
                socket.theirs = False
                self.drop("connection lost without a close frame")

    def _arrive_up(self, socket: Socket, text: str, nonce: int) -> None:
        self._under_way[nonce] -= 1
        if not socket.theirs or socket.session not in self._world.feed.sessions:
            return  # the second: the venue cut it when our end had let go of it already
        assert socket.session is not None
        try:
            post = self._world.feed.receive(socket.session, text, self._agenda.now_ms)
        except SocketKilled:
            socket.theirs = False
            if socket is self._socket:
                self.drop("connection dropped right after a subscribe")
            return
        if post is not None:
            self._take_post(socket, post)

    def _take_post(self, socket: Socket, post: VenuePost) -> None:
        exchange, now_ms = self._world.exchange, self._agenda.now_ms
        if exchange.faults.strike("lose_request", now_ms, self._world.plan.account):
            self._world.mark("fault lose_request")
            self._world.feed.forget(post)
            return
        fault = exchange.faults.strike("post_error", now_ms) or exchange.faults.strike_request(now_ms, "exchange")
        if fault is not None and not fault.executed:
            self._fail(socket, post, fault)
            return
        try:
            envelope = exchange.decode(post.payload)
        except WireFailure as e:
            self._world.feed.fail(socket.session, post, e, now_ms)  # type: ignore[arg-type]
            self._world.feed.forget(post)
            return
        self._under_way[envelope.nonce] += 1
        if self.hold_actions > 0:
            self.hold_actions -= 1
            held_ms = self._storm_dice.randint(self.hold_ms // 2, self.hold_ms)
            self._agenda.after(held_ms, lambda: self._line_up(envelope, post, socket, fault))
        else:
            self._line_up(envelope, post, socket, fault)

    def _line_up(self, envelope: Envelope, post: VenuePost, socket: Socket, fault: Fault | None) -> None:
        self._arrivals += 1
        self._waiting.append((self._agenda.now_ms, self._arrivals, envelope, post, socket, fault))

    def _fail(self, socket: Socket, post: VenuePost, fault: Fault) -> None:
        """Answered by what stands before the venue, carried out or not."""
        world, now_ms = self._world, self._agenda.now_ms
        world.hinder(0)  # an exit has its whole time anew after each failure, not after the first of a row
        world.mark(f"fault {fault.name}")
        session = socket.session
        assert session is not None
        if fault.name in HTTP_FAILURES:
            world.feed.fail(session, post, WireFailure(*HTTP_FAILURES[fault.name]), now_ms)
        else:
            session.send(error_frame(post, fault.text), now_ms)
        world.feed.forget(post)

    def execute_waiting(self) -> None:
        """A block: what has arrived is executed in the venue's order."""
        if not self._waiting:
            return
        due, self._waiting = self._waiting, []
        for _, _, envelope, post, socket, fault in sorted(due, key=lambda w: (w[2].block_class, w[1])):
            self._under_way[envelope.nonce] -= 1
            reply = self._world.submit(envelope)
            if fault is not None:
                self._fail(socket, post, fault)
                continue
            self._world.feed.forget(post)
            if reply is not None:
                self._reply(socket, post, reply)

    def _reply(self, socket: Socket, post: VenuePost, reply: Any) -> None:
        world, now_ms = self._world, self._agenda.now_ms
        faults, account = world.exchange.faults, world.plan.account
        if faults.strike("drop_after_execution", now_ms, account):
            world.mark("fault drop_after_execution")
            if socket is self._socket:
                self.cut()
            return
        if faults.strike("lose_reply", now_ms, account):
            world.mark("fault lose_reply")
            return
        late = faults.strike("late_reply", now_ms, account)
        if late is not None:
            world.mark("fault late_reply")
            self._agenda.after(late.ms, lambda: self._answer(socket, post, reply))
        elif storm_ms := self.storm_ms():
            self._agenda.after(storm_ms, lambda: self._answer(socket, post, reply))
        else:
            self._answer(socket, post, reply)

    def _answer(self, socket: Socket, post: VenuePost, reply: Any) -> None:
        if socket.theirs:
            assert socket.session is not None
            self._world.feed.answer(socket.session, post, reply, self._agenda.now_ms)

    # --- the way down ----------------------------------------------------------------------------------------------

    def _down(self, socket: Socket, text: str) -> None:
        if not socket.theirs:
            return
        channel = "" if self._orderly else text[12 : text.index('"', 12)]  # {"channel":"...
        due_ms = max(socket.down_free_ms.get(channel, 0), self._agenda.now_ms + self._delay())
        socket.down_free_ms[channel] = due_ms
        self._agenda.at(due_ms, lambda: self._arrive_down(socket, text))
        if (
            self._world.plan.duplicates
            and self._dice.random() < self._world.plan.duplicates
            and not self._world.is_calm
        ):
            self._agenda.at(due_ms + self._dice.randint(0, 2_000), lambda: self._arrive_down(socket, text))

    def _arrive_down(self, socket: Socket, text: str) -> None:
        if socket is not self._socket:
            return
        if self._agenda.now_ms < self.deaf_until_ms:
            socket.unheard.append(text)
            self._agenda.at(self.deaf_until_ms, lambda: self._hear(socket))
            return
        self._hear(socket)
        self._take_down(socket, text)

    def _hear(self, socket: Socket) -> None:
        """What came while nothing was heard, before anything newer: deafness may end earlier than it was to."""
        if self._agenda.now_ms < self.deaf_until_ms:
            self._agenda.at(self.deaf_until_ms, lambda: self._hear(socket))
            return
        unheard, socket.unheard = socket.unheard, []
        for text in unheard:
            self._take_down(socket, text)

    def _take_down(self, socket: Socket, text: str) -> None:
        if socket is not self._socket:
            return
        for parsed in parse_frame(text):
            if isinstance(parsed, PongReceived):
                socket.pong_due_ms = None
            else:
                self._world.give(parsed)

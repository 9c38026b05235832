"""Checkers that the mutants asked for, of posts and questions: one at a time through the socket, copies of exits only, nothing asked twice.

Same form and same promise as in checkers.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check
from ledger import Ledger

from core.messages.effects import Alert, Ask, Effect, Journal, OrderRow, Post, PostRow, Repost
from core.messages.events import (
    Connected,
    Disconnected,
    FillsRead,
    OpenOrdersRead,
    OrderStatusRead,
    PositionsRead,
    PostNotSent,
    PostRefused,
    PostReply,
    PostSent,
    ReadFailed,
    TimeJump,
)
from core.messages.queries import Query, QueryFills, QueryOpenOrders, QueryOrderStatus, QueryPositions
from core.messages.tape import Message
from core.model.order import Orders, OrderStatus
from core.sim.world.world import World


class OneAtATime(Check):
    """No post is handed to the outside while an earlier one is not known to have left: what waits before the socket cannot be taken back."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._waiting: set[int] = set()

    def started(self, world: World) -> None:
        self._waiting.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (PostSent, PostNotSent, PostReply, PostRefused)):
            self._waiting.discard(message.post_id)
        elif isinstance(message, Disconnected):
            self._waiting.clear()
        for effect in effects:
            if isinstance(effect, (Post, Repost)):
                self.expect(not self._waiting, f"post {effect.post_id} while {sorted(self._waiting)} have not left yet")
                self._waiting.add(effect.post_id)
            elif isinstance(effect, Journal) and isinstance(effect.row, PostRow) and effect.row.outcome != "opened":
                self._waiting.discard(effect.row.post_id)


class Copies(Check):
    """The same bytes again: never with an entry in them, a second apart at least, three times at most, and none when their end is known."""

    quiet = ()

    MOST = 3
    APART_MS = 1_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._posts: dict[int, Post] = {}
        self._copies: dict[int, list[int]] = {}

    def started(self, world: World) -> None:
        self._posts.clear()
        self._copies.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Post):
                self._posts[effect.post_id] = effect
            elif isinstance(effect, Repost):
                self._judge(world, effect.original_post_id)

    def _judge(self, world: World, original: int) -> None:
        batch, sent = self._posts[original].batch, self._copies.setdefault(original, [])
        self.expect(
            isinstance(batch, Orders) and all(o.reduce_only for o in batch.orders),
            f"the bytes of post {original} once more, and they are not exits alone",
        )
        assert isinstance(batch, Orders)
        assert world.engine is not None
        tracked = [world.engine.machines.orders.get(o.cloid) for o in batch.orders]
        ended = all(o is not None and o.status.is_terminal for o in tracked)
        self.expect(not ended, f"the bytes of post {original} once more, and every order in them has ended")
        gap = world.steady_ms - sent[-1] if sent else self.APART_MS
        self.expect(gap >= self.APART_MS, f"the bytes of post {original} again after {gap} ms")
        sent.append(world.steady_ms)
        # Orders lost one after the other share their bytes, and each has its three.
        self.expect(len(sent) <= self.MOST * len(batch.orders), f"the bytes of post {original} {len(sent)} times more")


class AskedOnce(Check):
    """What was asked and not answered is not asked again for 15 s: L39 gives every wait a limit, and the address has a weight budget."""

    quiet = ()

    AGAIN_MS = 15_000

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._out: dict[Query, int] = {}

    def started(self, world: World) -> None:
        self._out.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        match message:
            case Connected() | Disconnected() | TimeJump():
                self._out.clear()
            case ReadFailed(query=query):
                self._out.pop(query, None)
            case OpenOrdersRead(dex=dex):
                self._out.pop(QueryOpenOrders(dex), None)
            case PositionsRead(dex=dex):
                self._out.pop(QueryPositions(dex), None)
            case OrderStatusRead(cloid=cloid):
                self._out.pop(QueryOrderStatus(cloid), None)
            case FillsRead(start_ms=start_ms):
                self._out.pop(QueryFills(start_ms), None)
        for effect in effects:
            if not isinstance(effect, Ask) or not isinstance(
                effect.query, (QueryOpenOrders, QueryPositions, QueryFills)
            ):
                continue
            asked_ms = self._out.get(effect.query)
            gap = self.AGAIN_MS if asked_ms is None else world.steady_ms - asked_ms
            self.expect(gap >= self.AGAIN_MS, f"{effect.query} asked again after {gap} ms, and the first is out")
            self._out[effect.query] = world.steady_ms


class AskedAnew(Check):
    """Ready means that orders and positions of every dex were asked for on this very connection."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asked: set[Query] = set()

    def started(self, world: World) -> None:
        self._asked.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, (Connected, Disconnected)):
            self._asked.clear()
        self._asked.update(e.query for e in effects if isinstance(e, Ask))
        engine = world.engine
        if engine is None or not engine.machines.readiness.is_ready:
            return
        for dex in world.plan.config.dexes:
            missing = [q for q in (QueryOpenOrders(dex), QueryPositions(dex)) if q not in self._asked]
            self.expect(not missing, f"ready, and on this connection nobody asked {missing}")


class Told(Check):
    """What the operator has to mend himself is told at once: posts that do not leave, a signature that the venue cannot place."""

    quiet = ()

    IN_A_ROW = 3
    SIGNATURES = ("api wallet", "must deposit before", "unable to recover signer")

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._row = 0
        self._copies: set[int] = set()
        self._closed: set[int] = set()

    def started(self, world: World) -> None:
        self._row = 0
        self._copies.clear()
        self._closed.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        closed_now: set[int] = set()
        for effect in effects:
            if isinstance(effect, Repost):
                self._copies.add(effect.post_id)
            elif isinstance(effect, Journal) and isinstance(effect.row, PostRow) and effect.row.outcome != "opened":
                closed_now.add(effect.row.post_id)
        told = {e.title for e in effects if isinstance(e, Alert)}
        if isinstance(message, PostSent) and message.post_id not in self._closed:
            self._row = 0
        elif isinstance(message, PostNotSent) and message.post_id in closed_now - self._copies:
            self._row += 1
            is_due = self._row == self.IN_A_ROW
            self.expect(is_due == ("posts do not leave" in told), f"{self._row} posts in a row did not leave: {told}")
        elif isinstance(message, PostRefused) and message.post_id in closed_now:
            is_due = any(word in message.error.lower() for word in self.SIGNATURES)
            self.expect(is_due == ("signature mismatch" in told), f"refused: {message.error}, and told: {told}")
        self._closed |= closed_now


class NotAgain(Check):
    """What the venue has spoken of is not sent again, and what has ended is not cancelled: it would be refused, or done twice (SPEC 7)."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._spoken: set[str] = set()
        self._ended: set[object] = set()
        self._posts: dict[int, Post] = {}
        """Open, or ended so that they may have arrived."""

    def started(self, world: World) -> None:
        self._spoken.clear()
        self._ended.clear()
        self._posts.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, OrderRow):
                row = effect.row
                if row.status not in (OrderStatus.QUEUED, OrderStatus.IN_FLIGHT, OrderStatus.UNKNOWN):
                    self._spoken.add(row.cloid)
                if row.status.is_terminal:
                    self._ended |= {row.cloid, row.oid} - {None}
            elif isinstance(effect, Journal) and isinstance(effect.row, PostRow):
                if effect.row.outcome.startswith(("not sent", "timed out unsent")):
                    self._posts.pop(effect.row.post_id, None)
            elif isinstance(effect, Post) and isinstance(effect.batch, Orders):
                again = [o.cloid for o in effect.batch.orders if o.cloid in self._spoken]
                self.expect(not again, f"orders {again} leave again, and the venue has spoken of them")
                signed = {o.cloid for p in self._posts.values() if isinstance(p.batch, Orders) for o in p.batch.orders}
                again = [o.cloid for o in effect.batch.orders if o.cloid in signed]
                self.expect(not again, f"orders {again} are signed anew, and what was signed before may have arrived")
                self._posts[effect.post_id] = effect
            elif isinstance(effect, Post):
                names = [c.oid if c.oid is not None else c.cloid for c in effect.batch.cancels]
                over = [name for name in names if name in self._ended]
                self.expect(not over, f"cancels of {over}, which have ended")


class ProvesNothing(Check):
    """A failure in place of an answer may come from whatever stands before the venue: no order that the venue took up is called refused by it."""

    quiet = ()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if not isinstance(message, PostRefused):
            return
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, OrderRow):
                row = effect.row
                is_refused = row.status is OrderStatus.REJECTED and row.cloid in self.ledger.placed
                taken = is_refused and self.ledger.placed[row.cloid].is_executed
                self.expect(not taken, f"{row.market}: called refused ({message.error}), and the venue took it up")


POSTS_CHECKERS = (OneAtATime, Copies, AskedOnce, AskedAnew, Told, NotAgain, ProvesNothing)

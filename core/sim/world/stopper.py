"""Somebody runs `hip3-tui stop` in a world: the shipped plan of an emergency, with the console's own key, beside a console that trades,
hangs or is dead.

Stands for core.runtime's stop program and for the console's ear for it, and keeps their promises: the record is on the disk first; a console
that lives gets its moment to latch, one that starts finds the record; nothing is sent before that moment is over; a signed action is sent
again under another nonce only when its own was refused. Decides nothing about what to close and judges nothing.

SPEC 11; lessons L17, L26.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Any

from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import Kind, Left, Read, Send
from core.engine.emergency_nonces import EmergencyNonces
from core.engine.emergency_plan import Refusal, Twap, TwapCancel, judge_refusal
from core.hyperliquid.account_wide import (
    read_dex_names,
    read_mids,
    read_running_twaps,
    read_twap_cancel,
    twap_cancel_action,
)
from core.hyperliquid.actions import Action, batch_action, envelope
from core.hyperliquid.info import read_open_orders, read_positions, read_specs
from core.hyperliquid.parsing import read_action_answer
from core.hyperliquid.signing import sign_l1_action
from core.hyperliquid.wire_values import UNREADABLE
from core.messages.commands import TripHardStop
from core.messages.events import OrderOutcome, Outcome
from core.model.cloid import CloidMaker, space_of_run
from core.model.market import MAIN_DEX, MarketKey
from core.sim.world.disk import StopRecord
from core.sim.world.http import Http, NoAnswer
from core.sim.world.plan import Depth, dice_of
from core.sim.world.program import AGENT, NO_SIGNATURE

if TYPE_CHECKING:
    from core.sim.world.world import World

WITHIN_MS = 60_000
CONSOLE_WITHIN_MS = 1_500
_CONSOLE_LOOKS_EVERY_MS = 100
_NONCE_TRIES = 4
_LEAST_WAIT_MS, _MOST_WAIT_MS = 5, 1_000
_SPACES_FROM = 1 << 31
"""Far from the spaces of the console's own runs."""
BY, REASON = "hip3-tui stop", "emergency stop"


class StopRun:
    """One run of the stop program. Starts by itself; `ended_ms` tells when it is over."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._http = Http(world, dice_of(world.plan.seed, f"stop {number}"))
        self.begun_ms = world.agenda.now_ms
        self._offset_ms = world.local_ms + world.stops.skew_ms - world.agenda.now_ms
        self.highest_known = world.disk.highest_nonce
        self.nonces = EmergencyNonces(self.highest_known, self._now_ms)
        self.dexes = tuple(dict.fromkeys((MAIN_DEX, *world.plan.config.dexes)))
        self.every_dex = world.stops.every_dex
        """Whether it asks for dexes that it was not told of; who stands in for a console that died closes that one's own."""
        cloids = CloidMaker(space_of_run(_SPACES_FROM + number))
        self.stop = EmergencyStop(self.dexes, cloids, every_dex=self.every_dex)
        self.sent: dict[int, Action] = {}
        """By nonce, whatever became of it."""
        self.answers: list[tuple[int, Kind]] = []
        """When which question was answered."""
        self.looked_ms: dict[str, int] = {}
        """When the positions of a dex were answered last."""
        self.said: list[str] = []
        self.numbers: list[int] = []
        """What the operator was told, and the numbers of what was sent, from the first to the last."""
        self.held: dict[str, Decimal] = {}
        self.resting: frozenset[int] = frozenset()
        """Positions and open orders at the venue right before its newest action was executed."""
        self.may_send_ms: int | None = None
        self.ended_ms: int | None = None
        self.is_confirmed = False
        self.left: tuple[Left, ...] = ()
        self._perp_dexs = b""
        self._asset_ids: dict[MarketKey, int] = {}
        self._wakes = 0
        world.agenda.after(WITHIN_MS, self._time_is_over)
        self._turn()

    def allow(self) -> None:
        """The console had its moment."""
        if self.may_send_ms is None and self.ended_ms is None:
            self.may_send_ms = self._world.agenda.now_ms
            self.stop.may_send = True
            self._turn()

    @property
    def _now_ms(self) -> int:
        return self._world.agenda.now_ms + self._offset_ms

    def _turn(self) -> None:
        """Begin what is due; and look again when more is, or an answer came."""
        if self.ended_ms is not None:
            return
        now_ms = self._now_ms
        self._wakes += 1
        wake = self._wakes
        for wanted in self.stop.due(now_ms):
            steps = self._read(wanted) if isinstance(wanted, Read) else self._send(wanted)
            self._http.run(steps, self._answered)
        for note in self.stop.notes:
            self._world.tell(f"stop: {note}")
        self.said += self.stop.notes
        self.stop.notes.clear()
        if self.stop.is_confirmed(now_ms):
            self._end(True)
            return
        if wake == self._wakes:
            wait_ms = self.stop.next_due_ms(now_ms) - now_ms
            self._world.agenda.after(min(max(wait_ms, _LEAST_WAIT_MS), _MOST_WAIT_MS), lambda: self._wake(wake))

    def _wake(self, number: int) -> None:
        if number == self._wakes:
            self._turn()

    def _answered(self) -> None:
        self._world.agenda.after(0, self._turn)

    def _time_is_over(self) -> None:
        if self.ended_ms is None:
            self.left = tuple(self.stop.left(self._now_ms))
            self._end(False)

    def _end(self, confirmed: bool) -> None:
        self.ended_ms, self.is_confirmed = self._world.agenda.now_ms, confirmed
        self._world.stops.on_end(self)

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self, read: Read) -> Any:
        try:
            tell = yield from self._answer_to(read)
            self.answers.append((self._world.agenda.now_ms, read.kind))
        except (NoAnswer, *UNREADABLE) as e:
            self.stop.on_read_failed(read, str(e), self._now_ms)
        else:
            if read.kind is Kind.POSITIONS:
                self.looked_ms[read.dex] = self._world.agenda.now_ms
            tell(self._now_ms)

    def _answer_to(self, read: Read) -> Any:
        stop, dex, ask = self.stop, read.dex, self._http.info
        user = self._world.plan.account
        match read.kind:
            case Kind.DEXES:
                self._perp_dexs = yield from ask({"type": "perpDexs"})
                names = read_dex_names(self._perp_dexs)
                return lambda now_ms: stop.on_dexes(names, now_ms)
            case Kind.TWAPS:
                running = read_running_twaps((yield from ask({"type": "twapHistory", "user": user})))
                twaps = tuple(Twap(market, twap_id) for market, twap_id in running)
                return lambda now_ms: stop.on_twaps(twaps, now_ms)
            case Kind.POSITIONS:
                raw = yield from ask({"type": "clearinghouseState", "user": user, "dex": dex})
                positions = read_positions(raw, dex)
                return lambda now_ms: stop.on_positions(positions, now_ms)
            case Kind.ORDERS:
                raw = yield from ask({"type": "openOrders", "user": user, "dex": dex})
                orders = read_open_orders(raw, dex)
                return lambda now_ms: stop.on_orders(orders, now_ms)
            case Kind.SPECS:
                meta = yield from ask({"type": "meta", "dex": dex})
                perp_dexs = self._perp_dexs or (yield from ask({"type": "perpDexs"}))
                specs = read_specs(perp_dexs, meta, dex).specs
                self._asset_ids.update({s.market: s.asset_id for s in specs})
                return lambda now_ms: stop.on_specs(dex, specs, now_ms)
            case Kind.MIDS:
                mids = read_mids((yield from ask({"type": "allMids", "dex": dex})), dex)
                return lambda now_ms: stop.on_mids(dex, mids, now_ms)

    # --- sending ---------------------------------------------------------------------------------------------------

    def _send(self, send: Send) -> Any:
        self.numbers.append(send.number)
        try:
            answer = yield from self._answer_to_action(send)
        except (NoAnswer, *UNREADABLE) as e:
            self.stop.on_lost(send, str(e), self._now_ms)
            return
        if isinstance(answer, str):
            self.stop.on_refused(send, answer, self._now_ms)
        else:
            self.stop.on_outcomes(send, answer, self._now_ms)

    def _answer_to_action(self, send: Send) -> Any:
        batch = send.batch
        if isinstance(batch, TwapCancel):
            action = twap_cancel_action(self._asset_ids[batch.twap.market], batch.twap.twap_id)
        else:
            action = batch_action(batch, self._asset_ids.__getitem__)
        answer: tuple[OrderOutcome, ...] | str = ""
        for _ in range(_NONCE_TRIES):
            payload = self._signed(action)
            raw = yield from self._http.exchange(partial(self._submit, payload))
            answer = _understood(raw, isinstance(batch, TwapCancel))
            if not isinstance(answer, str) or judge_refusal(answer) is not Refusal.NONCE:
                break
            self.nonces.on_refused(answer)
        return answer

    def _signed(self, action: Action) -> Any:
        nonce = self.nonces.next(self._now_ms)
        self._world.stops.signs(self, nonce)
        self.sent[nonce] = action
        signature = NO_SIGNATURE
        if self._world.plan.depth is Depth.WIRE:
            signature = sign_l1_action(AGENT, action, None, nonce, None, False)
        return envelope(action, nonce, signature, None, None)

    def _submit(self, payload: Any) -> Any:
        world = self._world
        self.held = held_at(world)
        self.resting = frozenset(o.oid for o in world.exchange.venue.open_orders(world.plan.account))
        world.stops.acting = self
        try:
            return world.submit(world.exchange.decode(payload))
        finally:
            world.stops.acting = None


class Stops:
    """All runs of the stop program in one life, and the record that the newest of them left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.runs: list[StopRun] = []
        self.acting: StopRun | None = None
        """Whose action is being executed right now."""
        self.skew_ms = 0
        """How far the clock is off where the next one runs: that may be another machine than the console's."""
        self.every_dex = True
        """Whether the next one closes what is open on dexes that the console does not trade."""
        self.nonce_twice = ""
        """What somebody signed under a nonce that was used before; empty: nobody did."""
        self._heard: tuple[int, TripHardStop] | None = None
        """What the console of which life was told last."""

    @property
    def is_under_way(self) -> bool:
        return bool(self.runs) and self.runs[-1].ended_ms is None

    def begin(self, dice: Random) -> str:
        world = self._world
        if self.is_under_way:
            return "nothing"
        number = len(self.runs) + 1
        world.disk.stop_record = StopRecord(f"stop-{number}", world.local_ms, BY, REASON)
        world.mark("stop program")
        world.agenda.after(dice.randint(0, _CONSOLE_LOOKS_EVERY_MS), self._listen)
        self.runs.append(StopRun(world, number))
        world.agenda.after(CONSOLE_WITHIN_MS if world.engine is not None else 0, self.runs[-1].allow)
        return f"somebody runs the stop program, number {number}"

    def _listen(self) -> None:
        """The console's own ear, ten times a second, as long as the record is there. It hears also while the engine stands still."""
        world = self._world
        record = world.disk.stop_record
        if record is None:
            return
        world.agenda.after(_CONSOLE_LOOKS_EVERY_MS, self._listen)
        engine = world.engine
        if engine is None:
            return
        if self._heard is None or self._heard[0] != world.life or self._heard[1].command_id != record.id:
            self._heard = (world.life, TripHardStop(command_id=record.id, who=record.by, reason=record.reason))
            world.give(self._heard[1])
        if world.engine is not engine or world.program.has_waiting(self._heard[1]):
            return
        if engine.machines.latch.tripped and world.disk.latch.tripped_at_ms is not None:
            world.disk.stop_record = None
            world.mark("stop program heard")
            self.runs[-1].allow()

    def signs(self, run: StopRun, nonce: int) -> None:
        if any(nonce in r.sent for r in self.runs) or nonce <= run.highest_known:
            self.nonce_twice = f"nonce {nonce}; known were up to {run.highest_known}"

    @property
    def done(self) -> str:
        """Everything that was told and signed, in a few letters; empty: nobody stopped anything."""
        told = repr([(r.said, r.numbers, list(r.sent), r.begun_ms, r.ended_ms) for r in self.runs])
        return sha256(told.encode()).hexdigest()[:16] if self.runs else ""

    def on_end(self, run: StopRun) -> None:
        world = self._world
        world.mark("stop confirmed" if run.is_confirmed else "stop not confirmed")
        left = "; ".join(f"{x.dex or 'main dex'}: {len(x.positions)} positions, {x.trouble}" for x in run.left)
        world.tell(f"the stop program ended: {'confirmed' if run.is_confirmed else f'NOT CONFIRMED: {left}'}")
        world.watch_stop(run)


def held_at(world: World) -> dict[str, Decimal]:
    """Every position of the account at the venue, on every dex."""
    account = world.exchange.venue.accounts[world.plan.account]
    return {
        coin: account.szi(world.exchange.venue.universe.by_coin[coin])
        for b in account.dexes.values()
        for coin in b.positions
    }


def _understood(raw: bytes, is_twap: bool) -> tuple[OrderOutcome, ...] | str:
    if raw[:1] != b"{":
        return raw[:300].decode("utf-8", "replace")
    if is_twap:
        return read_twap_cancel(raw) or (OrderOutcome(Outcome.CANCELED),)
    return read_action_answer(raw)

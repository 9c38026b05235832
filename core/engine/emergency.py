"""The emergency stop: everything that an account has open, on every dex, cancelled and closed, until the exchange itself says twice that
there is nothing.

Decides what to read and what to send next; whoever holds it does the waiting and tells it the answers. Opens nothing: what it sends is a
cancel or reduce-only. Never trusts an answer to a send: after each it reads the account again. Rules that are easy to get wrong: each dex
is closed on its own, so one that fails holds up no other; a failed read is not an empty one; one empty answer is no proof (the exchange
is known to answer empty by mistake), so a second is asked for at least two seconds later; and an exhausted request budget lets one action
through in ten seconds, so then all exits go in one.

SPEC 11; PROTOCOL 8, 9.3; lessons L06, L07, L26, L31, L33, L34.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.engine.emergency_dex import NEVER, Asked, Dex, Kind, Left, Read, Send, counted, dex_name
from core.engine.emergency_plan import (
    CannotClose,
    Refusal,
    Twap,
    TwapCancel,
    cancel_batches,
    exit_batches,
    exit_order,
    is_flat_already,
    is_gone,
    judge_refusal,
    slippage_bps,
)
from core.messages.events import OpenOrdersRead, OrderOutcome, OrderReport, Outcome, PositionsRead
from core.model.cloid import CloidMaker
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders

CONFIRMED_FOR_MS = 10_000
"""What one dex said is old news when another took longer than this."""
_PACED_AGAIN_MS = 2_500
"""A refused try neither counts nor restarts the wait of ten seconds, so the place in it need not be known."""
_MERGE_WITHIN_MS = 1_500
_TWAPS_AGAIN_MS = 300


class EmergencyStop:
    """Args: dexes: those known beforehand; every_dex: whether the exchange is asked for the others."""

    def __init__(self, dexes: Iterable[str], cloids: CloidMaker, *, every_dex: bool) -> None:
        self.may_send = False
        """Set by whoever holds this, once the console was given its moment to latch. Reads do not wait for it."""
        self.notes: list[str] = []
        """What happened, for the operator's eyes; taken off by whoever shows it."""
        self.was_open = False
        """Whether anything was ever found."""
        self.exits_sent = self.cancels_sent = 0
        self._cloids = cloids
        self._dexes = {name: Dex(name) for name in dexes}
        self._every_dex = every_dex
        self._of_account = {kind: Asked() for kind in ((Kind.DEXES, Kind.TWAPS) if every_dex else (Kind.TWAPS,))}
        self._twaps: tuple[Twap, ...] = ()
        self._attempts: dict[MarketKey, int] = {}
        self._last_error: dict[MarketKey, str] = {}
        self._numbers = 0
        self._pace_exits = self._pace_cancels = False
        self._cancels_turn = False
        """Paced: exits come first, but ones that never fill must not keep orders alive for ever."""
        self._slot_ms = 0
        self._said_once: set[str] = set()

    # --- what is to be done ------------------------------------------------------------------------------------------------

    def due(self, now_ms: int) -> list[Read | Send]:
        """Everything to begin now; each is under way until its answer was told."""
        self._refresh_old_news(now_ms)
        out: list[Read | Send] = []
        for kind, asked in self._of_account.items():
            if asked.is_due(now_ms):
                asked.under_way = True
                out.append(Read(kind))
        for dex in self._dexes.values():
            out += dex.reads_due(now_ms)
        if self.may_send:
            out += self._sends(now_ms)
        return out

    def next_due_ms(self, now_ms: int) -> int:
        """When to look again at the latest, if no answer comes before."""
        waits = [a.due_ms for a in self._of_account.values() if not a.under_way]
        waits += [d.next_due_ms(now_ms) for d in self._dexes.values()]
        if self._pace_exits or self._pace_cancels:
            waits += [at for at in (self._slot_ms, self._slot_ms + _MERGE_WITHIN_MS) if at > now_ms]
        return min(waits, default=NEVER)

    def _refresh_old_news(self, now_ms: int) -> None:
        """When the last dex is confirmed, those whose word is old are asked once more; not before, it costs."""
        dexes = self._dexes.values()
        if all(d.confirmed_ms is not None for d in dexes):
            for dex in dexes:
                if not self._is_confirmed(dex, now_ms) and not dex.is_looking:
                    dex.look_again(now_ms)

    def _sends(self, now_ms: int) -> list[Read | Send]:
        out: list[Read | Send] = []
        for twap in self._twaps:
            specs = self._dexes[twap.market.dex].specs
            if specs is not None and twap.market in specs:
                out.append(self._send((twap.market.dex,), TwapCancel(twap)))
                self._twaps = tuple(t for t in self._twaps if t is not twap)
        closing = [d for d in self._dexes.values() if d.can_close]
        cancelling = [d for d in self._dexes.values() if d.can_cancel]
        is_slot = self._is_slot(now_ms)
        if self._pace_exits and not (is_slot and not (self._cancels_turn and cancelling)):
            closing = []
        if self._pace_cancels and not (is_slot and (self._cancels_turn or not self._has_positions)):
            cancelling = []
        if (self._pace_exits and closing) or (self._pace_cancels and cancelling):
            self._slot_ms = now_ms + _PACED_AGAIN_MS
        for dexes in _together(closing, self._pace_exits):
            out += self._close(dexes, now_ms)
        for dexes in _together(cancelling, self._pace_cancels):
            out += self._cancel(dexes)
        return out

    @property
    def _has_positions(self) -> bool:
        return any(d.positions for d in self._dexes.values())

    def _is_slot(self, now_ms: int) -> bool:
        """Whether a paced action may go: its time has come, and no dex is about to say what else is to be closed."""
        looking = any(d.is_looking or (d.to_close and not d.can_close) for d in self._dexes.values())
        return now_ms >= self._slot_ms and (not looking or now_ms >= self._slot_ms + _MERGE_WITHIN_MS)

    def _close(self, dexes: list[Dex], now_ms: int) -> list[Read | Send]:
        """All positions of these dexes, in as few actions as can be."""
        orders = []
        for dex in dexes:
            dex.to_close = False
            specs = dex.specs or {}
            for position in dex.positions:
                market = position.market
                attempt = self._attempts.get(market, 0)
                mid_px, cloid = dex.mids.get(market), self._cloids.next()
                try:
                    order = exit_order(position, specs.get(market), mid_px, attempt, cloid, now_ms)
                except CannotClose as e:
                    self._last_error[market] = str(e)
                    self._say_once(f"{market}: cannot be closed: {e}")
                    continue
                self._attempts[market] = attempt + 1
                how = f"{slippage_bps(attempt) / 100:g} % from mid, attempt {attempt + 1}"
                self._say(f"{market}: close {order.side.value} {order.size} at {order.price}, reduce-only ({how})")
                orders.append(order)
            if not orders:
                dex.on_acted(now_ms)
        names = tuple(d.name for d in dexes)
        self.exits_sent += len(orders)
        return [self._send(names, b) for b in exit_batches(orders, separately=any(d.separately for d in dexes))]

    def _cancel(self, dexes: list[Dex]) -> list[Read | Send]:
        orders: list[OrderReport] = []
        for dex in dexes:
            dex.to_cancel = False
            self._say(f"{dex_name(dex.name)}: cancel {counted(dex.orders)}")
            orders += dex.orders
        self.cancels_sent += len(orders)
        names = tuple(d.name for d in dexes)
        return [self._send(names, b) for b in cancel_batches(orders, separately=any(d.separately for d in dexes))]

    def _send(self, dexes: tuple[str, ...], batch: Orders | Cancels | TwapCancel) -> Send:
        self._numbers += 1
        for name in dexes:
            self._dexes[name].sending += 1
        return Send(self._numbers, dexes, batch)

    # --- answers to reads --------------------------------------------------------------------------------------------------

    def on_dexes(self, names: Iterable[str], now_ms: int) -> None:
        self._dexes.update({name: Dex(name) for name in names if name not in self._dexes})
        self._of_account[Kind.DEXES].answered(now_ms, NEVER)
        self._say("dexes: " + ", ".join(map(dex_name, self._dexes)))

    def on_twaps(self, twaps: tuple[Twap, ...], now_ms: int) -> None:
        twaps = tuple(t for t in twaps if self._every_dex or t.market.dex in self._dexes)
        self._twaps = twaps
        self._of_account[Kind.TWAPS].answered(now_ms, NEVER)
        for twap in twaps:
            self.was_open = True
            self._dexes.setdefault(twap.market.dex, Dex(twap.market.dex)).wants_specs = True
            self._say_once(f"{twap.market}: TWAP {twap.twap_id} is running: cancel it")

    def on_positions(self, read: PositionsRead, now_ms: int) -> None:
        self.was_open |= bool(read.positions)
        self._say_of(read.dex, self._dexes[read.dex].on_positions(read.positions, now_ms))

    def on_orders(self, read: OpenOrdersRead, now_ms: int) -> None:
        self.was_open |= bool(read.orders)
        self._say_of(read.dex, self._dexes[read.dex].on_orders(read.orders, now_ms))

    def on_specs(self, dex: str, specs: Iterable[MarketSpec], now_ms: int) -> None:
        self._dexes[dex].on_specs({s.market: s for s in specs}, now_ms)

    def on_mids(self, dex: str, mids: Mapping[MarketKey, Decimal], now_ms: int) -> None:
        self._dexes[dex].on_mids(mids, now_ms)

    def on_read_failed(self, read: Read, reason: str, now_ms: int) -> None:
        if read.kind in self._of_account:
            self._of_account[read.kind].failed(reason, now_ms)
            self._say_once(f"{read.kind.value} could not be read: {reason}")
        else:
            self._dexes[read.dex].on_failed(read.kind, reason, now_ms)
            self._say_once(f"{dex_name(read.dex)}: {read.kind.value} could not be read: {reason}")

    # --- answers to sends --------------------------------------------------------------------------------------------------

    def on_outcomes(self, send: Send, outcomes: tuple[OrderOutcome, ...], now_ms: int) -> None:
        """The action was taken; one outcome for each item, or one for all."""
        batch = send.batch
        if isinstance(batch, TwapCancel):
            self._say(f"{batch.twap.market}: TWAP {batch.twap.twap_id} cancelled")
        elif isinstance(batch, Orders):
            collapsed = len(outcomes) != len(batch.orders)
            for i, order in enumerate(batch.orders):
                self._tell_exit(order.market, outcomes[0 if collapsed else i] if outcomes else None)
            self._separate(send, collapsed)
        else:
            errors = [o.error for o in outcomes if o.outcome is not Outcome.CANCELED and not is_gone(o.error)]
            gone = sum(is_gone(o.error) for o in outcomes)
            done = sum(o.outcome is Outcome.CANCELED for o in outcomes)
            parts = (f"{done} orders cancelled", f"{gone} gone already" if gone else "", *sorted(set(errors)))
            self._say(f"{_names(send)}: {'; '.join(filter(None, parts))}")
            self._separate(send, len(outcomes) != len(batch.cancels))
        self._cancels_turn = self._pace_exits and isinstance(batch, Orders)
        self._sent(send, now_ms)

    def _tell_exit(self, market: MarketKey, outcome: OrderOutcome | None) -> None:
        if outcome is None:
            return
        if outcome.outcome is Outcome.FILLED:
            self._say(f"{market}: filled {outcome.filled_size} at {outcome.avg_px}")
        elif is_flat_already(outcome.error):
            self._say(f"{market}: flat already")
        else:
            error = outcome.error or outcome.outcome.value
            self._last_error[market] = error
            self._say(f"{market}: not filled: {error}")

    def on_refused(self, send: Send, text: str, now_ms: int) -> None:
        """The exchange refused the whole action."""
        why = judge_refusal(text)
        self._say_once(f"{_names(send)}: refused: {text}" + (f" ({why.value})" if why.value else ""))
        if why is Refusal.BUDGET:
            self._say_once("request budget used up: one action each 10 s from here on, exits first")
            if isinstance(send.batch, Orders):
                self._pace_exits = True
            else:
                self._pace_cancels = True
            self._slot_ms = now_ms + _PACED_AGAIN_MS
            self._give_back_attempts(send)
        elif why is Refusal.OTHER:
            self._separate(send, True)
        self._sent(send, now_ms)

    def on_lost(self, send: Send, reason: str, now_ms: int) -> None:
        """Nobody knows what became of it. The account will tell."""
        self._say(f"{_names(send)}: no answer ({reason}): looking what became of it")
        self._sent(send, now_ms)

    def _give_back_attempts(self, send: Send) -> None:
        if isinstance(send.batch, Orders):
            for order in send.batch.orders:
                self._attempts[order.market] -= 1

    def _separate(self, send: Send, separately: bool) -> None:
        if separately:
            for name in send.dexes:
                self._dexes[name].separately = True

    def _sent(self, send: Send, now_ms: int) -> None:
        if isinstance(send.batch, TwapCancel):
            self._of_account[Kind.TWAPS].due_ms = now_ms + _TWAPS_AGAIN_MS
        for name in send.dexes:
            dex = self._dexes[name]
            dex.sending -= 1
            paced = (self._pace_exits and dex.positions) or (self._pace_cancels and dex.orders)
            dex.on_acted(now_ms, self._slot_ms if paced else 0)

    # --- what is known -------------------------------------------------------------------------------------------------------

    def is_confirmed(self, now_ms: int) -> bool:
        """The exchange said of every dex, twice and lately, that nothing is open."""
        asked = self._of_account.values()
        told = not self._twaps and all(a.due_ms == NEVER and not a.trouble and not a.under_way for a in asked)
        return told and all(self._is_confirmed(d, now_ms) for d in self._dexes.values())

    def _is_confirmed(self, dex: Dex, now_ms: int) -> bool:
        return dex.confirmed_ms is not None and now_ms - dex.confirmed_ms <= CONFIRMED_FOR_MS and not dex.sending

    def empty_since_ms(self) -> int | None:
        """Since when the exchange has said of every dex that nothing is open; None: it has not."""
        since = [d.empty_since_ms for d in self._dexes.values()]
        return None if None in since else max((ms for ms in since if ms is not None), default=None)

    def left(self, now_ms: int) -> list[Left]:
        """What is open or not known, as of the last answers."""
        left = [
            Left("", trouble=f"{kind.value}: {asked.trouble or 'not read'}")
            for kind, asked in self._of_account.items()
            if asked.trouble or asked.answered_ms < 0
        ]
        left += [Left(t.market.dex, trouble=f"TWAP {t.twap_id} on {t.market} is running") for t in self._twaps]
        for dex in self._dexes.values():
            if dex.confirmed_ms is None or dex.sending:
                errors = [f"{p.market}: {self._last_error.get(p.market, '')}" for p in dex.positions]
                trouble = "; ".join(filter(None, (dex.trouble, *(e for e in errors if not e.endswith(": ")))))
                if not trouble and dex.is_empty:
                    trouble = "the exchange did not say twice that nothing is open"
                left.append(Left(dex.name, dex.positions, dex.orders, trouble))
        return left

    def _say(self, text: str) -> None:
        self.notes.append(text)

    def _say_of(self, dex: str, text: str) -> None:
        if text:
            self._say(f"{dex_name(dex)}: {text}")

    def _say_once(self, text: str) -> None:
        if text not in self._said_once:
            self._said_once.add(text)
            self._say(text)


def _together(dexes: list[Dex], paced: bool) -> list[list[Dex]]:
    """Each dex on its own; or all in one, when only one action gets through."""
    return ([dexes] if dexes else []) if paced else [[d] for d in dexes]


def _names(send: Send) -> str:
    return ", ".join(map(dex_name, send.dexes))

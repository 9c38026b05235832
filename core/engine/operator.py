"""The operator's commands. Each is answered in the audit trail, with the command's id, accepted or not and why.

SPEC 8 (reset), 11 (keys).
"""

from __future__ import annotations

from core.engine.by_hand import ByHand
from core.engine.entries import Entries
from core.engine.exits import Exits
from core.engine.machines import Machines
from core.engine.stopping import StopDesk
from core.messages.commands import (
    CancelAll,
    CancelExternal,
    CancelOrder,
    Command,
    DecideCheckpoint,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    PlaceOrder,
    ResetHardStop,
    Shutdown,
    StartTrading,
    TripHardStop,
)
from core.messages.effects import Severity
from core.model.cloid import is_ours
from core.model.order import OrderStatus, TrackedOrder
from core.model.position import ExitReason


class Operator:
    def __init__(self, m: Machines, entries: Entries, exits: Exits, stop_desk: StopDesk, by_hand: ByHand) -> None:
        self._m = m
        self._by_hand = by_hand
        self._entries = entries
        self._exits = exits
        self._stop_desk = stop_desk

    def on_command(self, command: Command) -> None:
        match command:
            case FlattenAll():
                self._flatten_all(command)
            case FlattenMarket():
                self._flatten_market(command)
            case CancelAll():
                self._cancel_all(command)
            case CancelOrder():
                self._cancel_order(command)
            case CancelExternal():
                self._cancel_external(command)
            case PlaceOrder():
                self._by_hand.place(command)
            case TripHardStop():
                self._answer(command, f"hard stop by {command.who}")
                self._stop_desk.trip(f"{command.reason} ({command.who})")
            case ResetHardStop():
                refusal = self._stop_desk.reset(command)
                if refusal:
                    self._answer(command, f"reset refused: {refusal}", Severity.WARNING)
            case PauseEntries():
                self._pause(command)
            case DecideCheckpoint():
                self._decide(command)
            case StartTrading():
                self._start(command)
            case Shutdown():
                self._answer(command, f"orderly stop: {command.reason}")
                self._stop_desk.shut_down(command.reason)
            case _:
                raise AssertionError(f"command {type(command).__name__} has no handler")

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _flatten_all(self, command: FlattenAll) -> None:
        m = self._m
        if not self._can_send(command):
            return
        held = len(m.positions.all())
        new = self._exits.flatten_all(ExitReason.OPERATOR)
        if not held:
            self._answer(command, "flatten all: no position is open")
        else:
            self._answer(command, f"flatten all: {new} positions, {held - new} were being closed already")

    def _flatten_market(self, command: FlattenMarket) -> None:
        if not self._can_send(command):
            return
        if self._m.positions.get(command.market) is None:
            self._answer(command, f"flatten {command.market}: no position is open", Severity.WARNING)
            return
        new = self._exits.flatten(command.market, ExitReason.OPERATOR)
        self._answer(command, f"flatten {command.market}" + ("" if new else ": it is being closed already"))

    def _cancel_all(self, command: CancelAll) -> None:
        m = self._m
        if not self._can_send(command):
            return
        queued = self._entries.drop_queued("cancelled by the operator")
        asked = sum(self._want(o) for o in m.orders.live() if not o.is_exit)
        asked += sum(self._want(o) for o in m.orders.external() if is_ours(o.cloid))
        foreign = sum(1 for o in m.orders.external() if not is_ours(o.cloid))
        text = (
            f"cancel all: {queued} queued taken back, {asked} cancels"
            if queued or asked
            else "cancel all: no order is open"
        )
        self._answer(command, text + (f"; {foreign} EXTERNAL orders left alone" if foreign else ""))

    def _cancel_order(self, command: CancelOrder) -> None:
        m = self._m
        if not self._can_send(command):
            return
        order = m.orders.get(command.cloid) or next((o for o in m.orders.external() if o.cloid == command.cloid), None)
        if order is None or order.status.is_terminal:
            self._answer(command, f"cancel {command.cloid[-6:]}: no such open order", Severity.WARNING)
        elif order.status is OrderStatus.QUEUED and m.scheduler.remove(command.cloid):
            self._entries.on_dropped(command.cloid, "cancelled by the operator")
            self._answer(command, f"cancel {command.cloid[-6:]}: taken back before it left")
        else:
            self._want(order)
            self._answer(command, f"cancel {command.cloid[-6:]}: asked for")

    def _cancel_external(self, command: CancelExternal) -> None:
        m = self._m
        if not self._can_send(command):
            return
        order = next((o for o in m.orders.external() if o.oid == command.oid), None)
        if order is None:
            self._answer(command, f"cancel oid {command.oid}: no such open order of others", Severity.WARNING)
            return
        again = "" if self._want(order) else " already"
        self._answer(command, f"cancel oid {command.oid}, EXTERNAL, {order.market}: asked for{again}")

    def _want(self, order: TrackedOrder) -> bool:
        return order.status is not OrderStatus.QUEUED and self._m.cancels.want(order)

    def _pause(self, command: PauseEntries) -> None:
        m = self._m
        m.paused = command.paused
        dropped = self._entries.drop_queued_entries("entries paused") if command.paused else 0
        text = f"entries paused, {dropped} queued taken back" if command.paused else "entries resumed"
        self._answer(command, text)

    def _decide(self, command: DecideCheckpoint) -> None:
        m = self._m
        reached = m.risk.run_limits.reached(m.risk.counters)
        if reached is None or command.trades != reached:
            waiting = "none waits for a decision" if reached is None else f"it is checkpoint {reached} that waits"
            self._answer(command, f"checkpoint {command.trades}: {waiting}", Severity.WARNING)
        elif not command.reason.strip():
            self._answer(command, f"checkpoint {reached}: a decision needs a reason", Severity.WARNING)
        else:
            m.risk.decide(reached, go_on=command.go_on)
            m.persist_counters()
            decision = "go on" if command.go_on else "stop: no further entries in this run"
            self._answer(
                command, f"checkpoint {reached}: {decision}; {command.who}: {command.reason}", Severity.WARNING
            )

    def _start(self, command: StartTrading) -> None:
        m = self._m
        m.foreign_to_cancel.update(command.cancel_oids)
        m.found_to_close.update(dict.fromkeys(command.close_markets))
        also = f"; {len(command.cancel_oids)} orders of others to be cancelled" if command.cancel_oids else ""
        if command.close_markets:
            also += f"; to be closed: {', '.join(market.name for market in command.close_markets)}"
        self._answer(command, f"started by {command.who}: {command.text}{also}", Severity.WARNING)

    def _can_send(self, command: Command) -> bool:
        if self._m.trading:
            return True
        self._answer(command, "refused: observation mode sends nothing", Severity.WARNING)
        return False

    def _answer(self, command: Command, text: str, severity: Severity = Severity.INFO) -> None:
        self._m.note(severity, "operator", text, command_id=command.command_id)

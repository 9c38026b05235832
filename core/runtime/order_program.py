"""One order from the command line: the shipped engine without a screen, one order by hand, and every step said as it happens.

Decides nothing about the order; the engine's gates do. It decides how long to follow it, and what the exit code says of its end. The run is
by hand (`RunInfo.by_hand`): no entries of its own, no time stop, and at its end everything stays open, which is said. Easy to get wrong: an
order that rests is done for this command, and one whose outcome is not known is not a failure but a question for the operator.

SPEC 11; lessons L18, L27.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from typing import NoReturn

from msgspec import Struct

from core.messages.commands import FlattenMarket, PlaceOrder
from core.messages.exit_codes import ExitCode
from core.messages.snapshot import Snapshot
from core.messages.ticket import LifeStep, OrderLifeView
from core.model.cloid import cloid_by_hand
from core.model.order import OrderStatus
from core.model.rounding import wire_text
from core.runtime.assembly import Program
from core.runtime.order_preview import preview_order

READY_WITHIN_S = 30.0
"""What the bootstrap takes at most over a bad road; after that the gates say what is missing."""
FOLLOW_S = 60.0
"""A lost answer is looked up to its end within a quarter of a minute."""
FLAT_WITHIN_S = 60.0
END_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.02


class OrderExit(IntEnum):
    """Exit codes of `hip3-tui order` beside those of every command."""

    DONE = 0
    """Filled, in whole or in part, or resting."""
    NOT_FILLED = 3
    """The exchange refused it, or an IOC found nobody."""
    DENIED = 4
    """Refused by us; nothing was sent."""
    NOT_FLAT = 5
    """Filled, and the flatten that was asked for is not done."""
    UNKNOWN = int(ExitCode.NOT_CONFIRMED)
    """The outcome is not known: look at the exchange."""


class Said(Struct, frozen=True):
    """One line for the operator. ``at_ms``: engine time."""

    at_ms: int
    step: str
    text: str


class OrderResult(Struct, frozen=True):
    """How it ended; what `--json` prints last."""

    result: str
    exit_code: int
    text: str
    market: str
    side: str
    cloid: str | None
    oid: int | None
    size: str
    filled: str
    avg_px: str
    fee_usd: str
    took_ms: int


class OrderRun:
    """One order, followed to its end.

    Args:
        program: Assembled with ``by_hand``.
        wish: The order; its ids are set here.
        tell: Takes each line as it happens.
        flatten_after_s: Close the market again so long after the fill; None: leave it open.
        dry_run: Show what would be sent, and send nothing.
    """

    def __init__(
        self,
        program: Program,
        wish: Callable[[int], PlaceOrder],
        tell: Callable[[Said], None],
        *,
        flatten_after_s: float | None = None,
        dry_run: bool = False,
        look: Callable[[float], bool] | None = None,
    ) -> None:
        self._program = program
        self._wish = wish
        self._tell = tell
        self._flatten_after_s = flatten_after_s
        self._dry_run = dry_run
        self._wait = look or program.engine.wait_done
        self._said_phase = ""
        self._steps: list[LifeStep] = []

    def run(self) -> OrderResult | None:
        """Follow it. None: the engine ended before there was an order; its own words say why."""
        snapshot = self._until_ready()
        if snapshot is None:
            return None
        command = self._wish(snapshot.run.cloid_space)
        preview = preview_order(command, snapshot)
        if preview is not None:
            self._say(
                "preview", f"{command.market} is asset {preview.facts.asset_id}; {preview.action_json}; no builder fee"
            )
            for warning in preview.warnings:
                self._say("note", warning)
        held = next((p for p in snapshot.positions if p.market == command.market), None)
        if self._dry_run:
            refusal = preview.refusal if preview is not None else f"market not allowed: {command.market}"
            return self._result(
                command, None, "denied" if refusal else "dry run", refusal or "it would be sent", snapshot
            )
        if self._flatten_after_s is not None and held is not None:
            text = f"--flatten-after: {held.side.value} {wire_text(held.size)} is held already, and would be closed with it"
            return self._result(command, None, "denied", text, snapshot)
        self._program.engine.send(command)
        life = self._follow(command)
        result = self._judge(command, life)
        if self._flatten_after_s is not None and life is not None and life.filled:
            result = self._flatten(command, result, self._flatten_after_s)
        return result

    # --- steps ---------------------------------------------------------------------------------------------------------

    def _until_ready(self) -> Snapshot | None:
        """The newest picture once the engine is ready, or when it has had its time."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._wait(_LOOK_EVERY_S):
            latest = self._program.engine.latest
            if latest is None:
                continue
            missing = "; ".join(latest.ready.missing)
            phase = latest.connection.phase.value
            if phase != self._said_phase:
                self._said_phase = phase
                self._say(phase, "" if latest.ready.is_ready else f"missing: {missing}")
            if latest.ready.is_ready:
                return latest
            if time.monotonic() >= deadline:
                self._say("not ready", f"after {READY_WITHIN_S:g} s: {missing}")
                return latest
        return None

    def _follow(self, command: PlaceOrder) -> OrderLifeView | None:
        """Until it is over or rests."""
        deadline = time.monotonic() + FOLLOW_S
        life = None
        while time.monotonic() < deadline:
            ended = self._wait(_LOOK_EVERY_S)
            life = self._life(command)
            if life is not None:
                self._tell_steps(life)
                if life.is_over or life.is_resting:
                    return life
            if ended:
                break
        return life

    def _tell_steps(self, life: OrderLifeView) -> None:
        for i, step in enumerate(life.steps):
            if i >= len(self._steps) or self._steps[i] != step:
                again = f" ({step.count} times)" if step.count > 1 else ""
                self._tell(Said(step.at_ms, step.name, step.text + again))
        self._steps = list(life.steps)

    def _flatten(self, command: PlaceOrder, result: OrderResult, after_s: float) -> OrderResult:
        self._say("waiting", f"{after_s:g} s, then {command.market} is closed again")
        self._wait(after_s)
        self._program.engine.send(FlattenMarket(command_id="order-flatten", who=command.who, market=command.market))
        self._say("flatten", f"{command.market}, reduce-only")
        deadline = time.monotonic() + FLAT_WITHIN_S
        asked = False
        while time.monotonic() < deadline and not self._wait(_LOOK_EVERY_S):
            latest = self._program.engine.latest
            if latest is None:
                continue
            asked = asked or any(e.command_id == "order-flatten" for e in latest.audit)
            if asked and not any(p.market == command.market for p in latest.positions):
                trade = next((t for t in latest.trades if t.market == command.market), None)
                net = f", net {trade.net_pnl_usd:+.4f} USD" if trade is not None else ""
                self._say("flat", f"{command.market}: no position{net}")
                return _replaced(result, OrderExit.DONE, "flat", f"{result.text}; closed again{net}")
        return _replaced(result, OrderExit.NOT_FLAT, "not flat", f"{result.text}; NOT flat after {FLAT_WITHIN_S:g} s")

    # --- the end -------------------------------------------------------------------------------------------------------

    def _judge(self, command: PlaceOrder, life: OrderLifeView | None) -> OrderResult:
        latest = self._program.engine.latest
        if life is None:
            return self._result(command, None, "unknown", "the engine did not answer", latest)
        if life.denied:
            return self._result(command, life, "denied", life.denied, latest)
        if life.is_resting:
            text = f"resting, oid {life.oid}" + (f", {wire_text(life.filled)} filled" if life.filled else "")
            return self._result(command, life, "resting", text, latest)
        if not life.is_over:
            return self._result(command, life, "unknown", "its outcome is NOT KNOWN: look at the exchange", latest)
        if life.filled:
            part = "filled" if life.filled == life.size else "partly filled"
            assert life.avg_px is not None
            text = f"{part}: {wire_text(life.filled)} @ {wire_text(life.avg_px)}, fee ${life.fee_usd:.4f}"
            return self._result(command, life, part, text, latest)
        word = "rejected" if life.status is OrderStatus.REJECTED else "not filled"
        return self._result(command, life, word, life.reason or "nothing filled", latest)

    def _result(
        self, command: PlaceOrder, life: OrderLifeView | None, result: str, text: str, latest: Snapshot | None
    ) -> OrderResult:
        size = life.size if life is not None and life.size is not None else command.size
        cloid = command.cloid if life is None or not life.denied else None
        return OrderResult(
            result=result,
            exit_code=int(_EXIT_OF[result]),
            text=text,
            market=str(command.market),
            side=command.side.value,
            cloid=cloid,
            oid=life.oid if life is not None else None,
            size=_text(size),
            filled=_text(life.filled if life is not None else Decimal(0)),
            avg_px=_text(life.avg_px if life is not None else None),
            fee_usd=_text(life.fee_usd if life is not None else Decimal(0)),
            took_ms=life.steps[-1].at_ms - life.begun_ms if life is not None and life.steps else 0,
        )

    # --- inside --------------------------------------------------------------------------------------------------------

    def _life(self, command: PlaceOrder) -> OrderLifeView | None:
        latest = self._program.engine.latest
        if latest is None:
            return None
        return next((x for x in latest.lives if x.command_id == command.command_id), None)

    def _say(self, step: str, text: str) -> None:
        latest = self._program.engine.latest
        self._tell(Said(latest.at_ms if latest is not None else 0, step, text))


_EXIT_OF: dict[str, OrderExit] = {
    "filled": OrderExit.DONE,
    "partly filled": OrderExit.DONE,
    "resting": OrderExit.DONE,
    "dry run": OrderExit.DONE,
    "rejected": OrderExit.NOT_FILLED,
    "not filled": OrderExit.NOT_FILLED,
    "denied": OrderExit.DENIED,
    "unknown": OrderExit.UNKNOWN,
}


def _replaced(result: OrderResult, code: OrderExit, word: str, text: str) -> OrderResult:
    from msgspec.structs import replace

    return replace(result, exit_code=int(code), result=word, text=text)


def _text(value: Decimal | None) -> str:
    return "" if value is None else wire_text(value)


def wish_of(order: PlaceOrder) -> Callable[[int], PlaceOrder]:
    """The order with this run's first id by hand."""
    from msgspec.structs import replace

    return lambda space: replace(order, cloid=cloid_by_hand(space, 1))


def what_stays_open(program: Program) -> list[str]:
    """Positions and resting orders at the end, in words: nothing of this closes by itself."""
    latest = program.engine.latest
    if latest is None:
        return []
    held = [
        f"{p.market}: {p.side.value} {wire_text(p.size)} @ {p.entry_px:f} stays open; no time stop runs until a console does, "
        "and that one closes it at once if it is older than its time stop"
        for p in latest.positions
    ]
    resting = [
        f"{o.market}: {o.side.value} {wire_text(o.size)} @ {wire_text(o.price)} stays in the book"
        for o in latest.orders
        if not o.status.is_terminal and not o.is_external
    ]
    return [*held, *resting]


def leave(program: Program, result: OrderResult | None) -> NoReturn:
    """End the program with what came of it."""
    code = result.exit_code if result is not None else 0
    reason = "the order is done" if result is not None else "the engine ended"
    program.lifecycle.begin_exit(code, reason)
    program.engine.wait_done(END_WITHIN_S)
    program.lifecycle.finish(code)

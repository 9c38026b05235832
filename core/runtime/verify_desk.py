"""What the checks of the verification act and look with: orders by hand, followed to their end, and the exchange's own answers.

It judges nothing. Easy to get wrong: what the engine holds and what the exchange says are two questions, asked of two sources.

SPEC 9 (verification).
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeGuard

from core.config import Config
from core.messages.commands import AnyCommand, CancelOrder, FlattenMarket, PlaceOrder
from core.messages.snapshot import Snapshot
from core.messages.ticket import OrderLifeView
from core.model.cloid import cloid_by_hand
from core.model.market import MarketKey
from core.model.order import OrderSide, TimeInForce
from core.model.rounding import wire_text
from core.runtime.assembly import Program
from core.runtime.verify_judges import InflightSample

ORDER_WITHIN_S = 30.0
"""A lost answer is looked up to its end within that time."""
FLAT_WITHIN_S = 10.0
USD = Decimal(11)
"""A little above the exchange's minimum, after rounding to lots."""
FAR = Decimal("0.7")
"""Of the mark: a bid there is not filled, and within the exchange's band."""
LOOK_S = 0.02
_MINIMUM_USD = Decimal(10)
_ANSWER_S = 5.0


class NoAnswer(Exception):
    """The exchange did not answer a question of ours."""


def ask_info(info_url: str, question: dict[str, Any]) -> Any:
    """One question to the exchange beside the engine.

    Raises:
        NoAnswer: It did not answer, or nothing readable.
    """
    body = json.dumps(question).encode()
    request = urllib.request.Request(info_url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
            return json.loads(answer.read(), parse_float=Decimal)
    except (OSError, ValueError) as e:
        raise NoAnswer(f"{question['type']}: {e}") from None


class VerifyDesk:
    """Hands and eyes on a running program."""

    def __init__(
        self, program: Program, config: Config, market: MarketKey, *, name: str = "verify", first_number: int = 0
    ) -> None:
        self._engine = program.engine
        self._config = config
        self._market = market
        self._count = 0
        self._name = name
        """Begins the ids of its commands: another time in the same run has another."""
        self._last_number = first_number
        self._samples: list[InflightSample] = []

    # --- orders ------------------------------------------------------------------------------------------------------------

    def _usd(self, factor: Decimal = Decimal(1)) -> Decimal:
        """Enough that whole lots of it are above the exchange's minimum."""
        spec = next(m.facts for m in self._snapshot.markets if m.market == self._market)
        mark = self._mark
        if spec is None or spec.sz_decimals is None or mark is None:
            return USD
        lot = Decimal(1).scaleb(-spec.sz_decimals) * mark * factor
        return max(USD, _MINIMUM_USD + 2 * lot)

    def _rest(self) -> OrderLifeView | None:
        mark = self._mark
        if mark is None:
            return None
        return self._place(usd=self._usd(FAR), limit_px=mark * FAR, tif=TimeInForce.ALO)

    def _place(
        self,
        *,
        usd: Decimal,
        limit_px: Decimal | None = None,
        slippage_bps: Decimal | None = None,
        tif: TimeInForce = TimeInForce.IOC,
        number: int | None = None,
    ) -> OrderLifeView | None:
        """A buy by hand, followed until it is over or rests."""
        self._until(lambda s: _is_free(s, self._market), ORDER_WITHIN_S)
        command_id = self._next_id()
        if number is None:
            self._last_number += 1
            number = self._last_number
        self._send(
            PlaceOrder(
                command_id=command_id,
                who="verify",
                market=self._market,
                side=OrderSide.BUY,
                usd=usd,
                limit_px=limit_px,
                slippage_bps=slippage_bps,
                tif=tif,
                cloid=cloid_by_hand(self._snapshot.run.cloid_space, number),
            )
        )
        self._until(lambda s: is_done(_life_in(s, command_id)), ORDER_WITHIN_S)
        return self._life(command_id)

    def _cancel(self, life: OrderLifeView) -> bool:
        assert life.cloid is not None
        self._send(CancelOrder(command_id=self._next_id(), who="verify", cloid=life.cloid))
        s = self._until(lambda s: _is_over(_life_in(s, life.command_id)), ORDER_WITHIN_S)
        return s is not None and _is_over(_life_in(s, life.command_id))

    def _close_again(self) -> None:
        """Nothing of ours is left, whatever the checks came to; the orderly stop sees to the rest."""
        if self._held_here():
            self._send(FlattenMarket(command_id=self._next_id(), who="verify", market=self._market))
            self._until(lambda s: not s.positions, FLAT_WITHIN_S)

    # --- looking -----------------------------------------------------------------------------------------------------------

    @property
    def _snapshot(self) -> Snapshot:
        latest = self._engine.latest
        assert latest is not None, "check 1 has seen one"
        return latest

    @property
    def _mark(self) -> Decimal | None:
        return next((m.mark_px for m in self._snapshot.markets if m.market == self._market), None)

    def _life(self, command_id: str) -> OrderLifeView | None:
        return _life_in(self._snapshot, command_id)

    def _held_here(self) -> Decimal:
        latest = self._engine.latest
        positions = latest.positions if latest is not None else ()
        return next((p.size * p.side.sign for p in positions if p.market == self._market), Decimal(0))

    def _held_there(self) -> Decimal:
        question = {"type": "clearinghouseState", "user": self._snapshot.run.account, "dex": self._market.dex}
        positions = ask_info(self._config.info_url, question)["assetPositions"]
        sizes = [Decimal(p["position"]["szi"]) for p in positions if p["position"]["coin"] == self._market.name]
        return sizes[0] if sizes else Decimal(0)

    def _open_cloids(self) -> list[str | None]:
        question = {"type": "frontendOpenOrders", "user": self._snapshot.run.account, "dex": self._market.dex}
        try:
            return [o.get("cloid") for o in ask_info(self._config.info_url, question)]
        except NoAnswer:
            return []

    def _is_flat(self) -> bool:
        try:
            return not self._held_here() and not self._held_there()
        except NoAnswer:
            return False

    def _until_flat(self, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not self._engine.wait_done(0.1):
            if self._is_flat():
                return True
        return False

    def _exit_words(self) -> str:
        entries: Iterable[str] = (e.text for e in reversed(self._snapshot.audit) if e.kind in ("rejected", "alert"))
        return next(iter(entries), "no exit was answered")

    def _until(self, holds: Callable[[Snapshot], bool], within_s: float) -> Snapshot | None:
        """The newest picture when it holds, or when the time is over; each one is looked at for its inflight."""
        deadline = time.monotonic() + within_s
        seen = None
        while True:
            s = self._engine.latest
            if s is not None and s is not seen:
                seen = s
                self._samples.append(InflightSample(s.inflight.value, s.tally.posts_sent, s.tally.posts_completed))
                if holds(s):
                    return s
            if time.monotonic() >= deadline or self._engine.wait_done(LOOK_S):
                return self._engine.latest

    def _send(self, command: AnyCommand) -> None:
        self._engine.send(command)

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"


def _life_in(s: Snapshot, command_id: str) -> OrderLifeView | None:
    return next((life for life in s.lives if life.command_id == command_id), None)


def _is_over(life: OrderLifeView | None) -> bool:
    return life is not None and life.is_over


def is_done(life: OrderLifeView | None) -> TypeGuard[OrderLifeView]:
    """Refused, resting, or ended by the exchange's word, its fills seen or not."""
    if life is None:
        return False
    return life.is_over or life.is_resting or (life.status is not None and life.status.is_terminal)


def _is_free(s: Snapshot, market: MarketKey) -> bool:
    facts = next((m.facts for m in s.markets if m.market == market), None)
    return facts is not None and not facts.is_busy and not facts.flattening


def counted_against_us(s: Snapshot) -> Decimal:
    return next((r.value for r in s.risk if r.name == "rejected per hour"), Decimal(0))


def answered_ms(life: OrderLifeView | None) -> int | None:
    if life is None:
        return None
    return next((s.at_ms - life.begun_ms for s in life.steps if s.name in ("answered", "refused")), None)


def how_it_stands(life: OrderLifeView | None) -> str:
    if life is None:
        return "no answer of the engine"
    if life.denied:
        return f"denied: {life.denied}"
    state = life.status.value if life.status is not None else "over"
    return f"{state}: {life.reason}" if life.reason else state


def text_of(value: Decimal | None) -> str:
    return "-" if value is None else wire_text(value)

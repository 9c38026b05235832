"""OrderLives: the story of each order by hand, step by step with times, from the key press to its end and for a while after it.

It only remembers. What an order's state is, the order table says; this tells how it got there. Easy to get wrong: a step that repeats (the
look-ups of an order whose outcome is not known) is one step with a count, so that a long silence does not push out the beginning.

SPEC 11 (order ticket).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from core.engine.orders import Change
from core.messages.commands import PlaceOrder
from core.messages.events import OrderOutcome, Outcome
from core.messages.ticket import LifeStep, OrderLifeView
from core.model.cloid import Cloid
from core.model.order import OrderStatus, PendingOrder, TimeInForce, TrackedOrder
from core.model.position import Fill
from core.model.rounding import wire_text

KEEP = 30
"""Lives kept, those that are not over in any case."""
_KEEP_STEPS = 60
"""A resting order that is filled in crumbs tells its beginning and its newest steps."""
_KEEP_FIRST = 10

OrderOf = Callable[[Cloid], TrackedOrder | None]


class _Life:
    def __init__(self, command: PlaceOrder, now_ms: int) -> None:
        self.command = command
        self.begun_ms = now_ms
        self.order: PendingOrder | None = None
        self.correlation_id = ""
        self.denied = ""
        self.steps: list[LifeStep] = []
        self.size = Decimal(0)
        self.value = Decimal(0)
        self.fee = Decimal(0)
        self.error = ""
        """Of the answer: an order update that was faster has only a word for it."""
        self.is_over = False

    def add(self, now_ms: int, name: str, text: str) -> None:
        last = self.steps[-1] if self.steps else None
        if last is not None and last.name == name and last.text == text:
            self.steps[-1] = replace(last, at_ms=now_ms, count=last.count + 1)
            return
        self.steps.append(LifeStep(now_ms, name, text))
        if len(self.steps) > _KEEP_STEPS:
            del self.steps[_KEEP_FIRST]
            before, after = self.steps[_KEEP_FIRST - 1 : _KEEP_FIRST + 1]
            if (before.name, before.text) == (after.name, after.text):  # they were not neighbours until now
                self.steps[_KEEP_FIRST - 1 : _KEEP_FIRST + 1] = [replace(after, count=before.count + after.count)]


class OrderLives:
    def __init__(self) -> None:
        self._lives: list[_Life] = []
        self._of: dict[Cloid, _Life] = {}

    # --- what happens --------------------------------------------------------------------------------------------------

    def deny(self, command: PlaceOrder, reason: str, now_ms: int) -> None:
        """Refused by us: a life that is over as it begins."""
        life = self._begin(command, now_ms)
        life.denied = reason
        life.is_over = True
        life.add(now_ms, "denied", reason)

    def begin(self, command: PlaceOrder, order: PendingOrder, correlation_id: str, now_ms: int, text: str) -> None:
        """Judged, registered and queued."""
        life = self._begin(command, now_ms)
        life.order, life.correlation_id = order, correlation_id
        self._of[order.cloid] = life
        life.add(now_ms, "queued", text)

    def step(self, cloid: Cloid, now_ms: int, name: str, text: str = "") -> None:
        """Something happened to an order; nothing is noted of one that was not placed by hand."""
        life = self._of.get(cloid)
        if life is not None:
            life.add(now_ms, name, text)

    def on_answer(self, cloid: Cloid, outcome: OrderOutcome, now_ms: int) -> None:
        life = self._of.get(cloid)
        if life is not None:
            life.error = outcome.error
            life.add(now_ms, "answered", said(outcome))

    def on_change(self, change: Change, now_ms: int) -> None:
        """An order changed its state, or was filled."""
        order = change.after
        assert order.cloid is not None
        life = self._of.get(order.cloid)
        if life is None:
            return
        said = _SAID.get(order.status) if change.status_changed else None
        if said is not None:
            name, text = said(order)
            life.add(now_ms, name, text)
        life.is_over = order.is_settled

    def on_fill(self, cloid: Cloid, fill: Fill, now_ms: int) -> None:
        life = self._of.get(cloid)
        if life is None:
            return
        life.size += fill.size
        life.value += fill.size * fill.price
        life.fee += fill.fee
        life.add(now_ms, "fill", f"{wire_text(fill.size)} @ {wire_text(fill.price)}, fee ${fill.fee:.4f}")

    # --- read ------------------------------------------------------------------------------------------------------------

    def views(self, order_of: OrderOf) -> tuple[OrderLifeView, ...]:
        """Newest first."""
        return tuple(_view(life, order_of) for life in reversed(self._lives))

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _begin(self, command: PlaceOrder, now_ms: int) -> _Life:
        life = _Life(command, now_ms)
        self._lives.append(life)
        too_many = max(0, len(self._lives) - KEEP)
        for oldest in [each for each in self._lives if each.is_over][:too_many]:
            self._lives.remove(oldest)
            if oldest.order is not None:
                self._of.pop(oldest.order.cloid, None)
        return life


def said(outcome: OrderOutcome) -> str:
    """An element of ``statuses`` in words."""
    if outcome.outcome is Outcome.FILLED and outcome.filled_size is not None and outcome.avg_px is not None:
        return f"filled {wire_text(outcome.filled_size)} @ {wire_text(outcome.avg_px)}"
    return f"{outcome.outcome.value}: {outcome.error}" if outcome.error else outcome.outcome.value


def _done(order: TrackedOrder) -> str:
    return f"{wire_text(order.filled_size)} of {wire_text(order.original_size)}"


def _ended(order: TrackedOrder) -> str:
    text = f"{_done(order)} filled" if order.filled_size or order.venue_filled else "nothing filled"
    return f"{order.reason}; {text}" if order.reason else text


_SAID: dict[OrderStatus, Callable[[TrackedOrder], tuple[str, str]]] = {
    OrderStatus.QUEUED: lambda o: ("queued again", "it never left"),
    OrderStatus.UNKNOWN: lambda o: ("unknown", f"{o.reason}: asked for by its id and in the fills until it is known"),
    OrderStatus.OPEN: lambda o: ("taken" if o.tif is TimeInForce.IOC else "resting", f"oid {o.oid}"),
    OrderStatus.FILLED: lambda o: (
        "filled",
        f"{wire_text(o.venue_filled or o.filled_size)} of {wire_text(o.original_size)}",
    ),
    OrderStatus.CANCELED: lambda o: ("ended", _ended(o)),
    OrderStatus.REJECTED: lambda o: ("rejected", o.reason),
}
"""In flight and partly filled are told by the post and the fills."""


def _view(life: _Life, order_of: OrderOf) -> OrderLifeView:
    command, pending = life.command, life.order
    view = OrderLifeView(
        command_id=command.command_id,
        who=command.who,
        market=command.market,
        side=command.side,
        tif=command.tif,
        reduce_only=command.reduce_only,
        begun_ms=life.begun_ms,
        steps=tuple(life.steps),
        denied=life.denied,
    )
    if pending is None:
        return view
    order = order_of(pending.cloid)
    view = replace(
        view,
        correlation_id=life.correlation_id,
        cloid=pending.cloid,
        price=pending.price,
        size=pending.size,
        filled=life.size,
        avg_px=life.value / life.size if life.size else None,
        fee_usd=life.fee,
        is_settled=life.is_over,
    )
    if order is None:  # so long over that the order table has forgotten it
        return view
    return replace(
        view,
        oid=order.oid,
        status=order.status,
        said_filled=order.venue_filled,
        is_settled=order.is_settled,
        is_resting=order.is_resting,
        reason=life.error or order.reason,
    )

"""When an exit under the exchange's minimum is nobody's fault: where another program closed the position a moment before it arrived."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from ledger import Ledger
from wire_checkers import OnTheWire

from core.messages.effects import Post
from core.messages.events import Fills, PositionsRead, Tick
from core.model.market import MarketKey
from core.model.order import Orders, OrderSide
from core.model.position import Fill
from core.sim.action_log import ActionEntry, ItemResult, OrderItem
from core.sim.world.watcher import Violation

MINIMUM = "Order must have minimum value of $10. asset=4"
OURS, ANOTHERS = 7, 8
NOW_MS = 1_700_000_000_000
MARKET = MarketKey("", "DYDX")
D = Decimal
FILL = Fill(MARKET, OrderSide.BUY, D("0.31"), D("31.4"), NOW_MS, D("-31.4"), D(0), D(0), 9, 9, None)


def entry(nonce: int, time_ms: int, *, error: str = "", reduce_only: bool = True, coin: str = "DYDX") -> ActionEntry:
    size = Decimal("31.4")
    result = ItemResult(error) if error else ItemResult(filled_sz=size)
    order = OrderItem(coin, 4, True, Decimal("0.31"), size, reduce_only, "Ioc", None, result)
    statuses: list[Any] = [{"error": error} if error else {"filled": {}}]
    return ActionEntry(time_ms, nonce, None, None, "order", 1, None, statuses, orders=(order,))


@pytest.fixture
def checker() -> OnTheWire:
    ledger = Ledger()
    ledger.posts[OURS] = SimpleNamespace()  # type: ignore[assignment]
    return OnTheWire(ledger)


@pytest.fixture
def world() -> Any:
    venue = SimpleNamespace(universe=SimpleNamespace(by_coin={}))
    return SimpleNamespace(
        engine=SimpleNamespace(machines=SimpleNamespace(specs={})), exchange=SimpleNamespace(venue=venue)
    )


def leaves(checker: OnTheWire, world: Any, message: Any = None) -> None:
    """A post of ours, in the turn of a message."""
    checker.turn(world, message or Tick(), [Post(1, OURS, Orders(()), None)])


def test_what_another_program_closed_a_moment_before_is_under_the_minimum_by_nobodys_fault(checker, world):
    checker.executed(world, entry(ANOTHERS, NOW_MS))
    leaves(checker, world)
    checker.executed(world, entry(OURS, NOW_MS + OnTheWire.UNSEEN_MS, error=MINIMUM))


def test_what_it_closed_while_ours_was_on_its_way_as_well(checker, world):
    leaves(checker, world)
    checker.executed(world, entry(ANOTHERS, NOW_MS))
    checker.executed(world, entry(OURS, NOW_MS + 50, error=MINIMUM))


@pytest.mark.parametrize(
    "told",
    [Fills((FILL,), False), PositionsRead("", NOW_MS, (), Decimal(1), Decimal(1))],
    ids=["its fill", "what is held"],
)
def test_it_is_ours_where_we_had_been_told(checker, world, told):
    checker.executed(world, entry(ANOTHERS, NOW_MS))
    leaves(checker, world, told)
    with pytest.raises(Violation, match="minimum value"):
        checker.executed(world, entry(OURS, NOW_MS + 100, error=MINIMUM))


def test_a_price_by_rules_that_had_changed_unheard_is_nobodys_fault(checker, world):
    off_tick = entry(OURS, NOW_MS, error="Price must be divisible by tick size. asset=4")
    world.engine.machines.specs = {MARKET: "as it was"}
    world.exchange.venue.universe.by_coin = {"DYDX": SimpleNamespace(spec="as it is")}
    leaves(checker, world)
    world.engine.machines.specs = {MARKET: "as it is"}
    checker.executed(world, off_tick)
    leaves(checker, world)
    checker._unfit.clear()
    with pytest.raises(Violation, match="tick size"):
        checker.executed(world, off_tick)


def test_it_is_ours_where_nobody_else_closed_anything(checker, world):
    leaves(checker, world)
    with pytest.raises(Violation, match="minimum value"):
        checker.executed(world, entry(OURS, NOW_MS, error=MINIMUM))


@pytest.mark.parametrize(
    "ours",
    [
        entry(OURS, NOW_MS + OnTheWire.UNSEEN_MS + 1, error=MINIMUM),
        entry(OURS, NOW_MS + 100, error=MINIMUM, reduce_only=False),
        entry(OURS, NOW_MS + 100, error=MINIMUM, coin="ETH"),
        entry(OURS, NOW_MS + 100, error="Order has zero size."),
    ],
    ids=["long after", "an entry", "another market", "another fault"],
)
def test_and_in_every_other_case(checker, world, ours):
    checker.executed(world, entry(ANOTHERS, NOW_MS))
    leaves(checker, world)
    with pytest.raises(Violation):
        checker.executed(world, ours)

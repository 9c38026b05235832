"""When an exit under the exchange's minimum is nobody's fault: where another program closed the position a moment before it arrived."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from checkers import OnTheWire
from ledger import Ledger

from core.sim.action_log import ActionEntry, ItemResult, OrderItem
from core.sim.world.watcher import Violation

MINIMUM = "Order must have minimum value of $10. asset=4"
OURS, ANOTHERS = 7, 8
NOW_MS = 1_700_000_000_000


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


def test_what_another_program_closed_a_moment_before_is_under_the_minimum_by_nobodys_fault(checker, world):
    checker.executed(world, entry(ANOTHERS, NOW_MS))
    checker.executed(world, entry(OURS, NOW_MS + OnTheWire.UNSEEN_MS, error=MINIMUM))


def test_it_is_ours_where_nobody_else_closed_anything(checker, world):
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
    with pytest.raises(Violation):
        checker.executed(world, ours)

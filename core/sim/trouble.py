"""What happens to markets and agents on purpose: gaps, wide spreads, vanished sides, halts, changed rules, ended approvals.

Carries the wishes on the fault board over to the markets, once per block. Decides no order's fate (the desk refuses orders on a halted
market itself) and draws no dice, so that a coin's walk is the same with trouble and without. Easy to get wrong: a state that ends must be
taken back, also when the board was cleared in the meantime.

PROTOCOL 14 (parameter changes); issue 3 part 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from core.sim.faults import Fault, FaultBoard
from core.sim.market import BOTH_SIDES

if TYPE_CHECKING:
    from core.sim.venue import Venue

_USUAL: tuple[frozenset[bool], int] = (frozenset(), 1)


class Trouble:
    """Which markets are in trouble at the moment."""

    def __init__(self) -> None:
        self._troubled: dict[str, tuple[frozenset[bool], int]] = {}
        """Coin -> (hidden sides, factor of its spread), where not as usual."""

    def strike(self, venue: Venue, faults: FaultBoard, now_ms: int) -> None:
        """Let this block's trouble happen."""
        if not faults and not self._troubled:
            return
        for fault in faults.take("change_spec", now_ms):
            assert fault.coin is not None
            venue.relist(fault.coin, fault.changes)
        for _ in faults.take("shift_dexs", now_ms):
            venue.shift_dexs()
        for fault in faults.take("change_fees", now_ms):
            venue.fee_factor = fault.factor
        for fault in faults.take("expire_agent", now_ms):
            _expire_agents(venue, fault.address)
        for fault in faults.take("price_gap", now_ms):
            for coin in _coins(fault, venue):
                venue.markets[coin].jump(fault.bps)
                venue.touched[coin] = None
        wanted: dict[str, tuple[frozenset[bool], int]] = {}
        for fault in faults.lasting(now_ms):
            if fault.name != "rate_limited":
                for coin in _coins(fault, venue):
                    wanted[coin] = _worse(wanted.get(coin, _USUAL), fault)
        for coin in {**self._troubled, **wanted}:
            was, now = self._troubled.get(coin, _USUAL), wanted.get(coin, _USUAL)
            if was != now:
                _put(venue, coin, *now)
        self._troubled = wanted


def _expire_agents(venue: Venue, user: str | None) -> None:
    for account in venue.accounts.values():
        if user is None or account.user == user:
            for agent in list(account.agents):
                venue.remove_agent(agent)


def _coins(fault: Fault, venue: Venue) -> Iterable[str]:
    return venue.moving if fault.coin is None else (fault.coin,)


def _worse(state: tuple[frozenset[bool], int], fault: Fault) -> tuple[frozenset[bool], int]:
    hidden, factor = state
    if fault.name == "halt":
        return BOTH_SIDES, factor
    if fault.name == "one_sided":
        return hidden | {fault.side == "bids"}, factor
    assert fault.name == "spread_shock", fault.name
    return hidden, max(factor, fault.factor)


def _put(venue: Venue, coin: str, hidden: frozenset[bool], factor: int) -> None:
    market = venue.markets[coin]
    if not market.listing.spec.is_delisted:
        market.hidden = hidden
        market.widen(Decimal(factor))
        venue.touched[coin] = None

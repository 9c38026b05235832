"""The account's trades by the venue's own fills, and which of them are our program's to count.

A trade of others counts when the program saw it; what happened before its first start, or was theirs from flat to flat while no program
ran, does not. At the edges (a kill takes with it what was not written yet) it may be either. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations

from ledger import Ledger
from msgspec import Struct

from core.model.cloid import is_ours
from core.sim import wire
from core.sim.world.world import World

_LOST_MS = 3_000
"""Before a kill: what came then may have gone with it."""
_MOST_EITHER = 10


class OwnTrades(Struct):
    sure: list[list[wire.Fill]]
    either: list[list[wire.Fill]]

    def sums(self) -> Iterator[Decimal]:
        """What they earned together, for each way the doubtful ones may have gone; nothing where those are too many."""
        known = sum((_net(t) for t in self.sure), Decimal(0))
        if len(self.either) <= _MOST_EITHER:
            for count in range(len(self.either) + 1):
                for some in combinations(self.either, count):
                    yield known + sum((_net(t) for t in some), Decimal(0))


def _net(trade: list[wire.Fill]) -> Decimal:
    return sum((f.closed_pnl - f.fee for f in trade), Decimal(0))


def own_trades(world: World, ledger: Ledger) -> OwnTrades:
    found = OwnTrades([], [])
    for trade in _trades(world):
        began_ms, ended_ms = trade[0].time, trade[-1].time
        first = ledger.away[0]
        if ended_ms <= first.started_ms and began_ms <= first.started_ms:
            continue
        if any(is_ours(f.cloid) for f in trade):
            found.sure.append(trade)
            continue
        if ledger.kills:
            found.either.append(trade)  # it may have been told to nobody that lived to write it down
            continue
        touched = [
            a for a in ledger.away if a.gone_ms - _LOST_MS <= ended_ms and (a.read_ms is None or began_ms <= a.read_ms)
        ]
        if not touched:
            found.sure.append(trade)
        elif not any(a.gone_ms <= began_ms and ended_ms < a.started_ms for a in touched):
            found.either.append(trade)
    return found


def _trades(world: World) -> list[list[wire.Fill]]:
    """Of each market from flat to flat; one that is not flat is one as well."""
    found: list[list[wire.Fill]] = []
    under_way: dict[str, list[wire.Fill]] = {}
    for fill in world.exchange.venue.fills.get(world.plan.account, ()):
        end = fill.start_position + (fill.sz if fill.is_buy else -fill.sz)
        under_way.setdefault(fill.coin, []).append(fill)
        if not end:
            found.append(under_way.pop(fill.coin))
    return [*found, *under_way.values()]

"""What a TWAP is and how it is told: its state, its history, its slices. Decides nothing; core.sim.twap trades.

The exchange's own list of these shapes is its public documentation, not a recording: whoever records one of them corrects it here.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from core.sim import wire
from core.sim.wire import Json

ACTIVATED, FINISHED, TERMINATED, ERROR = "activated", "finished", "terminated", "error"
NO_HASH = "0x" + "0" * 64
"""Of the fills of a slice: no transaction of the user's made them."""


class Twap(Struct, eq=False):
    """An order that is traded in slices; changed in place."""

    id: int
    user: str
    coin: str
    asset: int
    is_buy: bool
    sz: Decimal
    reduce_only: bool
    minutes: int
    randomize: bool
    timestamp: int
    executed_sz: Decimal = Decimal(0)
    executed_ntl: Decimal = Decimal(0)
    slices: int = 0
    """How many had their time."""


class TwapNote(Struct, frozen=True):
    """One line of an account's history of TWAPs."""

    id: int
    time: int
    state: Json
    status: str
    description: str = ""


def state(twap: Twap) -> Json:
    return {
        "coin": twap.coin,
        "user": twap.user,
        "side": wire.side(twap.is_buy),
        "sz": wire.number(twap.sz),
        "executedSz": wire.number(twap.executed_sz),
        "executedNtl": wire.usd(twap.executed_ntl),
        "minutes": twap.minutes,
        "reduceOnly": twap.reduce_only,
        "randomize": twap.randomize,
        "timestamp": twap.timestamp,
    }


def history(note: TwapNote) -> Json:
    status: Json = {"status": note.status}
    if note.description:
        status["description"] = note.description
    return {"time": note.time // 1000, "state": note.state, "status": status, "twapId": note.id}


def slice_fill(fill: wire.Fill) -> Json:
    return {"fill": wire.fill(fill), "twapId": fill.twap_id}

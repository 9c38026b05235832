"""Reading the fields of an info request, and how a request that makes no sense fails.

A field that is missing or of the wrong type is 422; a name that nobody knows is 500 with the body null. Easy to get wrong: an address
comes in any case and is lower from here on; null is the same as absent; true is no integer.

PROTOCOL 1.1, 8.
"""

from __future__ import annotations

from core.sim.admission import ADDRESS, DESERIALIZE, WireFailure
from core.sim.universe import Dex, Listing
from core.sim.venue import Venue
from core.sim.wire import Json


def wrong(field: str) -> WireFailure:
    return WireFailure(422, f"{DESERIALIZE}: {field}")


def unknown() -> WireFailure:
    return WireFailure(500, "null")


def user_of(request: Json, key: str = "user") -> str:
    user = request.get(key)
    if not isinstance(user, str) or ADDRESS.fullmatch(user) is None:
        raise wrong(key)
    return user.lower()


def dex_of(venue: Venue, request: Json) -> Dex:
    name = request.get("dex")
    if name is not None and not isinstance(name, str):
        raise wrong("dex")
    dex = venue.universe.by_dex.get(name or "")
    if dex is None:
        raise unknown()
    return dex


def text_of(request: Json, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise wrong(key)
    return value


def listing_of(venue: Venue, request: Json) -> Listing:
    listing = venue.universe.by_coin.get(text_of(request, "coin"))
    if listing is None:
        raise unknown()
    return listing


def int_of(request: Json, key: str, default: int | None = None) -> int:
    value = request.get(key)
    if value is None:
        value = default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong(key)
    return value


def flag_of(request: Json, key: str) -> bool:
    value = request.get(key)
    if value is not None and not isinstance(value, bool):
        raise wrong(key)
    return bool(value)

"""Answers to POST /info and to info posts on the socket. Changes nothing.

Finds who answers which request, and lets the faults strike that belong to asking. Easy to get wrong: a type that nobody knows is 422 like a
missing field, and JSON that is no object is too.

PROTOCOL 1.1, 2.3, 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.sim.admission import DESERIALIZE, WireFailure
from core.sim.faults import HTTP_FAILURES
from core.sim.info_accounts import ACCOUNT_ANSWERS
from core.sim.info_beside import BESIDE_ANSWERS
from core.sim.info_markets import MARKET_ANSWERS
from core.sim.info_request import user_of
from core.sim.venue import Venue
from core.sim.wire import Json

_LOOK_UPS = frozenset(
    {"orderStatus", "openOrders", "frontendOpenOrders", "historicalOrders", "userFills", "userFillsByTime"}
)
"""Whoever asks one of these has looked for their orders: the fault black_hole ends."""

_HANDLERS: dict[str, Callable[[Venue, Json, int], Any]] = {**MARKET_ANSWERS, **ACCOUNT_ANSWERS, **BESIDE_ANSWERS}
KINDS = frozenset(_HANDLERS)
"""What can be asked."""


class NoAnswer(Exception):
    """Nobody answers."""


def answer(venue: Venue, request: Any, now_ms: int) -> Any:
    """The body of the answer.

    Raises:
        WireFailure: 422 for a request that does not decode, 500 with `null` where the venue does so, 502 under the fault info_down.
        NoAnswer: A fault swallows the request.
    """
    if not isinstance(request, dict) or not isinstance(request.get("type"), str):
        raise WireFailure(422, f"{DESERIALIZE}: type")
    if venue.faults.strike("info_down", now_ms):
        raise WireFailure(502, "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>")
    failing = venue.faults.strike_dex_read(request, now_ms)
    if failing is not None:
        if failing.answer == "silence":
            raise NoAnswer
        raise WireFailure(*HTTP_FAILURES[f"http_{failing.answer}"])
    handler = _HANDLERS.get(request["type"])
    if handler is None:
        raise WireFailure(422, f"{DESERIALIZE}: unknown type {request['type']}")
    body = handler(venue, request, now_ms)
    if request["type"] in _LOOK_UPS:
        venue.outbox.has_asked(user_of(request))
    return body

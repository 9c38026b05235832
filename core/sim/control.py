"""Commands of /control: what a test or an operator of the simulator can ask for and no client of the real venue ever could.

Each command names its fields; a wrong one is answered with what is allowed, never ignored. `drop_connections` belongs to the server, which
holds the connections.

Issue 2 part 3.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from core.model.rounding import is_valid_price, is_valid_size
from core.sim.admission import ADDRESS
from core.sim.faults import FAULTS, SPEC_CHANGES, FaultError
from core.sim.market import CoinMarket
from core.sim.truth import truth
from core.sim.wire import Json

if TYPE_CHECKING:
    from core.sim.exchange import Exchange


_FAULT_TEXTS = ("text", "level", "coin", "side")
_FAULT_NUMBERS = ("percent", "factor", "bps")


class ControlError(ValueError):
    """A command that cannot be run; the text says why and what is allowed."""


def run_control(exchange: Exchange, command: Any, now_ms: int) -> Json:
    """Run one command.

    Raises:
        ControlError: Unknown, incomplete or impossible.
    """
    if not isinstance(command, dict):
        raise ControlError('expected a JSON object like {"do": "truth"}')
    handler = _COMMANDS.get(str(command.get("do")))
    if handler is None:
        allowed = ", ".join((*_COMMANDS, "drop_connections"))
        raise ControlError(f"do = {command.get('do')!r}: allowed are {allowed}")
    return handler(exchange, command, now_ms) or {"ok": True}


def _truth(exchange: Exchange, command: Json, now_ms: int) -> Json:
    return truth(exchange.venue, exchange.actions, now_ms)


def _set_price(exchange: Exchange, command: Json, now_ms: int) -> None:
    market = _market(exchange, command)
    oracle, bid, ask = (_number(command, key) for key in ("oracle", "bid", "ask"))
    for key, px in (("bid", bid), ("ask", ask)):
        if not is_valid_price(px, market.listing.spec.sz_decimals):
            raise ControlError(f"{key} = {px}: not on the tick of {market.listing.coin}")
    if oracle <= 0 or bid >= ask:
        raise ControlError(f"oracle {oracle}, bid {bid}, ask {ask}: expected oracle > 0 and bid < ask")
    touch_sz = _number(command, "size") if command.get("size") is not None else None
    if touch_sz is not None and not is_valid_size(touch_sz, market.listing.spec.sz_decimals):
        raise ControlError(f"size = {touch_sz}: not on the lot of {market.listing.coin}")
    market.pin(oracle, bid, ask, touch_sz)
    exchange.venue.touched[market.listing.coin] = None


def _release(exchange: Exchange, command: Json, now_ms: int) -> None:
    _market(exchange, command).release(now_ms)


def _fault(exchange: Exchange, command: Json, now_ms: int) -> None:
    allowed = ("do", "name", "count", "for_ms", "address", "ms", *_FAULT_TEXTS, *_FAULT_NUMBERS, "channels", "changes")
    unknown = [key for key in command if key not in allowed]
    if unknown:
        raise ControlError(f"fault: unknown field {unknown[0]!r}; allowed: {', '.join(allowed[1:])}")
    numbers: dict[str, int] = {}
    for key in ("count", "for_ms", "ms"):
        value = command.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ControlError(f"fault: {key} = {value!r}: expected an integer of 1 or more")
        numbers[key] = value
    settings: Json = {key: str(command[key]) for key in _FAULT_TEXTS if key in command}
    for key in _FAULT_NUMBERS:
        if key in command:
            if not isinstance(command[key], int) or isinstance(command[key], bool):
                raise ControlError(f"fault: {key} = {command[key]!r}: expected an integer")
            settings[key] = command[key]
    if "changes" in command:
        settings["changes"] = _changes(command["changes"])
    address = _address(command, "address") if command.get("address") is not None else None
    channels = command.get("channels", [])
    if not isinstance(channels, list):
        raise ControlError("fault: channels: expected a list of channel names")
    try:
        exchange.faults.add(
            str(command.get("name")),
            now_ms,
            count=numbers.get("count"),
            for_ms=numbers.get("for_ms"),
            address=address,
            ms=numbers.get("ms", 1_000),
            channels=tuple(str(c) for c in channels),
            **settings,
        )
    except FaultError as e:
        raise ControlError(str(e)) from None


def _changes(changes: Any) -> Json:
    """What change_spec changes; the fee scale is text in JSON."""
    if not isinstance(changes, dict):
        raise ControlError(f"fault: changes: expected an object with any of {', '.join(SPEC_CHANGES)}")
    return {key: _number(changes, key) if SPEC_CHANGES.get(key) is Decimal else value for key, value in changes.items()}


def _clear_faults(exchange: Exchange, command: Json, now_ms: int) -> None:
    exchange.faults.clear()


def _fund(exchange: Exchange, command: Json, now_ms: int) -> None:
    exchange.venue.fund(_address(command, "user"), _number(command, "usd"))


def _approve_agent(exchange: Exchange, command: Json, now_ms: int) -> None:
    user, agent = _address(command, "user"), _address(command, "agent")
    if user not in exchange.venue.accounts:
        raise ControlError(f"user {user}: not funded")
    if agent in exchange.venue.accounts or agent in exchange.venue.agents:
        raise ControlError(f"agent {agent}: already used")
    exchange.venue.approve_agent(user, agent, str(command.get("name", "agent")))


def _pause_market(exchange: Exchange, command: Json, now_ms: int) -> None:
    exchange.is_paused = True


def _resume_market(exchange: Exchange, command: Json, now_ms: int) -> None:
    exchange.is_paused = False


def _list_faults(exchange: Exchange, command: Json, now_ms: int) -> Json:
    return {"faults": dict(FAULTS), "inForce": exchange.faults.in_force()}


def _market(exchange: Exchange, command: Json) -> CoinMarket:
    coin = command.get("coin")
    market = exchange.venue.markets.get(str(coin))
    if market is None:
        raise ControlError(f"coin = {coin!r}: not listed; known: {', '.join(exchange.venue.markets)}")
    if market.listing.spec.is_delisted:
        raise ControlError(f"coin = {coin!r}: delisted")
    return market


def _number(command: Json, key: str) -> Decimal:
    value = command.get(key)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise ControlError(f"{key} = {value!r}: expected a number")


def _address(command: Json, key: str) -> str:
    value = command.get(key)
    if not isinstance(value, str) or ADDRESS.fullmatch(value) is None:
        raise ControlError(f"{key} = {value!r}: expected an address (0x and 40 hex digits)")
    return value.lower()


_COMMANDS: dict[str, Callable[[Exchange, Json, int], Json | None]] = {
    "truth": _truth,
    "set_price": _set_price,
    "release": _release,
    "fault": _fault,
    "clear_faults": _clear_faults,
    "list_faults": _list_faults,
    "fund": _fund,
    "approve_agent": _approve_agent,
    "pause_market": _pause_market,
    "resume_market": _resume_market,
}

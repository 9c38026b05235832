"""Commands of /control: what a test or an operator of the simulator can ask for and no client of the real venue ever could.

Each command names its fields; a wrong one is answered with what is allowed, never ignored. What is about connections
and files belongs to the server.

Issue 2 part 3.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from core.model.rounding import is_valid_price, is_valid_size, round_price
from core.sim.admission import ADDRESS
from core.sim.fault_list import FAULTS, SETTINGS, SPEC_CHANGES, FaultError, check_settings
from core.sim.market import CoinMarket
from core.sim.truth import truth
from core.sim.wire import Json

if TYPE_CHECKING:
    from core.sim.exchange import Exchange


SERVER_COMMANDS = ("drop_connections", "save", "load")
"""Belong to the server, which holds the connections and knows the file."""


_MOST_DIGITS = 15
"""Before or behind the point; within what every sum of the exchange keeps exactly."""


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
        allowed = ", ".join((*_COMMANDS, *SERVER_COMMANDS))
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


def _hold(exchange: Exchange, command: Json, now_ms: int) -> None:
    """Pin a coin where its book stands now, with the oracle so many bps above."""
    market = _market(exchange, command)
    bps = command.get("bps", 0)
    setting = SETTINGS["bps"]
    if not isinstance(bps, int) or isinstance(bps, bool) or not setting.low <= bps <= setting.high:
        raise ControlError(f"bps = {bps!r}: expected an integer, {setting.low} to {setting.high}")
    bid, ask = market.touch(True), market.touch(False)
    if bid is None or ask is None:
        raise ControlError(f"coin = {market.listing.coin!r}: a side of its book is empty, so there is nothing to hold")
    oracle = round_price((bid.px + ask.px) / 2 * (10_000 + bps) / 10_000, False, market.listing.spec.sz_decimals)
    prices = {"oracle": oracle, "bid": bid.px, "ask": ask.px, "size": command.get("size")}
    _set_price(exchange, {"coin": market.listing.coin, **prices}, now_ms)


def _release(exchange: Exchange, command: Json, now_ms: int) -> None:
    _market(exchange, command).release(now_ms)


def _fault(exchange: Exchange, command: Json, now_ms: int) -> None:
    settings = {key: value for key, value in command.items() if key not in ("do", "name") and value is not None}
    if "address" in settings:
        settings["address"] = _address(command, "address")
    if "changes" in settings:
        settings["changes"] = _changes(settings["changes"])
    for key in ("channels", "requests"):
        if isinstance(settings.get(key), list):
            settings[key] = tuple(settings[key])
    try:
        check_settings(str(command.get("name")), settings)
        exchange.faults.add(str(command.get("name")), now_ms, **settings)
    except FaultError as e:
        raise ControlError(f"fault {e}") from None


def _changes(changes: Any) -> Any:
    """What change_spec changes; the fee scale is text in JSON."""
    if not isinstance(changes, dict):
        return changes
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
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS:
            return number
    raise ControlError(f"{key} = {str(value)[:60]!r}: expected a number of at most {_MOST_DIGITS} digits")


def _address(command: Json, key: str) -> str:
    value = command.get(key)
    if not isinstance(value, str) or ADDRESS.fullmatch(value) is None:
        raise ControlError(f"{key} = {value!r}: expected an address (0x and 40 hex digits)")
    return value.lower()


_COMMANDS: dict[str, Callable[[Exchange, Json, int], Json | None]] = {
    "truth": _truth,
    "set_price": _set_price,
    "hold": _hold,
    "release": _release,
    "fault": _fault,
    "clear_faults": _clear_faults,
    "list_faults": _list_faults,
    "fund": _fund,
    "approve_agent": _approve_agent,
    "pause_market": _pause_market,
    "resume_market": _resume_market,
}

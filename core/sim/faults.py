"""What can be made to go wrong on purpose, by name, how often, how long and for whom.

Holds the faults that were asked for and answers "does this one strike now?". Strikes nobody itself: those that change the venue's answers
are asked for by the exchange, those that move a market by core.sim.trouble, those that lose, delay or cut by the server. Easy to get
wrong: a fault with a count is used up by striking, so it is asked for once, exactly where it acts.

PROTOCOL 14 (faults worth simulating), LESSONS; issue 3 part 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

SPEC_CHANGES: dict[str, type] = {
    "sz_decimals": int,
    "max_leverage": int,
    "index": int,
    "growth_mode": bool,
    "is_delisted": bool,
    "deployer_fee_scale": Decimal,
}
"""What change_spec can change of a market, and what it is."""


class FaultError(ValueError):
    """A fault that does not exist or does not take these settings; the text lists what is allowed."""


FAULTS: dict[str, str] = {
    # on the way between client and venue
    "lose_request": "an action never reaches the venue and is never answered",
    "lose_reply": "an action is executed, its reply is lost",
    "late_reply": "an action's reply comes `ms` later",
    "drop_after_execution": "an action is executed, then the connection is cut before the reply",
    # what the venue tells
    "silent_channels": "subscriptions deliver nothing (of `channels`, by the name their frames bear; default all) while pong still works",
    "mute_order_updates": "orderUpdates frames are not sent",
    "duplicate_snapshot": "the snapshot of an account channel is sent twice on subscribe",
    "duplicate_frames": "a live frame of an account channel is sent twice",
    "fill_delay": "a frame of fills comes `ms` after its trade, the order update at once",
    "skip_fill_frame": "a frame of fills is never sent; info knows the fills",
    "odd_status": "an order that ended is told with the status `text`, which nobody knows; its fate is what it is",
    # what the venue answers
    "unknown_oid_once": "orderStatus answers unknownOid although the order exists",
    "empty_clearinghouse_once": "clearinghouseState answers an empty account",
    "stale_open_orders": "openOrders answers what was true `ms` ago",
    "stale_clearinghouse": "clearinghouseState answers what was true `ms` ago",
    "info_down": "info requests fail with HTTP 502",
    # what the venue refuses
    "post_only": "orders other than Alo are refused as after a network upgrade",
    "reject_all": "every order is refused with `text`; with level = action the whole action is",
    "collapse_batch": "orders are not executed and answered by one error for all, `text`; with level = action as a refused action",
    "duplicate_nonce": "an action is refused as if its nonce were used up, although it is new",
    "rate_limited": "the request budget counts as used up: one action per 10 s, and userRateLimit says so",
    # what happens to orders and markets (of one `coin`; default every market that moves)
    "thin_book": "an IOC finds only `percent` of its size, rounded to lots",
    "halt": "nothing trades: the book is empty and orders are refused",
    "one_sided": "all quotes of `side` (bids, asks) are gone",
    "spread_shock": "the spread is `factor` times the usual one",
    "price_gap": "oracle and book jump by `bps` at once",
    "change_spec": "the rules of `coin` change for good, by `changes`: " + ", ".join(SPEC_CHANGES),
}

_ONE_BY_DEFAULT = frozenset(
    {
        "lose_request",
        "lose_reply",
        "late_reply",
        "drop_after_execution",
        "unknown_oid_once",
        "empty_clearinghouse_once",
        "duplicate_snapshot",
        "duplicate_frames",
        "fill_delay",
        "skip_fill_frame",
        "odd_status",
        "stale_open_orders",
        "stale_clearinghouse",
        "collapse_batch",
        "duplicate_nonce",
        "thin_book",
        "price_gap",
        "change_spec",
    }
)
_LASTING = frozenset({"halt", "one_sided", "spread_shock", "rate_limited"})
"""In force for a time; a count would mean nothing."""

_WITH_COIN = frozenset({"thin_book", "halt", "one_sided", "spread_shock", "price_gap", "change_spec"})
_WITH_LEVEL = frozenset({"reject_all", "collapse_batch"})
_TEXTS = {
    "reject_all": "Rejected by the simulator's fault.",
    "odd_status": "holdingPattern",
    "collapse_batch": "Order has invalid size.",
}
_MOST_BPS = 5_000
_MOST_FACTOR = 100


class Fault(Struct, eq=False, kw_only=True):
    """One wish for trouble."""

    name: str
    left: int | None
    """How often it still strikes; None: until its time is over or it is cleared."""
    until_ms: int | None
    address: str | None
    """Only this user; None: everybody."""
    coin: str | None = None
    """Only this market; None: every one that moves."""
    ms: int = 1_000
    text: str = ""
    level: str = "order"
    channels: tuple[str, ...] = ()
    percent: int = 50
    side: str = "bids"
    factor: int = 5
    bps: int = 100
    changes: Mapping[str, Any] = {}

    def is_over(self, now_ms: int) -> bool:
        return self.until_ms is not None and now_ms >= self.until_ms

    def spares(self, user: str | None, coin: str | None) -> bool:
        """Whether it leaves this user and market alone."""
        return (self.address is not None and self.address != user) or (self.coin is not None and self.coin != coin)


class FaultBoard:
    """The faults in force."""

    def __init__(self, coins: Container[str] | None = None) -> None:
        """
        Args:
            coins: Those a fault may name; None: any.
        """
        self._coins = coins
        self._faults: list[Fault] = []
        self.struck: Counter[str] = Counter()
        """How often each has made a difference; of a lasting one, how often somebody found it in force."""

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(
        self,
        name: str,
        now_ms: int,
        *,
        count: int | None = None,
        for_ms: int | None = None,
        address: str | None = None,
        **settings: Any,
    ) -> Fault:
        """Put a fault in force.

        Args:
            count: How often it strikes. Default: once for faults of a single event, else without limit.
            for_ms: How long it stays in force. Default: until cleared.
            address: The one user it strikes. Default: all.
            settings: Other fields of Fault, of their type.

        Raises:
            FaultError: No such fault, or settings it does not take.
        """
        if name not in FAULTS:
            raise FaultError(f"fault {name!r} does not exist; allowed: {', '.join(FAULTS)}")
        if count is None and for_ms is None and name in _ONE_BY_DEFAULT:
            count = 1
        settings.setdefault("text", _TEXTS.get(name, ""))
        fault = Fault(
            name=name,
            left=count,
            until_ms=None if for_ms is None else now_ms + for_ms,
            address=None if address is None else address.lower(),
            **settings,
        )
        self._check(fault)
        self._faults = [f for f in self._faults if not f.is_over(now_ms)]
        self._faults.append(fault)
        return fault

    def _check(self, fault: Fault) -> None:
        name = fault.name
        if fault.level not in ("order", "action"):
            raise FaultError(f"level {fault.level!r}: allowed are order, action")
        if fault.level == "action" and name not in _WITH_LEVEL:
            raise FaultError(f"level {fault.level!r}: only {', '.join(sorted(_WITH_LEVEL))} have it")
        if fault.left is not None and name in _LASTING:
            raise FaultError(f"count {fault.left}: {name} lasts for_ms, or until cleared")
        if fault.coin is not None and name not in _WITH_COIN:
            raise FaultError(f"coin {fault.coin!r}: only {', '.join(sorted(_WITH_COIN))} have it")
        if fault.coin is not None and self._coins is not None and fault.coin not in self._coins:
            raise FaultError(f"coin {fault.coin!r}: not listed")
        if fault.side not in ("bids", "asks"):
            raise FaultError(f"side {fault.side!r}: allowed are bids, asks")
        for key, value, low, high in (
            ("percent", fault.percent, 1, 100),
            ("factor", fault.factor, 1, _MOST_FACTOR),
            ("bps", fault.bps, -_MOST_BPS, _MOST_BPS),
        ):
            if not low <= value <= high:
                raise FaultError(f"{key} {value}: expected {low} to {high}")
        if name == "change_spec":
            self._check_changes(fault)

    def _check_changes(self, fault: Fault) -> None:
        if fault.coin is None or not fault.changes:
            raise FaultError("change_spec: expected a coin and changes")
        for key, value in fault.changes.items():
            kind = SPEC_CHANGES.get(key)
            if kind is None:
                raise FaultError(f"changes: {key!r}: allowed are {', '.join(SPEC_CHANGES)}")
            if type(value) is not kind:
                raise FaultError(f"changes: {key} = {value!r}: expected {kind.__name__}")

    def clear(self) -> None:
        self._faults.clear()

    def strike(
        self, name: str, now_ms: int, user: str | None = None, level: str = "order", coin: str | None = None
    ) -> Fault | None:
        """Use one stroke of a fault, if one is in force for this user and market (and, of those that have one, at this level)."""
        if not self._faults:
            return None
        fault = self.peek(name, now_ms, user, level, coin)
        if fault is None:
            return None
        self.struck[name] += 1
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                self._faults.remove(fault)
        return fault

    def peek(
        self, name: str, now_ms: int, user: str | None = None, level: str = "order", coin: str | None = None
    ) -> Fault | None:
        """The fault that would strike; uses up nothing."""
        assert name in FAULTS, name
        for fault in self._faults:
            if fault.name != name or fault.level != level or fault.is_over(now_ms) or fault.spares(user, coin):
                continue
            return fault
        return None

    def lasting(self, now_ms: int) -> Iterator[Fault]:
        """Those that hold a market or an account in a state while they are in force."""
        for fault in self._faults:
            if fault.name in _LASTING and not fault.is_over(now_ms):
                self.struck[fault.name] += 1
                yield fault

    def take(self, name: str, now_ms: int) -> list[Fault]:
        """One stroke of every fault of this name, whatever its user and market."""
        due = [f for f in self._faults if f.name == name and not f.is_over(now_ms)]
        for fault in due:
            self.struck[name] += 1
            if fault.left is not None:
                fault.left -= 1
        self._faults = [f for f in self._faults if f.left != 0]
        return due

    def silences(self, channel: str, now_ms: int, user: str | None) -> bool:
        """Whether frames of a channel are held back."""
        for fault in self._faults:
            if fault.is_over(now_ms) or fault.spares(user, None):
                continue
            if (fault.name == "silent_channels" and (not fault.channels or channel in fault.channels)) or (
                fault.name == "mute_order_updates" and channel == "orderUpdates"
            ):
                self.struck[fault.name] += 1
                return True
        return False

    def in_force(self) -> list[dict[str, object]]:
        return [{"name": f.name, "left": f.left, "until_ms": f.until_ms, "address": f.address} for f in self._faults]

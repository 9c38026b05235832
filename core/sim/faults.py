"""What can be made to go wrong on purpose, by name, how often, how long and for whom.

Holds the faults that were asked for and answers "does this one strike now?". Strikes nobody itself: those that change the venue's answers
are asked for by the exchange, those that move a market by core.sim.trouble, those that lose, delay or cut by the server. Easy to get
wrong: a fault with a count is used up by striking, so it is asked for once, exactly where it acts.

PROTOCOL 14 (faults worth simulating), LESSONS; issue 3 part 2. What there is and what each takes: core.sim.fault_list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping
from typing import Any

from msgspec import Struct

from core.sim.fault_list import DEFAULTS, DEX_READS, FAULTS, KINDS, SPEC_CHANGES, FaultError, Lasts, check_settings

HTTP_FAILURES: dict[str, tuple[int, str]] = {
    "http_429": (429, "Too Many Requests"),
    "http_502": (502, "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"),
    "http_500": (500, "null"),
}
"""Status and body. The venue's body of a 429 is not published; any text is as good."""

MOST_FAULTS = 1_000
"""In force at one time; each is looked at for every message."""

_LASTING = frozenset({"halt", "one_sided", "spread_shock", "rate_limited"})
"""Those that hold a market or an account in a state."""


class Fault(Struct, eq=False, kw_only=True):
    """One wish for trouble."""

    name: str
    left: int | None
    """How often it still strikes; None: until its time is over or it is cleared."""
    from_ms: int
    until_ms: int | None
    address: str | None
    """Only this user; None: everybody."""
    coin: str | None = None
    """Only this market; None: every one that moves."""
    ms: int = DEFAULTS["ms"]
    text: str = ""
    level: str = DEFAULTS["level"]
    road: str = DEFAULTS["road"]
    executed: bool = DEFAULTS["executed"]
    channels: tuple[str, ...] = DEFAULTS["channels"]
    percent: int = DEFAULTS["percent"]
    side: str = DEFAULTS["side"]
    factor: int = DEFAULTS["factor"]
    bps: int = DEFAULTS["bps"]
    changes: Mapping[str, Any] = {}
    dex: str | None = None
    answer: str = DEFAULTS["answer"]
    requests: tuple[str, ...] = DEFAULTS["requests"]
    again_ms: int = 0
    """Of those that strike by themselves: not before."""

    def is_over(self, now_ms: int) -> bool:
        return self.until_ms is not None and now_ms >= self.until_ms

    def is_on(self, now_ms: int) -> bool:
        """Begun and not over."""
        return now_ms >= self.from_ms and (self.until_ms is None or now_ms < self.until_ms)

    def spares(self, user: str | None, coin: str | None) -> bool:
        """Whether it leaves this user and market alone."""
        return (self.address is not None and self.address != user) or (self.coin is not None and self.coin != coin)


class FaultBoard:
    """The faults in force."""

    def __init__(self, coins: Container[str] | None = None, dexes: Collection[str] | None = None) -> None:
        """
        Args:
            coins: Those a fault may name; None: any.
            dexes: The same for dexes.
        """
        self._coins = coins
        self._dexes = dexes
        self._faults: list[Fault] = []
        self._names: dict[str, None] = {}
        """Of all that were ever asked for since the board was last cleared."""
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
        after_ms: int | None = None,
        address: str | None = None,
        **settings: Any,
    ) -> Fault:
        """Put a fault in force.

        Args:
            count: How often it strikes. Default: once for faults of a single event, else without limit.
            for_ms: How long it stays in force. Default: until cleared.
            after_ms: How long from now it begins. Default: now.
            address: The one user it strikes. Default: all.
            settings: Other fields of Fault, of their type.

        Raises:
            FaultError: No such fault, settings it does not take, or too many in force.
        """
        common = {"count": count, "for_ms": for_ms, "after_ms": after_ms, "address": address}
        check_settings(name, {**{k: v for k, v in common.items() if v is not None}, **settings})
        coin = settings.get("coin")
        if coin is not None and self._coins is not None and coin not in self._coins:
            raise FaultError(f"{name}: coin = {coin!r}: not listed")
        dex = settings.get("dex")
        if dex is not None and self._dexes is not None and dex not in self._dexes:
            raise FaultError(f"{name}: dex = {dex!r}: allowed are {', '.join(map(repr, self._dexes))}")
        self._faults = [f for f in self._faults if not f.is_over(now_ms)]
        if len(self._faults) >= MOST_FAULTS:
            raise FaultError(f"{name}: {MOST_FAULTS} faults are in force already; clear them first")
        kind = KINDS[name]
        if count is None and for_ms is None and kind.lasts is Lasts.ONCE:
            count = 1
        settings.setdefault("text", kind.text)
        from_ms = now_ms + (after_ms or 0)
        fault = Fault(
            name=name,
            left=count,
            from_ms=from_ms,
            until_ms=None if for_ms is None else from_ms + for_ms,
            address=None if address is None else address.lower(),
            **settings,
        )
        self._faults.append(fault)
        self._names[name] = None
        return fault

    def clear(self) -> None:
        self._faults.clear()
        self._names.clear()

    def strike(
        self, name: str, now_ms: int, user: str | None = None, level: str = "order", coin: str | None = None
    ) -> Fault | None:
        """Use one stroke of a fault, if one is in force for this user and market (and, of those that have one, at this level)."""
        if not self._faults:
            return None
        fault = self.peek(name, now_ms, user, level, coin)
        if fault is not None:
            self._use(fault)
        return fault

    def _use(self, fault: Fault) -> None:
        self.struck[fault.name] += 1
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                self._faults.remove(fault)

    def peek(
        self, name: str, now_ms: int, user: str | None = None, level: str = "order", coin: str | None = None
    ) -> Fault | None:
        """The fault that would strike; uses up nothing."""
        assert name in FAULTS, name
        for fault in self._faults:
            if fault.name != name or fault.level != level or not fault.is_on(now_ms) or fault.spares(user, coin):
                continue
            return fault
        return None

    def lasting(self, now_ms: int) -> Iterator[Fault]:
        """Those that hold a market or an account in a state while they are in force."""
        if _LASTING.isdisjoint(self._names):
            return
        for fault in self._faults:
            if fault.name in _LASTING and fault.is_on(now_ms):
                self.struck[fault.name] += 1
                yield fault

    def take(self, name: str, now_ms: int) -> list[Fault]:
        """One stroke of every fault of this name, whatever its user and market."""
        if name not in self._names:
            return []  # asked for in every block
        due = [f for f in self._faults if f.name == name and f.is_on(now_ms)]
        for fault in due:
            self.struck[name] += 1
            if fault.left is not None:
                fault.left -= 1
        self._faults = [f for f in self._faults if f.left != 0]
        return due

    def strikes_by_itself(self, name: str, now_ms: int) -> bool:
        """Whether a fault that needs no occasion strikes now: at once, and again every `ms`."""
        if not self._faults:
            return False
        fault = self.peek(name, now_ms)
        if fault is None or now_ms < fault.again_ms:
            return False
        fault.again_ms = now_ms + fault.ms
        self._use(fault)
        return True

    def strike_request(self, now_ms: int, road: str) -> Fault | None:
        """The HTTP failure that strikes a request to `info` or `exchange`, if any does."""
        for fault in self._faults:
            if fault.name in HTTP_FAILURES and fault.road in ("both", road) and fault.is_on(now_ms):
                self._use(fault)
                return fault
        return None

    def strike_dex_read(self, request: Mapping[str, Any], now_ms: int) -> Fault | None:
        """The failure that strikes an info request about one dex, if any does; one without a dex is about the main one."""
        if "dex_reads_fail" not in self._names or request["type"] not in DEX_READS:
            return None
        dex, user = request.get("dex") or "", request.get("user")
        user = user.lower() if isinstance(user, str) else None
        for fault in self._faults:
            if fault.name == "dex_reads_fail" and fault.dex == dex and fault.is_on(now_ms):
                if fault.spares(user, None) or (fault.requests and request["type"] not in fault.requests):
                    continue
                self._use(fault)
                return fault
        return None

    def strike_frame(self, name: str, channel: str, now_ms: int, user: str | None) -> Fault | None:
        """The same as `strike`, for faults of some `channels`."""
        for fault in self._faults:
            if fault.name == name and fault.is_on(now_ms) and not fault.spares(user, None):
                if fault.channels and channel not in fault.channels:
                    continue
                self._use(fault)
                return fault
        return None

    def silences(self, channel: str, now_ms: int, user: str | None) -> bool:
        """Whether frames of a channel are held back."""
        for fault in self._faults:
            if not fault.is_on(now_ms) or fault.spares(user, None):
                continue
            if (fault.name == "silent_channels" and (not fault.channels or channel in fault.channels)) or (
                fault.name == "mute_order_updates" and channel == "orderUpdates"
            ):
                self._use(fault)
                return True
        return False

    def in_force(self) -> list[dict[str, object]]:
        return [{"name": f.name, "left": f.left, "until_ms": f.until_ms, "address": f.address} for f in self._faults]


__all__ = ["FAULTS", "HTTP_FAILURES", "SPEC_CHANGES", "Fault", "FaultBoard", "FaultError"]

"""What one IP may ask of the simulated exchange: request weight, connections and messages, each per minute or at a time.

Counts and answers yes or no; how a refusal looks is for the server to say. What is counted over subscriptions, users and unanswered posts
belongs to the feed, which knows them (core.sim.feed). Easy to get wrong: what an answer's length adds is charged after the answer, when it
cannot be refused any more, so a window may be fuller than its limit; and a connection that was refused counts among the new ones too.

PROTOCOL 9.1, 9.2.
"""

from __future__ import annotations

from typing import Any

from core.runtime.rate_window import RateWindow

WEIGHT_PER_MINUTE = 1_200
MAX_CONNECTIONS = 10
NEW_CONNECTIONS_PER_MINUTE = 30
MESSAGES_PER_MINUTE = 2_000

_MOST_IPS = 1_000
"""Beyond it the counts of those that have nothing open are forgotten."""

_LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
_PER_20_ITEMS = frozenset(
    {
        "recentTrades",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "userNonFundingLedgerUpdates",
        "twapHistory",
        "userTwapSliceFills",
        "userTwapSliceFillsByTime",
        "delegatorHistory",
        "delegatorRewards",
    }
)


def info_weight(request: Any) -> int:
    """What an info request costs, before what its answer adds."""
    kind = request.get("type") if isinstance(request, dict) else None
    if kind == "userRole":
        return 60
    return 2 if isinstance(kind, str) and kind in _LIGHT else 20


def answer_weight(request: Any, body: Any) -> int:
    """What the length of its answer adds."""
    if not isinstance(body, list):
        return 0
    if request["type"] == "candleSnapshot":
        return len(body) // 60
    return len(body) // 20 if request["type"] in _PER_20_ITEMS else 0


def action_weight(items: int) -> int:
    """What an action with so many orders or cancels costs."""
    return 1 + items // 40


class _Ip:
    """The counts of one IP."""

    def __init__(self) -> None:
        self.weight = RateWindow(WEIGHT_PER_MINUTE)
        self.new_connections = RateWindow(NEW_CONNECTIONS_PER_MINUTE)
        self.messages = RateWindow(MESSAGES_PER_MINUTE)
        self.connections = 0


class IpLimits:
    """All IPs."""

    def __init__(self, *, are_enforced: bool) -> None:
        self.are_enforced = are_enforced
        self._ips: dict[str, _Ip] = {}

    def spend(self, ip: str, weight: int, now_ms: int) -> bool:
        """Take the weight of a request, if it is left."""
        return not self.are_enforced or self._of(ip).weight.try_take(now_ms, weight)

    def add(self, ip: str, weight: int, now_ms: int) -> None:
        """Charge what an answer added."""
        if self.are_enforced and weight:
            self._of(ip).weight.take(now_ms, weight)

    def message(self, ip: str, now_ms: int) -> bool:
        """Whether one more frame of a client is heard."""
        return not self.are_enforced or self._of(ip).messages.try_take(now_ms)

    def connect(self, ip: str, now_ms: int) -> bool:
        """Whether one more connection is let in. If so, `disconnect` must follow."""
        if not self.are_enforced:
            return True
        counts = self._of(ip)
        if not counts.new_connections.try_take(now_ms) or counts.connections >= MAX_CONNECTIONS:
            return False
        counts.connections += 1
        return True

    def disconnect(self, ip: str) -> None:
        if self.are_enforced:
            counts = self._ips[ip]
            assert counts.connections > 0, ip
            counts.connections -= 1

    def _of(self, ip: str) -> _Ip:
        counts = self._ips.get(ip)
        if counts is None:
            if len(self._ips) >= _MOST_IPS:
                self._ips = {known: c for known, c in self._ips.items() if c.connections}
            counts = self._ips[ip] = _Ip()
        return counts

"""TradingReadyChecker: the four conditions of READY-TRADING. Each can fall back, and a disconnect takes all of them.

It only joins what the others know; it never asks for anything itself.

SPEC 7; plan 3.4.
"""

from __future__ import annotations

from core.messages.snapshot import ReadyView


class TradingReadyChecker:
    """Conditions that hold per dex are complete when every configured dex has given its answer since the connection came up."""

    def __init__(self, dexes: tuple[str, ...]) -> None:
        self._dexes = dexes
        self._acks: set[str] = set()
        self._order_dexes: set[str] = set()
        self._position_dexes: set[str] = set()
        self._fills = False
        self.stale_dexes: tuple[str, ...] = ()
        """Dexes whose positions have not been read for too long."""
        self._bootstrap: dict[str, bool] = {}
        self.md_missing: tuple[str, ...] = ("market data",)
        self.reset()

    def reset(self) -> None:
        """The connection is gone: nothing that was known of the account is known any more."""
        self._acks.clear()
        self._order_dexes.clear()
        self._position_dexes.clear()
        self._fills = False
        self.stale_dexes = ()
        self._bootstrap = {"fees": False, "budget": False, "clock": False, "role": False}
        self.md_missing = ("market data",)

    def on_subscribed(self, channel: str) -> None:
        self._acks.add(channel)

    def on_open_orders(self, dex: str) -> None:
        self._order_dexes.add(dex)

    def on_fills_snapshot(self) -> None:
        self._fills = True

    def on_positions(self, dex: str) -> None:
        self._position_dexes.add(dex)

    def on_bootstrap(self, what: str) -> None:
        """One of the reads that must have happened once per connection: fees, budget, clock, role."""
        assert what in self._bootstrap, what
        self._bootstrap[what] = True

    @property
    def md_ready(self) -> bool:
        return not self.md_missing

    @property
    def order_snapshot(self) -> bool:
        # orderUpdates has no snapshot of its own: its ack plus openOrders of each dex stand in for one (L02).
        return "orderUpdates" in self._acks and self._order_dexes.issuperset(self._dexes)

    @property
    def fills_snapshot(self) -> bool:
        return self._fills

    @property
    def silent_channels(self) -> tuple[str, ...]:
        """Channels of the account that have not said what they say first."""
        return tuple(
            name
            for name, spoke in (("orderUpdates", "orderUpdates" in self._acks), ("userFills", self._fills))
            if not spoke
        )

    @property
    def account_read(self) -> bool:
        """What the account holds and has resting is known. A clock that is off, or fees that nobody told, do not make it less so."""
        return self._positions_read and self.order_snapshot

    @property
    def _positions_read(self) -> bool:
        return self._position_dexes.issuperset(self._dexes) and not self.stale_dexes

    @property
    def position_synced(self) -> bool:
        return self._positions_read and all(self._bootstrap.values())

    def dex_synced(self, dex: str) -> bool:
        return dex in self._position_dexes

    @property
    def is_ready(self) -> bool:
        return self.md_ready and self.order_snapshot and self.fills_snapshot and self.position_synced

    def view(self) -> ReadyView:
        missing = list(self.md_missing)
        if not self.order_snapshot:
            waiting = [_dex_name(d) for d in self._dexes if d not in self._order_dexes]
            missing.append("open orders of " + ", ".join(waiting) if waiting else "orderUpdates ack")
        if not self.fills_snapshot:
            missing.append("fills snapshot")
        if not self.position_synced:
            waiting = [_dex_name(d) for d in self._dexes if d not in self._position_dexes or d in self.stale_dexes]
            waiting_reads = [name for name, done in self._bootstrap.items() if not done]
            missing.append(
                "positions of " + ", ".join(waiting) if waiting else "reads outstanding: " + ", ".join(waiting_reads)
            )
        return ReadyView(
            md_ready=self.md_ready,
            order_snapshot=self.order_snapshot,
            fills_snapshot=self.fills_snapshot,
            position_synced=self.position_synced,
            missing=tuple(missing),
            positions_read=self._positions_read,
        )


def _dex_name(dex: str) -> str:
    return dex or "main dex"

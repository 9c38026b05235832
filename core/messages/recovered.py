"""What an earlier run left on disk, handed to the engine when it is made."""

from __future__ import annotations

from msgspec import Struct

from core.messages.effects import LatchState, RiskCounters
from core.model.position import FillKey


class Recovered(Struct, frozen=True):
    """Defaults are those of a first start."""

    run_id: int = 1
    last_nonce: int = 0
    latch: LatchState = LatchState()
    counters: RiskCounters = RiskCounters()
    seen_fills: frozenset[FillKey] = frozenset()
    """Keys of fills already counted; asked for membership only, never walked."""
    opened_by: dict[str, str] = {}
    """Cloids of entries of earlier runs whose trade has not ended -> correlation id: what those runs left open keeps its story."""
    seen_funding: frozenset[tuple[str, int]] = frozenset()
    """Market and time of payments already counted; asked for membership only."""
    journal_since_ms: int | None = None
    """From this time on a fill that the journal does not know is news, not history. None: this is the journal's first run."""
    unclean: bool = False
    """The last run did not end in an orderly stop."""
    stopped_from_outside: str = ""
    """Who stopped this account after that run, and what came of it; empty if nobody did. The latch is tripped then."""

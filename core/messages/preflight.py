"""What was found before trading begins, and the operator's word on it. Frozen; made once a try, kept in the audit trail in one line.

Easy to get wrong: what could not be read is a failed check, never a passed one.

SPEC 9 (preflight).
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Protocol

from msgspec import Struct

from core.model.market import MarketKey

WORD = "REAL MONEY"
"""What is typed before anything is sent under mainnet's rules."""


class Verdict(Enum):
    PASS = "PASS"
    WARN = "WARN"
    """Trading may begin, if the operator has seen it."""
    FAIL = "FAIL"
    """Trading does not begin."""


class Check(Struct, frozen=True):
    name: str
    value: str
    """What was found."""
    limit: str
    """What it is held against."""
    verdict: Verdict
    remedy: str = ""
    """What to do about it, where that is not obvious."""


class FoundOrder(Struct, frozen=True):
    """Open already, so not of this run."""

    market: MarketKey
    oid: int
    side: str
    size: Decimal
    price: Decimal
    is_ours: bool
    """Of an earlier run of this program."""


class FoundPosition(Struct, frozen=True):
    market: MarketKey
    signed_size: Decimal
    entry_price: Decimal
    is_configured: bool
    """Of a market that this config trades: the engine takes it over, its time stop included."""


class PreflightReport(Struct, frozen=True):
    at_ms: int
    network: str
    rules: str
    place: str
    """The URL."""
    account: str
    signer: str
    config_source: str
    checks: tuple[Check, ...]
    orders: tuple[FoundOrder, ...] = ()
    positions: tuple[FoundPosition, ...] = ()
    word: str = ""
    """What the operator must type to begin; empty: a plain yes is enough."""

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.verdict is Verdict.FAIL)

    @property
    def warned(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.verdict is Verdict.WARN)

    @property
    def may_begin(self) -> bool:
        return bool(self.checks) and not self.failed

    @property
    def summary(self) -> str:
        passed = len(self.checks) - len(self.failed) - len(self.warned)
        return f"{passed} checks passed, {len(self.warned)} warnings, {len(self.failed)} failed"


class Go(Struct, frozen=True):
    """Begin to trade."""

    who: str
    word: str = ""
    cancel_foreign: bool = False
    """Orders found open are to be cancelled; else they are left."""
    close_found: bool = False
    """Positions found open are to be closed at once; else those of markets in the config are taken over, and others left until a stop."""


class PreflightHandle(Protocol):
    """What the console may hold of it. Called from the console's thread; never blocks."""

    @property
    def report(self) -> PreflightReport | None:
        """The newest; None while it is being made."""
        ...

    @property
    def is_over(self) -> bool:
        """The word was taken; trading begins, or has begun."""
        ...

    def go(self, answer: Go) -> str:
        """Begin. Returns why not; empty when it is taken."""
        ...

    def again(self) -> None:
        """Look at everything once more."""
        ...

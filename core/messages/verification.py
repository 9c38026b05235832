"""What a verification found: ten checks, each with its verdict and the figures behind it.

PASS and FAIL are judged from what was measured, never from what was meant; a check that could not be measured is NOT RUN and says why.

SPEC 9 (verification); plan 3.5.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from msgspec import Struct


class Verdict(Enum):
    PASS = "PASS"
    FAIL = "FAIL"
    NOT_RUN = "NOT RUN"


class CheckResult(Struct, frozen=True):
    number: int
    name: str
    verdict: Verdict
    reason: str
    """What was measured, or why nothing was."""
    figures: tuple[tuple[str, str], ...] = ()


class VerificationReport(Struct, frozen=True):
    at_ms: int
    network: str
    rules: str
    place: str
    account: str
    signer: str
    market: str
    versions: tuple[tuple[str, str], ...]
    checks: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        return tuple(c for c in self.checks if c.verdict is Verdict.FAIL)


NAMES: dict[int, str] = {
    1: "connect and subscribe",
    2: "signature accepted",
    3: "IOC placed",
    4: "fill seen",
    5: "position equals clearinghouseState",
    6: "flatten",
    7: "time stop",
    8: "nonces monotone over 20 ticks",
    9: "inflight invariant under load",
    10: "failures and retries",
}


class VerificationHandle(Protocol):
    """The checks on the running program, as a screen may ask for them: core.runtime.verify_beside. Never waits."""

    @property
    def word(self) -> str:
        """To be typed before they begin; empty where none is asked for."""
        ...

    @property
    def market(self) -> str: ...

    @property
    def is_running(self) -> bool: ...

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Of the checks that are over, in their order; of the last time when none runs."""
        ...

    @property
    def end(self) -> str:
        """What became of the last time: where its summary lies, or why there is none. Empty before the first."""
        ...

    def begin(self, word: str) -> str:
        """Pause our own entries and begin. Returns why not, or an empty text."""
        ...

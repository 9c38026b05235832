"""A rehearsal as the console shows it: its story and time line, how far it has come, and how it was judged.

Decides nothing. Easy to get wrong: times count from READY, so until then nothing has begun, however long the program runs.

SPEC 11.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class DrillStep(Struct, frozen=True):
    """Something that happens at the exchange. ``say`` is what an operator is told; empty: it happens silently."""

    at_ms: int
    what: str
    """The command and its settings."""
    say: str
    since_start: bool
    """Counted from the program's start instead of READY."""


class DrillStory(Struct, frozen=True):
    """What a scenario file says."""

    source: str
    """The file."""
    name: str
    story: str
    length_ms: int
    markets: tuple[str, ...]
    steps: tuple[DrillStep, ...]
    """In the order in which they happen."""
    expects: tuple[str, ...]
    """How it must end, a line each."""


class DrillFinding(Struct, frozen=True):
    """One expectation, judged. ``passed`` None: nobody could tell."""

    expectation: str
    wanted: str
    found: str
    passed: bool | None


class DrillVerdict(Struct, frozen=True):
    """What came of it. Without findings it could not be judged, and ``trouble`` says why."""

    story: DrillStory
    findings: tuple[DrillFinding, ...]
    seconds: float
    folder: str
    """Journal and log of the program that was rehearsed."""
    trouble: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.findings) and all(finding.passed for finding in self.findings)


class DrillHandle(Protocol):
    """A rehearsal under way. Never waits."""

    @property
    def story(self) -> DrillStory: ...

    @property
    def elapsed_ms(self) -> int | None:
        """Since READY, by the program's clock; None before."""
        ...

"""A rehearsal made by hand: its story, its clock, its verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages.drill import DrillFinding, DrillStep, DrillStory, DrillVerdict

STORY = DrillStory(
    source="config/scenarios/stuck_flatten.toml",
    name="stuck flatten",
    story="A position is open and every order is refused, exits too, for longer than an exit may take. The program goes on trying, says that "
    "the exit failed, and stops for good: the latch trips while it is still trying.",
    length_ms=45_000,
    markets=("xyz:SNDK",),
    steps=(
        DrillStep(500, "fund usd=5", "", since_start=True),
        DrillStep(2_000, "hold coin=xyz:SNDK bps=80", "a gap opens, and a position with it", since_start=False),
        DrillStep(5_000, "fault name=reject_all for_ms=22000", "every order is refused", since_start=False),
        DrillStep(6_000, "hold coin=xyz:SNDK", "the gap is closed", since_start=False),
    ),
    expects=("flat at the end", "the hard stop trips, because of 'flatten'", "entries: 1"),
)
FINDINGS = (
    DrillFinding("flat", "yes", "yes", True),
    DrillFinding("latched", "yes", "latched: flatten of xyz:SNDK not done after 10 s", True),
    DrillFinding("longest position", "at least 15 and at most 35 s", "28.4 s", True),
)
PASSED = DrillVerdict(STORY, FINDINGS, 45.0, "state/drills/7")
FAILED = DrillVerdict(
    STORY, (*FINDINGS, DrillFinding("entries", "1", "3", False), DrillFinding("PnL", "at least -2 USD", "not known", None)), 45.0, "state/drills/7"
)  # fmt: skip


@dataclass
class FakeDrill:
    elapsed_ms: int | None = 5_400
    story: DrillStory = STORY

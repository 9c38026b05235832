"""Where a rehearsal stands on its time line.

SPEC 11.
"""

from __future__ import annotations

from core.messages.drill import DrillHandle, DrillStep
from hip3_tui.panes.picture import DrillNow


def drill_now(drill: DrillHandle) -> DrillNow:
    story, elapsed = drill.story, drill.elapsed_ms
    said = [step for step in story.steps if is_done(step, elapsed) and step.say]
    coming = next((step for step in story.steps if not is_done(step, elapsed)), None)
    next_in = None if coming is None or elapsed is None else coming.at_ms - elapsed
    return DrillNow(
        story.name,
        story.length_ms,
        elapsed,
        said[-1].say if said else "",
        next_in,
        "" if coming is None else coming.say,
    )


def is_done(step: DrillStep, elapsed_ms: int | None) -> bool:
    """Steps that count from the program's start were due before it was READY, or soon after: taken for done once it is."""
    return elapsed_ms is not None and (step.since_start or elapsed_ms >= step.at_ms)

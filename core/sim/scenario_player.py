"""When each step of a scenario is due, and when it is over.

Does nothing itself: it hands out steps, each once, and whoever has the exchange carries them out. Easy to get wrong: READY is the
program's own word where there is one; a stranger says nothing, so some time after the first sign of a client it is taken for ready.

Issue 4 part 5.
"""

from __future__ import annotations

from core.sim.scenario import Scenario, Step

READY_AFTER_MS = 10_000
"""From the first sign of a client that does not say when it is ready."""


class Player:
    """One performance of a scenario."""

    def __init__(self, scenario: Scenario, now_ms: int) -> None:
        self.scenario = scenario
        self._start_ms = now_ms
        self._heard_ms: int | None = None
        self.ready_ms: int | None = None
        """None: it has not begun."""
        self._left = sorted(scenario.steps, key=lambda step: step.at_s)

    def client_heard(self, now_ms: int) -> None:
        """Somebody is there: subscribed to an account, or acting."""
        if self._heard_ms is None:
            self._heard_ms = now_ms

    def ready(self, now_ms: int) -> None:
        """The program's own word; the first one counts."""
        if self.ready_ms is None:
            self.ready_ms = now_ms

    def due(self, now_ms: int) -> list[Step]:
        """The steps whose time has come, in the order of the file where they share a time. Each is handed out once."""
        if self.ready_ms is None and self._heard_ms is not None and now_ms >= self._heard_ms + READY_AFTER_MS:
            self.ready_ms = now_ms
        due = [step for step in self._left if self._is_due(step, now_ms)]
        if due:
            self._left = [step for step in self._left if step not in due]
        return due

    def _is_due(self, step: Step, now_ms: int) -> bool:
        since = self._start_ms if step.since == "start" else self.ready_ms
        return since is not None and now_ms >= since + step.at_s * 1000

    def elapsed_ms(self, now_ms: int) -> int | None:
        """Since READY."""
        return None if self.ready_ms is None else now_ms - self.ready_ms

    def is_over(self, now_ms: int) -> bool:
        return self.ready_ms is not None and now_ms >= self.ready_ms + self.scenario.length_s * 1000

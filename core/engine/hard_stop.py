"""HardStopLatch: tripped once, it stays until the operator resets it. The first reason and time are kept.

It only remembers. What a trip sets in motion is `Engine._trip`, one synchronous method, and the latch is on disk before anything else.

SPEC 8; plan 4.2.
"""

from __future__ import annotations

from core.messages.effects import LatchState


class HardStopLatch:
    def __init__(self, state: LatchState = LatchState()) -> None:
        self._state = state

    @property
    def state(self) -> LatchState:
        return self._state

    @property
    def tripped(self) -> bool:
        return self._state.tripped_at_ms is not None

    @property
    def reason(self) -> str:
        return self._state.reason

    @property
    def tripped_at_ms(self) -> int | None:
        return self._state.tripped_at_ms

    def trip(self, reason: str, now_ms: int) -> bool:
        """Close the latch. Returns False, and changes nothing, when it was closed already."""
        if self.tripped:
            return False
        self._state = LatchState(tripped_at_ms=now_ms, reason=reason)
        return True

    def reset(self) -> None:
        assert self.tripped, "reset of a latch that is not tripped"
        self._state = LatchState()

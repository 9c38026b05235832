"""Live frames kept back on purpose: all of them for a while, or one until the next has overtaken it.

Asks the fault board and keeps what it was given; nobody is told anything different, only later. Easy to get wrong: a frame that waits to be
overtaken must come in the end, also when no other follows.

PROTOCOL 6.6, 13 row 4 (no order between channels); issue 4 part 4.
"""

from __future__ import annotations

from msgspec import Struct

from core.sim.faults import FaultBoard
from core.sim.session import Session


class _Held(Struct, frozen=True, eq=False):
    due_ms: int
    sessions: tuple[Session, ...]
    text: str
    waits_for_next: bool


class HeldFrames:
    """What is kept back at the moment. One owner: the feed."""

    def __init__(self, faults: FaultBoard) -> None:
        self._faults = faults
        self._held: list[_Held] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def keeps(self, sessions: list[Session], channel: str, user: str | None, text: str, now_ms: int) -> bool:
        """Whether this frame is kept back; if so, it is not to be sent now."""
        fault = self._faults.strike_frame("reorder_frames", channel, now_ms, user)
        waits = fault is not None
        fault = fault or self._faults.strike_frame("delay_frames", channel, now_ms, user)
        if fault is None:
            return False
        self._held.append(_Held(now_ms + fault.ms, tuple(sessions), text, waits))
        return True

    def sent(self, sessions: list[Session], now_ms: int) -> None:
        """A frame went out: whatever waited to be overtaken by it follows."""
        overtaken = [h for h in self._held if h.waits_for_next and set(h.sessions) & set(sessions)]
        self._let_go(overtaken, now_ms)

    def flush(self, now_ms: int) -> None:
        """Send what has waited long enough."""
        self._let_go([h for h in self._held if h.due_ms <= now_ms], now_ms)

    def _let_go(self, frames: list[_Held], now_ms: int) -> None:
        for frame in frames:
            self._held.remove(frame)
            for session in frame.sessions:
                session.send_text(frame.text, now_ms)

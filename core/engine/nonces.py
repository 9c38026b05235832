"""The next nonce: always above the last, as near to the exchange's time as that allows.

Decides nonces and how far our clock may be off. Never asks the time of anything but the clock it was given, never goes back when that
clock does, and never starts at zero: nonces far below the exchange's time are refused.

Safe from several threads, as the plan asks, though this engine calls it from one. The floor of machines imports no threading, so the
guard is a deque with one token: `deque.pop` takes it and `deque.append` gives it back, each in one step that no other thread can
split. Who finds the deque empty tries again; the token is away for a few bytecodes only and always given back.

SPEC 3; plan 3.1 (P0-19a).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Clock(Protocol):
    """Unix ms, from outside. May jump either way."""

    def now_ms(self) -> int: ...


class TimeDriftTooLarge(Exception):
    """Our clock and the exchange's differ too much to trade; nothing was changed. The operator's to mend (NTP)."""

    def __init__(self, offset_ms: int, limit_ms: int) -> None:
        super().__init__(f"the exchange's clock is {offset_ms:+d} ms from ours; at most {limit_ms} ms are allowed")
        self.offset_ms = offset_ms
        self.limit_ms = limit_ms


class ClockSync(Struct, frozen=True):
    """An accepted comparison of clocks: exchange minus ours, and whether that is worth a warning."""

    offset_ms: int
    is_warning: bool


class NonceManager:
    """Numbers the actions of one signer."""

    def __init__(self, clock: Clock, last: int = 0, *, warn_ms: int = 2_000, refuse_ms: int = 5_000) -> None:
        """Start at the clock's now, or above the last nonce of an earlier run if that is later.

        Args:
            clock: Local time.
            last: The highest nonce this signer ever used, 0 if none is known.
            warn_ms: An offset beyond this is stored and flagged.
            refuse_ms: An offset beyond this is refused.
        """
        assert 0 <= warn_ms <= refuse_ms
        self._clock = clock
        self._warn_ms = warn_ms
        self._refuse_ms = refuse_ms
        self._last = max(last, clock.now_ms() - 1, 0)
        self._offset_ms = 0
        self._token = deque((None,))

    @property
    def last(self) -> int:
        """The highest nonce given out, or the one below the first; what a run leaves for the next."""
        return self._last

    @property
    def offset_ms(self) -> int:
        """The exchange's clock minus ours, as of the last accepted sync."""
        return self._offset_ms

    def next(self) -> int:
        """A nonce that was never given before: ``max(last + 1, approximate server time)``."""
        local_ms = self._clock.now_ms()

        def step() -> int:
            self._last = max(self._last + 1, local_ms + self._offset_ms)
            return self._last

        return self._alone(step)

    def sync_with_server(self, server_ms: int, local_ms: int | None = None) -> ClockSync:
        """Compare clocks and follow the exchange's.

        Args:
            server_ms: The exchange's time.
            local_ms: Our time at the moment that ``server_ms`` speaks of (half way through the request); None: now.

        Returns:
            The offset, which is stored; the counter is at least ``server_ms`` from here on.

        Raises:
            TimeDriftTooLarge: The offset is beyond ``refuse_ms``; neither offset nor counter was changed.
        """
        offset_ms = server_ms - (self._clock.now_ms() if local_ms is None else local_ms)
        if abs(offset_ms) > self._refuse_ms:
            raise TimeDriftTooLarge(offset_ms, self._refuse_ms)

        def step() -> None:
            self._offset_ms = offset_ms
            self._last = max(self._last, server_ms)

        self._alone(step)
        return ClockSync(offset_ms, abs(offset_ms) > self._warn_ms)

    def _alone(self, step: Callable[[], T]) -> T:
        """Run ``step`` while no other thread runs one."""
        while True:
            try:
                token = self._token.pop()
            except IndexError:
                continue
            try:
                return step()
            finally:
                self._token.append(token)

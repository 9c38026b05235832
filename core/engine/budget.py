"""ActionBudget: how many actions the address may still send, and when to hold back.

The exchange's count is read now and then and kept up locally in between. When it is used up the exchange lets one action through per
10 s: then exits go first, cancels next, and nothing new. After five refused or lost posts in a row new orders wait a minute; exits
and cancels never do. Easy to get wrong: a refused try must not be counted as used, or we would lock ourselves out.

SPEC 7 (P0-29); PROTOCOL 9.3; lesson L21 for the post-only phase.
"""

from __future__ import annotations

LIMITED_INTERVAL_MS = 10_500
"""The exchange says 10 s, measured about 11: a try too early does not reset the wait, so a little more is no loss."""
_BREAKER_FAILURES = 5
_BREAKER_MS = 60_000
_BACKOFF_MS = 1_000
_POST_ONLY_MS = 60_000
_RESERVE = 200
"""Actions kept for exits: with fewer left no new order is sent."""


class ActionBudget:
    def __init__(self) -> None:
        self._used: int | None = None
        self._cap: int | None = None
        self._limited = False
        self._last_post_ms: int | None = None
        self._failures = 0
        self._blocked_until_ms = 0
        self._blocked_by = 0
        """How many failures in a row it was for; a success meanwhile ends the row, and not the wait."""
        self._post_only_until_ms = 0

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: what was and what will be comes earlier by it as well."""
        if self._last_post_ms is not None:
            self._last_post_ms -= by_ms
        self._blocked_until_ms -= by_ms
        self._post_only_until_ms -= by_ms

    def on_read(self, used: int, cap: int) -> None:
        self._used, self._cap = used, cap
        self._limited = used >= cap

    def on_posted(self, items: int, now_ms: int) -> None:
        self._last_post_ms = now_ms
        if self._used is not None:
            self._used += items

    def on_refunded(self, items: int) -> None:
        """A post that never left, or was refused as a whole, costs nothing."""
        if self._used is not None:
            self._used = max(0, self._used - items)

    def on_used_up(self) -> None:
        """The exchange said so itself; its word beats our count."""
        self._limited = True

    def on_post_only_phase(self, now_ms: int) -> None:
        self._post_only_until_ms = now_ms + _POST_ONLY_MS

    def on_success(self) -> None:
        self._failures = 0

    def on_failure(self, now_ms: int) -> None:
        """A post was refused as a whole, never left, or got no answer: wait longer each time, a minute from the fifth on."""
        self._failures += 1
        wait = _BREAKER_MS if self._failures >= _BREAKER_FAILURES else _BACKOFF_MS << (self._failures - 1)
        if now_ms + wait >= self._blocked_until_ms:
            self._blocked_until_ms, self._blocked_by = now_ms + wait, self._failures

    # --- questions ---------------------------------------------------------------------------------------------------

    def refuses_entry(self, now_ms: int) -> str:
        """Why no new order may be sent now; empty if one may."""
        if self._limited:
            return "address budget used up: exits and cancels only"
        if self._used is not None and self._cap is not None and self._cap - self._used < _RESERVE:
            return f"address budget {self._used} of {self._cap}: the last {_RESERVE} are kept for exits"
        if now_ms < self._post_only_until_ms:
            return f"post-only phase after an upgrade: {_left(self._post_only_until_ms, now_ms)} to the next try"
        if now_ms < self._blocked_until_ms:
            failures = self._blocked_by
            kind = "circuit breaker" if failures >= _BREAKER_FAILURES else "backoff"
            posts = "a failed post" if failures == 1 else f"{failures} failed posts"
            return f"{kind} after {posts}: {_left(self._blocked_until_ms, now_ms)} left"
        return ""

    def may_post(self, now_ms: int) -> bool:
        """Whether any action may leave now: always, except in limited mode, where they are far apart."""
        if not self._limited or self._last_post_ms is None:
            return True
        return now_ms - self._last_post_ms >= LIMITED_INTERVAL_MS

    def has_posted_within(self, interval_ms: int, now_ms: int) -> bool:
        return self._last_post_ms is not None and now_ms - self._last_post_ms < interval_ms

    @property
    def limited(self) -> bool:
        return self._limited

    @property
    def used(self) -> int | None:
        return self._used

    @property
    def cap(self) -> int | None:
        return self._cap

    def blocked_until_ms(self, now_ms: int) -> int | None:
        until = max(self._blocked_until_ms, self._post_only_until_ms)
        return until if until > now_ms else None


def _left(until_ms: int, now_ms: int) -> str:
    return f"{(until_ms - now_ms) / 1000:.0f} s"

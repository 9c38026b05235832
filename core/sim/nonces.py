"""Which nonces the venue takes: per signer, inside a window of time, never twice.

The range is checked before the signature; the set after it, because it belongs to the recovered signer. Easy to get wrong: a nonce
seen before is reported as duplicate even when it has fallen out of the 100 highest, and it is used up even when the action is refused.

PROTOCOL 5.3.
"""

from __future__ import annotations

import heapq

_KEPT = 100
_DAY_MS = 86_400_000
_MARGIN_MS = 120_000  # the measured limits sit two minutes inside the documented ones
_BACK_MS = 2 * _DAY_MS - _MARGIN_MS
_AHEAD_MS = _DAY_MS - _MARGIN_MS
_REMEMBERED = 10_000
"""Nonces of one signer, for telling a duplicate from one that is too low; both are refused."""


def range_error(nonce: int, now_ms: int) -> str | None:
    """Why a nonce is outside the window, or None."""
    low, high = now_ms - _BACK_MS, now_ms + _AHEAD_MS
    if nonce <= low:
        return f"Invalid nonce: nonce too low {nonce} < {low}"
    if nonce >= high:
        return f"Invalid nonce: nonce too high {nonce} > {high}"
    return None


def duplicate_text(nonce: int) -> str:
    return f"Invalid nonce: duplicate nonce {nonce}"


class NonceBook:
    """The nonces each signer has used."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, None]] = {}
        self._highest: dict[str, list[int]] = {}

    def use(self, signer: str, nonce: int) -> str | None:
        """Use up a nonce.

        Returns:
            Why it is refused, or None.
        """
        seen = self._seen.setdefault(signer, {})
        highest = self._highest.setdefault(signer, [])
        if nonce in seen:
            return duplicate_text(nonce)
        if len(highest) >= _KEPT and nonce <= highest[0]:
            return f"Invalid nonce: nonce too low {nonce} < {highest[0]}"
        seen[nonce] = None
        heapq.heappush(highest, nonce)
        if len(highest) > _KEPT:
            heapq.heappop(highest)
        if len(seen) > _REMEMBERED:
            oldest = next(iter(seen))
            del seen[oldest]
            if oldest >= highest[0]:
                seen[oldest] = None  # old, and still one of the highest
        return None

    def forget(self, signer: str) -> None:
        """An agent that is no more: whatever it signed could be sent again."""
        self._seen.pop(signer, None)
        self._highest.pop(signer, None)

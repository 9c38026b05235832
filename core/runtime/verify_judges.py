"""Verdicts of the verification that are judged from figures alone. Pure: measurements in, a verdict and its reason out.

Easy to get wrong: a load that was never reached proves nothing about the load. Within the guards the network never sees the load near the limit,
so the verdict names what was measured there and what was measured in memory (verify_load.py), each for itself.

SPEC 4, 9 (verification 7, 8, 9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from core.messages.ticket import LifeStep
from core.messages.verification import Verdict
from core.model.position import ExitReason, Trade

TIME_STOP_MARGIN_MS = 5_000
"""For the exit itself: a post, its answer, a second attempt."""
NONCES_NEEDED = 20
_NONCE = re.compile(r"nonce (\d+)$")

Judged = tuple[Verdict, str, Mapping[str, object]]


class InflightSample(Struct, frozen=True):
    """One picture of the engine's own counts."""

    value: int
    sent: int
    completed: int


class Load(Struct, frozen=True):
    """What was measured."""

    samples: tuple[InflightSample, ...]
    miscounted: str
    """The first step at which the engine's count was not ours; empty if there was none."""
    entries_above: int
    """Posts with an entry that left at the watermark or above."""
    beyond_limit: int
    """Posts that left when the limit was reached."""
    left_at_end: int
    """In flight after the last answer."""

    @property
    def peak(self) -> int:
        return max((s.value for s in self.samples), default=0)


def nonces_of(steps: Iterable[LifeStep]) -> list[int]:
    """The nonces that the steps of lives speak of, as they stand."""
    return [int(found[1]) for step in steps if (found := _NONCE.search(step.text)) is not None]


def judge_nonces(nonces: Sequence[int], complaints: Sequence[str]) -> Judged:
    """Args: nonces: in the order in which they were used; complaints: what the exchange said against one."""
    figures = {"actions": len(nonces), "first": nonces[0] if nonces else 0, "last": nonces[-1] if nonces else 0}
    if complaints:
        return Verdict.FAIL, f"the exchange refused a nonce: {complaints[0]}", figures
    back = [(a, b) for a, b in pairwise(nonces) if b <= a]
    if back:
        return Verdict.FAIL, f"nonce {back[0][1]} after {back[0][0]}", figures
    if len(nonces) < NONCES_NEEDED:
        return Verdict.FAIL, f"only {len(nonces)} of {NONCES_NEEDED} actions were signed", figures
    return Verdict.PASS, f"{len(nonces)} nonces, each above the one before, none refused", figures


def judge_inflight(samples: Sequence[InflightSample], most: int, load: Load, high: int, limit: int) -> Judged:
    """Sent minus completed is what is in flight, never below 0 or above the limit, and 0 when all is answered.

    Args:
        samples: Of the configured network, the last one after everything had its answer.
        most: What this config can have in flight at once on any network.
        load: The same engine with the same limits, in memory.
    """
    peak = max((s.value for s in samples), default=0)
    figures = {
        "pictures": len(samples), "peak": peak, "most_possible": most, "load_peak": load.peak, "load_pictures": len(load.samples),
        "watermark": high, "limit": limit,
    }  # fmt: skip
    for where, several in (("", samples), ("in memory: ", load.samples)):
        for s in several:
            if s.sent - s.completed != s.value or not 0 <= s.value <= limit:
                said = f"{where}{s.sent} sent - {s.completed} completed, and {s.value} in flight of {limit}"
                return Verdict.FAIL, said, figures
    if not samples:
        return Verdict.NOT_RUN, "no picture of the engine was seen", figures
    if samples[-1].value:
        return Verdict.FAIL, f"{samples[-1].value} in flight when everything should have its answer", figures
    if wrong := _wrong_under_load(load, high, limit):
        return Verdict.FAIL, f"in memory: {wrong}", figures
    why = (
        f"network: held in {len(samples)} pictures with up to {peak} in flight, 0 at the end; its guards allow {most} at most. "
        f"In memory, same engine and limits: up to {load.peak}, no entry from {high} on, nothing beyond {limit}, 0 at the end"
    )
    return Verdict.PASS, why, figures


def _wrong_under_load(load: Load, high: int, limit: int) -> str:
    if load.miscounted:
        return load.miscounted
    if load.entries_above:
        return f"{load.entries_above} entries left with {high} or more in flight"
    if load.beyond_limit:
        return f"{load.beyond_limit} posts left with {limit} in flight"
    if load.peak < limit:
        return f"the load reached {load.peak} of {limit} only"
    return f"{load.left_at_end} in flight after the last answer" if load.left_at_end else ""


def judge_time_stop(trade: Trade | None, time_stop_ms: int) -> Judged:
    """The trade that the time stop should have closed; None: it is still open."""
    if trade is None:
        return (
            Verdict.FAIL,
            f"still open {TIME_STOP_MARGIN_MS / 1000:g} s after its time stop",
            {"time_stop_ms": time_stop_ms},
        )
    held_ms = trade.exit_ms - trade.entry_ms
    figures: dict[str, object] = {
        "time_stop_ms": time_stop_ms,
        "held_ms": held_ms,
        "exit_attempts": trade.exit_attempts,
        "net_usd": str(trade.net_pnl_usd),
    }
    if trade.exit_reason is not ExitReason.TIME_STOP:
        return Verdict.FAIL, f"closed by {trade.exit_reason.value}, not by the time stop", figures
    # Both times are the exchange's; the stop goes by ours, which may be off by what a tick and a round trip take.
    if not time_stop_ms - 1_000 <= held_ms <= time_stop_ms + TIME_STOP_MARGIN_MS:
        return Verdict.FAIL, f"held for {held_ms} ms with a time stop of {time_stop_ms} ms", figures
    return Verdict.PASS, f"closed by the time stop after {held_ms / 1000:.1f} s", figures

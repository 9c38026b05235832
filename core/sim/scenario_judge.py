"""Whether a rehearsal ended as it must, on the exchange's own truth.

Reads what /control calls the truth and compares it with what the scenario expects, one finding for each expectation. Decides nothing else.
Easy to get wrong: what a program says of itself proves nothing, so only the latch and the exit code, which nobody else knows, come from it;
and a fault that never met anybody rehearsed nothing, so each must have struck.

Issue 4 part 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from core.sim.scenario import Range, Scenario


class Outcome(Struct, frozen=True):
    """What the program alone knows."""

    latch_reason: str | None
    """None: not latched."""
    exit_code: int
    ended_in_order: bool


class Finding(Struct, frozen=True):
    expectation: str
    wanted: str
    found: str
    passed: bool | None
    """None: nobody could tell."""


class Track(Struct, frozen=True):
    """What the fills of an account tell."""

    entries: int
    largest_usd: Decimal
    longest_ms: int
    pnl_usd: Decimal


def track(fills: list[Mapping[str, Any]], now_ms: int) -> Track:
    """Follow the positions through the fills of one account, oldest first."""
    open_since: dict[str, int] = {}
    entries, longest, largest, pnl = 0, 0, Decimal(0), Decimal(0)
    for fill in fills:
        coin, time = fill["coin"], fill["time"]
        before, sz, px = Decimal(fill["startPosition"]), Decimal(fill["sz"]), Decimal(fill["px"])
        after = before + (sz if fill["side"] == "B" else -sz)
        pnl += Decimal(fill["closedPnl"]) - Decimal(fill["fee"])
        largest = max(largest, abs(after) * px)
        turned = before * after < 0
        if before != 0 and (after == 0 or turned):
            longest = max(longest, time - open_since.pop(coin, time))
        if after != 0 and (before == 0 or turned):
            entries += 1
            open_since[coin] = time
    longest = max([longest, *(now_ms - since for since in open_since.values())])
    return Track(entries, largest, longest, pnl)


def judge(
    scenario: Scenario,
    truth: Mapping[str, Any],
    account: str | None = None,
    outcome: Outcome | None = None,
) -> list[Finding]:
    """One finding for each expectation.

    Args:
        account: Whose; None: of every account together, which is right when one client traded.
        outcome: What the program says; None: there was no program of ours, and nobody can tell.
    """

    def ours(rows: list[Any]) -> list[Any]:
        return [row for row in rows if account is None or row["user"] == account]

    expect = scenario.expect
    positions, orders = ours(truth["positions"]), ours(truth["openOrders"])
    # An action of a signer that nobody knows (an agent that expired, a wrong letter) is nobody's, and so it can only be ours.
    actions = [a for a in truth["actions"] if account is None or a["user"] in (account, None)]
    seen = track(ours(truth["fills"]), truth["time"])
    found = [
        _yes_no("flat", expect.flat, not positions, ", ".join(f"{p['coin']} {p['szi']}" for p in positions)),
        _yes_no("no open orders", expect.no_open_orders, not orders, f"{len(orders)} open"),
        *_of_program(scenario, outcome),
    ]
    ranges: tuple[tuple[str, Range | None, Decimal, str], ...] = (
        ("largest position", expect.max_position_usd, seen.largest_usd.quantize(Decimal("0.01")), " USD"),
        ("longest position", expect.longest_position_s, Decimal(seen.longest_ms) / 1000, " s"),
        ("entries", expect.entries, Decimal(seen.entries), ""),
        ("fills", expect.fills, Decimal(len(ours(truth["fills"]))), ""),
        ("orders rejected", expect.orders_rejected, Decimal(sum(_rejected(a) for a in actions)), ""),
        ("actions refused", expect.actions_refused, Decimal(sum(not a["accepted"] for a in actions)), ""),
        ("PnL", expect.pnl_usd, seen.pnl_usd.quantize(Decimal("0.0001")), " USD"),
    )
    found += [
        Finding(name, f"{wanted}{unit}", f"{value}{unit}", wanted.holds(value))
        for name, wanted, value, unit in ranges
        if wanted is not None
    ]
    for name in scenario.faults:
        times = truth["faultsStruck"].get(name, 0)
        found.append(Finding(f"{name} struck", "at least once", f"{times} times", times > 0))
    return found


def _of_program(scenario: Scenario, outcome: Outcome | None) -> list[Finding]:
    expect, found = scenario.expect, []
    reason = None if outcome is None else outcome.latch_reason
    if expect.ended_in_order:
        told = "not known" if outcome is None else f"exit code {outcome.exit_code}"
        found.append(Finding("ended in order", "yes", told, None if outcome is None else outcome.ended_in_order))
    if expect.latched is not None:
        told = "not known" if outcome is None else "not latched" if reason is None else f"latched: {reason}"
        passed = None if outcome is None else (reason is not None) is expect.latched
        found.append(Finding("latched", "yes" if expect.latched else "no", told, passed))
    if expect.latch_reason is not None:
        passed = None if outcome is None else expect.latch_reason.lower() in (reason or "").lower()
        found.append(Finding("latch reason", f"contains {expect.latch_reason!r}", reason or "none", passed))
    return found


def _yes_no(name: str, wanted: bool, is_so: bool, otherwise: str) -> Finding:
    """An expectation that is on by default; switched off, it asks for nothing and still tells."""
    found = "yes" if is_so else f"no: {otherwise}"
    return Finding(name, "yes" if wanted else "either way", found, is_so or not wanted)


def _rejected(action: Mapping[str, Any]) -> int:
    return (
        sum(isinstance(s, dict) and "error" in s for s in action["statuses"] or ()) if action["type"] == "order" else 0
    )


def told(findings: list[Finding]) -> list[str]:
    """A line for each finding."""
    words = {True: "PASS", False: "FAIL", None: "----"}
    width = max(len(f.expectation) for f in findings)
    return [f"{words[f.passed]}  {f.expectation:<{width}}  {f.found}  (expected: {f.wanted})" for f in findings]

"""A life that holds positions through a full hour: what the exchange paid and took is what the engine has counted, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest
import rehearsal
from msgspec.structs import replace

from core.runtime.scenario_file import load_scenario
from core.sim.world import plan, program, world

QUIET_DAY = Path(__file__).parents[4] / "config" / "scenarios" / "quiet_day.toml"
HOUR_MS = 3_600_000
BEGIN_MS = (plan.START_MS // HOUR_MS + 1) * HOUR_MS - 30_000
"""Half a minute before a full hour."""


def test_funding_is_counted_as_the_exchange_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (plan, world, program, rehearsal):
        monkeypatch.setattr(module, "START_MS", BEGIN_MS)
    scenario = load_scenario(QUIET_DAY)
    patient = replace(scenario.program.execution, time_stop_ms=90_000, reduce_only_timeout_ms=200_000)
    life = rehearsal.Rehearsal(replace(scenario, program=replace(scenario.program, execution=patient)))
    life.start()
    life.live_until(BEGIN_MS + 120_000)
    account, venue = life.plan.account, life.exchange.venue
    payments = venue.fundings[account]
    assert len(payments) >= 2, "something was held through the hour"
    assert life.engine is not None
    m = life.engine.machines
    paid = sum(p.usdc for p in payments)
    assert paid
    assert (m.risk.counters.funding_usd, m.tally.funding) == (paid, paid)
    fills = venue.fills[account]
    held = {market.name: m.trades.open_fees(market) for market in m.markets_configured}
    assert m.risk.counters.cumulative_pnl_usd == sum(f.closed_pnl - f.fee for f in fills) + sum(held.values())
    assert m.risk.counters.run.pnl_usd == m.risk.counters.cumulative_pnl_usd + paid

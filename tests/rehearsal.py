"""A scenario in virtual time: the shipped engine and the shipped exchange in one process, no socket, no sleep.

What a server does to connections is done to the road of the world instead: drops, refusals, storms and edges that fail. Everything else is
the venue's own doing, exactly as in a drill.
"""

from __future__ import annotations

from typing import Any

from core.config import AccountConfig, Config, MarketConfig, SignerConfig, SimulatorKey
from core.sim.admission import Envelope
from core.sim.scenario import Scenario, Step
from core.sim.scenario_judge import Finding, Outcome, judge
from core.sim.scenario_player import Player
from core.sim.world.plan import START_MS, Depth, Plan
from core.sim.world.world import ACCOUNT, World

READY_WITHIN_MS = 60_000
STOP_WITHIN_MS = 60_000


def plan_of(scenario: Scenario) -> Plan:
    config = Config(
        ws_url="ws://127.0.0.1:9/ws",
        info_url="http://127.0.0.1:9/info",
        mode="trading",
        markets=tuple(MarketConfig(coin) for coin in scenario.markets),
        signer=SignerConfig(SimulatorKey()),
        account=AccountConfig(ACCOUNT),
        safety=scenario.program.safety,
        execution=scenario.program.execution,
        risk=scenario.program.risk,
        sim=scenario.sim,
    )
    return Plan(
        seed=scenario.seed,
        depth=Depth.VALUE,
        account=ACCOUNT,
        config=config,
        latency_min_ms=scenario.latency_min_ms,
        latency_max_ms=scenario.latency_max_ms,
        orderly=True,
        duplicates=0.0,
        weather_ms=0,
        troubles=(),
        newer=(),
        newest=(),
        latest=(),
        operator_every_ms=0,
    )


class Rehearsal(World):
    """One performance."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(plan_of(scenario))
        self.scenario = scenario
        self.player = Player(scenario, START_MS)
        self.played: list[Step] = []
        self.struck_on_the_road: dict[str, int] = {}
        self.is_ending = True  # nobody is at the keys: a latch stays as it is

    def rehearse(self) -> list[Finding]:
        """From the start to the judgement."""
        self.start()
        while not self.player.is_over(self.agenda.now_ms):
            assert self.player.ready_ms or self.agenda.now_ms < START_MS + READY_WITHIN_MS, "never ready"
            self.live_until(self.agenda.now_ms + 100)
        life, deadline = self.program.life, self.agenda.now_ms + STOP_WITHIN_MS
        self.program.is_last = True
        self.operator.shut_down()
        while self.program.life == life and self.agenda.now_ms < deadline:
            self.live_until(self.agenda.now_ms + 500)
        ended = self.program.ended
        latch = self.disk.latch
        outcome = Outcome(
            latch.reason if latch.tripped_at_ms is not None else None,
            exit_code=0 if ended is not None and ended.confirmed else 75,
            ended_in_order=ended is not None and ended.confirmed,
        )
        truth = self.exchange.control({"do": "truth"}, self.agenda.now_ms)
        for name, times in self.struck_on_the_road.items():
            truth["faultsStruck"][name] = truth["faultsStruck"].get(name, 0) + times
        return judge(self.scenario, truth, ACCOUNT, outcome)

    def _block(self) -> None:
        super()._block()
        now_ms = self.agenda.now_ms
        if self.engine is not None and self.engine.machines.readiness.is_ready:
            self.player.ready(now_ms)
        for step in self.player.due(now_ms):
            self.played.append(step)
            self._do(step)
        if self.exchange.faults.strikes_by_itself("drop_connections", now_ms):
            self.road.cut()

    def _do(self, step: Step) -> None:
        now_ms = self.agenda.now_ms
        until_ms = now_ms + (step.for_ms or 0)
        if step.do == "drop_connections":
            self.road.cut()
        elif step.name == "refuse_connections":
            self.road.closed_until_ms = until_ms
            self._met(step.name)
        elif step.name == "latency_storm":
            assert step.ms is not None
            self.road.slow_until_ms = self.reads.slow_until_ms = until_ms
            self.road.slow_by_ms = self.reads.slow_by_ms = step.ms // 2
            self._met(step.name)
        else:
            self.exchange.control(step.command, now_ms)

    def _met(self, name: str) -> None:
        self.struck_on_the_road[name] = self.struck_on_the_road.get(name, 0) + 1

    def submit(self, taken: Envelope, signer: str | None = None) -> Any:
        """As in a server, a swallowed reply never leaves."""
        before = self.exchange.faults.struck["black_hole"]
        reply = super().submit(taken, signer)
        if self.exchange.faults.struck["black_hole"] > before:
            self.exchange.faults.add("lose_reply", self.agenda.now_ms, address=self.plan.account)
        return reply


def wanted(findings: list[Finding]) -> list[str]:
    """What did not come out as expected, in words."""
    return [f"{f.expectation}: {f.found}, expected {f.wanted}" for f in findings if not f.passed]


__all__ = ["Rehearsal", "plan_of", "wanted"]

"""A scenario played on a running server, and the faults of its settings.

Decides nothing: what is due becomes a /control command. Easy to get wrong: a step that cannot be done any more (a book that is empty by
now) is told and passed over, because a rehearsal must not die of its own script.

Issue 4 parts 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.config import SimConfig
from core.sim.control import ControlError
from core.sim.exchange import Exchange
from core.sim.fault_text import settings_of
from core.sim.scenario import Scenario
from core.sim.scenario_judge import judge, told
from core.sim.scenario_player import Player


def new_exchange(config: SimConfig, now_ms: int) -> Exchange:
    """A venue as the settings want it, with their faults in force.

    Raises:
        ValueError: A market that is not listed, or a fault that cannot be.
    """
    exchange = Exchange(
        seed=config.seed,
        markets=config.markets,
        balance_usd=config.balance_usd,
        start_ms=now_ms,
        accounts=config.accounts,
        is_mainnet=config.network == "mainnet",
    )
    for fault in config.faults:
        exchange.control({"do": "fault", "name": fault.name, **settings_of(fault)}, now_ms)
    return exchange


class SimStage:
    """A scenario that is played on one server's exchange."""

    def __init__(self, scenario: Scenario, now_ms: int, say: Callable[[str], None] = lambda line: None) -> None:
        """
        Args:
            say: Takes each line that tells what is being played.
        """
        self._say = say
        self._player = Player(scenario, now_ms)
        self._has_begun = self._has_ended = False

    def command(self, command: Any, now_ms: int) -> dict[str, Any] | None:
        """Run a command that is about the scenario itself; None for what others must know."""
        match command:
            case {"do": "ready"}:
                self._player.ready(now_ms)
                return {"ok": True}
            case {"do": "scenario"}:
                return {
                    "name": self._player.scenario.name,
                    "elapsedMs": self._player.elapsed_ms(now_ms),
                    "isOver": self._player.is_over(now_ms),
                }
        return None

    def play(self, now_ms: int, client_is_there: bool, do: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Let happen what is due.

        Args:
            client_is_there: Somebody has subscribed to an account or acted.
            do: Runs a /control command.
        """
        player = self._player
        if self._has_ended:
            return
        if client_is_there:
            player.client_heard(now_ms)
        due = player.due(now_ms)
        if player.ready_ms is not None and not self._has_begun:
            self._has_begun = True
            self._say(f"ready: {player.scenario.name} begins, {player.scenario.length_s} s")
        for step in due:
            at = f"{step.at_s} s from {step.since}: {step.do}"
            try:
                do(step.command)
            except ControlError as e:
                self._say(f"{at} could not be done: {e}")
            else:
                self._say(f"{at}: {step.say or ' '.join(f'{k}={v}' for k, v in step.command.items() if k != 'do')}")
        if player.is_over(now_ms):
            self._has_ended = True
            self._say(f"over: {player.scenario.name}")
            for line in told(judge(player.scenario, do({"do": "truth"}))):
                self._say(line)

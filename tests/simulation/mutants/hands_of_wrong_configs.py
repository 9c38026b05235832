"""Trials of the preflight with a config that somebody got wrong: an address that is no account, an agent of somebody else, markets that are
not listed or no longer, markets of every leverage on every dex with a balance that suffices to the cent or lacks one.

Its dice are its own, so the lives of hands_of_preflight keep their cards. Nothing it changes at the venue outlasts it.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace
from mutants.hands_of_preflight import FAIL, PASS, WARN, Asked, judged

from core.config import Config, MarketConfig
from core.engine.preflight import Facts
from core.messages.preflight import Check, Verdict
from core.sim.world.plan import dice_of
from core.sim.world.program import AGENT
from core.sim.world.troubles import Strike
from core.sim.world.watcher import Violation
from core.sim.world.world import World

_UNKNOWN = "0x" + "77" * 20
_AGENT_OF_ANOTHER = "0x" + "66" * 20
_CENT = Decimal("0.01")
_NOT_LISTED = ("ZZTOP", "xyz:ZZTOP", "test:ZZTOP")


class OtherMarkets(Asked):
    """The right account, and markets that it does not trade: some of them are not to be had."""

    def _config(self) -> Config:
        plan = self.world.plan.config
        listed = list(self.world.exchange.venue.universe.by_coin)
        coins = self.dice.sample(listed, self.dice.choice((2, 4, 8)))
        if self.dice.random() < 0.3:
            coins.append(self.dice.choice(_NOT_LISTED))
        tape_max_mb = self.dice.choice((plan.journal.tape_max_mb, 2_000))
        return replace(
            plan,
            markets=tuple(MarketConfig(coin) for coin in coins),
            journal=replace(plan.journal, tape_max_mb=tape_max_mb),
        )

    def to_the_cent(self) -> None:
        """On each dex there is what is needed, or a cent less; the balances of now come back after it."""
        account = self.world.exchange.venue.accounts[self.account]
        for dex in self.config.dexes:
            balance = account.dexes.get(dex)
            if balance is not None and not balance.positions:
                need = self.need(dex).quantize(_CENT, "ROUND_UP")
                balance.raw_usd = max(need - self.dice.choice((Decimal(0), _CENT)), Decimal(0))


class OtherAddresses(Asked):
    """An account that is none, or a key that somebody else approved."""

    def __init__(self, world: World, dice: Random) -> None:
        super().__init__(world, dice)
        self.is_key = dice.random() < 0.4
        if self.is_key:
            another = next(a for a in world.exchange.venue.accounts if a != world.plan.account)
            world.exchange.venue.agents[_AGENT_OF_ANOTHER] = another
            self.signer = _AGENT_OF_ANOTHER
        else:
            self.account = dice.choice((AGENT.address, _UNKNOWN))

    def _key(self, f: Facts) -> None:
        must = self.must
        must["key file" if f.key_warnings else "key"] = WARN if f.key_warnings else PASS
        must["signer"] = WARN if self.signer == self.account else FAIL
        if self.signer != self.account and isinstance(f.roles[self.signer], str):
            must["approval"] = FAIL if isinstance(f.agents, str) else PASS  # of a key of which nothing is known
        must["account"] = PASS if self.is_key and not isinstance(f.roles[self.account], str) else FAIL

    def _account(self, f: Facts) -> None:
        if self.is_key:
            super()._account(f)
            return
        for name, read in (("fees", f.fees), ("action budget", f.budget)):
            self.must[name] = FAIL if isinstance(read, str) else PASS
        for dex in self.config.dexes:
            self.must[f"margin {dex or 'main dex'}"] = FAIL
        for name, reads in (("open orders", f.orders), ("positions", f.positions)):
            self.must[name] = FAIL if any(isinstance(r, str) for r in reads.values()) else PASS

    def expect_owner_named(self, checks: tuple[Check, ...]) -> None:
        """Who wrote an agent's address is told which one belongs there."""
        said = next((c for c in checks if c.name == "account"), None)
        is_agent = not self.is_key and self.account in self.world.exchange.venue.agents
        if said is None or not is_agent or said.value.startswith("not read"):
            return
        if self.world.plan.account not in said.remedy:
            raise Violation("Preflight", f"an agent's address, and not whose: {said.value}; {said.remedy}")


def _wrong_config(world: World, _: Random) -> str:
    dice = dice_of(world.plan.seed, f"wrong config {world.agenda.now_ms}")
    verdicts: dict[str, Verdict]
    if dice.random() < 0.4:
        other = OtherAddresses(world, dice)
        checks, verdicts = judged(other)
        other.expect_owner_named(checks)
    else:
        asked = OtherMarkets(world, dice)
        balances: Any = world.exchange.venue.accounts[world.plan.account].dexes
        before = {dex: balance.raw_usd for dex, balance in balances.items()}
        asked.to_the_cent()
        checks, verdicts = judged(asked)
        for dex, raw_usd in before.items():
            balances[dex].raw_usd = raw_usd
    return f"a preflight of a wrong config: {sum(v is FAIL for v in verdicts.values())} of {len(checks)} checks fail"


WRONG_CONFIGS: dict[str, Strike] = {"wrong_config": _wrong_config}

"""Trials of the preflight: `life.only "+preflight"`. Somebody asks again and again whether trading may begin, while the account, its key and
its markets are in all kinds of states; each verdict is held against the venue's own books, not against what was read.

Rule that is easy to get wrong: a question that got no answer is a failed check, of its own name, and none of the others.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from core.config import Config, MarketConfig
from core.engine.preflight import Facts, judge
from core.hyperliquid.info import read_answer, request_bodies
from core.messages.preflight import Check, Verdict
from core.messages.queries import (
    Query,
    QueryAgents,
    QueryFees,
    QueryOpenOrders,
    QueryPositions,
    QueryRateLimit,
    QueryRole,
    QueryServerTime,
    QuerySpecs,
)
from core.model.market import MarketKey
from core.sim.admission import WireFailure
from core.sim.info import NoAnswer
from core.sim.world.plan import Planned
from core.sim.world.program import AGENT
from core.sim.world.troubles import Strike
from core.sim.world.watcher import Violation
from core.sim.world.world import OWNER, World

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
_DAY_MS = 86_400_000
_NO_MORE_ENTRIES_MS = 600_000
"""Before the end of an approval (SPEC 5)."""


class Asked:
    """One preflight: what the world answers, and what must be said of it."""

    def __init__(self, world: World, dice: Random) -> None:
        self.world = world
        self.dice = dice
        self.account = world.plan.account
        self.signer = dice.choice((AGENT.address, AGENT.address, AGENT.address, OWNER.address))
        self.config = self._config()
        self.must: dict[str, Verdict] = {}
        self.reads: list[Any] = []

    def _config(self) -> Config:
        """The plan's, now and then with an id that the operator got wrong."""
        config = self.world.plan.config
        if self.dice.random() < 0.7:
            return config
        first, *rest = config.markets
        right = self.world.exchange.venue.universe.by_coin[first.coin].spec.asset_id
        wrong = self.dice.choice((right, right + 1))
        return replace(config, markets=(MarketConfig(first.coin, asset_idx=wrong), *rest))

    def ask(self, query: Query) -> Any:
        """The answer, or why there is none."""
        world, now_ms = self.world, self.world.agenda.now_ms
        lost = now_ms < world.reads.lose_until_ms or self.dice.random() < 0.03
        try:
            if lost:
                raise NoAnswer
            bodies = request_bodies(query, self.account)
            raw = tuple(msgspec.json.encode(world.exchange.info(body, now_ms)) for body in bodies)
            read: Any = read_answer(query, raw, world.local_ms)
        except WireFailure as e:
            read = f"HTTP {e.status}"
        except NoAnswer:
            read = "no answer"
        if not isinstance(query, QueryAgents):  # whoever can be asked about the agents alone is asked in vain
            self.reads.append(read)
        return read

    def facts(self) -> Facts:
        dice, world = self.dice, self.world
        dexes = self.config.dexes
        addresses = dict.fromkeys((self.account, self.signer))
        ours = {
            "held_by": dice.choice(("", "", "", "another console")),
            "journal_error": dice.choice(("", "", "", "read-only")),
            "disk_free_mb": dice.choice((50, 500, 900, 1_500, 5_000)),
            "venue_status": dice.choice(("", "", "post-only")),
            "key_warnings": dice.choice(((), (), ("0644",))),
        }
        now = world.exchange.venue.universe.by_coin
        known = {
            m.key: replace(now[m.coin].spec, max_leverage=dice.choice((now[m.coin].spec.max_leverage, 99)))
            for m in self.config.markets
            if m.coin in now
        }
        facts = Facts(
            account=self.account,
            signer=self.signer,
            specs={d: self.ask(QuerySpecs(d)) for d in dexes},
            positions={d: self.ask(QueryPositions(d)) for d in dexes},
            orders={d: self.ask(QueryOpenOrders(d)) for d in dexes},
            leverage={m.key: dice.choice(("cross 3x", "cross 3x", "cross 3x", "")) for m in self.config.markets},
            roles={a: self.ask(QueryRole(a)) for a in addresses},
            agents=self.ask(QueryAgents()),
            clock=self.ask(QueryServerTime()),
            budget=self.ask(QueryRateLimit()),
            fees=self.ask(QueryFees()),
            key_place="a file",
            journal="journal.db",
            known={} if dice.random() < 0.2 else known,
            latched=world.disk.latch.reason,
            now_ms=world.agenda.now_ms,
            **ours,
        )
        self._what_must_be_said(facts)
        return facts

    # --- the truth ------------------------------------------------------------------------------------------------------

    def _what_must_be_said(self, f: Facts) -> None:
        must, world, risk = self.must, self.world, self.config.risk
        need_mb = max(1_000, self.config.journal.tape_max_mb)
        must["console"] = FAIL if f.held_by else PASS
        must["journal"] = FAIL if f.journal_error else PASS
        must["disk"] = FAIL if f.disk_free_mb < 100 else WARN if f.disk_free_mb < need_mb else PASS
        must["hard stop"] = WARN if f.latched else PASS
        if all(isinstance(r, str) for r in self.reads) and len(set(self.reads)) == 1:
            must["exchange"] = FAIL
            return
        if isinstance(f.clock, str):
            must["clock"] = FAIL
        else:
            off = abs(f.clock.server_ms - world.local_ms)
            must["clock"] = (
                FAIL if off > risk.clock_drift_refuse_ms else WARN if off > risk.clock_drift_warn_ms else PASS
            )
            if f.venue_status:
                must["exchange"] = WARN
        self._key(f)
        for market in self.config.markets:
            self._market(market, f)
        self._account(f)

    def _key(self, f: Facts) -> None:
        must, world = self.must, self.world
        venue = world.exchange.venue
        must["key file" if f.key_warnings else "key"] = WARN if f.key_warnings else PASS
        must["account"] = FAIL if isinstance(f.roles[self.account], str) else PASS
        if self.signer == self.account:
            must["signer"] = WARN
            return
        unread = isinstance(f.roles[self.signer], str)
        approved = venue.agents.get(self.signer) == self.account
        must["signer"] = PASS if approved and not unread else FAIL
        if not approved and not unread:
            return
        until = venue.accounts[self.account].agents_until.get(self.signer)
        left = _DAY_MS if until is None else until - world.agenda.now_ms
        verdict = FAIL if left < _NO_MORE_ENTRIES_MS else WARN if left < _DAY_MS else PASS
        must["approval"] = FAIL if isinstance(f.agents, str) else verdict

    def _market(self, market: MarketConfig, f: Facts) -> None:
        must, coin = self.must, market.coin
        listing = self.world.exchange.venue.universe.by_coin.get(coin)
        if isinstance(f.specs[market.key.dex], str) or listing is None:
            must[f"market {coin}"] = FAIL
            return
        spec = listing.spec
        if market.asset_idx not in (None, spec.asset_id) or spec.is_delisted:
            must[f"market {coin}"] = FAIL
            return
        must[f"market {coin}"] = PASS
        before = f.known.get(market.key)
        must[f"parameters {coin}"] = WARN if before is not None and before != spec else PASS
        must[f"leverage {coin}"] = PASS if f.leverage[market.key] else FAIL

    def _account(self, f: Facts) -> None:
        must, venue = self.must, self.world.exchange.venue
        account = venue.accounts[self.account]
        must["fees"] = FAIL if isinstance(f.fees, str) else PASS
        left = 10_000 + int(account.cum_volume) + account.bought_requests - account.requests_used
        verdict = FAIL if left < 100 else WARN if left < 1_000 else PASS
        must["action budget"] = FAIL if isinstance(f.budget, str) else verdict
        for dex in self.config.dexes:
            read = isinstance(f.positions[dex], str) or isinstance(f.specs[dex], str)
            must[f"margin {dex or 'main dex'}"] = FAIL if read or not self._has_margin(dex, f) else PASS
        dexes = self.config.dexes
        orders = [o for o in venue.open_orders(self.account) if MarketKey.parse(o.coin).dex in dexes]
        held = [coin for dex in dexes for coin in account.dexes[dex].positions] if account.dexes else []
        for name, found, reads in (("open orders", orders, f.orders), ("positions", held, f.positions)):
            unread = any(isinstance(r, str) for r in reads.values())
            must[name] = FAIL if unread else WARN if found else PASS

    def _has_margin(self, dex: str, f: Facts) -> bool:
        """Whether what is free suffices for the most that may be open there, at the lowest of the highest leverages."""
        read = f.positions[dex]
        return not isinstance(read, str) and read.withdrawable >= self.need(dex)

    def need(self, dex: str) -> Decimal:
        x, by_coin = self.config.execution, self.world.exchange.venue.universe.by_coin
        listed = [by_coin[m.coin].spec for m in self.config.markets if m.key.dex == dex and m.coin in by_coin]
        leverages = [spec.max_leverage for spec in listed]
        each = min(x.max_notional_per_market, self.config.safety.max_notional_usd)
        return min(x.max_notional_total, each * len(leverages)) / Decimal(min(leverages, default=1))


def _preflight(world: World, dice: Random) -> str:
    _, said = judged(Asked(world, dice))
    return f"somebody runs a preflight: {sum(v is FAIL for v in said.values())} of {len(said)} checks fail"


def judged(asked: Asked) -> tuple[tuple[Check, ...], dict[str, Verdict]]:
    """What the preflight says, held against what it must.

    Raises:
        Violation: It says something else.
    """
    checks = judge(asked.config, asked.facts())
    said: dict[str, Verdict] = {}
    for check in checks:
        if check.name in said:
            raise Violation("Preflight", f"{check.name} is said twice")
        said[check.name] = check.verdict
    wrong = {n: (said.get(n), v) for n, v in asked.must.items() if said.get(n) is not v}
    wrong |= {n: (v, None) for n, v in said.items() if n not in asked.must}
    if wrong:
        name, (is_said, truth) = next(iter(wrong.items()))
        raise Violation("Preflight", f"{name}: said {is_said and is_said.value}, true is {truth and truth.value}")
    return checks, said


def _agent_until(world: World, dice: Random) -> str:
    """Whoever owns the account approves the agent anew, for a while that is told."""
    ms = dice.choice((_NO_MORE_ENTRIES_MS // 2, _DAY_MS // 2, 3 * _DAY_MS))
    until_ms = world.agenda.now_ms + ms
    world.exchange.venue.accounts[world.plan.account].agents_until[AGENT.address] = until_ms
    return f"our agent's approval ends in {ms} ms"


def _budget(world: World, dice: Random) -> str:
    account = world.exchange.venue.accounts[world.plan.account]
    left = dice.choice((50, 120, 900, 1_200))
    account.requests_used = 10_000 + int(account.cum_volume) + account.bought_requests - left
    return f"{left} actions are left of the budget"


def _poor(world: World, dice: Random) -> str:
    """The owner takes out nearly everything of one dex, and brings it back a moment later."""
    balances = world.exchange.venue.accounts[world.plan.account].dexes
    dex = dice.choice(list(balances))
    taken = max(balances[dex].raw_usd - 1, Decimal(0)) if not balances[dex].positions else Decimal(0)
    balances[dex].raw_usd -= taken

    def back() -> None:
        balances[dex].raw_usd += taken

    world.agenda.after(400, back)
    said = _preflight(world, dice)
    return f"{taken} USD leave the dex {dex!r}; {said}"


PREFLIGHT_TROUBLES: dict[str, Strike] = {
    "preflight": _preflight,
    "agent_until": _agent_until,
    "preflight_budget": _budget,
    "poor": _poor,
}
_BETWEEN = (
    *("agent_until", "preflight_budget", "poor", "poor", "agent_gone", "foreign_order", "clock_step", "change_spec"),
    *("info_down", "reads_lost", "dex_reads_fail", "by_hand", "outside_fault"),
)


def troubles(length_ms: int, dice: Random) -> tuple[Planned, ...]:
    """A preflight every second or so, and in between something that it has to tell."""
    found = [Planned(at, "dislocate") for at in range(1_200, length_ms, 4_000)]
    found += [Planned(at, "go_on") for at in range(2_000, length_ms, 2_500)]
    found += [Planned(at, "preflight") for at in range(3_000, length_ms, dice.randint(500, 1_100))]
    found += [Planned(at, dice.choice(_BETWEEN)) for at in range(4_000, length_ms, 1_700)]
    found += [Planned(at, "wrong_config") for at in range(3_300, length_ms, 900)]
    return tuple(sorted(found, key=lambda p: p.at_ms))

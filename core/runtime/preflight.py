"""Reads what preflight judges, and keeps the operator's word: the exchange over POST /info, our own side from disk.

Sends nothing but questions. The engine's thread runs it before there is an engine, so that nothing can be sent until the word is given. Easy to
get wrong: one read that fails is one failed check, and must not hide the others.

SPEC 9 (preflight).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from core.config import Config, Network
from core.engine.preflight import Facts, found_orders, found_positions, judge
from core.hyperliquid.info import read_answer, request_bodies, weight
from core.hyperliquid.wire_values import number, quoted
from core.messages.events import AnyEvent, SpecsRead
from core.messages.preflight import WORD, Go, PreflightReport
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
from core.model.market import MarketKey, MarketSpec
from core.runtime.clock import Clock
from core.runtime.rate_window import RateWindow

_log = logging.getLogger(__name__)

_ANSWER_WITHIN_S = 5.0
_TRIES = 2
_YOUNG_MS = 60_000
_OTHER_WEIGHT = 20
WEIGHT_PER_MINUTE = 1200
"""Of one IP. What preflight uses of it the engine's first minute must not use again. PROTOCOL 9.1."""
_MAX_BODY_BYTES = 16 << 20
_SHARED_BALANCE = ("unifiedAccount", "portfolioMargin", "default")
"""Account modes in which all dexes of one collateral draw on the spot balance. PROTOCOL 2.5."""


class OurSide(msgspec.Struct, frozen=True, kw_only=True):
    """What is known without asking the exchange."""

    held_by: str = ""
    key_place: str = ""
    key_warnings: tuple[str, ...] = ()
    journal: Path
    journal_error: str = ""
    latched: str = ""


class ParameterFile:
    """What each market's parameters were when trading last began, beside the journal."""

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.stem}-parameters.json")

    def load(self) -> dict[MarketKey, MarketSpec]:
        """Empty when there is none yet, or none that can be read: then everything is seen for the first time."""
        try:
            specs = msgspec.json.decode(self._path.read_bytes(), type=list[MarketSpec])
        except (OSError, msgspec.MsgspecError, ValueError, ArithmeticError):
            return {}
        return {s.market: s for s in specs}

    def save(self, specs: Mapping[str, SpecsRead | str], markets: frozenset[MarketKey]) -> None:
        known = {**self.load()}
        for read in specs.values():
            if not isinstance(read, str):
                known.update({s.market: s for s in read.specs if s.market in markets})
        part = self._path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(list(known.values())))
        part.replace(self._path)


async def read_facts(
    config: Config, account: str, signer: str, ours: OurSide, clock: Clock, weights: RateWindow | None = None
) -> Facts:
    """Ask everything at once; whatever gets no answer stands in as a text that says why.

    Args:
        config: Names the exchange and the markets.
        account: Whose state is asked for, lower case.
        signer: The key's address, lower case; empty without one.
        ours: What is known without asking.
        clock: For the exchange's time.
        weights: The minute's weight, to be shared with whoever asks next from here.
    """
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        reader = _Reader(session, config.info_url, account, clock, weights or RateWindow(WEIGHT_PER_MINUTE))
        dexes, addresses = config.dexes, tuple(dict.fromkeys(a for a in (account, signer) if a))
        asked: dict[str, Awaitable[Any]] = {
            **{f"specs {d}": reader.ask(QuerySpecs(d)) for d in dexes},
            **{f"positions {d}": reader.ask(QueryPositions(d)) for d in dexes},
            **{f"orders {d}": reader.ask(QueryOpenOrders(d)) for d in dexes},
            **{f"role {a}": reader.ask(QueryRole(a)) for a in addresses},
            **{f"leverage {m.coin}": reader.leverage(m.coin) for m in config.markets},
            "agents": reader.ask(QueryAgents()),
            "clock": reader.ask(QueryServerTime()),
            "budget": reader.ask(QueryRateLimit()),
            "fees": reader.ask(QueryFees()),
            "shared": reader.shared_usd(),
            "status": reader.venue_status(),
        }
        answers = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    return Facts(
        account=account,
        signer=signer,
        specs={d: answers[f"specs {d}"] for d in dexes},
        positions={d: answers[f"positions {d}"] for d in dexes},
        orders={d: answers[f"orders {d}"] for d in dexes},
        leverage={m.key: answers[f"leverage {m.coin}"] for m in config.markets},
        roles={a: answers[f"role {a}"] for a in addresses},
        agents=answers["agents"],
        clock=answers["clock"],
        budget=answers["budget"],
        fees=answers["fees"],
        shared_usd=answers["shared"],
        venue_status=answers["status"],
        known=ParameterFile(ours.journal).load(),
        held_by=ours.held_by,
        key_place=ours.key_place,
        key_warnings=ours.key_warnings,
        journal=str(ours.journal),
        journal_error=ours.journal_error,
        disk_free_mb=_free_mb(ours.journal),
        latched=ours.latched,
        now_ms=clock.now_ms(),
    )


def report_of(config: Config, source: str, f: Facts) -> PreflightReport:
    return PreflightReport(
        at_ms=f.now_ms,
        network=config.network.value,
        rules=config.rules.value,
        place=config.ws_url,
        account=f.account,
        signer=f.signer,
        config_source=source,
        checks=judge(config, f),
        orders=found_orders(f),
        positions=found_positions(config, f),
        word=WORD if config.rules is Network.MAINNET else "",
    )


class PreflightDesk:
    """Implements core.messages.preflight.PreflightHandle. Made in the main thread, run in the engine's."""

    def __init__(self, config: Config, source: str, account: str, signer: str, ours: OurSide, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._account = account
        self._signer = signer
        self._ours = ours
        self._clock = clock
        self._report: PreflightReport | None = None
        self._answer: Go | None = None
        self.weights = RateWindow(WEIGHT_PER_MINUTE)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._again = False
        self._read: tuple[int, tuple[AnyEvent, ...]] = (0, ())

    # --- any thread ----------------------------------------------------------------------------------------------------------

    @property
    def report(self) -> PreflightReport | None:
        return self._report

    @property
    def is_over(self) -> bool:
        return self._answer is not None

    def go(self, answer: Go) -> str:
        report = self._report
        if report is None:
            return "still reading"
        if report.failed:
            first = report.failed[0]
            names = ", ".join(c.name for c in report.failed)
            remedy = f" -> {first.remedy}" if first.remedy else ""
            return f"{len(report.failed)} checks failed: {names}; {first.name}: {first.value}{remedy}"
        if report.word and answer.word.strip() != report.word:
            return f"type {report.word} to begin"
        self._answer = answer
        self._call_awake()
        return ""

    def again(self) -> None:
        self._again = True
        self._call_awake()

    # --- the engine's thread -------------------------------------------------------------------------------------------------

    async def run(self, config: Config, stop: asyncio.Event) -> tuple[PreflightReport, Go] | None:
        """Until the word is given; None when a stop was asked for first. Nothing was sent either way.

        Args:
            config: With the addresses that are really asked.
            stop: A stop was asked for.
        """
        self._config = config
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        while not stop.is_set():
            self._again = False
            self._report = None
            facts = await read_facts(self._config, self._account, self._signer, self._ours, self._clock, self.weights)
            report = self._report = report_of(self._config, self._source, facts)
            slow = (*facts.roles.values(), facts.agents, facts.fees, facts.budget)
            self._read = facts.now_ms, tuple(a for a in slow if not isinstance(a, str))
            for check in report.checks:
                _log.info("preflight %s %s: %s (%s)", check.verdict.value, check.name, check.value, check.limit)
            while not (stop.is_set() or self._again or self._answer is not None):
                await self._woken(stop)
            if self._answer is not None and not stop.is_set():
                self._remember(facts)
                return report, self._answer
        return None

    def still_true(self) -> tuple[AnyEvent, ...]:
        """What the engine need not ask again: the dear questions of its start, while their answers are young."""
        read_ms, answers = self._read
        return answers if self._clock.now_ms() - read_ms <= _YOUNG_MS else ()

    async def _woken(self, stop: asyncio.Event) -> None:
        assert self._wake is not None
        self._wake.clear()
        if self._answer is not None or self._again:
            return  # given between our look and now
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()

    def _remember(self, facts: Facts) -> None:
        # Not kept, the next start sees everything for the first time; that the disk is bad its own check has told.
        with contextlib.suppress(OSError):
            ParameterFile(self._ours.journal).save(facts.specs, frozenset(m.key for m in self._config.markets))

    def _call_awake(self) -> None:
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with contextlib.suppress(RuntimeError):  # the engine's thread has ended
                loop.call_soon_threadsafe(wake.set)


class _UsedUp(Exception):
    """This address has asked too much; asking once more would only make it longer."""


class _Reader:
    """One question at a time each, twice at most."""

    def __init__(self, session: Any, url: str, account: str, clock: Clock, weights: RateWindow) -> None:
        self._session = session
        self._weights = weights
        self._url = url
        self._account = account
        self._clock = clock

    async def ask(self, query: Query) -> Any:
        """The event that answers, or why there is none."""

        async def once() -> Any:
            started_ms = self._clock.now_ms()
            self._weights.take(started_ms, weight(query))
            answers = tuple([await self._post(body) for body in request_bodies(query, self._account)])
            return read_answer(query, answers, (started_ms + self._clock.now_ms()) // 2)

        return await self._tried(once)

    async def leverage(self, coin: str) -> str:
        """How the account's margin on a market is set; empty when not read."""

        async def once() -> str:
            answer = await self._other({"type": "activeAssetData", "user": self._account, "coin": coin})
            leverage = answer["leverage"]
            return f"{leverage['type']} {int(leverage['value'])}x"

        told = await self._tried(once)
        return told if "x" in told and told.split()[0] in ("cross", "isolated") else ""

    async def shared_usd(self) -> Decimal | None:
        """The balance that all dexes share; None where each has its own, or when it could not be read: then the dexes are judged."""

        async def once() -> Any:
            mode = await self._other({"type": "userAbstraction", "user": self._account})
            if mode not in _SHARED_BALANCE:
                return None
            state = await self._other({"type": "spotClearinghouseState", "user": self._account})
            usdc = [b for b in state["balances"] if b["coin"] == "USDC"]
            return sum((number(b["total"]) - number(b["hold"]) for b in usdc), Decimal(0))

        shared = await self._tried(once)
        return shared if isinstance(shared, Decimal) else None

    async def venue_status(self) -> str:
        async def once() -> tuple[str]:
            special = (await self._other({"type": "exchangeStatus"})).get("specialStatuses")
            return (quoted(json.dumps(special)) if special else "",)

        told = await self._tried(once)
        # A text alone says why it was not read: other checks tell that better, and it is nothing the exchange has said.
        return told[0] if isinstance(told, tuple) else ""

    async def _other(self, body: dict[str, Any]) -> Any:
        """The answer to what is no query of the engine's; reckoned as the heavier kind."""
        self._weights.take(self._clock.now_ms(), _OTHER_WEIGHT)
        return json.loads(await self._post(body))

    async def _tried(self, once: Callable[[], Awaitable[Any]]) -> Any:
        from aiohttp import ClientConnectorError

        why = ""
        for _ in range(_TRIES):
            try:
                return await once()
            except TimeoutError:
                why = f"no answer within {_ANSWER_WITHIN_S:g} s"
            except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as e:
                why = f"makes no sense: {e}"
            except _UsedUp as e:
                return str(e)
            except ClientConnectorError as e:
                why = f"cannot connect to {e.host}:{e.port}"
            except OSError as e:
                why = f"{type(e).__name__}: {e}"
            except Exception as e:  # the library's own, which are no OSError
                why = f"{type(e).__name__}: {e}"
        return why

    async def _post(self, body: dict[str, Any]) -> bytes:
        async with self._session.post(self._url, json=body, allow_redirects=False) as response:
            data: bytes = await response.content.read(_MAX_BODY_BYTES)
            while not response.content.at_eof() and len(data) < _MAX_BODY_BYTES:
                data += await response.content.read(_MAX_BODY_BYTES - len(data))
            if response.status == 429:
                raise _UsedUp(f"HTTP 429: the {WEIGHT_PER_MINUTE} that one address may ask in a minute are used up")
            if response.status != 200:
                raise ValueError(f"{body['type']}: HTTP {response.status}: {quoted(data)}")
            return data


def _free_mb(journal: Path) -> int:
    folder = next((f for f in (journal.parent, *journal.parent.parents) if f.exists()), Path("/"))
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return 0

"""Hostile answers to the programs that ask the exchange by themselves: the emergency (of `hip3-tui stop` and of the guard) and preflight.

Easy to get wrong in what is tried here: whatever the exchange answers to an emergency, nothing leaves but cancels and what makes positions
smaller; it is never confirmed while the clear answers say that something is open; and preflight judges what it could not read, too.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from engine_rooms import lie
from file_rooms import attempts
from hostile_input import as_bytes, spoil

from core.config import parse_config
from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import Kind, Read, Send
from core.engine.emergency_plan import Twap, TwapCancel
from core.engine.preflight import judge
from core.hyperliquid.account_wide import read_dex_names, read_mids, read_running_twaps, read_twap_cancel
from core.hyperliquid.info import read_open_orders, read_positions, read_role, read_specs
from core.hyperliquid.parsing import read_action_answer
from core.hyperliquid.wire_values import UNREADABLE
from core.messages.events import OrderOutcome, Outcome
from core.model.cloid import CloidMaker
from core.model.order import Cancels, Orders
from core.runtime import preflight
from core.runtime.clock import ManualClock
from core.runtime.keys import TEST_ADDRESS

NOW = 1_700_000_000_000
TEXT = """
ws_url = "ws://127.0.0.1:9/ws"
info_url = "http://127.0.0.1:9/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "simulator" }
[journal]
path = "JOURNAL"
"""


def _position(coin: str, size: str) -> dict[str, Any]:
    leverage = {"type": "cross", "value": 3}
    return {
        "type": "oneWay",
        "position": {
            "coin": coin, "szi": size, "entryPx": "1700.0", "positionValue": "85.0", "unrealizedPnl": "0.1", "leverage": leverage,
            "liquidationPx": None, "marginUsed": "28.0", "returnOnEquity": "0.0", "maxLeverage": 10,
            "cumFunding": {"allTime": "0", "sinceOpen": "0", "sinceChange": "0"},
        },
    }  # fmt: skip


def _order(coin: str, oid: int) -> dict[str, Any]:
    return {
        "coin": coin, "side": "B", "limitPx": "1600.0", "sz": "0.01", "oid": oid, "timestamp": NOW, "origSz": "0.01", "cloid": None,
        "reduceOnly": False,
    }  # fmt: skip


def _margin(positions: list[dict[str, Any]]) -> dict[str, Any]:
    worth = {"accountValue": "100.0", "totalNtlPos": "85.0", "totalRawUsd": "15.0", "totalMarginUsed": "28.0"}
    return {
        "marginSummary": worth, "crossMarginSummary": worth, "crossMaintenanceMarginUsed": "1.0", "withdrawable": "72.0",
        "assetPositions": positions, "time": NOW,
    }  # fmt: skip


PERP_DEXS = [None, {"name": "xyz", "fullName": "XYZ", "deployer": TEST_ADDRESS, "oracleUpdater": None}]
OPEN = {"": "BTC", "xyz": "xyz:SNDK"}


def _truth(kind: Kind, dex: str, is_open: bool) -> Any:
    """What an exchange would answer that has one position and one order on each dex, or none."""
    coin = OPEN.get(dex, f"{dex}:X")  # a spoiled list of dexes may name others: they answer, and hold nothing
    is_open = is_open and dex in OPEN
    match kind:
        case Kind.DEXES:
            return PERP_DEXS
        case Kind.TWAPS:
            return [
                {
                    "time": NOW,
                    "twapId": 4,
                    "state": {"coin": "BTC"},
                    "status": {"status": "activated" if is_open else "finished"},
                }
            ]
        case Kind.POSITIONS:
            return _margin([_position(coin, "0.05")] if is_open else [])
        case Kind.ORDERS:
            return [_order(coin, 7)] if is_open else []
        case Kind.SPECS:
            return {
                "universe": [{"name": coin, "szDecimals": 3, "maxLeverage": 10, "marginTableId": 10}],
                "collateralToken": 0,
            }
        case Kind.MIDS:
            return {coin: "1700.0"}


def _told(stop: EmergencyStop, read: Read, raw: bytes, now_ms: int) -> None:
    """As core.runtime.emergency_run reads and tells it."""
    match read.kind:
        case Kind.DEXES:
            stop.on_dexes(read_dex_names(raw), now_ms)
        case Kind.TWAPS:
            stop.on_twaps(tuple(Twap(m, i) for m, i in read_running_twaps(raw)), now_ms)
        case Kind.POSITIONS:
            stop.on_positions(read_positions(raw, read.dex), now_ms)
        case Kind.ORDERS:
            stop.on_orders(read_open_orders(raw, read.dex), now_ms)
        case Kind.SPECS:
            stop.on_specs(read.dex, read_specs(json.dumps(PERP_DEXS).encode(), raw, read.dex).specs, now_ms)
        case Kind.MIDS:
            stop.on_mids(read.dex, read_mids(raw, read.dex), now_ms)


def _answer_to(send: Send) -> Any:
    if isinstance(send.batch, TwapCancel):
        return {"status": "ok", "response": {"type": "twapCancel", "data": {"status": "success"}}}
    count = len(send.batch.orders if isinstance(send.batch, Orders) else send.batch.cancels)
    is_orders = isinstance(send.batch, Orders)
    status: Any = {"filled": {"totalSz": "0.05", "avgPx": "1700.0", "oid": 9}} if is_orders else "success"
    kind = "order" if is_orders else "cancel"
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": [status] * count}}}


ROUNDS = 60


def emergency_answers(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Whole emergencies whose answers are spoiled, well-formed lies among them: only cancels and reduce-only exits of what was said to be
    open leave it; and once the exchange speaks clearly again, it is confirmed when that says so, and never while it does not."""
    count: Counter[str] = Counter()
    while count["cases"] < cases:
        stop, now_ms = EmergencyStop(("", "xyz"), CloidMaker(1), every_dex=True), NOW
        stop.may_send = True
        is_open, clear_from = True, dice.randrange(ROUNDS // 2)
        for number in range(ROUNDS):
            for wanted in stop.due(now_ms):
                count["cases"] += 1
                clear = number >= clear_from
                is_read = isinstance(wanted, Read)
                truth = _truth(wanted.kind, wanted.dex, is_open) if isinstance(wanted, Read) else _answer_to(wanted)
                if clear or dice.random() < 0.3:
                    raw = json.dumps(truth).encode()
                elif dice.random() < 0.3 and is_read:
                    raw = json.dumps(lie(truth, dice)).encode()
                else:
                    raw = as_bytes(spoil(truth, dice), dice)
                try:
                    if isinstance(wanted, Read):
                        _told(stop, wanted, raw, now_ms)
                    else:
                        _check_send(wanted)
                        _outcome(stop, wanted, raw, now_ms)
                    count["understood"] += 1
                except UNREADABLE as e:
                    count["refused"] += 1
                    if isinstance(wanted, Read):
                        stop.on_read_failed(wanted, str(e), now_ms)
                    else:
                        stop.on_lost(wanted, str(e), now_ms)
            if number > clear_from + 8:
                assert not (is_open and stop.is_confirmed(now_ms)), "confirmed, though it is open"
            if number == clear_from + 14:
                is_open = False
            for note in stop.notes:
                assert len(note) < 20_000
            stop.notes.clear()
            stop.left(now_ms)
            now_ms += dice.choice([100, 400, 1_000, 2_500])
        count["emergencies"] += 1
        count["confirmed"] += stop.is_confirmed(now_ms)
    return count


def _check_send(send: Send) -> None:
    if isinstance(send.batch, Orders):
        for order in send.batch.orders:
            assert order.reduce_only, "an emergency opened something"
            assert order.price > 0
            assert order.size > 0
    else:
        assert isinstance(send.batch, Cancels | TwapCancel)


def _outcome(stop: EmergencyStop, send: Send, raw: bytes, now_ms: int) -> None:
    if isinstance(send.batch, TwapCancel):
        error = read_twap_cancel(raw)
        if error:
            stop.on_refused(send, error, now_ms)
        else:
            stop.on_outcomes(send, (OrderOutcome(Outcome.CANCELED),), now_ms)
        return
    answer = read_action_answer(raw)
    if isinstance(answer, str):
        stop.on_refused(send, answer, now_ms)
    else:
        stop.on_outcomes(send, answer, now_ms)


def roles(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Whose key it is: an answer that is not understood makes nobody an agent."""
    answers = [
        {"role": "agent", "data": {"user": TEST_ADDRESS}},
        {"role": "user"},
        {"role": "subAccount", "data": {"master": TEST_ADDRESS}},
        {"role": "missing"},
    ]

    def attempt() -> None:
        role = read_role(as_bytes(spoil(dice.choice(answers), dice), dice), TEST_ADDRESS)
        assert role.role != "agent" or role.owner.startswith("0x")

    return attempts(cases, UNREADABLE, attempt)


class _Answer:
    status = 200

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aenter__(self) -> _Answer:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @property
    def content(self) -> _Answer:
        return self

    async def read(self, most: int) -> bytes:
        return self._raw[:most]

    def at_eof(self) -> bool:
        return True


class _HostileSession:
    """Answers questions of preflight; half of the answers are spoiled."""

    def __init__(self, dice: random.Random, good: Callable[[dict[str, Any]], Any]) -> None:
        self._dice, self._good = dice, good

    async def __aenter__(self) -> _HostileSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def post(self, url: str, json: dict[str, Any], **_: Any) -> _Answer:
        good = self._good(json)
        if self._dice.random() < 0.5:
            return _Answer(msgspec.json.encode(good))
        return _Answer(as_bytes(spoil(good, self._dice), self._dice))


def preflight_answers(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Checks over spoiled answers: each is judged, each has words on one line, and what was not read never passes for a PASS of money."""
    import aiohttp
    from sim_desk import START_MS, Desk

    config, desk = parse_config(TEXT.replace("JOURNAL", str(folder / "journal.db")), "c.toml"), Desk()
    desk.pin()
    ours = preflight.OurSide(journal=folder / "journal.db")
    count: Counter[str] = Counter()
    real = aiohttp.ClientSession
    session = _HostileSession(dice, lambda body: desk.exchange.info(body, desk.now_ms))
    aiohttp.ClientSession = lambda **_: session  # type: ignore[assignment,misc,return-value]
    try:
        while count["cases"] < cases:
            facts = asyncio.run(preflight.read_facts(config, TEST_ADDRESS, TEST_ADDRESS, ours, ManualClock(START_MS)))
            for check in judge(config, facts):
                count["cases"] += 1
                count[check.verdict.value] += 1
                assert check.value.strip() or check.limit.strip(), check
                for words in (check.name, check.value, check.limit):
                    assert "\n" not in words, check
                    assert len(words) < 4_000, check
            preflight.report_of(config, "c.toml", facts)
    finally:
        aiohttp.ClientSession = real  # type: ignore[misc]
    count["understood"], count["refused"] = count["PASS"], count["FAIL"] + count["WARN"]
    return count


ROOMS: dict[str, Callable[[random.Random, int, Path], Counter[str]]] = {
    "emergency answers": emergency_answers,
    "roles": roles,
    "preflight answers": preflight_answers,
}

"""Each effect reaches the part that performs it; what cannot be performed is answered, and never stops the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from core.messages.effects import (
    Alert,
    Ask,
    AuditRow,
    Finished,
    ForgetPost,
    Journal,
    LatchState,
    PersistCounters,
    PersistLatch,
    Post,
    Reconnect,
    Repost,
    RiskCounters,
    Severity,
    Subscribe,
)
from core.messages.events import OutsideFault, PostNotSent
from core.messages.queries import QueryFees
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import Orders, OrderSide, PendingOrder, TimeInForce
from core.runtime import outside as outside_module
from core.runtime.inbox import Inbox
from core.runtime.outside import Outside
from core.runtime.signer import SignedAction

SNDK = MarketKey("xyz", "SNDK")
ROW = AuditRow(1, Severity.INFO, "kind", "text", "")
ALERT = Alert(Severity.CRITICAL, "HardStop", "loss")
BATCH = Orders(
    (PendingOrder(Cloid("0x1"), SNDK, OrderSide.BUY, D("1"), D("2"), False, TimeInForce.IOC, created_at_ms=1),)
)


class Part:
    """Stands in for gateway, info client and journal: writes down what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.latch_works = True
        self.backlog = 4
        self.fault: Callable[[str], None] | None = None
        self.runs = 0
        self.run_error: Exception | None = None
        self.third_run = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kw: self.calls.append((name, *args, *kw.values()))

    def persist_latch(self, latch: LatchState) -> bool:
        self.calls.append(("persist_latch", latch))
        return self.latch_works

    def listen(self, on_fault: Callable[[str], None]) -> None:
        self.fault = on_fault

    async def run(self) -> None:
        self.runs += 1
        if self.runs == 3:
            self.third_run.set()
        if self.run_error is not None:
            raise self.run_error
        await asyncio.Event().wait()


class Signer:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Any] = []

    def build_and_sign(self, batch: Any, nonce: int, expires_after_ms: int | None, asset_id_of: Any) -> SignedAction:
        self.asked.append((batch, nonce, expires_after_ms, asset_id_of(SNDK)))
        if self.error is not None:
            raise self.error
        return SignedAction({"nonce": nonce, "action": {"type": "order"}}, "0x00")


class Bench:
    def __init__(self, signer: Signer | None = None, on_alert: tuple[Callable[[Alert], None], ...] = ()) -> None:
        self.inbox, self.gateway, self.info, self.journal = Inbox(), Part(), Part(), Part()
        parts: dict[str, Any] = {"gateway": self.gateway, "info": self.info, "journal": self.journal}
        self.outside = Outside(
            inbox=self.inbox, signer=signer, asset_id_of={SNDK: 110016}.__getitem__, on_alert=on_alert, **parts
        )


async def test_a_post_is_signed_and_handed_to_the_gateway() -> None:
    signer = Signer()
    bench = Bench(signer)
    bench.outside.perform(Post(7, 5, BATCH, 99))
    assert signer.asked == [(BATCH, 5, 99, 110016)]
    assert bench.gateway.calls == [("post", 7, b'{"nonce":5,"action":{"type":"order"}}')]


async def test_a_post_that_cannot_be_signed_is_answered_without_a_word_of_the_cause() -> None:
    secret = "0123456789abcdef" * 4
    bench = Bench(Signer(ValueError(f"bad key {secret}")))
    bench.outside.perform(Post(7, 5, BATCH, None))
    assert bench.inbox.take() == PostNotSent(7, "signing failed: ValueError")
    assert bench.gateway.calls == []


async def test_without_a_key_no_post_leaves() -> None:
    bench = Bench(None)
    bench.outside.perform(Post(7, 5, BATCH, None))
    assert bench.inbox.take() == PostNotSent(7, "there is no key: observation")
    assert bench.gateway.calls == []


async def test_every_other_effect_reaches_its_part() -> None:
    alerts: list[Alert] = []
    bench = Bench(on_alert=(alerts.append,))
    counters = RiskCounters()
    for effect in (
        Repost(8, 7),
        ForgetPost(7),
        Subscribe((SNDK,)),
        Reconnect("stale"),
        Ask(QueryFees()),
        Journal(ROW),
        PersistCounters(counters),
        PersistLatch(LatchState(1, "x")),
        ALERT,
        Finished(False, "NOT CONFIRMED"),
    ):
        bench.outside.perform(effect)
    assert bench.gateway.calls == [("repost", 8, 7), ("forget", 7), ("subscribe", (SNDK,)), ("reconnect", "stale")]
    assert bench.info.calls == [("ask", QueryFees())]
    assert bench.journal.calls == [
        ("append", ROW),
        ("put_counters", counters),
        ("persist_latch", LatchState(1, "x")),
        ("end_run", True),
    ]
    assert alerts == [ALERT]
    assert bench.outside.journal_backlog == 4
    assert bench.inbox.take() is None


async def test_a_latch_that_is_not_on_disk_is_one_fault() -> None:
    bench = Bench()
    bench.journal.latch_works = False
    bench.outside.perform(PersistLatch(LatchState(1, "x")))
    bench.outside.perform(PersistLatch(LatchState(1, "x")))
    assert isinstance(bench.inbox.take(), OutsideFault)
    assert bench.inbox.take() is None


async def test_a_journal_that_fails_is_a_fault() -> None:
    bench = Bench()
    assert bench.journal.fault is not None
    bench.journal.fault("journal cannot be written: disk full")
    assert bench.inbox.take() == OutsideFault("journal cannot be written: disk full")


async def test_one_alert_receiver_that_fails_does_not_silence_the_next() -> None:
    alerts: list[Alert] = []

    def broken(alert: Alert) -> None:
        raise RuntimeError("no network")

    Bench(on_alert=(broken, alerts.append)).outside.perform(ALERT)
    assert alerts == [ALERT]


async def test_a_part_that_dies_is_one_fault_and_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_module, "_RESTART_S", 0.01)
    bench = Bench()
    bench.gateway.run_error = KeyError("bug")
    async with bench.outside:
        async with asyncio.timeout(5):
            await bench.gateway.third_run.wait()
        assert bench.info.runs == 1
    assert bench.inbox.take() == OutsideFault("gateway failed: KeyError: 'bug'")
    assert bench.inbox.take() is None

"""The emergency stop as one machine, played against an account that answers at once, or not, or wrongly."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from itertools import pairwise

import pytest

from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import Kind, Read, Send
from core.engine.emergency_plan import Twap, TwapCancel
from core.messages.events import OpenOrdersRead, OrderOutcome, OrderReport, Outcome, PositionsRead, VenuePosition
from core.model.cloid import CloidMaker
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders, OrderSide, OrderStatus

BTC, SNDK, NVDA, ABC = (MarketKey.parse(n) for n in ("BTC", "xyz:SNDK", "xyz:NVDA", "test:ABC"))
MARKETS = (BTC, SNDK, NVDA, ABC)
STEP_MS = 50
BUDGET = (
    "Too many cumulative requests sent (2 > 1) for cumulative volume traded $1.00. Place taker orders to free up 1."
)
GONE = "Order was never placed, already canceled, or filled. asset=0"


class Account:
    """What the exchange holds, and how it answers. Every answer comes one step after its question."""

    def __init__(self, *, every_dex: bool = True) -> None:
        self.positions: dict[MarketKey, D] = {}
        self.orders: dict[int, MarketKey] = {}
        self.twaps: list[Twap] = []
        self.fails: Callable[[Read], bool] = lambda read: False
        self.refuses: Callable[[Send], str] = lambda send: ""
        self.loses: Callable[[Send], bool] = lambda send: False
        self.fills: Callable[[MarketKey], bool] = lambda market: True
        self.empty_by_mistake = 0
        self.collapse = False
        self.now_ms = 1_000
        self.sent: list[tuple[int, Send]] = []
        self.reads: list[tuple[int, Read]] = []
        self.stop = EmergencyStop(("", "xyz"), CloidMaker(7), every_dex=every_dex)
        self.stop.may_send = True
        self.said: list[str] = []

    def run(self, for_ms: int = 60_000) -> int:
        """Until confirmed. Returns how long that took, ms."""
        begun = self.now_ms
        while not self.stop.is_confirmed(self.now_ms):
            assert self.now_ms - begun < for_ms, (self.stop.left(self.now_ms), self.said)
            self.step()
        return self.now_ms - begun

    def step(self) -> None:
        wanted = self.stop.due(self.now_ms)
        assert len(set(wanted)) == len(wanted), "the same twice"
        self.now_ms += STEP_MS
        for each in wanted:
            if isinstance(each, Read):
                self.reads.append((self.now_ms, each))
                self._answer_read(each)
            else:
                self.sent.append((self.now_ms, each))
                self._answer_send(each)
        self.said += self.stop.notes
        self.stop.notes = []

    def batches(self, kind: type) -> list[Send]:
        return [s for _, s in self.sent if isinstance(s.batch, kind)]

    # --- the exchange --------------------------------------------------------------------------------------------------------

    def _answer_read(self, read: Read) -> None:
        stop, now_ms, dex = self.stop, self.now_ms, read.dex
        if self.fails(read):
            stop.on_read_failed(read, "HTTP 502", now_ms)
            return
        match read.kind:
            case Kind.DEXES:
                stop.on_dexes(("", "xyz", "test"), now_ms)
            case Kind.TWAPS:
                stop.on_twaps(tuple(self.twaps), now_ms)
            case Kind.POSITIONS:
                held = tuple(
                    VenuePosition(m, size, D(100), abs(size) * 100, D(0))
                    for m, size in self.positions.items()
                    if m.dex == dex
                )
                if held and self.empty_by_mistake:
                    self.empty_by_mistake -= 1
                    held = ()
                stop.on_positions(PositionsRead(dex, now_ms, held, D(1000), D(1000)), now_ms)
            case Kind.ORDERS:
                orders = tuple(_resting(oid, m) for oid, m in self.orders.items() if m.dex == dex)
                stop.on_orders(OpenOrdersRead(dex, orders), now_ms)
            case Kind.SPECS:
                specs = [MarketSpec(m, i, i, 3, 10) for i, m in enumerate(MARKETS) if m.dex == dex]
                stop.on_specs(dex, specs, now_ms)
            case Kind.MIDS:
                stop.on_mids(dex, {m: D(100) for m in MARKETS if m.dex == dex}, now_ms)

    def _answer_send(self, send: Send) -> None:
        stop, now_ms = self.stop, self.now_ms
        refusal = self.refuses(send)
        if refusal:
            stop.on_refused(send, refusal, now_ms)
            return
        outcomes = self._carry_out(send)
        if self.loses(send):
            stop.on_lost(send, "no answer within 3 s", now_ms)
        else:
            stop.on_outcomes(send, outcomes, now_ms)

    def _carry_out(self, send: Send) -> tuple[OrderOutcome, ...]:
        batch = send.batch
        if isinstance(batch, TwapCancel):
            self.twaps.remove(batch.twap)
            return (OrderOutcome(Outcome.CANCELED),)
        if self.collapse:
            self.collapse = False
            return (OrderOutcome(Outcome.ERROR, error="Order has invalid size."),)
        if isinstance(batch, Cancels):
            return tuple(self._cancelled(c.oid or 0) for c in batch.cancels)
        outcomes = []
        for order in batch.orders:
            assert order.reduce_only
            held = self.positions.get(order.market, D(0))
            if not held or (held > 0) is order.side.is_buy:
                outcomes.append(OrderOutcome(Outcome.ERROR, error="Reduce only order would increase position. asset=1"))
            elif not self.fills(order.market):
                outcomes.append(OrderOutcome(Outcome.ERROR, error="Order could not immediately match. asset=1"))
            else:
                del self.positions[order.market]
                outcomes.append(OrderOutcome(Outcome.FILLED, 1, order.size, order.price))
        return tuple(outcomes)

    def _cancelled(self, oid: int) -> OrderOutcome:
        if self.orders.pop(oid, None) is None:
            return OrderOutcome(Outcome.ERROR, error=GONE)
        return OrderOutcome(Outcome.CANCELED)


def _resting(oid: int, market: MarketKey) -> OrderReport:
    return OrderReport(market, oid, None, OrderSide.BUY, D(1), D(1), D(1), False, OrderStatus.OPEN, "open", 1, 1)


@pytest.fixture
def account() -> Account:
    account = Account()
    account.positions = {BTC: D("0.5"), SNDK: D("-0.05"), NVDA: D("0.3"), ABC: D(2)}
    account.orders = {oid: MARKETS[oid % 4] for oid in range(1, 101)}
    return account


def is_closed(account: Account) -> bool:
    return not account.positions and not account.orders and not account.twaps


# --- the usual way ------------------------------------------------------------------------------------------------------------


def test_everything_on_every_dex_is_closed_at_once_and_confirmed_after_two_seconds(account: Account) -> None:
    took_ms = account.run()
    assert is_closed(account)
    assert 2_000 <= took_ms <= 2_600
    assert [s.dexes for s in account.batches(Orders)] == [("",), ("xyz",), ("test",)]
    assert len(account.batches(Cancels)) == 3
    assert (account.stop.exits_sent, account.stop.cancels_sent, account.stop.was_open) == (4, 100, True)
    assert account.stop.left(account.now_ms) == []


def test_an_empty_account_is_asked_twice_as_well() -> None:
    account = Account()
    assert account.run() >= 2_000
    assert account.sent == []
    assert not account.stop.was_open


def test_nothing_is_sent_before_it_may(account: Account) -> None:
    account.stop.may_send = False
    for _ in range(20):
        account.step()
    assert account.sent == []
    assert any(r.kind is Kind.SPECS for _, r in account.reads), "reading does not wait"
    account.stop.may_send = True
    account.run()
    assert is_closed(account)


def test_only_the_dexes_named_when_told_so(account: Account) -> None:
    account.stop = EmergencyStop(("xyz",), CloidMaker(7), every_dex=False)
    account.stop.may_send = True
    account.run()
    assert set(account.positions) == {BTC, ABC}
    assert {m.dex for m in account.orders.values()} == {"", "test"}


def test_twaps_are_ended_first_and_asked_for_again(account: Account) -> None:
    account.twaps = [Twap(SNDK, 5), Twap(ABC, 6)]
    account.run()
    assert is_closed(account)
    assert [s.batch.twap.twap_id for s in account.batches(TwapCancel) if isinstance(s.batch, TwapCancel)] == [5, 6]
    assert sum(r.kind is Kind.TWAPS for _, r in account.reads) >= 2


# --- what the exchange gets wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_l07_an_empty_answer_by_mistake_confirms_nothing(account: Account, times: int) -> None:
    account.positions = {SNDK: D("0.05")}
    account.orders = {}
    account.empty_by_mistake = times
    if times == 1:
        account.run()
        assert is_closed(account)
    else:
        # Two in a row, seconds apart, are beyond what one can tell; the first of them alone must not do.
        account.run()
        assert account.now_ms - 1_000 >= 2_000


def test_l34_one_dex_that_cannot_be_read_holds_up_no_other(account: Account) -> None:
    account.fails = lambda read: read.dex == "xyz"
    for _ in range(200):
        account.step()
    assert set(account.positions) == {SNDK, NVDA}
    assert not account.stop.is_confirmed(account.now_ms)
    (left,) = account.stop.left(account.now_ms)
    assert left.dex == "xyz"
    assert "positions: HTTP 502" in left.trouble
    account.fails = lambda read: False
    account.run()
    assert is_closed(account)


def test_orders_unreadable_positions_are_closed_all_the_same(account: Account) -> None:
    account.fails = lambda read: read.kind is Kind.ORDERS
    for _ in range(60):
        account.step()
    assert account.positions == {}
    assert not account.stop.is_confirmed(account.now_ms)


def test_prices_unreadable_the_mark_does(account: Account) -> None:
    account.fails = lambda read: read.kind is Kind.MIDS
    account.run()
    assert is_closed(account)


def test_without_the_list_of_dexes_nothing_is_confirmed(account: Account) -> None:
    account.fails = lambda read: read.kind is Kind.DEXES
    for _ in range(100):
        account.step()
    assert set(account.positions) == {ABC}
    assert not account.stop.is_confirmed(account.now_ms)
    assert any("the list of dexes" in left.trouble for left in account.stop.left(account.now_ms))


def test_what_one_dex_said_long_ago_is_asked_again(account: Account) -> None:
    account.fails = lambda read: read.dex == "test"
    for _ in range(300):
        account.step()
    confirmed_early = [r for _, r in account.reads if r == Read(Kind.POSITIONS, "")]
    account.fails = lambda read: False
    account.positions[BTC] = D(1)  # meanwhile somebody opened something
    account.run()
    assert is_closed(account)
    assert len([r for _, r in account.reads if r == Read(Kind.POSITIONS, "")]) > len(confirmed_early)


# --- what it answers to what was sent ------------------------------------------------------------------------------------------


def test_lost_answers_are_looked_up(account: Account) -> None:
    lost = {"count": 0}

    def loses(send: Send) -> bool:
        lost["count"] += 1
        return lost["count"] <= 4

    account.loses = loses
    account.run()
    assert is_closed(account)
    assert any("looking what became of it" in text for text in account.said)


def test_an_exit_that_finds_nobody_goes_further(account: Account) -> None:
    account.orders = {}
    account.positions = {BTC: D("0.5")}
    account.fills = lambda market: len(account.batches(Orders)) >= 4
    account.run()
    prices = [s.batch.orders[0].price for s in account.batches(Orders) if isinstance(s.batch, Orders)]
    assert prices == [D(99), D("98.5"), D(98), D(98)]


def test_tries_become_rarer(account: Account) -> None:
    account.fills = lambda market: False
    for _ in range(1200):
        account.step()
    times = [at for at, s in account.sent if isinstance(s.batch, Orders) and "" in s.dexes]
    gaps = [b - a for a, b in pairwise(times)]
    assert 20 <= len(times) <= 40, "60 s, at most one every two seconds after the first few"
    assert gaps[0] < 500
    assert gaps[-1] >= 2_000
    weight = sum({Kind.ORDERS: 20, Kind.POSITIONS: 2, Kind.MIDS: 2}.get(r.kind, 20) for _, r in account.reads)
    assert weight < 1_100, f"{weight} in a minute: the machine's limit is 1200"
    (left, *_) = account.stop.left(account.now_ms)
    assert "could not immediately match" in left.trouble


def test_one_error_for_the_whole_batch_sends_each_alone(account: Account) -> None:
    account.collapse = True
    account.run()
    assert is_closed(account)
    assert any(len(s.batch.orders) == 1 for s in account.batches(Orders) if isinstance(s.batch, Orders))


def test_l33_already_gone_is_success(account: Account) -> None:
    account.refuses = lambda send: account.orders.clear() or account.positions.clear() or ""
    account.run()
    assert any("gone already" in text for text in account.said)
    assert any("flat already" in text for text in account.said)
    assert len(account.batches(Orders)) == 3


def test_a_position_that_cannot_be_closed_is_told_and_does_not_spin(account: Account) -> None:
    account.positions = {SNDK: D("0.0001"), BTC: D(1)}
    account.orders = {}
    for _ in range(400):
        account.step()
    assert set(account.positions) == {SNDK}
    looks = [at for at, r in account.reads if r == Read(Kind.POSITIONS, "xyz")]
    assert len(looks) < 25, f"{len(looks)} looks in 20 s"
    (left,) = account.stop.left(account.now_ms)
    assert "less than one lot" in left.trouble


def test_a_key_that_is_not_taken_is_told_once(account: Account) -> None:
    account.refuses = lambda send: "User or API Wallet 0x12 does not exist."
    for _ in range(100):
        account.step()
    told = [text for text in account.said if "does not take this key" in text]
    assert len(told) == 3, told
    assert not account.stop.is_confirmed(account.now_ms)


# --- an exhausted budget -----------------------------------------------------------------------------------------------------------


def test_one_action_in_ten_seconds_takes_all_exits_first(account: Account) -> None:
    last = {"ms": -10_000}

    def one_in_ten_seconds(send: Send) -> str:
        if isinstance(send.batch, Cancels) and not account.positions:
            return ""
        if account.now_ms - last["ms"] < 10_000:
            return BUDGET
        last["ms"] = account.now_ms
        return ""

    account.refuses = one_in_ten_seconds
    took_ms = account.run()
    assert is_closed(account)
    assert took_ms < 20_000, "one action closed the first dex, one the rest, one cancelled"
    merged = [s for s in account.batches(Orders) if len(s.dexes) > 1]
    assert merged
    assert any("one action each 10 s" in text for text in account.said)


def test_cancels_without_budget_are_paced_after_the_exits(account: Account) -> None:
    last = {"ms": -10_000}

    def all_paced(send: Send) -> str:
        if account.now_ms - last["ms"] < 10_000:
            return BUDGET
        last["ms"] = account.now_ms
        return ""

    account.refuses = all_paced
    account.run(120_000)
    assert is_closed(account)
    closed = [at for at, s in account.sent if isinstance(s.batch, Orders)][-1]
    cancelled = [at for at, s in account.sent if isinstance(s.batch, Cancels)][-1]
    assert closed < cancelled

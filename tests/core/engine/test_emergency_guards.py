"""What an emergency leaves alone, waits for, and does not do twice: each guard of it that a life seldom comes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from test_emergency import ABC, BTC, BUDGET, MARKETS, NVDA, SNDK, Account, D, is_closed

from core.engine.emergency import EmergencyStop
from core.engine.emergency_dex import AGREE_AFTER_MS, NEVER, Asked, Dex, Kind, Read, Send
from core.engine.emergency_plan import Twap, TwapCancel
from core.messages.events import OpenOrdersRead, OrderOutcome, OrderReport, Outcome, PositionsRead, VenuePosition
from core.model.cloid import CloidMaker
from core.model.market import MarketKey, MarketSpec
from core.model.order import Cancels, Orders, OrderSide, OrderStatus

MARGIN = "Insufficient margin to place order."


def resting(oid: int, market: MarketKey = SNDK) -> OrderReport:
    return OrderReport(market, oid, None, OrderSide.BUY, D(1), D(1), D(1), False, OrderStatus.OPEN, "open", 1, 1)


def held(market: MarketKey, size: D) -> VenuePosition:
    return VenuePosition(market, size, D(100), abs(size) * 100, D(0))


def read_positions(dex: str, now_ms: int, *positions: VenuePosition) -> PositionsRead:
    return PositionsRead(dex, now_ms, positions, D(1000), D(1000))


@pytest.fixture
def account() -> Account:
    account = Account()
    account.positions = {BTC: D("0.5"), SNDK: D("-0.05"), NVDA: D("0.3"), ABC: D(2)}
    account.orders = {oid: MARKETS[oid % 4] for oid in range(1, 9)}
    return account


def steps(account: Account, count: int) -> None:
    for _ in range(count):
        account.step()


def one_in_ten_seconds(account: Account) -> Callable[[Send], str]:
    last = {"ms": -10_000}

    def paced(send: Send) -> str:
        if account.now_ms - last["ms"] < 10_000:
            return BUDGET
        last["ms"] = account.now_ms
        return ""

    return paced


# --- without budget ---------------------------------------------------------------------------------------------------------


def test_exits_that_never_fill_do_not_keep_the_orders_alive(account: Account) -> None:
    """Every other action that gets through is the orders'."""
    account.fills = lambda market: False
    account.refuses = one_in_ten_seconds(account)
    steps(account, 1_600)
    assert not account.orders
    assert len(account.positions) == 4


def test_a_refused_try_is_not_made_again_at_once_and_costs_no_attempt(account: Account) -> None:
    account.orders = {}
    account.refuses = lambda send: BUDGET
    steps(account, 400)
    exits = account.batches(Orders)
    assert 7 <= len(exits) <= 14, f"{len(exits)} tries in 20 s"
    prices = {o.price for s in exits if isinstance(s.batch, Orders) for o in s.batch.orders if o.market == BTC}
    assert prices == {D(99)}, "1 % from mid as long as none got through"


def test_without_budget_all_cancels_go_in_one_action(account: Account) -> None:
    account.positions = {}
    account.refuses = one_in_ten_seconds(account)
    account.run(120_000)
    accepted = [s for s in account.batches(Cancels) if len(s.dexes) > 1]
    assert accepted, "after the first refusal they are one"


def test_a_dex_that_is_never_done_with_looking_holds_up_no_paced_exit(account: Account) -> None:
    """It waits a second and a half for the others, not for ever."""
    account.orders = {}
    account.refuses = one_in_ten_seconds(account)
    account.fails = lambda read: read.dex == "test" and read.kind is Kind.SPECS
    steps(account, 700)
    assert set(account.positions) == {ABC}


def exits_at(account: Account) -> list[int]:
    return sorted({at for at, s in account.sent if isinstance(s.batch, Orders)})


def test_between_two_tries_that_are_refused_there_is_a_pause_and_no_look(account: Account) -> None:
    account.orders, account.positions = {}, {BTC: D(1)}
    account.refuses = lambda send: BUDGET
    steps(account, 400)
    times = exits_at(account)
    assert len(times) > 4
    assert all(b - a >= 2_400 for a, b in pairwise(times)), times
    looks = [at for at, r in account.reads if r == Read(Kind.POSITIONS, "") and at > times[0]]
    assert looks[0] - times[0] >= 2_400, "what it would see could not be acted upon"


def test_after_an_action_that_got_through_the_next_try_waits_as_well(account: Account) -> None:
    account.orders = {}
    account.fills = lambda market: False
    account.refuses = one_in_ten_seconds(account)
    steps(account, 600)
    times = exits_at(account)
    later = [at for at in times if at > times[0] + 1_000]
    assert all(b - a >= 2_400 for a, b in pairwise(later)), later


def test_without_budget_no_cancel_is_tried_before_an_exit_got_through(account: Account) -> None:
    account.refuses = lambda send: BUDGET
    steps(account, 400)
    first = min(at for at, s in account.sent if isinstance(s.batch, Cancels))
    assert all(at <= first + 200 for at, s in account.sent if isinstance(s.batch, Cancels))


# --- one bad order -----------------------------------------------------------------------------------------------------------


def test_after_a_refusal_of_the_whole_each_exit_is_sent_alone(account: Account) -> None:
    """One position that has no margin to be closed must not hold up the one beside it."""
    account.orders = {}

    def refuses(send: Send) -> str:
        orders = send.batch.orders if isinstance(send.batch, Orders) else ()
        return MARGIN if any(o.market == SNDK for o in orders) else ""

    account.refuses = refuses
    steps(account, 200)
    assert set(account.positions) == {SNDK}


def test_after_a_refusal_of_the_whole_each_cancel_is_sent_alone(account: Account) -> None:
    account.positions = {}
    bad = min(oid for oid, market in account.orders.items() if market == BTC)

    def refuses(send: Send) -> str:
        cancels = send.batch.cancels if isinstance(send.batch, Cancels) else ()
        return MARGIN if any(c.oid == bad for c in cancels) else ""

    account.refuses = refuses
    steps(account, 400)
    assert set(account.orders) == {bad}


def test_one_word_for_a_whole_batch_of_cancels_sends_each_alone() -> None:
    stop, send = asked_to_cancel(3)
    stop.on_outcomes(send, (OrderOutcome(Outcome.ERROR, error=MARGIN),), 200)
    assert stop._dexes["xyz"].separately


def test_one_word_for_a_whole_batch_of_exits_is_everyones_and_sends_each_alone() -> None:
    stop, send = asked_to_close(held(SNDK, D(1)), held(NVDA, D(1)))
    stop.on_outcomes(send, (OrderOutcome(Outcome.ERROR, error=MARGIN),), 200)
    assert stop._dexes["xyz"].separately
    assert sum(MARGIN in note for note in stop.notes) == 2


def test_what_is_gone_already_is_no_error() -> None:
    stop, send = asked_to_cancel(1)
    gone = "Order was never placed, already canceled, or filled. asset=1"
    stop.on_outcomes(send, (OrderOutcome(Outcome.ERROR, error=gone),), 200)
    assert stop.notes == ["xyz: 0 orders cancelled; 1 gone already"]


def test_a_position_that_cannot_be_closed_stands_in_no_others_way() -> None:
    _, send = asked_to_close(held(SNDK, D("0.0001")), held(NVDA, D(1)))
    assert isinstance(send.batch, Orders)
    assert [o.market for o in send.batch.orders] == [NVDA]


def test_where_nothing_can_be_sent_it_looks_again_later_each_time() -> None:
    stop = begun()
    told(stop, 100, held(SNDK, D("0.0001")))
    stop.due(100)
    answer_mids(stop, 100)
    assert not [w for w in stop.due(100) if isinstance(w, Send)]
    assert stop._dexes["xyz"]._reads[Kind.POSITIONS].due_ms == 200


# --- twice -------------------------------------------------------------------------------------------------------------------


def begun() -> EmergencyStop:
    """Of one dex alone, whose markets are known."""
    stop = EmergencyStop(("xyz",), CloidMaker(7), every_dex=False)
    stop.may_send = True
    stop.due(0)
    stop.on_specs("xyz", [MarketSpec(m, i, i, 3, 10) for i, m in enumerate((SNDK, NVDA))], 0)
    return stop


def told(stop: EmergencyStop, now_ms: int, *positions: VenuePosition, orders: tuple[OrderReport, ...] = ()) -> None:
    stop.on_positions(read_positions("xyz", now_ms, *positions), now_ms)
    stop.on_orders(OpenOrdersRead("xyz", orders), now_ms)
    stop.notes.clear()


def answer_mids(stop: EmergencyStop, now_ms: int) -> None:
    stop.on_mids("xyz", {SNDK: D(100), NVDA: D(100)}, now_ms)


def the_send(stop: EmergencyStop, now_ms: int) -> Send:
    (send,) = [w for w in stop.due(now_ms) if isinstance(w, Send)]
    stop.notes.clear()
    return send


def asked_to_close(*positions: VenuePosition) -> tuple[EmergencyStop, Send]:
    stop = begun()
    told(stop, 100, *positions)
    stop.due(100)
    answer_mids(stop, 100)
    return stop, the_send(stop, 100)


def asked_to_cancel(count: int) -> tuple[EmergencyStop, Send]:
    stop = begun()
    told(stop, 100, orders=tuple(resting(oid) for oid in range(1, count + 1)))
    return stop, the_send(stop, 100)


def test_what_is_asked_of_the_account_is_under_way_until_it_is_answered() -> None:
    stop = EmergencyStop(("",), CloidMaker(7), every_dex=True)
    first = Counter(w.kind for w in stop.due(0) if isinstance(w, Read))
    assert (first[Kind.DEXES], first[Kind.TWAPS]) == (1, 1)
    assert not [w for w in stop.due(10_000) if isinstance(w, Read) and w.kind in (Kind.DEXES, Kind.TWAPS)]


def test_a_read_that_is_under_way_is_not_due() -> None:
    asked = Asked()
    assert asked.is_due(0)
    asked.under_way = True
    assert not asked.is_due(10_000)


def test_each_action_has_a_number_of_its_own(account: Account) -> None:
    account.run()
    numbers = [s.number for _, s in account.sent]
    assert len(set(numbers)) == len(numbers)


def test_while_an_action_is_on_its_way_nobody_looks() -> None:
    stop, _ = asked_to_cancel(1)
    stop._dexes["xyz"].look_again(200)
    assert not [w for w in stop.due(60_000) if isinstance(w, Read) and w.kind is not Kind.TWAPS]


def test_an_action_on_its_way_is_no_confirmation() -> None:
    stop, _ = asked_to_cancel(1)
    dex = stop._dexes["xyz"]
    dex.positions, dex.orders, dex.confirmed_ms = (), (), 200
    assert not stop._is_confirmed(dex, 200)


def test_what_was_read_and_not_acted_upon_is_not_read_again() -> None:
    dex = Dex("xyz")
    dex.on_specs({}, 0)
    dex.reads_due(0)
    dex.on_positions((held(SNDK, D(1)),), 50)
    dex.on_orders((), 50)
    dex.look_again(100)
    assert [r.kind for r in dex.reads_due(100)] == [Kind.ORDERS, Kind.MIDS]


def test_a_success_ends_a_row_of_failures() -> None:
    asked = Asked()
    for _ in range(5):
        asked.failed("HTTP 502", 0)
    asked.answered(0, 0)
    asked.failed("HTTP 502", 0)
    assert asked.due_ms == 250


def test_a_dex_that_was_known_keeps_what_is_known_of_it() -> None:
    stop = begun()
    told(stop, 100, held(SNDK, D(1)))
    stop._of_account[Kind.DEXES] = Asked()
    stop.on_dexes(("", "xyz"), 200)
    assert stop._dexes["xyz"].positions
    assert "" in stop._dexes


# --- TWAPs -------------------------------------------------------------------------------------------------------------------


def test_a_twap_on_a_dex_where_nothing_is_open_asks_for_its_markets_and_is_ended() -> None:
    account = Account()
    account.twaps = [Twap(ABC, 9)]
    account.run()
    assert is_closed(account)
    assert len(account.batches(TwapCancel)) == 1


def test_a_twap_of_a_dex_that_was_not_asked_for_is_left_alone() -> None:
    account = Account(every_dex=False)
    account.twaps = [Twap(ABC, 9)]
    account.run()
    assert account.twaps == [Twap(ABC, 9)]


def test_a_twap_on_a_market_that_is_not_listed_is_not_sent_and_not_confirmed() -> None:
    account = Account()
    account.twaps = [Twap(MarketKey("xyz", "GONE"), 9)]
    steps(account, 200)
    assert account.batches(TwapCancel) == []
    assert not account.stop.is_confirmed(account.now_ms)


def test_a_list_of_dexes_that_was_not_read_is_no_confirmation(account: Account) -> None:
    account.stop._of_account[Kind.DEXES].answered(0, NEVER)
    account.stop._of_account[Kind.DEXES].trouble = "HTTP 502"
    account.positions, account.orders = {}, {}
    account.fails = lambda read: read.kind is Kind.DEXES
    steps(account, 200)
    assert not account.stop.is_confirmed(account.now_ms)


# --- one dex -----------------------------------------------------------------------------------------------------------------


def test_two_empty_answers_within_two_seconds_are_one() -> None:
    dex = Dex("xyz")
    dex.reads_due(0)
    dex.on_positions((), 0)
    dex.on_orders((), 0)
    dex.look_again(500)
    dex.reads_due(500)
    dex.on_positions((), 500)
    dex.on_orders((), 500)
    assert dex.confirmed_ms is None
    dex.look_again(AGREE_AFTER_MS)
    dex.reads_due(AGREE_AFTER_MS)
    dex.on_positions((), AGREE_AFTER_MS)
    dex.on_orders((), AGREE_AFTER_MS)
    assert dex.confirmed_ms == AGREE_AFTER_MS


def test_one_half_that_failed_is_no_empty_answer() -> None:
    """The other half of the pair would be one from before."""
    dex = Dex("xyz")
    dex.reads_due(0)
    dex.on_positions((), 0)
    dex.on_orders((), 0)
    dex.reads_due(AGREE_AFTER_MS)
    dex.on_failed(Kind.ORDERS, "HTTP 502", AGREE_AFTER_MS)
    dex.on_positions((), AGREE_AFTER_MS)
    assert dex.empty_since_ms is None


def test_prices_that_failed_are_not_asked_for_at_once_again() -> None:
    dex = Dex("xyz")
    dex.on_specs({}, 0)
    dex.reads_due(0)
    dex.on_positions((held(SNDK, D(1)),), 0)
    dex.on_orders((), 0)
    assert Read(Kind.MIDS, "xyz") in dex.reads_due(0)
    dex.on_failed(Kind.MIDS, "HTTP 502", 0)
    assert dex.reads_due(1_000) == []
    assert dex.can_close


def test_nothing_can_be_sent_before_the_markets_are_known() -> None:
    dex = Dex("xyz")
    dex.reads_due(0)
    dex.on_positions((held(SNDK, D(1)),), 0)
    dex.on_orders((resting(1),), 0)
    assert not dex.can_close
    assert not dex.can_cancel


def test_after_an_action_that_was_paced_it_looks_no_earlier_than_the_next_may_go() -> None:
    dex = Dex("xyz")
    dex.on_acted(1_000, 3_500)
    assert dex._reads[Kind.POSITIONS].due_ms == 3_500


# --- what is said in odd moments ------------------------------------------------------------------------------------------------


def test_one_empty_answer_is_left_as_not_confirmed(account: Account) -> None:
    account.positions, account.orders = {}, {}
    while not any(d.is_empty for d in account.stop._dexes.values()):
        account.step()
    left = [each for each in account.stop.left(account.now_ms) if "did not say twice" in each.trouble]
    assert left
    assert {each.trouble for each in left} == {"the exchange did not say twice that nothing is open"}
    account.run()
    assert account.stop.left(account.now_ms) == []


def test_an_answer_without_outcomes_says_nothing_of_an_exit_and_the_next_look_tells(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.positions, account.orders = {BTC: D("0.5")}, {}
    real = account._carry_out

    def silent(send: Send) -> tuple[OrderOutcome, ...]:
        real(send)
        return ()

    monkeypatch.setattr(account, "_carry_out", silent)
    account.run()
    assert not account.positions
    assert not [text for text in account.said if "filled" in text]
    assert len(account.batches(Orders)) == 1


def test_without_budget_the_next_look_is_not_later_than_the_next_turn(account: Account) -> None:
    account.refuses = lambda send: BUDGET
    steps(account, 100)
    assert account.stop._pace_exits
    assert account.now_ms < account.stop.next_due_ms(account.now_ms) <= account.now_ms + 10_000

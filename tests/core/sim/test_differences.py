"""Where two lists of effects differ, one line each."""

from __future__ import annotations

from decimal import Decimal as D

from core.messages.effects import (
    Alert,
    Ask,
    AuditRow,
    ForgetPost,
    Journal,
    OrderRow,
    PersistCounters,
    Reconnect,
    RiskCounters,
    Severity,
)
from core.messages.queries import QueryBook, QueryFees
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderStatus
from core.sim.differences import MOST_LINES, differences

SNDK = MarketKey("xyz", "SNDK")
NVDA = MarketKey("xyz", "NVDA")
ORDER = OrderRow(Cloid("0x1"), SNDK, OrderStatus.OPEN, 5, "buy", D("1.5"), D(2), D(0), False, "entry", "", "signal-1")


def audit(number: int, text: str = "x") -> Journal:
    return Journal(AuditRow(number, Severity.INFO, "k", text, ""))


def test_nothing():
    assert differences((), []) == ()
    assert differences((audit(1), Reconnect("r")), [audit(1), Reconnect("r")]) == ()


def test_one_field():
    assert differences((Ask(QueryBook(SNDK)), ForgetPost(7)), (Ask(QueryBook(SNDK)), ForgetPost(8))) == (
        "effect 2, ForgetPost: post_id: recorded 7, replayed 8",
    )


def test_fields_inside_fields():
    assert differences((Ask(QueryBook(SNDK)),), (Ask(QueryBook(NVDA)),)) == (
        "effect 1, Ask: query.market.coin: recorded SNDK, replayed NVDA",
    )


def test_a_price_is_compared_as_it_is_sent():
    other = OrderRow(**{**{f: getattr(ORDER, f) for f in ORDER.__struct_fields__}, "price": D("1.50")})
    assert other == ORDER
    assert differences((Journal(ORDER),), (Journal(other),)) == (
        "effect 1, Journal OrderRow: row.price: recorded 1.5, replayed 1.50",
    )


def test_a_longer_list_inside():
    before, after = RiskCounters(rejected_at_ms=(1,)), RiskCounters(rejected_at_ms=(1, 2))
    assert differences((PersistCounters(before),), (PersistCounters(after),)) == (
        "effect 1, PersistCounters: counters.rejected_at_ms[1]: recorded nothing, replayed 2",
    )


def test_another_kind_of_query():
    assert "effect 1, Ask: query.type: recorded QueryFees, replayed QueryBook" in differences(
        (Ask(QueryFees()),), (Ask(QueryBook(SNDK)),)
    )


def test_one_that_is_missing_does_not_make_the_rest_different():
    rest = [audit(n) for n in range(2, 9)]
    assert differences((audit(1), *rest), rest) == (
        "effect 1 recorded, not replayed: Journal(AuditRow(number=1, severity=info, kind=k, text=x, correlation_id=''))",
    )
    assert differences(rest, (*rest[:3], Reconnect("why"), *rest[3:])) == (
        "effect 4 replayed, not recorded: Reconnect(why)",
    )


def test_rows_of_two_kinds_are_not_compared_field_by_field():
    lines = differences((Journal(ORDER),), (audit(1),))
    assert [line.split(":")[0] for line in lines] == [
        "effect 1 recorded, not replayed",
        "effect 1 replayed, not recorded",
    ]


def test_another_order_of_the_same_is_a_difference():
    one, two = Alert(Severity.INFO, "a", "b"), Reconnect("c")
    assert differences((one, two), (two, one))


def test_what_was_raised():
    assert differences((), (), "ValueError: a", "") == ("raised: recorded ValueError: a, replayed nothing",)
    assert differences((), (), "ValueError: a", "ValueError: a") == ()


def test_there_is_an_end_to_it():
    lines = differences([audit(n) for n in range(100)], [])
    assert len(lines) == MOST_LINES
    assert lines[-1] == f"{100 - MOST_LINES + 1} more differences"

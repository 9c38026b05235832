"""The face of the exchange: whatever comes in, it answers or refuses in the venue's way, and its books stay consistent."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.sim.admission import WireFailure
from core.sim.info import _HANDLERS

USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
OTHER_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
OTHER_USER = "0x14791697260e4c9a71f18484c9f997b308e59325"

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
fields = st.sampled_from([USER, "xyz", "xyz:SNDK", "0x" + "0" * 32, "1700", "0.05", 110016, 0, True])
value = st.one_of(junk, fields)
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@relaxed
@given(
    kind=st.sampled_from(sorted(_HANDLERS)),
    extra=st.dictionaries(
        st.sampled_from(["user", "dex", "coin", "oid", "startTime", "endTime", "nSigFigs", "mantissa", "reversed"]),
        value,
    ),
)
def test_any_info_request_is_answered_or_fails_in_the_venues_way(make_desk, kind, extra):
    desk = _shared(make_desk)
    outcome = _status(lambda: desk.exchange.info({**extra, "type": kind}, desk.now_ms))
    assert outcome in (200, 422, 500)


@relaxed
@given(
    order=st.fixed_dictionaries(
        {
            "a": st.one_of(value, st.sampled_from([110016, 3, 110032, 0])),
            "b": st.one_of(value, st.booleans()),
            "p": st.one_of(value, st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,20})?", fullmatch=True)),
            "s": st.one_of(value, st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,20})?", fullmatch=True)),
            "r": st.one_of(value, st.booleans()),
            "t": st.one_of(value, st.sampled_from([{"limit": {"tif": t}} for t in ("Ioc", "Gtc", "Alo")])),
        }
    ),
    signature=st.fixed_dictionaries({"r": value, "s": value, "v": value}),
    is_signed=st.booleans(),
)
def test_any_order_is_answered_or_fails_in_the_venues_way(make_desk, order, signature, is_signed):
    desk = _shared(make_desk)
    action = {"type": "order", "orders": [order], "grouping": "na"}
    if is_signed:
        try:
            envelope = desk.envelope(action)
        except ValueError:  # cannot be signed because it does not decode
            return
    else:
        envelope = {"action": action, "nonce": desk.next_nonce(), "signature": signature}
    assert _status(lambda: desk.raw(envelope)) in (200, 422)


def _status(call):
    """The HTTP status a request would be answered with; anything but the venue's own failures passes through."""
    try:
        call()
    except WireFailure as failure:
        return failure.status
    return 200


_desks: list = []


def _shared(make_desk):
    """One desk for all examples: building one costs more than an example."""
    if not _desks:
        _desks.append(make_desk())
        _desks[0].pin()
    return _desks[0]


def test_books_and_money_stay_consistent_through_a_random_day(make_desk):
    dice = random.Random(11)
    desk = make_desk(markets=("xyz:SNDK", "BTC"))
    venue = desk.exchange.venue
    for _ in range(400):
        desk.later(dice.randint(70, 400))
        mid = venue.markets["xyz:SNDK"].mid_px
        px = (mid * Decimal(dice.randint(9980, 10020)) / 10000).quantize(Decimal("0.1"))
        key = dice.choice([None, OTHER_KEY])
        desk.order(
            dice.random() < 0.5,
            f"{px}",
            f"0.{dice.randint(10, 99):03d}",
            tif=dice.choice(["Ioc", "Gtc", "Alo"]),
            reduce_only=dice.random() < 0.3,
            **({"key": key} if key else {}),
        )
        for user in (USER, OTHER_USER):
            szi = Decimal(desk.szi(user=user))
            fills = desk.info("userFills", user=user)
            assert szi == sum(Decimal(f["sz"]) * (1 if f["side"] == "B" else -1) for f in fills)
            orders = desk.info("openOrders", user=user, dex="xyz")
            assert all(Decimal(o["sz"]) > 0 for o in orders)
            assert all(Decimal(o["sz"]) <= abs(szi) for o in orders if o.get("reduceOnly"))
        bids, asks = desk.info("l2Book", coin="xyz:SNDK")["levels"]
        assert Decimal(bids[0]["px"]) < Decimal(asks[0]["px"])
    truth = desk.control(do="truth")
    assert truth["counters"]["fills"] > 100
    assert len({(f["user"], f["time"], f["coin"], f["tid"]) for f in truth["fills"]}) == len(truth["fills"])
    for user in (USER, OTHER_USER):
        fills = desk.info("userFills", user=user)
        earned = sum(Decimal(f["closedPnl"]) - Decimal(f["fee"]) for f in fills)
        position = desk.position(user=user)
        open_pnl = Decimal(position["unrealizedPnl"]) if position else Decimal(0)
        assert desk.account_value(user=user) == pytest.approx(1000 + earned + open_pnl, abs=Decimal("0.001"))


def test_a_long_pause_is_not_lived_through_block_by_block(make_desk):
    desk = make_desk(markets=("BTC",))
    desk.later(30 * 86_400_000)
    assert desk.now_ms - desk.info("exchangeStatus")["time"] < 70

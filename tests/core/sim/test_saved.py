"""A venue saved and brought back lives on like the one that was saved."""

from __future__ import annotations

import hashlib
import pickle

import pytest
from sim_desk import OTHER_KEY, OTHER_USER

from core.sim import saved
from core.sim.feed import Feed
from core.sim.saved import SavedError, restore, save

MARKETS = ("BTC", "ETH", "xyz:SNDK")


@pytest.fixture
def lived(make_desk):
    """A desk where things are under way: orders rest, a position is held, a fault waits, a cancel is scheduled."""
    desk = make_desk(markets=MARKETS)
    desk.later(7_000)
    desk.order(True, "1600", "0.1", tif="Gtc", cloid="0x" + "00" * 15 + "01")
    desk.order(True, "1800", "0.05")
    desk.order(False, "1750", "0.05", tif="Gtc", key=OTHER_KEY)
    desk.control(do="fault", name="fill_delay", count=3, ms=500)
    desk.control(do="fault", name="odd_status", count=1, text="strange")
    desk.later(700)
    return desk


def life_of(exchange, desk, nonce):
    """What a venue does next: the same actions at the same times, every answer and every frame."""
    exchange_before, desk.exchange, desk._nonce = desk.exchange, exchange, nonce
    began_ms = desk.now_ms
    told = []
    feed = Feed(exchange)
    session = feed.open(told.append, began_ms)
    for wanted in ("BTC", "ETH", "xyz:SNDK"):
        feed.receive(session, f'{{"method":"subscribe","subscription":{{"type":"bbo","coin":"{wanted}"}}}}', began_ms)
        feed.receive(
            session, f'{{"method":"subscribe","subscription":{{"type":"l2Book","coin":"{wanted}"}}}}', began_ms
        )
    for kind in ("orderUpdates", "userFills", "userEvents", "clearinghouseState"):
        subscription = f'{{"type":"{kind}","user":"{desk.user}"}}'
        feed.receive(session, f'{{"method":"subscribe","subscription":{subscription}}}', began_ms)
    for step in range(120):
        if step % 10 == 0:
            told.append(desk.order(step % 20 == 0, "1800" if step % 20 == 0 else "1500", "0.02"))
        if step == 50:
            told.append(
                desk.send({"type": "cancelByCloid", "cancels": [{"asset": 110016, "cloid": "0x" + "00" * 15 + "01"}]})
            )
        desk.now_ms += 70
        feed.publish(exchange.advance(desk.now_ms), desk.now_ms)
    for user in (desk.user, OTHER_USER):
        for kind in ("openOrders", "historicalOrders", "userFills", "clearinghouseState", "userRateLimit"):
            told.append(exchange.info({"type": kind, "user": user, "dex": "xyz"}, desk.now_ms))
    told.append(exchange.control({"do": "truth"}, desk.now_ms))
    desk.exchange, desk.now_ms = exchange_before, began_ms
    return told


def test_both_go_on_identically(lived):
    data = save(lived.exchange)
    nonce = lived._nonce
    first = life_of(lived.exchange, lived, nonce)
    second = life_of(restore(data), lived, nonce)
    assert len(first) > 200
    assert first == second


def test_saving_changes_nothing_and_repeats_itself(lived):
    data = save(lived.exchange)
    assert save(lived.exchange) == data
    assert save(restore(data)) == save(restore(data))


def test_an_order_is_one_order_afterwards(lived):
    venue = restore(save(lived.exchange)).venue
    (order,) = venue.open_orders(lived.user)
    assert order in venue.books["xyz:SNDK"].resting()
    assert venue.orders.by_oid(lived.user, order.oid) is order


def test_the_restored_venue_shares_nothing_with_the_first(lived):
    other = restore(save(lived.exchange))
    lived.order(True, "1800", "0.1")
    assert other.venue.position(lived.user, "xyz:SNDK").szi != lived.exchange.venue.position(lived.user, "xyz:SNDK").szi


@pytest.mark.parametrize("how", ["empty", "foreign", "cut", "flipped"])
def test_what_is_no_venue_is_refused(lived, how):
    data = save(lived.exchange)
    bad = {"empty": b"", "foreign": b"PK\x03\x04", "cut": data[:-10], "flipped": data[:-10] + b"x" + data[-9:]}[how]
    with pytest.raises(SavedError):
        restore(bad)


def sealed(payload: bytes) -> bytes:
    return saved._MAGIC + hashlib.sha256(payload).digest() + payload


class _Acts:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_nothing_in_a_file_can_act(capsys):
    with pytest.raises(SavedError, match=r"builtins\.print"):
        restore(sealed(pickle.dumps(("", _Acts()))))
    with pytest.raises(SavedError, match="no part of a venue"):
        restore(sealed(b"\x80\x04\x8c\x11core.sim.exchange\x8c\x13msgspec.json.decode\x93."))
    assert capsys.readouterr().out == ""


def test_another_shape_is_another_version(lived, monkeypatch):
    data = save(lived.exchange)
    monkeypatch.setattr(saved, "_shape", lambda: "another")
    with pytest.raises(SavedError, match="another version"):
        restore(data)

"""Lines of a tape: what is written comes back, and what is no line is refused by its number."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from engine_rig import NOW, SNDK, make_config, make_run

from core.messages.commands import ResetHardStop
from core.messages.effects import Ask, AuditRow, Journal, LatchState, PersistLatch, Post, Severity
from core.messages.events import Bbo, Tick
from core.messages.queries import QueryBook
from core.messages.recovered import Recovered
from core.messages.tape import FORMAT, Start, TapeError, Turn, decode_start, decode_turn, encode_start, encode_turn
from core.model.cloid import Cloid
from core.model.order import Orders, OrderSide, PendingOrder, TimeInForce


def start(**recovered) -> Start:
    config = make_config()
    return Start(config, make_run(config), Recovered(**recovered), NOW)


def test_a_start_comes_back():
    first = start(seen_fills=frozenset({(NOW, "xyz:SNDK", 7)}), latch=LatchState(NOW, "loss"), unclean=True)
    assert decode_start(encode_start(first)) == first


def test_the_same_start_is_the_same_line_whatever_the_order_of_its_fills():
    fills = [(NOW - i, f"xyz:C{i}", i) for i in range(50)]
    assert encode_start(start(seen_fills=frozenset(fills))) == encode_start(
        start(seen_fills=frozenset(reversed(fills)))
    )


def test_a_turn_comes_back():
    bbo = Bbo(SNDK, NOW, D("1698.60"), D("0.05"), None, None)
    order = PendingOrder(Cloid("0x1"), SNDK, OrderSide.BUY, D("1698.6"), D("0.03"), False, TimeInForce.IOC, NOW)
    effects = (Post(1, NOW, Orders((order,)), NOW + 5000), Ask(QueryBook(SNDK)), PersistLatch(LatchState(NOW, "x")))
    turn = decode_turn(encode_turn(NOW, bbo, effects), 2)
    assert turn == Turn(NOW, bbo, effects)
    assert str(turn.message.bid_px) == "1698.60"


def test_what_was_raised_comes_back():
    assert decode_turn(encode_turn(NOW, Tick(), (), "ValueError: no"), 2) == Turn(NOW, Tick(), (), "ValueError: no")


def test_a_broken_paste_becomes_a_question_mark_in_what_was_said_and_in_what_was_answered():
    reset = ResetHardStop(command_id="1", reason="why \ud800 not")
    audit = Journal(AuditRow(1, Severity.INFO, "reset", "reset: why \ud800 not", ""))
    turn = decode_turn(encode_turn(NOW, reset, [audit]), 2)
    assert turn.message.reason == "why ? not"
    assert turn.effects[0].row.text == "reset: why ? not"


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"config": 1}', encode_turn(1, Tick(), ())])
def test_what_is_no_start(line):
    with pytest.raises(TapeError, match="line 1: not the start of a tape"):
        decode_start(line)


def test_a_start_of_another_format():
    data = msgspec.json.decode(encode_start(start()))
    data["format"] = FORMAT + 1
    with pytest.raises(TapeError, match=f"format {FORMAT + 1}; this program reads format {FORMAT}"):
        decode_start(msgspec.json.encode(data))


@pytest.mark.parametrize(
    "line", [b"", b"[1]", b'[1,{"type":"Tock"},[]]', b'[1,{"type":"Tick"},[{"type":"Pay"}]]', b'[1,{"ty']
)
def test_what_is_no_turn(line):
    with pytest.raises(TapeError, match="line 17: not a turn"):
        decode_turn(line, 17)

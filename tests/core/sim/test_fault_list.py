"""The one table of faults: told in lines, read from the command line and from files, and wrong names and settings refused with what is allowed."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from core.config import parse_config
from core.config_faults import FaultConfig, FaultSettings
from core.sim.fault_list import DEFAULTS, GROUPS, KINDS, SETTINGS, FaultError, Lasts, check_settings
from core.sim.fault_text import read_fault, settings_of, told
from core.sim.faults import MOST_FAULTS, Fault, FaultBoard

SAMPLES = {
    "count": 2,
    "for_ms": 500,
    "after_ms": 100,
    "address": "0x" + "a" * 40,
    "ms": 300,
    "text": "no",
    "level": "action",
    "road": "info",
    "executed": True,
    "channels": ("bbo",),
    "coin": "BTC",
    "percent": 10,
    "side": "asks",
    "factor": 3,
    "bps": -20,
    "changes": {"max_leverage": 2},
    "dex": "xyz",
    "answer": "silence",
    "requests": ("openOrders",),
}


def test_every_fault_is_explained_in_one_line_with_its_settings():
    lines = {line.split()[0]: line for line in told().splitlines() if line.startswith("  ")}
    for name, kind in KINDS.items():
        assert kind.says in lines[name]
        for key in kind.allowed:
            assert key in lines[name].split("[")[-1]
    assert set(lines) == set(KINDS) | set(SETTINGS)
    assert len(KINDS) == sum(len(group) for group in GROUPS.values()), "a name is in two groups"


def test_whatever_a_file_can_set_some_fault_takes_and_the_other_way_round():
    taken = {key for kind in KINDS.values() for key in kind.allowed}
    assert taken == set(SETTINGS) == set(FaultSettings.__struct_fields__) == set(SAMPLES)
    assert set(DEFAULTS) < set(SETTINGS)
    assert taken - {"count", "for_ms", "after_ms"} <= set(Fault.__struct_fields__)


@pytest.mark.parametrize("name", KINDS)
def test_every_fault_takes_all_its_settings_and_nothing_else(name):
    kind = KINDS[name]
    settings = {key: SAMPLES[key] for key in kind.allowed}
    check_settings(name, settings)
    board = FaultBoard()
    board.add(name, 0, **settings)
    for key in set(SAMPLES) - set(kind.allowed):
        with pytest.raises(FaultError, match=rf"{name}: {key} = .*{name} takes "):
            check_settings(name, {key: SAMPLES[key]})


@pytest.mark.parametrize("name", KINDS)
def test_how_long_a_fault_lasts_when_nothing_is_said(name):
    needed = {"change_spec": {"coin": "BTC", "changes": {"index": 1}}, "dex_reads_fail": {"dex": "xyz"}}
    fault = FaultBoard().add(name, 0, **needed.get(name, {}))
    assert fault.left == (1 if KINDS[name].lasts is Lasts.ONCE else None)
    assert fault.until_ms is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lose_reply", {"name": "lose_reply"}),
        ("lose_reply:count=2, for_ms=500", {"name": "lose_reply", "count": 2, "for_ms": 500}),
        ("halt:coin=xyz:SNDK", {"name": "halt", "coin": "xyz:SNDK"}),
        ("silent_channels:channels=bbo+userFills", {"name": "silent_channels", "channels": ("bbo", "userFills")}),
        ("http_502:road=exchange,executed=true", {"name": "http_502", "road": "exchange", "executed": True}),
        (
            "dex_reads_fail:dex=xyz,answer=silence,requests=openOrders+meta",
            {"name": "dex_reads_fail", "dex": "xyz", "answer": "silence", "requests": ("openOrders", "meta")},
        ),
        ("dex_reads_fail:dex=", {"name": "dex_reads_fail", "dex": ""}),
        ("price_gap:bps=-150", {"name": "price_gap", "bps": -150}),
        (
            "change_spec:coin=BTC,max_leverage=3,growth_mode=false,deployer_fee_scale=2.5",
            {
                "name": "change_spec",
                "coin": "BTC",
                "changes": {"max_leverage": 3, "growth_mode": False, "deployer_fee_scale": Decimal("2.5")},
            },
        ),
    ],
)
def test_a_fault_on_the_command_line(text, expected):
    assert read_fault(text) == expected
    assert settings_of(msgspec.convert(expected, FaultConfig)) == {k: v for k, v in expected.items() if k != "name"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lose_replys", "did you mean 'lose_reply'"),
        ("", "allowed: lose_request, "),
        ("lose_reply:count", "expected key=value; lose_reply takes count, "),
        ("lose_reply:count=two", "count = 'two': expected an integer"),
        ("lose_reply:count=0", "count = 0: expected an integer, 1 to "),
        ("lose_reply:cuont=1", "cuont = '1': no fault has it; lose_reply takes count, "),
        ("lose_reply:percent=5", "only thin_book has it"),
        ("http_429:road=train", "allowed are both, info, exchange"),
        ("http_429:executed=maybe", "expected true or false"),
        ("change_spec:coin=BTC", "expected a coin and changes"),
        ("change_spec:max_leverage=3", "expected a coin and changes"),
        ("dex_reads_fail", "expected dex, the name of one"),
        ("dex_reads_fail:dex=xyz,requests=userFills", "allowed are clearinghouseState, openOrders, "),
        ("dex_reads_fail:dex=xyz,answer=404", "allowed are 500, 502, 429, silence"),
        ("post_error:text=" + "x" * 501, "expected text of at most 500 characters"),
        ("silent_channels:channels=" + "+".join(["bbo"] * 51), "expected a list of at most 50 names"),
        ("halt:count=3", "halt takes for_ms, after_ms, coin"),
    ],
)
def test_a_wrong_fault_is_one_message_with_what_is_allowed(text, said):
    with pytest.raises(FaultError) as refused:
        read_fault(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_key_is_not_shown_back():
    with pytest.raises(FaultError) as refused:
        read_fault("0x" + "ab" * 32)
    assert "abab" not in str(refused.value)


def test_faults_of_a_config_file():
    text = """
ws_url = "ws://127.0.0.1:0/ws"
info_url = "http://127.0.0.1:0/info"
mode = "observation"
[[markets]]
coin = "BTC"
[[sim.faults]]
name = "change_spec"
coin = "xyz:SNDK"
changes = { deployer_fee_scale = 2.5 }
[[sim.faults]]
name = "late_reply"
ms = 300
count = 4
"""
    first, second = parse_config(text, "f").sim.faults
    assert settings_of(first) == {"coin": "xyz:SNDK", "changes": {"deployer_fee_scale": Decimal("2.5")}}
    assert settings_of(second) == {"ms": 300, "count": 4}
    # The settings go to the simulator's process as JSON.
    again = msgspec.json.decode(msgspec.json.encode(first), type=FaultConfig)
    assert settings_of(again) == settings_of(first)


def test_a_fault_begins_after_its_time_and_ends_that_much_later():
    board = FaultBoard()
    board.add("post_only", 1_000, after_ms=500, for_ms=200)
    assert [board.strike("post_only", t) is not None for t in (1_000, 1_499, 1_500, 1_699, 1_700)] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_what_strikes_by_itself_does_so_every_so_often():
    board = FaultBoard()
    board.add("drop_connections", 0, count=3, ms=100)
    struck = [t for t in range(0, 1_000, 10) if board.strikes_by_itself("drop_connections", t)]
    assert struck == [0, 100, 200]
    assert board.struck["drop_connections"] == 3


def test_a_failing_edge_is_of_one_road_or_both():
    board = FaultBoard()
    board.add("http_429", 0, road="info")
    assert board.strike_request(0, "exchange") is None
    assert board.strike_request(0, "info").name == "http_429"
    assert board.strike_request(0, "info") is None
    board.add("http_500", 0, count=2)
    assert [board.strike_request(0, road).name for road in ("info", "exchange")] == ["http_500", "http_500"]
    assert not board


def test_a_board_takes_so_many_faults_and_forgets_those_that_are_over():
    board = FaultBoard()
    for _ in range(MOST_FAULTS):
        board.add("lose_reply", 0, for_ms=100)
    with pytest.raises(FaultError, match="1000 faults are in force already; clear them first"):
        board.add("lose_reply", 99)
    board.add("lose_reply", 100)
    assert len(board.in_force()) == 1

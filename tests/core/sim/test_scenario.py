"""Scenario files: read whole, or refused with file, key, value and what is allowed; steps in time; and a judge who can say no."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.config import ConfigError
from core.sim.scenario import Range, parse_scenario
from core.sim.scenario_judge import Outcome, judge, told, track
from core.sim.scenario_player import READY_AFTER_MS, Player

TEXT = """
name = "x"
story = "y"
seed = 1
markets = ["xyz:SNDK"]
length_s = 30
[program.execution]
time_stop_ms = 4000
[[steps]]
at_s = 6.5
do = "fault"
name = "lose_reply"
count = 2
[[steps]]
at_s = 5
do = "hold"
coin = "xyz:SNDK"
bps = 60
[[steps]]
at_s = 1
since = "start"
do = "set_price"
coin = "xyz:SNDK"
oracle = 1700
bid = 1698
ask = "1699.5"
[expect]
latched = false
fills = { min = 2 }
"""
USER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def read(text=TEXT):
    return parse_scenario(text, "s.toml")


def test_what_a_scenario_says():
    scenario = read()
    assert [step.command for step in scenario.steps] == [
        {"do": "fault", "name": "lose_reply", "count": 2},
        {"do": "hold", "coin": "xyz:SNDK", "bps": 60},
        {
            "do": "set_price",
            "coin": "xyz:SNDK",
            "oracle": Decimal(1700),
            "bid": Decimal(1698),
            "ask": Decimal("1699.5"),
        },
    ]
    assert scenario.faults == ("lose_reply",)
    assert scenario.program.execution.time_stop_ms == 4000
    assert (scenario.sim.seed, scenario.sim.markets) == (1, ("xyz:SNDK",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('do = "hold"', 'do = "holt"', "steps[1].do: expected one of 'set_price', 'hold', "),
        ("bps = 60", 'bps = "a"', "steps[1].bps: expected an integer (found 'a')"),
        ("bps = 60", "bid = 60", "steps[1].bid: hold does not take it; allowed here: at_s, since, say, do, coin, bps"),
        ("bps = 60", "bps = 6000", "steps[1]: bps = 6000: expected an integer, -5000 to 5000"),
        ("bid = 1698\n", "", "steps[2].bid: missing; set_price needs coin, oracle, bid, ask"),
        ('"1699.5"', '"1699.55"', "steps[2]: ask = 1699.55: not on the tick"),
        ("bid = 1698", "bid = 1701", "expected oracle > 0 and bid < ask"),
        ("lose_reply", "lose_replys", "steps[0]: 'lose_replys' does not exist; did you mean 'lose_reply'? allowed: "),
        ("count = 2", "factor = 2", "lose_reply takes count, for_ms, after_ms, address"),
        ("at_s = 5", "at_s = 50", "steps[1].at_s: 50 is after the end, length_s = 30"),
        ("at_s = 5", "at_s = -1", "steps[1].at_s: expected a number from 0 to 3600 (found -1)"),
        ("{ min = 2 }", "{ mim = 2 }", "expect.fills.mim: unknown key (found 2); did you mean 'min'?"),
        ("latched = false", "latched = 3", "expect.latched: expected true or false (found 3)"),
        ("seed = 1", "", "seed: missing; expected an integer of at least 0"),
        ("time_stop_ms", "time_stop", "program.execution.time_stop: unknown key (found 4000); did you mean"),
        ('["xyz:SNDK"]', '["xyz:NOPE"]', "xyz:NOPE"),
        ('name = "x"', "name = x", "not valid TOML"),
        ("length_s = 30", "length_s = 30\nlatency_min_ms = 500", "latency_min_ms: 500 is above 80"),
    ],
)
def test_what_cannot_be_played_is_one_line_with_what_is_allowed(old, new, said):
    assert TEXT.count(old) >= 1
    with pytest.raises(ConfigError) as refused:
        read(TEXT.replace(old, new, 1))
    text = str(refused.value)
    assert text.startswith("s.toml: ")
    assert said in text
    assert "\n" not in text.removeprefix("s.toml: not valid TOML")


# --- time -------------------------------------------------------------------------------------------------------------------


def test_steps_come_at_their_times_each_once():
    player = Player(read(), 1_000)
    assert player.due(1_999) == []
    assert [step.do for step in player.due(2_000)] == ["set_price"]
    assert player.due(60_000) == [], "it is not ready"
    assert not player.is_over(10**9)
    player.ready(60_000)
    player.ready(61_000)
    assert player.due(64_999) == []
    assert [step.do for step in player.due(70_000)] == ["hold", "fault"], "in the order of their times"
    assert player.due(80_000) == []
    assert player.elapsed_ms(80_000) == 20_000
    assert [player.is_over(t) for t in (89_999, 90_000)] == [False, True]


def test_a_client_that_says_nothing_is_taken_for_ready_after_a_while():
    player = Player(read(), 0)
    player.client_heard(5_000)
    player.client_heard(9_000)
    player.due(5_000 + READY_AFTER_MS - 1)
    assert player.elapsed_ms(20_000) is None
    player.due(5_000 + READY_AFTER_MS)
    assert player.elapsed_ms(20_000) == 20_000 - 5_000 - READY_AFTER_MS


# --- judgement --------------------------------------------------------------------------------------------------------------


def fill(time, side, start, sz, px="100", pnl="0", fee="0.01", coin="BTC"):
    return {
        "user": USER, "coin": coin, "time": time, "side": side, "startPosition": start, "sz": sz, "px": px,
        "closedPnl": pnl, "fee": fee,
    }  # fmt: skip


def test_positions_are_followed_through_their_fills():
    seen = track(
        [
            fill(0, "B", "0", "1"),
            fill(500, "B", "1", "0.5", px="104"),
            fill(2_000, "A", "1.5", "1.5", pnl="3"),
            fill(3_000, "A", "0", "1", coin="ETH"),
            fill(4_000, "B", "-1", "2", coin="ETH", pnl="-1"),
        ],
        9_000,
    )
    assert seen.entries == 3, "a turned position is a new one"
    assert seen.largest_usd == Decimal("156")
    assert seen.longest_ms == 5_000, "the last one is still open"
    assert seen.pnl_usd == Decimal("1.95")


def truth(**changes):
    return {
        "time": 9_000,
        "positions": [],
        "openOrders": [],
        "fills": [fill(0, "B", "0", "1"), fill(2_000, "A", "1", "1")],
        "actions": [],
        "faultsStruck": {"lose_reply": 2},
    } | changes


GOOD = Outcome(latch_reason=None, exit_code=0, ended_in_order=True)


def failed(**changes):
    outcome = changes.pop("outcome", GOOD)
    findings = judge(read(), truth(**changes), USER, outcome)
    return [f.expectation for f in findings if f.passed is False]


def test_a_good_end_passes():
    findings = judge(read(), truth(), USER, GOOD)
    assert all(f.passed for f in findings)
    assert [line[:4] for line in told(findings)] == ["PASS"] * 6


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"positions": [{"user": USER, "coin": "BTC", "szi": "1"}]}, "flat"),
        ({"openOrders": [{"user": USER}]}, "no open orders"),
        ({"fills": []}, "fills"),
        ({"faultsStruck": {}}, "lose_reply struck"),
        ({"outcome": Outcome("why", 0, True)}, "latched"),
        ({"outcome": Outcome(None, 75, False)}, "ended in order"),
    ],
)
def test_each_bad_end_fails_by_name(changes, finding):
    assert failed(**changes) == [finding]


def test_what_others_have_open_is_not_ours():
    other = "0x" + "b" * 40
    assert failed(positions=[{"user": other, "coin": "BTC", "szi": "1"}], openOrders=[{"user": other}]) == []


def test_refusals_count_those_of_a_signer_nobody_knows():
    scenario = read(
        TEXT + "orders_rejected = { min = 2, max = 2 }\nactions_refused = { max = 1 }\nlatch_reason = 'loss'"
    )
    order = {"user": USER, "type": "order", "accepted": True, "statuses": [{"error": "no"}, {"filled": {}}]}
    cancel = {"user": USER, "type": "cancel", "accepted": True, "statuses": [{"error": "gone"}]}
    stranger = {"user": None, "type": "order", "accepted": False, "statuses": None}
    outcome = Outcome("cumulative LOSS of 3", 0, True)
    findings = judge(scenario, truth(actions=[order, order, cancel, stranger]), USER, outcome)
    assert [f.expectation for f in findings if not f.passed] == ["latched"]
    findings = judge(scenario, truth(actions=[order, stranger, stranger]), USER, outcome)
    assert [f.expectation for f in findings if not f.passed] == ["latched", "orders rejected", "actions refused"]


def test_without_a_program_of_ours_nobody_can_tell_how_it_ended():
    findings = {f.expectation: f.passed for f in judge(read(), truth())}
    assert findings["ended in order"] is None
    assert findings["latched"] is None
    assert findings["flat"] is True


def test_a_range_in_words():
    one, two = Decimal(1), Decimal(2)
    assert [str(Range(min=a, max=b)) for a, b in ((one, None), (None, two), (one, two), (two, two), (None, None))] == [
        "at least 1",
        "at most 2",
        "at least 1 and at most 2",
        "2",
        "anything",
    ]

"""The screen of last resort: what it shows of the engine, which keys act, and what makes it ask."""

from __future__ import annotations

import pytest
from snapshots_for_tests import audit, flat, hard_stopped, leaving, on_mainnet, snapshot

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, PauseEntries, TripHardStop
from core.messages.exit_codes import ExitCode
from core.messages.snapshot import Snapshot
from hip3_tui.bare import BareScreen


class Engine:
    def __init__(self, latest: Snapshot | None) -> None:
        self.latest = latest
        self.is_done = False
        self.error = ""
        self.sent: list[AnyCommand] = []

    def send(self, command: AnyCommand) -> None:
        self.sent.append(command)


class Life:
    exiting = False

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    def begin_exit(self, code: int, reason: str) -> None:
        self.asked.append((code, reason))

    def insist(self) -> None:
        raise AssertionError("nobody insists here")


class Stage:
    def __init__(self, latest: Snapshot | None) -> None:
        self.now = 1_000
        self.engine, self.life = Engine(latest), Life()
        self.bare = BareScreen(
            self.engine, self.life, why="ValueError: a pane", report="/run/crash.txt", who="ann", clock=lambda: self.now
        )

    def text(self, width: int = 100, height: int = 40) -> str:
        return "\n".join(self.bare.lines(width, height))


def test_it_says_what_happened_what_is_open_and_what_the_keys_do():
    text = Stage(snapshot()).text()
    assert "the console crashed, the engine goes on" in text
    assert "ValueError: a pane" in text
    assert "/run/crash.txt" in text
    assert "AT RISK" in text
    assert "xyz:SNDK LONG" in text
    assert "time stop in" in text
    assert "X hard stop now" in text


def test_flat_is_said_only_when_it_is_known():
    assert "FLAT: no position" in Stage(flat()).text()
    assert "not reported yet" in Stage(None).text()


def test_a_latch_and_a_stop_under_way_are_shown():
    assert "*** HARD STOP" in Stage(hard_stopped()).text()
    assert "STOPPING" in Stage(leaving()).text()


def test_an_old_picture_is_marked():
    stage = Stage(snapshot())
    assert "STALE" not in stage.text()
    stage.now += 3_000
    assert "STALE" in stage.text()


def test_a_dead_engine_is_said_first():
    stage = Stage(snapshot())
    stage.engine.error = "KeyError: 7"
    assert "ENGINE DEAD: KeyError: 7" in stage.text()


def test_nothing_is_cut_without_a_word():
    lines = Stage(snapshot()).bare.lines(80, 10)
    assert len(lines) == 10
    assert "lines more, no room" in lines[-3]
    assert lines[-1].startswith("X hard stop now")
    assert all(len(line) <= 80 for line in lines)


def test_words_of_the_exchange_do_not_reach_the_terminal_as_orders():
    text = Stage(snapshot(audit=(audit(1, "refused \x1b[2J\x07 by the exchange"),))).text()
    assert "\x1b" not in text
    assert "refused ?[2J? by" in text


def test_a_picture_that_cannot_be_drawn_leaves_the_keys():
    stage = Stage(snapshot(positions=(object(),)))
    text = stage.text()
    assert "could not be drawn" in text
    assert "X hard stop now" in text
    stage.bare.press("x")
    assert isinstance(stage.engine.sent[0], TripHardStop)


@pytest.mark.parametrize(
    ("key", "command"), [("x", TripHardStop), ("F", FlattenAll), ("c", CancelAll), ("p", PauseEntries)]
)
def test_each_key_sends_its_command(key, command):
    stage = Stage(snapshot())
    stage.bare.press(key)
    (sent,) = stage.engine.sent
    assert isinstance(sent, command)
    assert (sent.who, sent.command_id) == ("ann", "b-1")
    assert "sent" in stage.text()


def test_the_engines_answer_is_shown():
    stage = Stage(snapshot())
    stage.bare.press("f")
    stage.engine.latest = snapshot(audit=(audit(1, "flattening 2 positions", command_id="b-1"),))
    assert "> flatten all: flattening 2 positions" in stage.text()


def test_p_resumes_when_paused():
    stage = Stage(snapshot(paused=True))
    stage.bare.press("p")
    (sent,) = stage.engine.sent
    assert isinstance(sent, PauseEntries)
    assert not sent.paused


@pytest.mark.parametrize("key", ["f", "c"])
def test_on_mainnet_a_second_press_is_asked_for(key):
    stage = Stage(on_mainnet(snapshot()))
    stage.bare.press(key)
    assert stage.engine.sent == []
    assert "again within 5 s" in stage.text()
    stage.now += 6_000
    stage.bare.press(key)
    assert stage.engine.sent == [], "too late: asked anew"
    stage.now += 1_000
    stage.bare.press("p")
    stage.engine.sent.clear()
    stage.bare.press(key)
    assert stage.engine.sent == [], "another key in between"
    stage.bare.press(key)
    assert len(stage.engine.sent) == 1


def test_hard_stop_never_asks():
    stage = Stage(on_mainnet(snapshot()))
    stage.bare.press("x")
    assert isinstance(stage.engine.sent[0], TripHardStop)


@pytest.mark.parametrize("key", ["q", "Q", "\x03"])
def test_quitting_goes_through_the_life_cycle_and_stays_a_crash(key):
    stage = Stage(snapshot())
    stage.bare.press(key)
    assert stage.life.asked == [(ExitCode.CRASH, "ann quit from the bare screen")]


def test_other_keys_do_nothing():
    stage = Stage(snapshot())
    for key in "zr \r":
        stage.bare.press(key)
    assert stage.engine.sent == []
    assert stage.life.asked == []

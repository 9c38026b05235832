"""Lives of the real engine, recorded and played again: identical, or told where not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from unittest.mock import patch

import engine_rig
import pytest
from engine_rig import FIRST_START, NOW, SNDK, Rig
from msgspec.structs import replace
from recorded_engine import RecordedEngine

from core.engine.positions import PositionTracker
from core.engine.session import Session
from core.engine.time_stop import TimeStop
from core.messages.commands import ResetHardStop, TripHardStop
from core.messages.effects import Journal, LatchState, Post, Severity
from core.messages.events import FeesRead, OutsideFault, Tick
from core.messages.recovered import Recovered
from core.messages.snapshot import LoopStats
from core.messages.tape import Start, Turn
from core.model.order import Orders
from core.sim.replay import replay


def taped(play: Callable[[Rig], None], recovered: Recovered = FIRST_START) -> tuple[Start, list[Turn]]:
    """The tape of a life, having been lines in between."""
    with patch.object(engine_rig, "Engine", RecordedEngine):
        rig = Rig(recovered=recovered)
    play(rig)
    return rig.engine.tape


def trade(rig: Rig) -> None:
    """In, held until the TimeStop, out."""
    rig.open_position()
    rig.advance(30_500)
    rig.fill_post(rig.posts[-1])
    assert rig.position() is None


def test_a_trade_is_identical():
    start, turns = taped(trade)
    report = replay(start, turns)
    assert report.difference is None
    assert report.turns == len(turns) > 300
    assert report.effects == sum(len(t.effects) for t in turns) > 20
    assert (report.first_ms, report.last_ms) == (turns[0].now_ms, turns[-1].now_ms)


def test_a_tape_without_turns():
    start, _ = taped(lambda rig: None)
    report = replay(start, [])
    assert (report.turns, report.first_ms, report.last_ms, report.difference) == (0, None, None, None)


def test_what_an_earlier_run_left_is_part_of_it():
    recovered = Recovered(run_id=4, last_nonce=NOW + 90_000, latch=LatchState(NOW - 5, "loss"), unclean=True)
    start, turns = taped(lambda rig: rig.advance(3_000), recovered)
    assert replay(start, turns).difference is None
    forgotten = replay(replace(start, recovered=Recovered(run_id=4)), turns)
    assert forgotten.difference is not None


def test_looking_changes_nothing():
    """Snapshots are taken when the console likes, and are not on the tape."""

    def looked_at(rig: Rig) -> None:
        rig.handle(TripHardStop(command_id="1"))
        for later in (0, 60_000, 2 * 86_400_000):
            rig.engine.snapshot(rig.now + later, LoopStats())
        rig.advance(3_000)
        rig.handle(ResetHardStop(command_id="2", reason="go on"))
        assert "released" in rig.answer_of(ResetHardStop(command_id="2", reason="go on"))
        trade(rig)

    start, turns = taped(looked_at)
    assert replay(start, turns).difference is None


def test_an_engine_that_raised_is_replayed_with_what_it_raised(monkeypatch):
    """As the loop does it: the message that failed, then the OutsideFault that it makes of it, with what the first had begun."""

    real = Session.on_fees

    def half_done(self, event):
        if event.taker_rate:
            return real(self, event)
        self._m.alert(Severity.INFO, "half", "done")
        raise ValueError("no such rate")

    monkeypatch.setattr(Session, "on_fees", half_done)

    def broken(rig: Rig) -> None:
        with pytest.raises(ValueError, match="no such rate"):
            rig.handle(FeesRead(D(0), D(0)))
        rig.handle(OutsideFault("engine failed"))
        rig.advance(1_000)

    start, turns = taped(broken)
    (failed,) = [n for n, t in enumerate(turns, 1) if t.error]
    report = replay(start, turns)
    assert report.difference is None
    unbroken = [replace(t, error="") for t in turns]
    found = replay(start, unbroken).difference
    assert found is not None
    assert found.turn == failed
    assert found.lines[0].startswith("raised: recorded nothing, replayed ValueError: no such rate")


# --- what is not identical ------------------------------------------------------------------------------------------------


def tampered(turns: list[Turn]) -> tuple[int, list[Turn]]:
    """Take a cent off the first price that was sent. Returns its turn as well."""
    changed = list(turns)
    for n, turn in enumerate(turns):
        for i, effect in enumerate(turn.effects):
            if isinstance(effect, Post) and isinstance(effect.batch, Orders):
                (order,) = effect.batch.orders
                post = replace(effect, batch=Orders((replace(order, price=order.price - D("0.01")),)))
                changed[n] = replace(turn, effects=(*turn.effects[:i], post, *turn.effects[i + 1 :]))
                return n + 1, changed
    raise AssertionError("nothing was sent")


def test_a_tampered_turn_is_found_at_exactly_that_turn():
    start, turns = taped(trade)
    number, changed = tampered(turns)
    report = replay(start, changed)
    found = report.difference
    assert found is not None
    assert found.turn == report.turns == number
    assert found.now_ms == turns[number - 1].now_ms
    assert found.message == turns[number - 1].message
    (line,) = found.lines
    sent = next(e for e in turns[number - 1].effects if isinstance(e, Post)).batch.orders[0].price
    assert line.endswith(f"Post: batch.orders[0].price: recorded {sent - D('0.01')}, replayed {sent}")
    assert any(f"{number:>8}  " in told for told in found.told)
    assert len([s for s in report.story if s.strip() and not s.startswith(" " * 10)]) == 10


def test_every_turn_with_effects_can_be_told_apart():
    """No effect may be changed unseen: each of them dropped, one at a time."""
    start, turns = taped(trade)
    with_effects = [n for n, t in enumerate(turns) if t.effects]
    assert len(with_effects) > 8
    for n in with_effects:
        changed = [*turns[:n], replace(turns[n], effects=turns[n].effects[:-1]), *turns[n + 1 :]]
        found = replay(start, changed).difference
        assert found is not None
        assert found.turn == n + 1
        assert "replayed, not recorded" in found.lines[0]


def test_a_message_that_is_missing_shows_where_it_first_matters():
    start, turns = taped(trade)
    fill = next(n for n, t in enumerate(turns) if type(t.message).__name__ == "Fills" and t.message.fills)
    found = replay(start, [*turns[:fill], *turns[fill + 1 :]]).difference
    assert found is not None
    assert found.turn > fill


def test_an_engine_with_another_rule_differs_and_says_where(monkeypatch):
    """The TimeStop a second late: the first turn at which the recorded engine closed."""
    start, turns = taped(trade)
    real = TimeStop.check

    def late(self, position, now_ms):
        return real(self, position, now_ms - 1_000)

    monkeypatch.setattr(TimeStop, "check", late)
    report = replay(start, turns)
    found = report.difference
    assert found is not None
    exit_turn = next(
        n
        for n, t in enumerate(turns, 1)
        if n > 50 and any(isinstance(e, Post) for e in t.effects) and isinstance(t.message, Tick)
    )
    assert found.turn == exit_turn
    assert isinstance(found.message, Tick)
    assert any("recorded, not replayed: Post(" in line and "reduce_only=True" in line for line in found.lines)


def test_an_engine_that_counts_fills_otherwise(monkeypatch):
    start, turns = taped(trade)
    original = PositionTracker.__init__
    monkeypatch.setattr(
        PositionTracker,
        "__init__",
        lambda self, seen=frozenset(): original(
            self, {f.key for t in turns if type(t.message).__name__ == "Fills" for f in t.message.fills}
        ),
    )
    found = replay(start, turns).difference
    assert found is not None
    assert any("FillRow" in line for line in found.lines)
    assert any(isinstance(e, Journal) for e in turns[found.turn - 1].effects)
    assert SNDK.name in " ".join(found.told)

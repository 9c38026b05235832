"""Questions to the venue: exactly one answer each, late at most by the bound, and none for a program that is gone."""

from __future__ import annotations

import pytest
from world_rig import live, quiet_world

from core.messages.events import PositionsRead, ReadFailed, ServerTimeRead
from core.messages.queries import QueryPositions, QueryServerTime
from core.sim.world.reads import ANSWER_WITHIN_MS

QUERY = QueryPositions("")


@pytest.fixture
def asked():
    """A quiet world that has settled, with what it heard from here on."""
    world, ears = quiet_world()
    live(world, 3_000)
    ears.heard.clear()
    return world, ears


def answers(ears, query=QUERY) -> list:
    return [m for m in ears.of(ReadFailed) if m.query == query]


def test_a_question_is_answered_after_its_way_there_and_back(asked):
    world, ears = asked
    began = world.agenda.now_ms
    world.reads.ask(QUERY)
    live(world, 19)
    assert not [m for m in ears.of(PositionsRead) if m.time_ms >= began]
    live(world, 2)
    assert [m for m in ears.of(PositionsRead) if m.dex == ""]


def test_a_lost_question_fails_after_the_bound_and_not_before(asked):
    world, ears = asked
    world.reads.lose_until_ms = world.agenda.now_ms + 1
    world.reads.ask(QUERY)
    live(world, ANSWER_WITHIN_MS - 1)
    assert not answers(ears)
    live(world, 2)
    assert [m.reason for m in answers(ears)] == ["no answer within 4 s"]


def test_a_question_that_takes_too_long_fails_and_its_answer_comes_to_nobody(asked):
    world, ears = asked
    world.reads.slow_until_ms, world.reads.slow_by_ms = world.agenda.now_ms + 1, 1_000_000
    world.reads.ask(QUERY)
    live(world, ANSWER_WITHIN_MS + 100)
    assert len(answers(ears)) == 1


def test_a_venue_that_answers_with_an_error_is_a_failed_read(asked):
    world, ears = asked
    world.exchange.control({"do": "fault", "name": "info_down", "for_ms": 100}, world.agenda.now_ms)
    world.reads.ask(QUERY)
    live(world, 30)
    (failed,) = answers(ears)
    assert failed.reason.startswith("HTTP 502")


def test_no_answer_reaches_the_program_after_the_one_that_asked(asked):
    world, ears = asked
    world.reads.ask(QUERY)
    world.program.life += 1
    live(world, 100)
    assert not ears.of(PositionsRead, ReadFailed)


@pytest.mark.parametrize(("by_ms", "kind"), [(0, ServerTimeRead), (3_900, ReadFailed)])
def test_the_time_is_told_only_from_a_quick_answer(asked, monkeypatch, by_ms, kind):
    world, ears = asked
    monkeypatch.setattr(world.reads, "_latency", (20 + by_ms, 20 + by_ms))
    world.reads.ask(QueryServerTime())
    live(world, 3_990)
    found = [
        m for m in ears.of(ServerTimeRead, ReadFailed) if getattr(m, "query", QueryServerTime()) == QueryServerTime()
    ]
    assert [type(m) for m in found] == [kind]


@pytest.mark.parametrize(
    ("how", "after_ms", "reason"), [("silence", ANSWER_WITHIN_MS, "no answer within 4 s"), ("502", 25, "HTTP 502")]
)
def test_questions_about_one_dex_fail_and_those_about_another_are_answered(asked, how, after_ms, reason):
    world, ears = asked
    fault = {"do": "fault", "name": "dex_reads_fail", "dex": "", "answer": how, "for_ms": 60_000}
    world.exchange.control(fault, world.agenda.now_ms)
    world.reads.ask(QUERY)
    world.reads.ask(QueryPositions("xyz"))
    live(world, 30)
    assert [m for m in ears.of(PositionsRead) if m.dex == "xyz"]
    assert bool(answers(ears)) is (after_ms < 30)
    live(world, after_ms)
    (failed,) = answers(ears)
    assert reason in failed.reason


def test_in_a_storm_a_question_takes_longer_there_and_back(asked):
    world, ears = asked
    storm = {"do": "fault", "name": "latency_storm", "ms": 1_500, "for_ms": 60_000}
    world.exchange.control(storm, world.agenda.now_ms)
    world.reads.ask(QUERY)
    live(world, 21)
    assert not [m for m in ears.of(PositionsRead) if m.dex == ""]
    live(world, 3_100)
    assert [m for m in ears.of(PositionsRead) if m.dex == ""]


def test_a_question_may_vanish_with_its_answer(asked):
    world, ears = asked
    ears.heard.clear()
    world.reads.vanish_until_ms = world.agenda.now_ms + 1
    world.reads.ask(QueryServerTime())
    live(world, 20_000)
    assert not [m for m in ears.of(ReadFailed) if m.query == QueryServerTime()]


def test_an_index_that_lies_behind_does_not_know_what_has_just_happened(asked):
    world, _ = asked
    now_ms = world.agenda.now_ms
    world.reads.behind_ms, world.reads.behind_until_ms = 500, now_ms + 1
    order = {"status": "order", "order": {"order": {"timestamp": now_ms - 499}}}
    assert world.reads._as_indexed({"type": "orderStatus"}, order) == {"status": "unknownOid"}
    fills = [{"time": now_ms - 500}, {"time": now_ms - 499}]
    assert world.reads._as_indexed({"type": "userFillsByTime"}, fills) == fills[:1]
    assert world.reads._as_indexed({"type": "meta"}, order) is order
    live(world, 2)
    assert world.reads._as_indexed({"type": "orderStatus"}, order) is order

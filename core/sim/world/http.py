"""Plain HTTP between a program beside the console and the venue, in virtual time: one request, one answer or none, every wait with a limit.

Stands for core.runtime.venue_http. Whoever uses it is written as steps: a generator that yields how many ms to wait. Rules that are easy to
get wrong: an action whose answer is lost may have been carried out; the same bytes are sent again, and then a duplicate nonce means that
the first ones arrived.

PROTOCOL 1.1, 5.3, 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from core.sim.admission import WireFailure
from core.sim.faults import HTTP_FAILURES
from core.sim.info import NoAnswer as Silence

if TYPE_CHECKING:
    from core.sim.world.world import World

ANSWER_WITHIN_MS = 3_000
_TRIES, _BETWEEN_TRIES_MS = 3, 200
_PAUSE_MS, _PAUSE_MOST_MS = 2_000, 8_000

Steps = Iterator[int]


class NoAnswer(Exception):
    """Nothing is known: about what was asked, or about what became of an action."""


class _Answer:
    """What a request finds when it arrives."""

    def __init__(self) -> None:
        self.has_arrived = self.is_lost = False
        self.status, self.data, self.late_ms = 200, b"", 0

    def fail(self, failure: WireFailure) -> None:
        self.status, self.data = failure.status, failure.text.encode()


class Http:
    def __init__(self, world: World, dice: Random) -> None:
        self._world = world
        self._dice = dice
        self._paused_until_ms = 0
        self._pause_ms = _PAUSE_MS

    def run(self, steps: Steps, done: Callable[[], None]) -> None:
        """Take the steps, each when its wait is over."""
        for ms in steps:
            if ms > 0:
                self._world.agenda.after(ms, lambda: self.run(steps, done))
                return
        done()

    def info(self, body: dict[str, Any]) -> Any:
        """Steps; the answer's bytes. Raises: NoAnswer."""

        def arrive(answer: _Answer) -> None:
            world = self._world
            now_ms = world.agenda.now_ms
            fault = world.exchange.faults.strike_request(now_ms, "info")
            try:
                if fault is not None:
                    raise WireFailure(*HTTP_FAILURES[fault.name])
                answer.data = msgspec.json.encode(world.exchange.info(body, now_ms))
            except WireFailure as e:
                answer.fail(e)
            except Silence:
                answer.is_lost = True

        answer = yield from self._request(arrive)
        if answer.status != 200:
            raise NoAnswer(f"HTTP {answer.status}")
        return answer.data

    def exchange(self, submit: Callable[[], Any]) -> Any:
        """Steps; the reply of the venue. Raises: NoAnswer.

        Args:
            submit: Carries the action out; answers the venue's reply, None where nobody gets it.
        """
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                yield _BETWEEN_TRIES_MS
            try:
                answer = yield from self._request(lambda answer: self._take(submit, answer))
            except NoAnswer as e:
                reason = str(e)
                continue
            if answer.status == 422:
                return answer.data
            if answer.status != 200:
                reason = f"HTTP {answer.status}"
                continue
            if attempt and b"duplicate nonce" in answer.data:
                raise NoAnswer("the same bytes had arrived before")
            return answer.data
        raise NoAnswer(f"{reason}, {_TRIES} times")

    def _take(self, submit: Callable[[], Any], answer: _Answer) -> None:
        world = self._world
        faults, account, now_ms = world.exchange.faults, world.plan.account, world.agenda.now_ms
        if faults.strike("lose_request", now_ms, account):
            answer.is_lost = True
            return
        fault = faults.strike_request(now_ms, "exchange")
        if fault is not None and not fault.executed:
            answer.fail(WireFailure(*HTTP_FAILURES[fault.name]))
            return
        try:
            reply = submit()
        except WireFailure as e:
            answer.fail(e)
            return
        if fault is not None:
            answer.fail(WireFailure(*HTTP_FAILURES[fault.name]))
        elif reply is None or any(faults.strike(n, now_ms, account) for n in ("drop_after_execution", "lose_reply")):
            answer.is_lost = True
        else:
            late = faults.strike("late_reply", now_ms, account)
            answer.late_ms = 0 if late is None else late.ms
            answer.data = msgspec.json.encode(reply)

    def _request(self, arrive: Callable[[_Answer], None]) -> Any:
        """Steps; an `_Answer`. Raises: NoAnswer."""
        world = self._world
        agenda = world.agenda
        if agenda.now_ms < self._paused_until_ms:
            yield self._paused_until_ms - agenda.now_ms
        if agenda.now_ms < world.reads.lose_until_ms:
            yield ANSWER_WITHIN_MS
            raise NoAnswer("no answer within 3 s")
        whole = self._dice.randint(world.plan.latency_min_ms, world.plan.latency_max_ms) + 1
        if agenda.now_ms < world.reads.slow_until_ms:
            whole += self._dice.randint(0, world.reads.slow_by_ms)
        there = whole * self._dice.randint(30, 70) // 100 + world.road.storm_ms()
        whole = max(whole, there) + world.road.storm_ms()
        answer = _Answer()

        def at_the_venue() -> None:
            arrive(answer)
            answer.has_arrived = True

        agenda.after(there, at_the_venue)
        yield min(whole, ANSWER_WITHIN_MS)
        if answer.late_ms and whole < ANSWER_WITHIN_MS:
            yield min(answer.late_ms, ANSWER_WITHIN_MS - whole)
            whole += answer.late_ms
        if whole >= ANSWER_WITHIN_MS or answer.is_lost or not answer.has_arrived:
            yield max(ANSWER_WITHIN_MS - whole, 0)
            raise NoAnswer("no answer within 3 s")
        if answer.status == 429:
            self._pause()
        elif answer.status == 200:
            self._pause_ms = _PAUSE_MS
        return answer

    def _pause(self) -> None:
        now_ms = self._world.agenda.now_ms
        if now_ms >= self._paused_until_ms:
            self._paused_until_ms = now_ms + self._pause_ms
            self._pause_ms = min(2 * self._pause_ms, _PAUSE_MOST_MS)

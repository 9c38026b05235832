"""POST /info between engine and venue, in virtual time: every query gets exactly one answer event, or ReadFailed.

Stands for core.runtime.info_client. The answer is what the venue knew when the question arrived, not when the answer does.

PROTOCOL 8; LESSONS L39.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from core.hyperliquid.info import read_answer, request_bodies
from core.messages.events import ReadFailed, ServerTimeRead
from core.messages.queries import Query
from core.sim.admission import WireFailure
from core.sim.faults import HTTP_FAILURES
from core.sim.info import NoAnswer

if TYPE_CHECKING:
    from core.sim.world.world import World

ANSWER_WITHIN_MS = 4_000
_TIME_ROUND_TRIP_MS = 3_000


class Reads:
    def __init__(self, world: World, dice: Random) -> None:
        self._world = world
        self._dice = dice
        plan = world.plan
        self._latency = (plan.latency_min_ms, plan.latency_max_ms)
        self.lose_until_ms = 0
        """Until then questions get lost on their way."""
        self.slow_until_ms = 0
        self.slow_by_ms = 0
        self.vanish_until_ms = 0
        """Until then a question gets neither an answer nor a word that there is none."""
        self.behind_until_ms = 0
        self.behind_ms = 0
        """Until then what is asked of single orders and of fills lies so far behind."""

    def calm(self) -> None:
        """Nothing is in the way any more."""
        self.lose_until_ms = self.slow_until_ms = self.vanish_until_ms = self.behind_until_ms = 0

    def ask(self, query: Query) -> None:
        world = self._world
        agenda, life = world.agenda, world.life
        asked_ms, asked_local_ms = agenda.now_ms, world.local_ms
        if asked_ms < self.lose_until_ms:
            self._fail(life, query, ANSWER_WITHIN_MS, "no answer within 4 s")
            return
        if asked_ms < self.vanish_until_ms:
            return
        whole = self._dice.randint(*self._latency)
        if asked_ms < self.slow_until_ms:
            whole += self._dice.randint(0, self.slow_by_ms)
        whole += world.road.storm_ms() + world.road.storm_ms()
        there = whole * self._dice.randint(30, 70) // 100
        if whole > ANSWER_WITHIN_MS:
            self._fail(life, query, ANSWER_WITHIN_MS, "no answer within 4 s")
            return

        def arrive() -> None:
            fault = world.exchange.faults.strike_request(agenda.now_ms, "info")
            try:
                if fault is not None:
                    raise WireFailure(*HTTP_FAILURES[fault.name])
                answers = tuple(
                    msgspec.json.encode(self._as_indexed(body, world.exchange.info(body, agenda.now_ms)))
                    for body in request_bodies(query, world.plan.account)
                )
            except WireFailure as e:
                self._fail(life, query, whole - there, f"HTTP {e.status}: {e.text}")
                return
            except NoAnswer:
                self._fail(life, query, ANSWER_WITHIN_MS - there, "no answer within 4 s")
                return
            agenda.after(whole - there, lambda: come_back(answers))

        def come_back(answers: tuple[bytes, ...]) -> None:
            if world.life != life:
                return
            local_ms = (asked_local_ms + world.local_ms) // 2
            try:
                event = read_answer(query, answers, local_ms)
            except ValueError as e:
                world.give(ReadFailed(query, str(e)))
                return
            if isinstance(event, ServerTimeRead) and whole > _TIME_ROUND_TRIP_MS:
                world.give(ReadFailed(query, f"the answer took {whole} ms, too long to tell the time from"))
            else:
                world.give(event)

        agenda.after(there, arrive)

    def _as_indexed(self, body: dict[str, Any], answer: Any) -> Any:
        """What the index of orders and fills knows of it by now."""
        now_ms = self._world.agenda.now_ms
        if now_ms >= self.behind_until_ms:
            return answer
        known_ms = now_ms - self.behind_ms
        if body["type"] == "orderStatus" and answer["status"] == "order":
            return answer if answer["order"]["order"]["timestamp"] <= known_ms else {"status": "unknownOid"}
        if body["type"] == "userFillsByTime":
            return [fill for fill in answer if fill["time"] <= known_ms]
        return answer

    def _fail(self, life: int, query: Query, after_ms: int, reason: str) -> None:
        def tell() -> None:
            if self._world.life == life:
                self._world.give(ReadFailed(query, reason))

        self._world.agenda.after(after_ms, tell)

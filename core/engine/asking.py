"""Which questions are out, and when to ask the next. One question of a kind at a time; an answer that never comes frees it again.

It keeps times and nothing else; what an answer means is for the machine it concerns.

SPEC 6, 7; lesson L39 (every wait has a limit).
"""

from __future__ import annotations

from core.messages.effects import Ask
from core.messages.queries import Query

ANSWER_TIMEOUT_MS = 15_000
"""The outside gives up after 14 s at the latest and says so; this is for the case that it does not. Longer than that, so that no answer
can be taken for that of a later question."""
_AGAIN_FIRST_MS = 1_000
_AGAIN_MOST_MS = 10_000
"""A failed read is repeated soon, then later each time: an exit may wait for it, and the address has a weight budget to keep."""


class Asker:
    def __init__(self) -> None:
        self._asked_ms: dict[Query, int] = {}
        self._answered_ms: dict[Query, int] = {}
        self._failures: dict[Query, int] = {}
        """In a row."""
        self.changes = 0
        """Rises with every question, answer and failure: whoever keeps a `due_ms` asks again when it has risen."""

    def ask(self, query: Query, now_ms: int) -> list[Ask]:
        """The question as an effect; nothing while the same one is still out."""
        asked = self._asked_ms.get(query)
        if asked is not None and now_ms - asked < ANSWER_TIMEOUT_MS:
            return []
        self._asked_ms[query] = now_ms
        self.changes += 1
        return [Ask(query)]

    def ask_every(self, query: Query, interval_ms: int, now_ms: int) -> list[Ask]:
        """The question, if its last answer is older than the interval; after failures, if the last is older than their pause."""
        return self.ask(query, now_ms) if now_ms >= self.due_ms(query, interval_ms) else []

    def due_ms(self, query: Query, interval_ms: int) -> int:
        """From when on `ask_every` asks it; holds until `changes` rises."""
        asked, answered = self._asked_ms.get(query), self._answered_ms.get(query)
        failures = self._failures.get(query, 0)
        if failures:
            interval_ms = min(_AGAIN_FIRST_MS << min(failures - 1, 10), _AGAIN_MOST_MS)
        free_ms = 0 if asked is None else asked + ANSWER_TIMEOUT_MS
        return free_ms if answered is None else max(free_ms, answered + interval_ms)

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: all times known here go back with it, or nothing would be due until it has caught up."""
        self.changes += 1
        self._asked_ms = {query: at_ms - by_ms for query, at_ms in self._asked_ms.items()}
        self._answered_ms = {query: at_ms - by_ms for query, at_ms in self._answered_ms.items()}

    def on_answer(self, query: Query, now_ms: int) -> int | None:
        """An answer came. Returns when it was asked, None if nobody asked (since the connection came up)."""
        self.changes += 1
        asked = self._asked_ms.pop(query, None)
        if asked is not None:
            self._answered_ms[query] = now_ms
            self._failures.pop(query, None)
        return asked

    def on_failure(self, query: Query, now_ms: int) -> None:
        """No answer will come: it may be asked again, a little later."""
        failures = self._failures.get(query, 0) + 1
        if self.on_answer(query, now_ms) is not None:
            self._failures[query] = failures

    def forget(self) -> None:
        """After a disconnect everything is asked anew."""
        self.changes += 1
        self._asked_ms.clear()
        self._answered_ms.clear()
        self._failures.clear()

    def drop(self, query: Query) -> None:
        """This question will not be asked again (an order that is settled)."""
        self.changes += 1
        self._asked_ms.pop(query, None)
        self._answered_ms.pop(query, None)
        self._failures.pop(query, None)

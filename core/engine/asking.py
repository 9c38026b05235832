"""Which questions are out, and when to ask the next. One question of a kind at a time; an answer that never comes frees it again.

It keeps times and nothing else; what an answer means is for the machine it concerns.

SPEC 6, 7; lesson L39 (every wait has a limit).
"""

from __future__ import annotations

from core.messages.effects import Ask
from core.messages.queries import Query

ANSWER_TIMEOUT_MS = 8_000
"""The outside gives up earlier and says so; this is for the case that it does not."""
AGAIN_AFTER_FAILURE_MS = 5_000
"""A failed read is repeated earlier than its interval, but not so often that it eats the weight budget of the address."""


class Asker:
    def __init__(self) -> None:
        self._asked_ms: dict[Query, int] = {}
        self._answered_ms: dict[Query, int] = {}
        self._failed: set[Query] = set()
        """Asked for membership only."""

    def ask(self, query: Query, now_ms: int) -> list[Ask]:
        """The question as an effect; nothing while the same one is still out."""
        asked = self._asked_ms.get(query)
        if asked is not None and now_ms - asked < ANSWER_TIMEOUT_MS:
            return []
        self._asked_ms[query] = now_ms
        return [Ask(query)]

    def ask_every(self, query: Query, interval_ms: int, now_ms: int) -> list[Ask]:
        """The question, if its last answer (or failure) is older than the interval."""
        answered = self._answered_ms.get(query)
        if query in self._failed:
            interval_ms = min(interval_ms, AGAIN_AFTER_FAILURE_MS)
        if answered is not None and now_ms - answered < interval_ms:
            return []
        return self.ask(query, now_ms)

    def on_answer(self, query: Query, now_ms: int) -> int | None:
        """An answer came. Returns when it was asked, None if nobody asked (since the connection came up)."""
        asked = self._asked_ms.pop(query, None)
        if asked is not None:
            self._answered_ms[query] = now_ms
            self._failed.discard(query)
        return asked

    def on_failure(self, query: Query, now_ms: int) -> None:
        """No answer will come: it may be asked again, a little later."""
        if self.on_answer(query, now_ms) is not None:
            self._failed.add(query)

    def forget(self) -> None:
        """After a disconnect everything is asked anew."""
        self._asked_ms.clear()
        self._answered_ms.clear()
        self._failed.clear()

    def drop(self, query: Query) -> None:
        """This question will not be asked again (an order that is settled)."""
        self._asked_ms.pop(query, None)
        self._answered_ms.pop(query, None)
        self._failed.discard(query)

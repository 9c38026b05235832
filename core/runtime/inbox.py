"""The one line in which everything waits for the engine: events, and the operator's commands.

Everything keeps its order, except that of quotes and contexts only the newest per market waits: a burst after a stall costs one
message per market, not thousands. Rules that are easy to get wrong: an answer to a book request is an answer and is never replaced;
when the connection goes, the quotes still waiting go with it, so that nothing older than a Disconnected can come out after it; and a quote
may be served in the turn of whoever puts it, but only one that is alone in the line, so that order stays order.

DESIGN "One sentence"; TEXTUAL 4.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable

from core.messages.commands import AnyCommand
from core.messages.events import AnyEvent, AssetCtx, Bbo, Disconnected
from core.model.market import MarketKey

Message = AnyEvent | AnyCommand


class _Seat:
    """A quote's place in the line; the quote in it may be replaced, or taken out."""

    __slots__ = ("key", "quote")

    def __init__(self, key: tuple[type, MarketKey], quote: Bbo | AssetCtx) -> None:
        self.key = key
        self.quote: Bbo | AssetCtx | None = quote


class Inbox:
    """Belongs to the thread and loop it was made in; `put` is safe from any thread."""

    def __init__(self) -> None:
        self._line: deque[Message | _Seat] = deque()
        self._seats: dict[tuple[type, MarketKey], _Seat] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiter: asyncio.Future[None] | None = None
        self._serve: Callable[[], None] | None = None
        self.conflated = 0
        """How many quotes were replaced before the engine saw them."""

    def __len__(self) -> int:
        return len(self._line)

    def put(self, message: Message) -> None:
        """Append, and wake the loop. After the loop has ended, messages from other threads go nowhere: nobody is left to act on them."""
        if threading.get_ident() == self._thread:
            self._put(message)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: see above
                self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: Message) -> None:
        kind = type(message)
        is_quote = kind is Bbo or kind is AssetCtx
        if is_quote:
            assert isinstance(message, (Bbo, AssetCtx))
            self._put_quote(message)
        else:
            if kind is Disconnected:
                self._drop_quotes()
            self._line.append(message)
        waiter = self._waiter
        if waiter is None:
            return
        if not waiter.done():
            waiter.set_result(None)
        serve = self._serve
        if is_quote and serve is not None and len(self._line) == 1:
            self._serve = None  # what is put meanwhile waits: nobody is served in the middle of serving another
            serve()
            self._serve = serve

    def _put_quote(self, quote: Bbo | AssetCtx) -> None:
        if isinstance(quote, Bbo) and quote.from_book:
            self._line.append(quote)
            return
        key = (type(quote), quote.market)
        seat = self._seats.get(key)
        if seat is not None:
            seat.quote = quote
            self.conflated += 1
        else:
            self._seats[key] = seat = _Seat(key, quote)
            self._line.append(seat)

    def _drop_quotes(self) -> None:
        for seat in self._seats.values():
            seat.quote = None
        self._seats.clear()

    def take(self) -> Message | None:
        """The next message, None when nothing waits."""
        while self._line:
            head = self._line.popleft()
            if not isinstance(head, _Seat):
                return head
            if head.quote is not None:
                del self._seats[head.key]
                return head.quote
        return None

    async def wait(self, timeout_s: float, serve: Callable[[], None] | None = None) -> None:
        """Return when something came, or the time is over.

        Args:
            timeout_s: The longest wait.
            serve: Called when a quote has come and nothing is before it, in the turn of whoever brought it: waking the one who waits
                costs a turn of the event loop, in which the console may take the interpreter. Must not raise; may take the quote or leave it.
        """
        if self._line:
            return
        self._serve = serve
        self._waiter = waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout_s, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = self._serve = None


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

"""One line for everything: order kept, quotes conflated, any thread may put."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from core.messages.commands import PauseEntries
from core.messages.events import AssetCtx, Bbo, Connected, Disconnected, Event, PostSent, Tick
from core.model.market import MarketKey
from core.runtime.inbox import Inbox

A, B = MarketKey("xyz", "A"), MarketKey("xyz", "B")


def bbo(market: MarketKey, time_ms: int, from_book: bool = False) -> Bbo:
    return Bbo(market, time_ms, D(1), D(1), D(2), D(1), from_book)


def ctx(market: MarketKey, oracle: int) -> AssetCtx:
    return AssetCtx(market, D(oracle), D(1), None, D(1), D(0))


def drain(inbox: Inbox) -> list[object]:
    taken = []
    while (message := inbox.take()) is not None:
        taken.append(message)
    return taken


async def test_order_is_kept() -> None:
    inbox = Inbox()
    messages = [PostSent(1), Connected(1), PauseEntries(command_id="c", paused=True), PostSent(2)]
    for m in messages:
        inbox.put(m)
    assert drain(inbox) == messages
    assert inbox.take() is None


async def test_only_the_newest_quote_and_context_of_a_market_wait_in_the_place_of_the_first() -> None:
    inbox = Inbox()
    for m in (bbo(A, 1), PostSent(1), ctx(A, 1), bbo(B, 1), bbo(A, 2), ctx(A, 2), bbo(A, 3)):
        inbox.put(m)
    assert drain(inbox) == [bbo(A, 3), PostSent(1), ctx(A, 2), bbo(B, 1)]
    assert inbox.conflated == 3


async def test_a_quote_taken_makes_room_for_the_next() -> None:
    inbox = Inbox()
    inbox.put(bbo(A, 1))
    assert inbox.take() == bbo(A, 1)
    inbox.put(PostSent(1))
    inbox.put(bbo(A, 2))
    assert drain(inbox) == [PostSent(1), bbo(A, 2)]


async def test_an_answer_to_a_book_request_is_neither_replaced_nor_replaces() -> None:
    inbox = Inbox()
    for m in (bbo(A, 1, from_book=True), bbo(A, 2), bbo(A, 3, from_book=True), bbo(A, 4)):
        inbox.put(m)
    assert drain(inbox) == [bbo(A, 1, from_book=True), bbo(A, 4), bbo(A, 3, from_book=True)]


async def test_quotes_of_a_lost_connection_go_with_it() -> None:
    inbox = Inbox()
    for m in (bbo(A, 1), PostSent(1), Disconnected("x"), Connected(2), bbo(A, 2)):
        inbox.put(m)
    assert drain(inbox) == [PostSent(1), Disconnected("x"), Connected(2), bbo(A, 2)]


async def test_waiting_ends_with_a_message_or_the_time() -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, inbox.put, Tick())
    async with asyncio.timeout(5):
        await inbox.wait(60)
    assert inbox.take() == Tick()
    await inbox.wait(0.01)
    assert inbox.take() is None
    inbox.put(Tick())
    async with asyncio.timeout(5):
        await inbox.wait(60)


async def test_any_thread_may_put() -> None:
    inbox = Inbox()
    threads = [
        threading.Thread(target=lambda base=base: [inbox.put(PostSent(base + i)) for i in range(500)])
        for base in (0, 1000, 2000)
    ]
    for t in threads:
        t.start()
    taken: list[PostSent] = []
    async with asyncio.timeout(10):
        while len(taken) < 1500:
            await inbox.wait(1)
            taken += drain(inbox)  # type: ignore[arg-type]
    for base in (0, 1000, 2000):
        assert [p.post_id for p in taken if base <= p.post_id < base + 1000] == list(range(base, base + 500))


def test_after_the_end_a_message_goes_nowhere_quietly() -> None:
    async def make() -> Inbox:
        return Inbox()

    inbox = asyncio.run(make())
    thread = threading.Thread(target=inbox.put, args=(Tick(),))
    thread.start()
    thread.join()
    assert len(inbox) == 0


_messages = st.one_of(
    st.builds(bbo, st.sampled_from([A, B]), st.integers(0, 99), st.booleans()),
    st.builds(ctx, st.sampled_from([A, B]), st.integers(1, 99)),
    st.builds(PostSent, st.integers(0, 99)),
    st.just(Disconnected("x")),
)


@given(st.lists(st.one_of(_messages, st.none()), max_size=40))
def test_nothing_but_quotes_is_ever_lost_and_no_quote_is_older_than_what_was_put(script: list[Event | None]) -> None:
    """None in the script is a take."""

    async def play() -> tuple[list[object], list[object]]:
        inbox, put, taken = Inbox(), [], []
        for step in script:
            if step is None:
                if (message := inbox.take()) is not None:
                    taken.append(message)
            else:
                inbox.put(step)  # type: ignore[arg-type]
                put.append(step)
        return put, taken + drain(inbox)

    def plain(m: object) -> bool:
        return not isinstance(m, AssetCtx) and not (isinstance(m, Bbo) and not m.from_book)

    put, taken = asyncio.run(play())
    assert [m for m in taken if plain(m)] == [m for m in put if plain(m)]
    last_drop = max((i for i, m in enumerate(put) if isinstance(m, Disconnected)), default=-1)
    for kind in (Bbo, AssetCtx):
        for market in (A, B):
            after = [m for m in put[last_drop + 1 :] if type(m) is kind and m.market == market and not plain(m)]
            seen = [m for m in taken if type(m) is kind and m.market == market and not plain(m)]
            if after:
                assert seen[-1] == after[-1], "the newest always arrives"


# --- served in the turn of whoever puts it -------------------------------------------------------------------------------


async def serving(inbox: Inbox, *messages: object) -> list[object]:
    """What is served at once while the inbox is waited for and these are put in one go; nothing of it is taken out."""
    served: list[object] = []
    waiting = asyncio.create_task(inbox.wait(60, lambda: served.append(inbox.take())))
    await asyncio.sleep(0)
    for message in messages:
        inbox.put(message)  # type: ignore[arg-type]
    at_once = list(served)
    async with asyncio.timeout(5):
        await waiting
    assert served == at_once
    return served


async def test_a_quote_is_served_at_once_and_the_one_who_waits_is_woken() -> None:
    inbox = Inbox()
    assert await serving(inbox, bbo(A, 1), bbo(A, 2), ctx(B, 1)) == [bbo(A, 1), bbo(A, 2), ctx(B, 1)]
    assert inbox.conflated == 0


async def test_only_quotes_are_served_at_once_and_never_past_what_came_before() -> None:
    inbox = Inbox()
    assert await serving(inbox, bbo(A, 1), PostSent(1), bbo(A, 2)) == [bbo(A, 1)]
    assert drain(inbox) == [PostSent(1), bbo(A, 2)]


async def test_what_is_put_while_one_is_served_waits_its_turn() -> None:
    inbox = Inbox()
    served: list[object] = []

    def serve() -> None:
        served.append(inbox.take())
        inbox.put(bbo(B, 7))

    waiting = asyncio.create_task(inbox.wait(60, serve))
    await asyncio.sleep(0)
    inbox.put(bbo(A, 1))
    assert served == [bbo(A, 1)]
    async with asyncio.timeout(5):
        await waiting
    assert drain(inbox) == [bbo(B, 7)]


async def test_nobody_is_served_when_nobody_waits() -> None:
    inbox = Inbox()
    assert await serving(inbox, bbo(A, 1)) == [bbo(A, 1)]
    inbox.put(bbo(A, 2))
    assert drain(inbox) == [bbo(A, 2)]

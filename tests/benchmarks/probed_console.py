"""The real console with probes on the road of an order, for bench_console. Run inside a pseudo-terminal.

Probes: when the bytes of a quote came off the socket, when the post that this quote caused is with the socket and what the stations in
between took, how late each tick was, how long each collection held us. Written as JSON when the program leaves. Nothing else differs from
`hip3-tui run`. Counted are only entries that left in the turn of their own quote: one that had to wait for the interval between
posts, or stood behind another in the link, waited because it was meant to.

    python tests/benchmarks/probed_console.py CONFIG OUT
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

CONFIG, OUT = sys.argv[1], sys.argv[2]

from websockets.frames import DATA_OPCODES, Frame  # noqa: E402

from core.engine import entries  # noqa: E402
from core.messages.effects import Post  # noqa: E402
from core.model.order import Orders  # noqa: E402
from core.runtime import inbox, lifecycle, link, loop, loop_meter, outside  # noqa: E402
from core.runtime.feed_connection import FeedConnection  # noqa: E402

clock = time.perf_counter
stations: dict[str, list[float]] = {
    "received": [],
    "parsed": [],
    "taken": [],
    "signal": [],
    "decided": [],
    "signed": [],
    "sent": [],
}
"""Moments of each counted entry, one list per station, in seconds."""
lateness: list[float] = []
pauses: list[tuple[int, float]] = []
"""Generation and milliseconds of every collection."""

_received = 0.0
_waiting: deque[float] = deque()
"""When the bytes of each frame came that was not parsed yet."""
_of_quote: dict[Any, tuple[float, float]] = {}
"""Received and parsed, of the newest quote of each kind and market."""
_message: Any = None
_taken = _signal = _decided = _signed = 0.0
_frame_received = 0.0


Real = Callable[..., Any]


def probe(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a probe in the place of a function. It is given the real one and whatever the caller gave, so that another argument breaks nothing."""
    real = getattr(owner, name)

    def put(probing: Callable[..., Any]) -> None:
        setattr(owner, name, lambda *args, **named: probing(real, *args, **named))

    return put


@probe(FeedConnection, "data_received")
def data_received(real: Real, *given: Any) -> None:
    global _received
    _received = clock()
    real(*given)


@probe(FeedConnection, "process_event")
def process_event(real: Real, connection: Any, event: Any) -> None:
    if isinstance(event, Frame) and event.opcode in DATA_OPCODES and event.fin:
        _waiting.append(_received)
    real(connection, event)


@probe(link, "parse_frame")
def parse_frame(real: Real, *given: Any) -> Any:
    global _frame_received
    _frame_received = _waiting.popleft()
    return real(*given)


@probe(inbox.Inbox, "_put_quote")
def put_quote(real: Real, line: Any, quote: Any) -> None:
    _of_quote[type(quote), quote.market] = (_frame_received, clock())
    real(line, quote)


@probe(loop._Loop, "_handle")
def handle(real: Real, turning: Any, message: Any) -> None:
    global _message, _taken
    _message, _taken = message, clock()
    real(turning, message)
    _message = None


@probe(entries.Entries, "_judge")
def judge(real: Real, *given: Any) -> None:
    global _signal
    _signal = clock()
    real(*given)


@probe(outside.Outside, "perform")
def perform(real: Real, world: Any, effect: Any) -> None:
    global _decided
    _decided = clock()
    real(world, effect)
    if type(effect) is Post:
        _count(effect, clock())


def _count(effect: Post, sent: float) -> None:
    times = _of_quote.get((type(_message), getattr(_message, "market", None)))
    if times is None or not isinstance(effect.batch, Orders):
        return
    order = effect.batch.orders[0]
    fresh = int(time.time() * 1000) - order.created_at_ms <= (clock() - _taken) * 1000 + 1
    link_is_empty = not _link or (not _link[-1]._posts and not _link[-1]._is_full)
    if order.market == _message.market and not order.reduce_only and fresh and link_is_empty:
        moments = (*times, _taken, _signal, _decided, _signed, sent)
        for values, moment in zip(stations.values(), moments, strict=True):
            values.append(moment)


_link: list[Any] = []


@probe(link.Link, "post")
def post(real: Real, connected: Any, *given: Any) -> None:
    global _signed
    _signed = clock()
    _link[:] = [connected]
    real(connected, *given)


@probe(loop_meter.LoopMeter, "tick")
def tick(real: Real, meter: Any, now: float, late: float) -> None:
    lateness.append(late * 1000)
    real(meter, now, late)


_gc_begun = 0.0


def on_gc(phase: str, info: dict[str, int]) -> None:
    global _gc_begun
    if phase == "start":
        _gc_begun = clock()
    else:
        pauses.append((info["generation"], (clock() - _gc_begun) * 1000))


@probe(lifecycle.Lifecycle, "finish")
def finish(real: Real, *given: Any) -> Any:
    with open(OUT, "w") as f:
        json.dump({**stations, "tick_late_ms": lateness, "gc_ms": pauses}, f)
    return real(*given)


gc.callbacks.append(on_gc)

from hip3_tui.cli import main  # noqa: E402

sys.argv = ["hip3-tui", "run", "--config", CONFIG]
main()

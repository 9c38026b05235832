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
from typing import Any

CONFIG, OUT = sys.argv[1], sys.argv[2]

from websockets.frames import DATA_OPCODES, Frame  # noqa: E402

from core.messages.effects import Post  # noqa: E402
from core.model.order import Orders  # noqa: E402
from core.runtime import inbox, lifecycle, link, loop, loop_meter, outside  # noqa: E402
from core.runtime.feed_connection import FeedConnection  # noqa: E402

clock = time.perf_counter
stations: dict[str, list[float]] = {"received": [], "parsed": [], "taken": [], "decided": [], "signed": [], "sent": []}
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
_taken = _decided = _signed = 0.0
_frame_received = 0.0


def data_received(self: Any, data: bytes, real: Any = FeedConnection.data_received) -> None:
    global _received
    _received = clock()
    real(self, data)


def process_event(self: Any, event: Any, real: Any = FeedConnection.process_event) -> None:
    if isinstance(event, Frame) and event.opcode in DATA_OPCODES and event.fin:
        _waiting.append(_received)
    real(self, event)


def parse_frame(raw: bytes, real: Any = link.parse_frame) -> Any:
    global _frame_received
    _frame_received = _waiting.popleft()
    return real(raw)


def put_quote(self: Any, quote: Any, real: Any = inbox.Inbox._put_quote) -> None:
    _of_quote[type(quote), quote.market] = (_frame_received, clock())
    real(self, quote)


def handle(self: Any, message: Any, real: Any = loop._Loop._handle) -> None:
    global _message, _taken
    _message, _taken = message, clock()
    real(self, message)
    _message = None


def perform(self: Any, effect: Any, real: Any = outside.Outside.perform) -> None:
    global _decided
    _decided = clock()
    real(self, effect)
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
        moments = (*times, _taken, _decided, _signed, sent)
        for values, moment in zip(stations.values(), moments, strict=True):
            values.append(moment)


_link: list[Any] = []


def post(self: Any, post_id: int, frame: bytes, real: Any = link.Link.post) -> None:
    global _signed
    _signed = clock()
    _link[:] = [self]
    real(self, post_id, frame)


def tick(self: Any, now: float, late: float, real: Any = loop_meter.LoopMeter.tick) -> None:
    lateness.append(late * 1000)
    real(self, now, late)


_gc_begun = 0.0


def on_gc(phase: str, info: dict[str, int]) -> None:
    global _gc_begun
    if phase == "start":
        _gc_begun = clock()
    else:
        pauses.append((info["generation"], (clock() - _gc_begun) * 1000))


def finish(self: Any, *args: Any, real: Any = lifecycle.Lifecycle.finish) -> Any:
    with open(OUT, "w") as f:
        json.dump({**stations, "tick_late_ms": lateness, "gc_ms": pauses}, f)
    return real(self, *args)


gc.callbacks.append(on_gc)
FeedConnection.data_received = data_received  # type: ignore[method-assign]
FeedConnection.process_event = process_event  # type: ignore[method-assign]
link.parse_frame = parse_frame  # type: ignore[attr-defined]
inbox.Inbox._put_quote = put_quote  # type: ignore[method-assign]
loop._Loop._handle = handle  # type: ignore[method-assign]
outside.Outside.perform = perform  # type: ignore[method-assign]
link.Link.post = post  # type: ignore[method-assign]
loop_meter.LoopMeter.tick = tick  # type: ignore[method-assign]
lifecycle.Lifecycle.finish = finish  # type: ignore[method-assign]

from hip3_tui.cli import main  # noqa: E402

sys.argv = ["hip3-tui", "run", "--config", CONFIG]
main()

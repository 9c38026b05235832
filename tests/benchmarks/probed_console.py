"""The real console with probes on the road of an order, for bench_console. Run inside a pseudo-terminal.

Probes: when a quote comes off the socket, when the post that it caused is with the socket, and how late each tick was. Written as JSON
lines when the program leaves. Nothing else differs from `hip3-tui run`.

    python tests/benchmarks/probed_console.py CONFIG OUT
"""

from __future__ import annotations

import atexit
import gc
import json
import sys
import time
from typing import Any

CONFIG, OUT = sys.argv[1], sys.argv[2]

from core.runtime import gateway, inbox, lifecycle, link, loop_meter  # noqa: E402

samples: list[float] = []
"""Milliseconds from the quote's arrival to the bytes of its post, when nothing was sent in the 150 ms before."""
lateness: list[float] = []
_arrived = 0.0
_last_sent = 0.0

_take = inbox.Inbox.take
_post = link.Link.post
_put_quote = inbox.Inbox._put_quote
_tick = loop_meter.LoopMeter.tick
_arrivals: dict[Any, float] = {}


def put_quote(self: Any, quote: Any) -> None:
    _arrivals[type(quote), quote.market] = time.perf_counter()
    _put_quote(self, quote)


def take(self: Any) -> Any:
    global _arrived
    message = _take(self)
    _arrived = _arrivals.get((type(message), getattr(message, "market", None)), 0.0)
    return message


def post(self: Any, post_id: int, frame: bytes) -> None:
    """Measured when the real one returns with the bytes written; a post that had to queue behind another is left out."""
    global _last_sent
    _post(self, post_id, frame)
    now = time.perf_counter()
    if _arrived and not self._posts and self._rest is None and now - _last_sent > 0.15:
        samples.append((now - _arrived) * 1000)
    _last_sent = now


def tick(self: Any, now: float, late: float) -> None:
    lateness.append(late * 1000)
    _tick(self, now, late)


pauses: list[tuple[int, float]] = []
"""Generation and milliseconds of every collection."""
_gc_begun = 0.0


def on_gc(phase: str, info: dict[str, int]) -> None:
    global _gc_begun
    if phase == "start":
        _gc_begun = time.perf_counter()
    else:
        pauses.append((info["generation"], (time.perf_counter() - _gc_begun) * 1000))


gc.callbacks.append(on_gc)


def write_out() -> None:
    with open(OUT, "w") as f:
        json.dump({"signal_to_socket_ms": samples, "tick_late_ms": lateness, "gc_ms": pauses}, f)


inbox.Inbox._put_quote = put_quote  # type: ignore[method-assign]
inbox.Inbox.take = take  # type: ignore[method-assign]
link.Link.post = post  # type: ignore[method-assign]
loop_meter.LoopMeter.tick = tick  # type: ignore[method-assign]
assert gateway.Link is link.Link
atexit.register(write_out)
_finish = lifecycle.Lifecycle.finish


def finish(self: Any, *args: Any) -> Any:
    write_out()  # the real one leaves without running exit handlers
    return _finish(self, *args)


lifecycle.Lifecycle.finish = finish  # type: ignore[method-assign]

from hip3_tui.cli import main  # noqa: E402

sys.argv = ["hip3-tui", "run", "--config", CONFIG]
main()

"""What handing an order to TLS costs while another thread wants the interpreter, against the library's own TLS.

A thread that never rests stands for the drawing console; the engine's thread sleeps, works a moment, and writes 500 bytes, as it does with an
order. Ours and the library's take turns in one run, both with the engine's own times for the interpreter. The ratios are what counts.

    make bench, or alone: python tests/benchmarks/bench_tls.py
"""

from __future__ import annotations

import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

from certificates import Certificates  # noqa: E402

from core.runtime import quick_tls  # noqa: E402
from core.runtime.precedence import EngineSelector, give_way, wake_at_once  # noqa: E402

WRITES = 1_000
SLEEP_S = 0.004
WORK = 3_000
"""Rounds of a loop, a tenth of a millisecond or so, between waking and writing."""
ORDER = b"x" * 500
OURS, PLAIN = "ours", "the library's own"


class _Way:
    """One end of a connection in memory, hands shaken, and what its writes took in ms."""

    def __init__(self, ours: ssl.SSLContext, theirs: ssl.SSLContext, authority: Path) -> None:
        ours.load_verify_locations(authority)
        to_us, self._to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._end = ours.wrap_bio(to_us, self._to_them, server_hostname="localhost")
        other = theirs.wrap_bio(self._to_them, to_us, server_side=True)
        for _ in range(4):
            for end in (self._end, other):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        self.took_ms: list[float] = []

    def write(self) -> None:
        begun = time.perf_counter()
        self._end.write(ORDER)
        self.took_ms.append((time.perf_counter() - begun) * 1000)
        self._to_them.read()


def _draw(stop: threading.Event) -> None:
    give_way()
    while not stop.is_set():
        sum(range(1_000))


def _trade(ways: list[_Way], writes: int) -> None:
    wake_at_once()
    with EngineSelector() as selector:
        for _ in range(writes):
            for way in ways:
                selector.select(SLEEP_S)
                sum(range(WORK))
                way.write()


def measure(writes: int = WRITES) -> dict[str, list[float]]:
    """Milliseconds of each write, sorted."""
    before = sys.getswitchinterval()
    with tempfile.TemporaryDirectory() as tmp:
        made = Certificates(Path(tmp))
        server = made.signed("server", "DNS:localhost")
        ways = {
            OURS: _Way(quick_tls.context(), server, made.authority),
            PLAIN: _Way(ssl.create_default_context(), server, made.authority),
        }
    stop = threading.Event()
    threads = [
        threading.Thread(target=_draw, args=(stop,)),
        threading.Thread(target=_trade, args=(list(ways.values()), writes)),
    ]
    try:
        for thread in threads:
            thread.start()
        threads[1].join()
    finally:
        stop.set()
        threads[0].join()
        sys.setswitchinterval(before)
    return {name: sorted(way.took_ms) for name, way in ways.items()}


def main() -> None:
    print(f"an order into TLS beside a thread that never rests, ms, {WRITES} writes each in turns")
    found = {name: [took[int(len(took) * part)] for part in (0.5, 0.9, 0.99)] for name, took in measure().items()}
    for name, (p50, p90, p99) in found.items():
        print(f"  {name:18} p50 {p50:6.3f}   p90 {p90:6.3f}   p99 {p99:6.3f}")
    ratios = [theirs / ours for theirs, ours in zip(found[PLAIN], found[OURS], strict=True)]
    print(f"  the library's own by ours: p50 {ratios[0]:.1f} x, p90 {ratios[1]:.1f} x, p99 {ratios[2]:.1f} x")


if __name__ == "__main__":
    main()

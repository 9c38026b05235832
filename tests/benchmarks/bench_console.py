"""The road of an order while the console draws: quote off the socket -> signal -> gates -> signature -> bytes on the socket; tick
lateness; first frame.

The real program in a pseudo-terminal of 120x40, against a venue in its own process with 8 markets and 500 quotes a second; once more with
next to no quotes, so that the load's share is seen side by side. The terminal is read but not emulated, which would take more of the
machine than drawing does. The venue and this reader have a core of their own where there are two: else the kernel wakes them on ours in the
middle of our `send`, or of our drawing, and runs them first, and a third of a millisecond of their work is counted as the console's. The
venue never sleeps there, because waking it would be counted as the console's too (load_venue). What the machine itself allows stands beside
it: a bare signature, a bare timer, and what a virtual machine's host took away. The first frame is taken from starts of the program without
probes, with nothing else running.

    make bench, or alone: python tests/benchmarks/bench_console.py [SECONDS [loaded|quiet|start]]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

from pty_driver import _QUESTION, _UNKNOWN_TO_PYTE, PtyProgram  # noqa: E402

STARTS = 10
WARM_UP_TICKS = 120
"""The first seconds import, paint, and freeze what they imported; after 12 s nothing of that is left."""
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
LOADS = {"loaded": 500, "quiet": 10}
"""Extra quotes a second."""

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
{markets}
[signer]
key_source = {{ type = "simulator" }}
[safety]
max_daily_trades = 100000
auto_stop_loss_usd = 100000
[execution]
time_stop_ms = 60
min_edge_bps = 5
max_notional_total = 400
[risk]
max_consecutive_losses = 1000000
[journal]
path = "{journal}"
"""


class Terminal(PtyProgram):
    """Reads what comes and answers the one question; shows nothing."""

    def _take(self, data: bytes) -> None:
        self.output = (self.output + data)[-100_000:]
        for mode in _QUESTION.findall(data):
            if mode == b"2026":
                os.write(self.master, b"\x1b[?2026;2$y")

    @property
    def text(self) -> str:
        """The screen, for whoever has to find out why something did not come."""
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", self.output))
        return super().text

    def wait_for_bytes(self, wanted: bytes, timeout: float) -> None:
        self.wait_until(lambda: wanted in self.output, timeout, repr(wanted))


def measure(
    quotes_per_second: int, trade: Callable[[int], None], patience_s: float = 30, *, awake: bool = False
) -> dict[str, list[float]]:
    """Run venue and console for a while; what the probes saw.

    Args:
        trade: Given the venue's port when the console is connected; returns when there was enough.
        patience_s: How long start and end may take.
        awake: The venue never sleeps, where it has a core of its own.
    """
    from load_venue import MARKETS

    with tempfile.TemporaryDirectory() as tmp:
        how = ["awake"] if awake and len(CORES) > 1 else []
        command = [sys.executable, str(HERE / "load_venue.py"), str(quotes_per_second), *how]
        venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        keep_to(venue.pid, CORES[-1:])
        keep_to(os.getpid(), CORES[-1:])
        try:
            assert venue.stdout is not None
            port = venue.stdout.readline().rsplit(":", 1)[1].strip()
            config, out = Path(tmp, "bench.toml"), Path(tmp, "out.json")
            markets = "\n".join(f'[[markets]]\ncoin = "{name}"' for name in MARKETS)
            config.write_text(CONFIG.format(port=port, markets=markets, journal=Path(tmp, "journal.db")))
            command = [sys.executable, str(HERE / "probed_console.py"), str(config), str(out)]
            with Terminal(command, cols=120, rows=40) as console:
                keep_to(console.pid, CORES[:-1])
                console.wait_for_bytes(b"LIVE", patience_s)
                begun, stolen = time.monotonic(), stolen_s()
                bare = [sys.executable, str(HERE / "bare_timer.py")]
                with subprocess.Popen(bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as timer:
                    keep_to(timer.pid, CORES[:-1])
                    trade(int(port))
                    late, _ = timer.communicate()
                share = (stolen_s() - stolen) / (time.monotonic() - begun)
                console.send("q")
                console.wait_exit(patience_s)
            samples: dict[str, list[float]] = json.loads(out.read_text())
            return {**samples, "bare_late_ms": json.loads(late), "stolen": [share]}
        finally:
            keep_to(os.getpid(), CORES)
            venue.terminate()
            venue.wait()


def keep_to(pid: int, cores: list[int]) -> None:
    """Run it on these cores alone. Nothing happens on a machine of one core, or where this cannot be asked for."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, cores)


def stolen_s() -> float:
    """Seconds, summed over all cores, in which a virtual machine's host gave them to somebody else. Zero where nobody says so.

    Source: proc_stat(5), "steal".
    """
    try:
        of_all_cores = Path("/proc/stat").read_text().splitlines()[0].split()
        return int(of_all_cores[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def first_frames(starts: int = STARTS, patience_s: float = 30) -> list[float]:
    """Seconds from the spawn of the program as shipped, on its own simulator, to the first frame on the terminal."""
    times = []
    with tempfile.TemporaryDirectory() as tmp:
        for number in range(-1, starts):
            begun = time.monotonic()
            command = [
                sys.executable,
                "-m",
                "hip3_tui",
                "run",
                "--config",
                str(HERE.parents[1] / "config" / "sim.toml"),
            ]
            with Terminal(command, cols=120, rows=40, env={"XDG_STATE_HOME": tmp}) as console:
                console.wait_for_bytes(b"SIMULATOR", patience_s)
                if number >= 0:  # the first one reads the files from the disk
                    times.append(time.monotonic() - begun)
                console.wait_for_bytes(b"LIVE", patience_s)
                console.send("q")
                console.wait_exit(patience_s)
    return times


def describe(values: list[float]) -> str:
    values = sorted(values)
    if len(values) < 3:
        return f"only {len(values)} samples"
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    p90 = values[int(len(values) * 0.9)]
    return (
        f"p50 {statistics.median(values):6.2f}   p90 {p90:6.2f}   p99 {p99:6.2f}   max {values[-1]:6.2f}   "
        f"({len(values)} samples)"
    )


AIM_IN_SIGNATURES = 0.5 / 0.019
"""The aim of 0.5 ms was set on a machine where one bare signature takes 19 us. Counted in those it can be compared with any machine's."""


def bare_signature_ms(rounds: int = 2_000) -> float:
    """The median of the bare libsecp256k1 call on the core that the console had."""
    import coincurve

    key, digest, times = coincurve.PrivateKey(bytes(31) + b"\x07"), b"\x5a" * 32, []
    keep_to(os.getpid(), CORES[:-1])
    try:
        for _ in range(rounds):
            begun = time.perf_counter()
            key.sign_recoverable(digest, hasher=None)
            times.append((time.perf_counter() - begun) * 1000)
    finally:
        keep_to(os.getpid(), CORES)
    return statistics.median(times)


ROAD = ("received", "parsed", "taken", "signal", "decided", "signed", "sent")


def report(name: str, samples: dict[str, list[float]]) -> float:
    """Print one run; the median of the whole road in ms."""
    road = [[t * 1000 for t in samples[station]] for station in ROAD]
    whole = [last - first for first, last in zip(road[0], road[-1], strict=True)]
    of_signal = [last - first for first, last in zip(road[ROAD.index("signal")], road[-1], strict=True)]
    print(f"{name} ({LOADS[name]} extra quotes/s)")
    print(f"  quote to bytes on the socket, ms:   {describe(whole)}   aim: p50 < 0.5, p99 < 3")
    print(f"    of it since it is a signal:       {describe(of_signal)}")
    if whole:
        bare_ms = bare_signature_ms()
        print(
            f"    its median is that of {statistics.median(whole) / bare_ms:.1f} bare signatures, "
            f"{bare_ms * 1000:.1f} us each here            aim: < {AIM_IN_SIGNATURES:.1f}"
        )
    for i in range(1, len(ROAD)):
        step = [b - a for a, b in zip(road[i - 1], road[i], strict=True)]
        print(f"    {ROAD[i - 1]:>8} -> {ROAD[i]:<8}               {describe(step)}")
    print(
        f"  tick lateness, ms:                  {describe(samples['tick_late_ms'][WARM_UP_TICKS:])}   aim: p99 < 3, max < 20"
    )
    print(f"    of a bare timer on that core, ms: {describe(samples['bare_late_ms'])}")
    for generation in range(3):
        print(
            f"  collections of generation {generation}, ms:     {describe([ms for g, ms in samples['gc_ms'] if g == generation])}"
        )  # type: ignore[misc]
    print(f"  taken away from this machine by its host: {samples['stolen'][0]:.2%} of a core")
    return statistics.median(whole) if whole else 0.0


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    wanted = sys.argv[2:] or ["start", "loaded", "quiet"]
    if "start" in wanted:
        print(f"spawn to first frame, s:              {describe(first_frames())}   aim: < 1")
    medians = {
        name: report(name, measure(rate, lambda _: time.sleep(seconds), awake=True))
        for name, rate in LOADS.items()
        if name in wanted
    }
    if len(medians) == 2 and medians["quiet"]:
        print(f"ratio of medians, loaded / quiet: {medians['loaded'] / medians['quiet']:.2f}")


if __name__ == "__main__":
    main()

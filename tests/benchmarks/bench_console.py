"""The road of an order while the console draws: quote off the socket -> signal -> gates -> signature -> bytes on the socket; tick
lateness; first frame.

The real program in a pseudo-terminal of 120x40, against a venue in its own process with 8 markets and 500 quotes a second; once more with
next to no quotes, so that the load's share is seen side by side. Posts that had to wait for the 100 ms interval are left out: that wait is
meant. Run by ``make bench``, or alone: ``python tests/benchmarks/bench_console.py [SECONDS]``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

from pty_driver import spawn  # noqa: E402

WARM_UP_TICKS = 120
"""The first seconds import, paint, and freeze what they imported; after 12 s nothing of that is left."""

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
{markets}
[signer]
key_source = {{ type = "simulator" }}
[safety]
allowed_markets = ["xyz:SNDK", "xyz:NVDA"]
max_daily_trades = 100000
auto_stop_loss_usd = 100000
[execution]
time_stop_ms = 400
min_edge_bps = 5
[risk]
max_consecutive_losses = 1000000
[journal]
path = "{journal}"
"""


def measure(quotes_per_second: int, seconds: float) -> dict[str, list[float]]:
    """Run venue and console for a while; the samples of the probes, and when the first frame came."""
    from load_venue import MARKETS

    with tempfile.TemporaryDirectory() as tmp:
        venue = subprocess.Popen(
            [sys.executable, str(HERE / "load_venue.py"), str(quotes_per_second)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert venue.stdout is not None
            port = venue.stdout.readline().rsplit(":", 1)[1].strip()
            config, out = Path(tmp, "bench.toml"), Path(tmp, "out.json")
            markets = "\n".join(f'[[markets]]\ncoin = "{name}"' for name in MARKETS)
            config.write_text(CONFIG.format(port=port, markets=markets, journal=Path(tmp, "journal.db")))
            begun = time.monotonic()
            command = [sys.executable, str(HERE / "probed_console.py"), str(config), str(out)]
            with spawn(command, cols=120, rows=40) as console:
                console.wait_for("SIMULATOR", timeout=20)
                first_frame = time.monotonic() - begun
                console.wait_for("LIVE", timeout=30)
                time.sleep(seconds)
                console.send("q")
                console.wait_exit(timeout=30)
            samples: dict[str, list[float]] = json.loads(out.read_text())
            samples["first_frame_s"] = [first_frame]
            return samples
        finally:
            venue.terminate()
            venue.wait()


def describe(values: list[float]) -> str:
    values = sorted(values)
    if len(values) < 3:
        return f"only {len(values)} samples"
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    return f"p50 {statistics.median(values):6.2f}   p99 {p99:6.2f}   max {values[-1]:6.2f}   ({len(values)} samples)"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    rows = {"500 quotes/s": measure(500, seconds), "quiet (10 quotes/s)": measure(10, seconds)}
    for name, samples in rows.items():
        steady = samples["tick_late_ms"][WARM_UP_TICKS:]
        print(name)
        print(
            f"  signal to bytes on the socket, ms:  {describe(samples['signal_to_socket_ms'])}   aim: p50 < 0.5, p99 < 3"
        )
        print(f"  tick lateness, ms:                  {describe(steady)}   aim: p99 < 3, max < 20")
        print(f"  spawn to first frame, s:            {samples['first_frame_s'][0]:.2f}   aim: < 1")
    loaded, quiet = (statistics.median(r["signal_to_socket_ms"] or [0.0]) for r in rows.values())
    if quiet:
        print(f"ratio of medians, loaded / quiet: {loaded / quiet:.2f}")


if __name__ == "__main__":
    main()

"""The real program for as long as asked: console on a pseudo-terminal, engine, simulated exchange, and the guard where asked for.

    make endure ARGS="--minutes 60"              with short time stops, so that an hour holds a day's trades
    make endure ARGS="--minutes 60 --guard"      with the guard beside it
    make endure ARGS="--minutes 5 --json out.json"

Each minute it looks at every process from outside (memory, descriptors, threads, processor time), at the screen, and at the venue's truth:
no position older than its time stop and a bound (a missed countdown), no limit passed, nonces rising, a fresh screen, a guard that stays quiet.
The figures of every minute are in the report, which is written each minute anew: a run that was cut short has left its own. At the end the
console is told to quit, and has to be flat. Exit code 0: everything held; 1: something did not, and it says what.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from pty_driver import PtyProgram  # noqa: E402
from venue_driver import SimVenue  # noqa: E402

from core.config import SimConfig  # noqa: E402

MARKETS = ("xyz:SNDK", "xyz:NVDA", "xyz:TSLA", "xyz:HOOD", "BTC", "ETH", "SOL")
CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
{markets}
[signer]
key_source = {{ type = "simulator" }}
[safety]
max_daily_trades = 100000
auto_stop_loss_usd = 1000
[execution]
time_stop_ms = {time_stop_ms}
min_edge_bps = 5
[risk]
max_consecutive_losses = 1000
[journal]
path = "{journal}"
tape_max_mb = 50
"""
LATE_MS = 3_000
"""How long after its time stop a position may still be open at the venue: an answer takes up to 0.4 s, and the machine may be busy."""
GROWTH_MB_PER_H = 12.0
"""From the second quarter of the run on. Rows of the lists fill up first; what goes on growing after that is a leak."""
GROWTH_OF_EXCHANGE_MB_PER_H = 30.0
"""It remembers every fill, order and action, which is what it is asked for at the end: some 10 kB for each trade."""
GROWTH_NEEDS_MIN = 20.0
"""A shorter run is still filling up."""


class Process:
    """One process, seen from outside."""

    def __init__(self, name: str, pid: int) -> None:
        self.name, self.pid = name, pid
        self.samples: list[dict[str, float]] = []

    def look(self, minute: float) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text()
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        self.samples.append(
            {
                "minute": minute,
                "rss_mb": _number(status, "VmRSS") / 1024,
                "fds": len(os.listdir(f"/proc/{self.pid}/fd")),
                "threads": _number(status, "Threads"),
                "cpu_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            }
        )

    def judge(self) -> list[str]:
        if self.samples[-1]["minute"] < GROWTH_NEEDS_MIN:
            return []
        late = [s for s in self.samples if s["minute"] >= self.samples[-1]["minute"] / 4]
        if len(late) < 4:
            return []
        wrong = []
        growth = _slope(late, "rss_mb") * 60
        if growth > (GROWTH_OF_EXCHANGE_MB_PER_H if self.name == "exchange" else GROWTH_MB_PER_H):
            wrong.append(f"{self.name}: memory grows {growth:.1f} MB an hour")
        for what in ("fds", "threads"):
            values = [s[what] for s in late]
            if max(values[len(values) // 2 :]) > max(values[: len(values) // 2]) + 2:
                wrong.append(f"{self.name}: {what} grow: {values}")
        return wrong

    def figures(self) -> dict[str, float]:
        first, last = self.samples[0], self.samples[-1]
        late = [s for s in self.samples if s["minute"] >= last["minute"] / 4]
        minutes = max(last["minute"] - first["minute"], 1e-9)
        return {
            "rss_first_mb": round(first["rss_mb"], 1),
            "rss_last_mb": round(last["rss_mb"], 1),
            "rss_max_mb": round(max(s["rss_mb"] for s in self.samples), 1),
            "growth_mb_per_h": round(_slope(late, "rss_mb") * 60, 2) if len(late) > 1 else 0.0,
            "fds_first": first["fds"],
            "fds_last": last["fds"],
            "threads_last": last["threads"],
            "cpu_share": round((last["cpu_s"] - first["cpu_s"]) / (minutes * 60), 4),
        }


def _number(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found, f"no {name} in a process's status"
    return float(found[1])


def _slope(samples: list[dict[str, float]], what: str) -> float:
    """Least squares, per minute."""
    n = len(samples)
    mean_x = sum(s["minute"] for s in samples) / n
    mean_y = sum(s[what] for s in samples) / n
    over = sum((s["minute"] - mean_x) ** 2 for s in samples)
    return sum((s["minute"] - mean_x) * (s[what] - mean_y) for s in samples) / over if over else 0.0


class Truth:
    """What the venue says, judged as a whole: it only ever gets longer."""

    def __init__(self, time_stop_ms: int) -> None:
        self._time_stop_ms = time_stop_ms
        self.fills = self.held_max_ms = self.trades = self.actions = self.missed = self.open = 0

    def judge(self, truth: dict[str, Any]) -> list[str]:
        wrong = []
        size: dict[str, Decimal] = defaultdict(Decimal)
        opened: dict[str, int] = {}
        self.fills, self.trades, self.missed = len(truth["fills"]), 0, 0
        for fill in truth["fills"]:
            coin, before = fill["coin"], size[fill["coin"]]
            size[coin] += Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
            if before == 0:
                opened[coin] = fill["time"]
            if size[coin] == 0:
                held_ms = fill["time"] - opened[coin]
                self.trades += 1
                self.held_max_ms = max(self.held_max_ms, held_ms)
                if held_ms > self._time_stop_ms + LATE_MS:
                    self.missed += 1
                    wrong.append(f"{coin} was open for {held_ms} ms, opened at {opened[coin]}")
            if abs(size[coin]) * Decimal(fill["px"]) > 52:
                wrong.append(f"{coin}: {size[coin]} at {fill['px']} is beyond $50")
        for coin, held in size.items():
            age_ms = truth["time"] - opened.get(coin, truth["time"])
            if held and age_ms > self._time_stop_ms + LATE_MS:
                self.missed += 1
                wrong.append(f"{coin} is open for {age_ms} ms by now")
        self.open = sum(1 for held in size.values() if held)
        nonces = [a["nonce"] for a in truth["actions"] if a["accepted"]]
        self.actions = truth["counters"]["actionsReceived"]
        if any(b <= a for a, b in itertools.pairwise(nonces)):
            wrong.append("nonces do not rise")
        return wrong


def run(options: argparse.Namespace, folder: Path) -> int:
    settings = SimConfig(seed=options.seed, latency_min_ms=50, latency_max_ms=200, markets=MARKETS)
    venue = SimVenue(settings)
    config = folder / "endurance.toml"
    markets = "\n".join(f'[[markets]]\ncoin = "{m}"' for m in MARKETS)
    config.write_text(
        CONFIG.format(
            port=venue.port, markets=markets, time_stop_ms=options.time_stop_ms, journal=folder / "journal.db"
        )
    )
    wrong: list[str] = []
    truth = Truth(options.time_stop_ms)
    minutes: list[dict[str, Any]] = []
    command = [sys.executable, "-m", "hip3_tui"]
    with PtyProgram([*command, "run", "--config", str(config)], cwd=str(ROOT)) as console:
        console.wait_for("LIVE", 60)
        watched = [Process("console", console.pid), Process("exchange", venue._process.pid)]
        guard = None
        if options.guard:
            guard = PtyProgram([*command, "guard", "--config", str(config)], cwd=str(ROOT))
            watched.append(Process("guard", guard.pid))
        began = time.monotonic()
        try:
            for n in itertools.count(1):
                if (time.monotonic() - began) / 60 >= options.minutes:
                    break
                while time.monotonic() < began + n * min(60.0, options.minutes * 60 / 10):
                    console.wait_until(lambda: True, 1, "a running console")
                    time.sleep(0.25)  # the run itself is what takes time
                minute = (time.monotonic() - began) / 60
                for process in watched:
                    process.look(minute)
                now = truth.judge(venue.truth())
                if (
                    "BARE SCREEN" in console.text
                    or "STALE" in console.text
                    or not re.search(r"0\.\ds old", console.text)
                ):
                    now.append("the screen is not fresh")
                if "HARD STOP since" in console.text or "REDUCING" in console.text:
                    now.append("a hard stop, which nothing here asks for")
                if guard is not None and ("looking what is open" in guard.text or guard.process.poll() is not None):
                    now.append(f"the guard acted, or is gone: {guard.text.strip()}")
                wrong += [f"minute {minute:.1f}: {w}" for w in now]
                minutes.append(
                    {
                        "minute": round(minute, 2),
                        "trades": truth.trades,
                        "open": truth.open,
                        "missed_countdowns": truth.missed,
                        "longest_held_ms": truth.held_max_ms,
                        "journal_mb": _journal_mb(folder),
                        "wrong": now,
                        **{
                            p.name: {k: round(v, 2) for k, v in p.samples[-1].items() if k != "minute"} for p in watched
                        },
                    }
                )
                _keep(options, {"unfinished_at_minute": round(minute, 2), "wrong": wrong, "by_minute": minutes})
                newest = "  ".join(
                    f"{p.name} {p.samples[-1]['rss_mb']:.1f} MB {p.samples[-1]['fds']:.0f} fds" for p in watched
                )
                print(f"{minute:6.1f} min  {truth.trades} trades  {newest}  {'; '.join(now) or 'ok'}", flush=True)
            console.send("q")
            code = console.wait_exit(60)
            wrong += [] if code == 0 else [f"the console ended with {code}"]
            end = venue.truth()
            wrong += truth.judge(end)
            wrong += (
                [f"open at the end: {end['positions']} {end['openOrders']}"]
                if end["positions"] or end["openOrders"]
                else []
            )
        finally:
            if guard is not None:
                guard.close()
            venue.kill()
    for process in watched:
        wrong += process.judge()
    report = {
        "minutes": options.minutes,
        "time_stop_ms": options.time_stop_ms,
        "trades": truth.trades,
        "fills": truth.fills,
        "actions": truth.actions,
        "longest_held_ms": truth.held_max_ms,
        "missed_countdowns": truth.missed,
        "journal_mb": _journal_mb(folder),
        "processes": {p.name: p.figures() for p in watched},
        "wrong": wrong,
    }
    print(json.dumps(report, indent=1))
    _keep(options, report | {"by_minute": minutes})
    return 1 if wrong else 0


def _journal_mb(folder: Path) -> float:
    return round(sum(p.stat().st_size for p in folder.glob("journal.db*")) / 1e6, 1)


def _keep(options: argparse.Namespace, report: dict[str, Any]) -> None:
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument(
        "--time-stop-ms", type=int, default=3_000, help="short, so that many trades fit; the rule is the same"
    )
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--json", help="where to write the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder:
        return run(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())

"""What the report says of a real run is what the exchange says: recomputed from the exchange's own fills, without a line of the analysis.

Real sockets, a real simulator, the real program with its journal: trades won and lost, an order that finds no match, a lost reply, a kill
in the middle of a trade and a second run that closes it. Then the report, the plan's SQL and `journal check` on the file that is left.

SPEC 10; lesson L43.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from headless_driver import HeadlessProgram
from venue_driver import SimVenue, until

from core.config import SimConfig
from core.runtime.keys import TEST_ADDRESS, TEST_KEY

CONFIG = """
ws_url = "ws://127.0.0.1:{port}/ws"
info_url = "http://127.0.0.1:{port}/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[signer]
key_source = {{ type = "simulator" }}
[safety]
allowed_markets = ["xyz:SNDK"]
[execution]
time_stop_ms = 1_500
post_timeout_ms = 800
[risk]
max_slippage_in_a_row = 1000
max_consecutive_losses = 1000
position_sync_ms = 1_000
[journal]
path = "{journal}"
"""
PLAN_SQL = """
WITH edge_calc AS (
    SELECT
        expected_edge_bps,
        CASE WHEN side = 'buy'
            THEN (exit_price - entry_price) / entry_price * 10000
            ELSE (entry_price - exit_price) / entry_price * 10000
        END AS actual_edge_bps
    FROM trades
    WHERE created_at >= datetime('now', '-1 day')
)
SELECT
    AVG(expected_edge_bps) AS avg_expected,
    AVG(actual_edge_bps) AS avg_actual,
    AVG(expected_edge_bps) - AVG(actual_edge_bps) AS avg_slippage
FROM edge_calc
"""
"""Plan 3.6; NOW() - INTERVAL '1 day' as SQLite spells it."""


class Story:
    """A venue, programs that trade there one after the other, and the journal they leave."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.journal = folder / "journal.db"
        self.venue = SimVenue(SimConfig(seed=5, latency_min_ms=10, latency_max_ms=40, markets=(SimVenue.COIN,)))
        self.config = folder / "run.toml"
        self.config.write_text(CONFIG.format(port=self.venue.port, journal=self.journal))
        self.programs: list[HeadlessProgram] = []

    def start(self) -> HeadlessProgram:
        program = HeadlessProgram(self.config, self._folder / "state", self._folder / f"words-{len(self.programs)}")
        self.programs.append(program)
        program.wait_until("ready", lambda s: s.ready.is_ready, 30)
        return program

    def enter(self) -> None:
        self.venue.dislocate()
        until("an entry is filled", lambda: bool(self.venue.positions()), 20)

    def trade(self, *, gains: bool) -> None:
        """One entry, and its exit by time stop; the book comes after the oracle, or does not."""
        self.enter()
        if gains:
            self.venue.settle()
        until("flat", lambda: not self.venue.positions(), 20)
        self.venue.settle()

    def close(self) -> None:
        for program in self.programs:
            program.close()
        self.venue.kill()

    def command(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hip3_tui", *arguments, "--config", str(self.config)],
            cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in codes, (done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path)
    yield made
    made.close()


def recomputed(story: Story) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    url = f"http://127.0.0.1:{story.venue.port}/info"
    return subprocess.run(
        [sys.executable, str(root / "tests" / "tools" / "recompute.py"), url, TEST_ADDRESS.lower(), str(story.journal)],
        cwd=root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


class Truth:
    """Trades by the exchange's fills alone: from flat to flat, in the order of their times."""

    def __init__(self, fills: list[dict[str, Any]]) -> None:
        self.net: list[D] = []
        self.actual: list[D] = []
        under_way: list[dict[str, Any]] = []
        for fill in sorted(fills, key=lambda f: (f["time"], f["tid"])):
            under_way.append(fill)
            sign = 1 if fill["side"] == "B" else -1
            if D(fill["startPosition"]) + sign * D(fill["sz"]) == 0:
                self._close(under_way)
                under_way = []
        assert not under_way, "the story ends flat"
        self.fees = sum((D(f["fee"]) for f in fills), D(0))

    def _close(self, fills: list[dict[str, Any]]) -> None:
        entry_side = fills[0]["side"]
        entry, exit_ = (
            self._average([f for f in fills if (f["side"] == entry_side) is is_entry]) for is_entry in (True, False)
        )
        self.actual.append((exit_ - entry) / entry * 10_000 * (1 if entry_side == "B" else -1))
        self.net.append(sum((D(f["closedPnl"]) - D(f["fee"]) for f in fills), D(0)))

    @staticmethod
    def _average(fills: list[dict[str, Any]]) -> D:
        return sum((D(f["px"]) * D(f["sz"]) for f in fills), D(0)) / sum((D(f["sz"]) for f in fills), D(0))


@pytest.mark.timeout(240)
def test_the_report_is_the_exchanges_truth(story: Story) -> None:
    program = story.start()
    story.trade(gains=True)
    story.trade(gains=False)
    story.venue.fault("lose_reply")
    story.trade(gains=True)
    story.enter()
    story.venue.settle()
    program.wait_until("the entry is told", lambda s: bool(s.positions))
    with closing(sqlite3.connect(f"file:{story.journal}?mode=ro", uri=True)) as db:
        until("its fill is on the disk", lambda: db.execute("SELECT count(*) FROM fill_rows").fetchone() == (7,), 10)
    program.process.kill()
    program.wait_exit(10)

    second = story.start()
    until("the second run is flat", lambda: not story.venue.positions(), 20)
    second.wait_until("its trade is told", lambda s: bool(s.trades))
    story.trade(gains=True)
    second.wait_until("both are told", lambda s: len(s.trades) == 2)
    tally = second.snapshot().tally
    second.signal(signal.SIGTERM)
    assert second.wait_exit(30) == 128 + signal.SIGTERM

    truth = Truth(story.venue.fills())
    report = json.loads(story.command("report", "--json"))
    metrics = {m["name"]: m["estimate"] for m in report["metrics"]}
    assert len(truth.net) == len(report["trades"]) == 5
    assert [D(t["net_pnl_usd"]) for t in report["trades"]] == truth.net
    assert [D(t["actual_edge_bps"]) for t in report["trades"]] == pytest.approx(truth.actual)
    assert D(metrics["pnl_cumulative"]["value"]) == sum(truth.net)
    assert D(report["trades"][-1]["pnl_cumulative_usd"]) == sum(truth.net)
    assert D(metrics["fees_usd"]["value"]) == truth.fees
    assert min(truth.net) < 0 < max(truth.net)

    # The trade that the second run closed has its signal, so all five are the strategy's.
    assert all(t["is_strategy"] and t["expected_edge_bps"] is not None for t in report["trades"])
    assert [t["run_id"] for t in report["trades"]] == [1, 1, 1, 2, 2]

    # The plan's own SQL, the report, and the exchange's fills: three ways, one figure.
    with closing(sqlite3.connect(f"file:{story.journal}?mode=ro", uri=True)) as db:
        ((expected, actual, slippage),) = db.execute(PLAN_SQL).fetchall()
    assert actual == pytest.approx(float(sum(truth.actual) / 5))
    assert actual == pytest.approx(float(metrics["actual_edge_bps"]["value"]), abs=1e-5)
    assert expected == pytest.approx(float(metrics["expected_edge_bps"]["value"]), abs=1e-5)
    assert slippage == pytest.approx(float(metrics["slippage_bps"]["value"]), abs=1e-5)

    # Every post leads to its signal, and the config in force is there, with no key in it.
    with closing(sqlite3.connect(f"file:{story.journal}?mode=ro", uri=True)) as db:
        lost = db.execute(
            "SELECT run_id, count(*) FROM posts WHERE coalesce(correlation_id, '') = '' GROUP BY 1"
        ).fetchall()
        assert lost == [], "the exit of what the second run found knows the signal of the first"
        settings = dict(db.execute("SELECT setting, value FROM config_in_force WHERE run_id = 2"))
        assert (settings["execution.time_stop_ms"], settings["signer.key_source.type"]) == (1_500, "simulator")
        assert db.execute("SELECT network, account FROM runs").fetchall() == [("simulator", TEST_ADDRESS.lower())] * 2
        written = "\n".join(
            str(row) for table in ("runs", "event_rows", "audit_rows") for row in db.execute(f"SELECT * FROM {table}")
        )
        assert TEST_KEY.removeprefix("0x")[:12] not in written

    # The counters of the run that is left to ask are those of its orders in the journal.
    second_run = json.loads(story.command("report", "--json", "--run", "2"))
    note = {m["name"]: m["note"] for m in second_run["metrics"]}["fill_rate"]
    assert (
        note
        == f"{tally.orders_accepted} accepted, {tally.orders_rejected} rejected, {tally.orders_timed_out} timed out"
    )

    # Edges were looked at; where the book came after the oracle they were gone, where it did not they were not.
    first, unmoved = report["trades"][0]["edges"], report["trades"][1]["edges"]
    assert D(first["at_fill"]) > 20 > D(first["after_1s"])
    assert D(unmoved["after_1s"]) > 20
    parts = report["trades"][0]["parts"]
    assert sum(D(p) for p in parts.values() if p is not None) == D(report["trades"][0]["slippage_bps"])

    # And by the tool that an operator has for it, which goes by the exchange's answers alone.
    done = recomputed(story)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERS" not in done.stdout
    assert "plan's SQL: slippage" in done.stdout

    assert story.command("journal", "check").splitlines()[-1] == "sound"
    exported = story.command("journal", "export", "--kind", "fills").splitlines()
    assert len(exported) == 1 + len(story.venue.fills())

    # A journal that says something else is found out.
    with closing(sqlite3.connect(story.journal)) as db:
        db.execute("UPDATE trade_rows SET fees_usd = '0' WHERE id = (SELECT max(id) FROM trade_rows)")
        db.commit()
    done = recomputed(story)
    assert done.returncode == 1
    assert [line.split("  ")[0] for line in done.stdout.splitlines() if "DIFFERS" in line][:2] == ["fees", "PnL"]

"""The figures of a run once more, from the exchange's own fills and payments, without a line of the analysis or of the journal's reader.

    recompute.py INFO_URL ACCOUNT JOURNAL [--since MS]     compares, prints both, exit code 1 where they differ

Asks `/info` for userFillsByTime and userFunding of the account and builds trades from flat to flat in thirty lines of its own; the other side is
the command `hip3-tui report --json`, and the plan's SQL on the journal's view. Easy to get wrong: a page of fills holds 2000, so the next one
begins at the last time again; and funding belongs to a trade when it fell while that one was open.

SPEC 10.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

CENT = D("0.01")
EXACT = D("0.000001")
PAGE = 2_000
PLAN_SQL = """
WITH edge_calc AS (
    SELECT expected_edge_bps, CASE WHEN side = 'buy' THEN (exit_price - entry_price) / entry_price * 10000
        ELSE (entry_price - exit_price) / entry_price * 10000 END AS actual_edge_bps
    FROM trades WHERE expected_edge_bps IS NOT NULL AND created_at >= datetime('now', '-7 day')
)
SELECT count(*), AVG(expected_edge_bps), AVG(actual_edge_bps), AVG(expected_edge_bps) - AVG(actual_edge_bps) FROM edge_calc
"""
"""Plan 3.6, for a week, and for trades that have an expected edge."""


def ask(url: str, **question: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read(), parse_float=D)


def all_of(url: str, kind: str, user: str, since_ms: int, key: str) -> list[dict[str, Any]]:
    """Page after page, each row once."""
    seen: dict[str, dict[str, Any]] = {}
    while True:
        page = ask(url, type=kind, user=user, startTime=since_ms)
        new = [row for row in page if json.dumps(row, sort_keys=True, default=str) not in seen]
        seen |= {json.dumps(row, sort_keys=True, default=str): row for row in new}
        if not new or len(page) < PAGE:
            return sorted(seen.values(), key=lambda r: (r["time"], r.get(key, 0)))
        since_ms = max(row["time"] for row in page)


class Sums:
    """Trades from flat to flat, by the exchange's word."""

    def __init__(self, fills: list[dict[str, Any]], payments: list[dict[str, Any]]) -> None:
        self.trades: list[dict[str, D]] = []
        self.fees = self.gross = D(0)
        """Of trades that are closed: what is open has paid a fee already, and is no trade yet."""
        self.funding = sum((D(p["delta"]["usdc"]) for p in payments), D(0))
        open_: dict[str, list[dict[str, Any]]] = {}
        for fill in fills:
            under_way = open_.setdefault(fill["coin"], [])
            under_way.append(fill)
            sign = 1 if fill["side"] == "B" else -1
            if D(fill["startPosition"]) + sign * D(fill["sz"]) == 0:
                self._close(open_.pop(fill["coin"]), payments)
        self.left_open = sorted(open_)

    def _close(self, fills: list[dict[str, Any]], payments: list[dict[str, Any]]) -> None:
        side, coin = fills[0]["side"], fills[0]["coin"]
        entry, exit_ = ([f for f in fills if (f["side"] == side) is is_entry] for is_entry in (True, False))
        px_in, px_out = (sum(D(f["px"]) * D(f["sz"]) for f in s) / sum(D(f["sz"]) for f in s) for s in (entry, exit_))
        paid = sum(
            (D(p["delta"]["usdc"]) for p in payments
             if p["delta"]["coin"] == coin and fills[0]["time"] < p["time"] <= fills[-1]["time"]), D(0),
        )  # fmt: skip
        net = sum((D(f["closedPnl"]) - D(f["fee"]) for f in fills), D(0)) + paid
        self.fees += sum((D(f["fee"]) for f in fills), D(0))
        self.gross += sum((D(f["closedPnl"]) for f in fills), D(0))
        sign = 1 if side == "B" else -1
        self.trades.append({"net": net, "edge": (px_out - px_in) / px_in * 10_000 * sign, "at": D(fills[-1]["time"])})


def reported(journal: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "hip3_tui", "report", "--json", "--journal", str(journal)],
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(url: str, account: str, journal: Path, since_ms: int) -> list[tuple[str, Any, Any, bool]]:
    """What, by the exchange, by the report, and whether they agree."""
    fills = all_of(url, "userFillsByTime", account, since_ms, "tid")
    payments = all_of(url, "userFunding", account, since_ms, "hash")
    truth, report = Sums(fills, payments), reported(journal)
    metrics = {m["name"]: m["estimate"]["value"] for m in report["metrics"]}
    said = {name: D(str(value)) if value is not None else None for name, value in metrics.items()}
    ours = [t for t in report["trades"] if t["is_strategy"]]
    by_end = {int(t["at"]): t for t in truth.trades}
    pairs = [(t, by_end.get(t["exit_ms"])) for t in report["trades"]]
    edges = [by_end[t["exit_ms"]]["edge"] for t in ours if t["exit_ms"] in by_end]
    net = sum((t["net"] for t in truth.trades), D(0))

    def row(what: str, theirs: D | int, mine: D | int | None, within: D = EXACT) -> tuple[str, Any, Any, bool]:
        return what, theirs, mine, mine is not None and abs(D(theirs) - D(mine)) <= within

    rows = [
        row("trades", len(truth.trades), len(report["trades"])),
        row("PnL before costs", truth.gross, said["pnl_gross_usd"]),
        row("fees", truth.fees, said["fees_usd"]),
        row("funding", truth.funding, (said["funding_usd"] or D(0)) + (said["funding_other_usd"] or D(0))),
        row("PnL", net, said["pnl_cumulative"]),
        row("before costs - fees + funding", truth.gross - truth.fees + truth.funding, said["pnl_cumulative"], CENT),
        row(
            "trades whose own PnL differs", 0, sum(1 for t, o in pairs if o is None or o["net"] != D(t["net_pnl_usd"]))
        ),
    ]
    if edges:
        rows.append(row("mean actual edge, bps", sum(edges, D(0)) / len(edges), said["actual_edge_bps"], D("0.00001")))
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        count, expected, actual, slippage = db.execute(PLAN_SQL).fetchone()
    if count:
        rows += [
            row("plan's SQL: trades", count, len(ours)),
            row("plan's SQL: expected edge", D(str(expected)), said["expected_edge_bps"], D("0.00001")),
            row("plan's SQL: actual edge", D(str(actual)), said["actual_edge_bps"], D("0.00001")),
            row("plan's SQL: slippage", D(str(slippage)), said["slippage_bps"], D("0.00001")),
        ]
    return rows


def main(arguments: list[str]) -> int:
    since_ms = int(arguments[arguments.index("--since") + 1]) if "--since" in arguments else 0
    url, account, journal = arguments[:3]
    rows = compare(url, account, Path(journal), since_ms)
    print(f"{'':<32}{'exchange':>20}{'report':>20}")
    for what, theirs, mine, agree in rows:
        print(f"{what:<32}{_told(theirs):>20}{_told(mine):>20}  {'ok' if agree else 'DIFFERS'}")
    return 0 if all(agree for *_, agree in rows) else 1


def _told(value: D | int | None) -> str:
    return "-" if value is None else f"{value:.6f}" if isinstance(value, D) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One line a trade, exact, with a header whatever there is."""

from __future__ import annotations

import csv
import io
from decimal import Decimal as D

from report_samples import empty, sample

from hip3_tui.report_csv import write_trades


def lines(report) -> list[dict[str, str]]:
    out = io.StringIO()
    write_trades(report.trades, out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_every_figure_is_exact() -> None:
    report = sample()
    made = lines(report)
    assert len(made) == 60
    for line, t in zip(made, report.trades, strict=True):
        assert D(line["net_pnl_usd"]) == t.net_pnl_usd
        assert D(line["actual_edge_bps"]) == t.actual_edge_bps
        assert line["market"] == "xyz:SNDK"
        assert line["exit_reason"] == t.exit_reason.value
        assert int(line["exit_ms"]) == t.exit_ms
    assert made[0]["exit_iso"] == "2026-09-22T12:01:30.200Z"
    assert D(made[0]["slippage_exit_bps"]) == report.trades[0].parts.exit
    assert (made[0]["edge_after_5s"], made[0]["edge_verdict"]) == ("5", "decaying")


def test_what_is_not_known_is_empty() -> None:
    manual = lines(sample())[-1]
    assert manual["is_strategy"] == "0"
    assert {
        manual[k] for k in ("expected_edge_bps", "slippage_bps", "slippage_exit_bps", "edge_at_fill", "edge_verdict")
    } == {""}


def test_no_trades_is_a_header() -> None:
    out = io.StringIO()
    write_trades(empty().trades, out)
    assert out.getvalue().startswith("number,run_id,trade_id,")
    assert out.getvalue().count("\n") == 1

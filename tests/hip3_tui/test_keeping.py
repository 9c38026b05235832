"""What the operator keeps: full precision, nothing a spreadsheet would run, never over what is there."""

import csv
import io
import stat
from decimal import Decimal as D
from pathlib import Path

import pytest
import snapshots_for_tests as made
from snapshots_for_tests import T0

from core.messages.effects import Severity
from hip3_tui.keeping import Table, cell, export, keep_svg, tables, to_csv, to_svg


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_table_of_the_screen_can_be_written() -> None:
    found = tables(made.snapshot(), made.trail())
    assert [table.name for table in found] == ["positions", "orders", "markets", "fills", "trades", "audit"]
    for table in found:
        read = rows(to_csv(table))
        assert len(read) == len(table.rows) > 0
        assert tuple(read[0]) == table.kind.__struct_fields__


def test_figures_keep_every_digit_and_what_is_unknown_is_empty() -> None:
    positions = (made.position(size=D("0.00010"), upnl_usd=D("-0.0000001"), mark_px=None),)
    (row,) = rows(to_csv(tables(made.snapshot(positions=positions), ())[0]))
    assert (row["size"], row["upnl_usd"], row["mark_px"]) == ("0.00010", "-0.0000001", "")
    assert (row["market"], row["side"], row["is_external"]) == ("xyz:SNDK", "buy", "false")
    assert row["entry_ms"] == str(T0 - 6_600)


def test_an_empty_table_has_its_header() -> None:
    text = to_csv(tables(made.flat(), ())[0])
    assert text.startswith("market,side,size")
    assert rows(text) == []


def test_words_of_the_exchange_are_no_formula() -> None:
    assert cell("=1+1") == "'=1+1"
    assert cell("@SUM(A1)") == "'@SUM(A1)"
    assert cell("-2") == "'-2"
    assert cell(D("-2")) == "-2", "a number is a number"
    assert cell((D("1.50"), D(2))) == "1.50;2"
    assert cell(Severity.WARNING) == Severity.WARNING.value
    trail = (made.audit(1, 'rejected: "no", she\nsaid'),)
    assert rows(to_csv(tables(made.flat(), trail)[-1]))[0]["text"] == 'rejected: "no", she\nsaid'


def test_files_are_new_named_by_time_and_for_their_owner(tmp_path: Path) -> None:
    chosen = [Table("orders", type(made.order()), (made.order(),))]
    said = [export(tmp_path, chosen, T0) for _ in range(2)]
    first, second = (
        tmp_path / "exports" / name for name in ("20251123-040304-orders.csv", "20251123-040304-orders-2.csv")
    )
    assert said == [f"1 orders in {first}", f"1 orders in {second}"]
    assert first.read_text() == second.read_text() == to_csv(chosen[0])
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_several_tables_are_told_together(tmp_path: Path) -> None:
    said = export(tmp_path, tables(made.snapshot(), made.trail()), T0)
    assert said.startswith("1 positions, 2 orders, 7 markets, 2 fills, 1 trades, 8 audit in ")
    assert said.endswith("20251123-040304-*.csv")
    assert len(list((tmp_path / "exports").iterdir())) == 6


def test_a_folder_that_cannot_be_written_is_an_error_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("in the way")
    with pytest.raises(OSError, match="exports"):
        export(tmp_path, tables(made.snapshot(), ()), T0)


def test_a_screen_becomes_a_picture(tmp_path: Path) -> None:
    path = Path(keep_svg(tmp_path, to_svg("AT RISK", (80, 24)), T0))
    assert path == tmp_path / "screenshots" / "20251123-040304.svg"
    assert "AT&#160;RISK" in path.read_text()

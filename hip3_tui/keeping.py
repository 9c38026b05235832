"""What the operator keeps: a table as CSV, the screen as SVG, in the folder of the run, for the owner's eyes.

Full precision, as the snapshot has it, not as the screen shows it. Called from a thread of its own: a slow disk is no reason for the screen to
stand still. Easy to get wrong: some of these words are the exchange's, and a spreadsheet runs a cell that begins like a formula.

SPEC 11.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from msgspec import Struct

from core.messages.snapshot import AuditEntry, FillView, MarketView, OrderView, PositionView, Snapshot
from core.model.market import MarketKey
from core.model.position import Trade

_OWNER_ONLY = 0o600
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_OF_A_NAME = 99
"""Files of one second and one name; more than fingers can make."""


@dataclass(frozen=True)
class Table:
    name: str
    kind: type[Struct]
    rows: Sequence[Struct]


def tables(snapshot: Snapshot, trail: Sequence[AuditEntry]) -> list[Table]:
    """Every table of the main screen; ``trail`` goes back further than the snapshot's own."""
    return [
        Table("positions", PositionView, snapshot.positions),
        Table("orders", OrderView, snapshot.orders),
        Table("markets", MarketView, snapshot.markets),
        Table("fills", FillView, snapshot.fills),
        Table("trades", Trade, snapshot.trades),
        Table("audit", AuditEntry, trail),
    ]


def export(folder: Path, chosen: Sequence[Table], at_ms: int) -> str:
    """Write one file for each table.

    Returns:
        What was written where, for the operator.

    Raises:
        OSError: The folder or a file cannot be written.
    """
    target = folder / "exports"
    paths = [_write(target, f"{_stamp(at_ms)}-{table.name}", ".csv", to_csv(table)) for table in chosen]
    counts = ", ".join(f"{len(table.rows)} {table.name}" for table in chosen)
    return f"{counts} in {paths[0] if len(paths) == 1 else f'{target}{os.sep}{_stamp(at_ms)}-*.csv'}"


def to_svg(screen: Any, size: tuple[int, int]) -> str:
    """A rendered screen as SVG.

    Args:
        screen: What Textual made to draw the whole of it.
        size: Columns and lines.
    """
    from rich.console import Console

    console = Console(
        width=size[0],
        height=size[1],
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    console.print(screen)
    return console.export_svg(title="hip3-tui")


def keep_svg(folder: Path, svg: str, at_ms: int) -> str:
    """Write a screenshot; returns where it is.

    Raises:
        OSError: The folder or the file cannot be written.
    """
    return str(_write(folder / "screenshots", _stamp(at_ms), ".svg", svg))


def to_csv(table: Table) -> str:
    """With a header, also when there is no row: an empty table is an answer too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = table.kind.__struct_fields__
    writer.writerow(names)
    writer.writerows([cell(getattr(row, name)) for name in names] for row in table.rows)
    return out.getvalue()


def cell(value: Any) -> str:
    """Numbers with every digit and no exponent, nothing for what is not known."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case Enum():
            return str(value.value)
        case MarketKey():
            return value.name
        case tuple():
            return ";".join(cell(each) for each in value)
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return str(value)


def _stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%d-%H%M%S")


def _write(folder: Path, name: str, ending: str, text: str) -> Path:
    """A new file, never one that is there already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(1, _MOST_OF_A_NAME + 1):
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}{ending}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        except FileExistsError:
            continue
        with open(fd, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path
    raise FileExistsError(f"{folder / name}{ending} and {_MOST_OF_A_NAME - 1} like it are there already")

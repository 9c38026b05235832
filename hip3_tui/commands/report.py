"""`hip3-tui report`: what the trades were worth, as text, page, JSON or CSV."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse

if TYPE_CHECKING:
    from core.messages.report import Report

JOURNAL_HELP = "A journal's file. Default: the one that a run with this config writes."
CANNOT = 2


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--journal", metavar="FILE", help=JOURNAL_HELP)
@click.option("--run", "run_id", type=click.IntRange(min=1), help="Of one run alone; default all of the journal.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Of one UTC day, with its review.")
@click.option("--today", is_flag=True, help="Of today, UTC.")
@click.option(
    "--trades",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="So many of the last trades in the text.",
)
@click.option("--html", metavar="FILE", help="Write a page with plots that needs nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one line of JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="One line a trade.")
def report(
    config_name: str | None,
    journal: str | None,
    run_id: int | None,
    day: datetime | None,
    today: bool,
    trades: int,
    html: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Say what the trades were worth: edges, slippage, PnL, Go/No-Go.

    Exit code 0: it was made, whatever it says. 2: nothing to report on.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv: one of them")
    from core.messages.records import RecordsError
    from core.runtime.journal_place import journal_place
    from core.runtime.journal_reader import JournalReader

    with refusals():
        path = journal_place(journal, config_name, os.environ)
    wanted = datetime.now(UTC).date() if today else day.date() if day is not None else None
    try:
        found = JournalReader(path).report(wanted, run_id)
    except RecordsError as e:
        refuse(str(e), CANNOT)
    if run_id is not None and not found.runs:
        refuse(f"{path}: there is no run {run_id} in it", CANNOT)
    if html is not None:
        _write(html, found)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
    elif as_csv:
        from hip3_tui.report_csv import write_trades

        write_trades(found.trades, sys.stdout)
    elif html is None:
        from hip3_tui.report_text import report_text

        click.echo(report_text(found, trades))


def _write(name: str, found: Report) -> None:
    from hip3_tui.report_html import report_html

    page = report_html(found)
    try:
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as e:
        refuse(f"{name}: cannot be written: {e.strerror}", CANNOT)
    click.echo(f"{name}: {len(page)} bytes", err=True)

"""`hip3-tui journal`: take it out as CSV, or see whether it is whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse
from hip3_tui.commands.report import CANNOT, JOURNAL_HELP

_KINDS = (
    "signals", "orders", "posts", "post_orders", "fills", "trades", "edges", "funding", "audit", "events", "runs", "latch", "counters",
    "high_water",
)  # fmt: skip
"""As journal_export.KINDS has them, which is not loaded to print a help text."""


@click.group()
def journal() -> None:
    """Take the journal out as CSV, or see whether it is whole. Works beside a running console."""


@journal.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--journal", "journal_name", metavar="FILE", help=JOURNAL_HELP)
@click.option("--kind", type=click.Choice(_KINDS), multiple=True, help="Only this; may be repeated. Default: all.")
@click.option("--format", "format_", type=click.Choice(["csv"]), default="csv", show_default=True)
@click.option(
    "--out",
    metavar="FOLDER",
    help="One file a kind, each with a .schema.json that names its types. Without it: one kind, to stdout.",
)
def export(
    config_name: str | None, journal_name: str | None, kind: tuple[str, ...], format_: str, out: str | None
) -> None:
    """Write rows as CSV, decimals exact, times as ISO and as Unix ms."""
    from core.runtime.journal_export import KINDS, ExportError, export_all, export_one
    from core.runtime.journal_place import journal_place

    with refusals():
        path = journal_place(journal_name, config_name, os.environ)
    if out is None and len(kind) != 1:
        raise click.UsageError("without --out one --kind is needed: a stream holds one table")
    try:
        if out is None:
            export_one(path, kind[0], sys.stdout)
            return
        for done in export_all(path, Path(out), kind or tuple(KINDS)):
            click.echo(f"{done.path}: {done.rows} rows")
    except ExportError as e:
        refuse(str(e), CANNOT)


@journal.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--journal", "journal_name", metavar="FILE", help=JOURNAL_HELP)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def check(config_name: str | None, journal_name: str | None, as_json: bool) -> None:
    """See whether the journal is whole and says the same thing everywhere.

    Exit code 0: it is. 1: it is not, and what and where was said. 2: it cannot be looked at.
    """
    from core.runtime.journal_check import CheckError, check_journal
    from core.runtime.journal_place import journal_place

    with refusals():
        path = journal_place(journal_name, config_name, os.environ)
    try:
        found = check_journal(path)
    except CheckError as e:
        refuse(str(e), CANNOT)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"path": found.path, "sound": found.is_sound, "looked": found.looked}).decode())
    else:
        click.echo(found.path)
        for look in found.looked:
            click.echo(f"  {'ok' if not look.faults else 'NO':<3} {look.name:<24} {look.count:>9}")
            for fault in look.faults:
                click.echo(f"        {fault}")
        click.echo("sound" if found.is_sound else "NOT SOUND")
    sys.exit(0 if found.is_sound else 1)

"""`hip3-tui preflight`: may trading begin? Every check with value, limit and verdict. Sends nothing."""

from __future__ import annotations

import os
import sys

import click

from core.messages.exit_codes import ExitCode
from hip3_tui.commands.common import CONFIG_HELP, refusals


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def preflight(config_name: str | None, as_json: bool) -> None:
    """Check everything that trading needs, and send nothing.

    Exit code 0: trading may begin, perhaps with warnings; 78: it may not.
    """
    import msgspec

    from core.runtime.config_file import config_path, load_config
    from core.runtime.preflight_program import lines_of, preflight_once

    with refusals():
        path = config_path(config_name, os.environ)
        report = preflight_once(load_config(path), str(path))
    if as_json:
        data = msgspec.to_builtins(report) | {"may_begin": report.may_begin, "summary": report.summary}
        click.echo(msgspec.json.encode(data))
    else:
        click.echo("\n".join(lines_of(report)))
    sys.exit(0 if report.may_begin else ExitCode.REFUSED)

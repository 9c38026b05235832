"""`hip3-tui guard`: a second small process that closes what is open when the console dies or hangs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option(
    "--child-of", type=click.Path(path_type=Path), hidden=True, help="The journal of the console that started us."
)
def guard(config_name: str | None, child_of: Path | None) -> None:
    """Watch the console, and cancel and close what is open when it dies or hangs.

    With an agent key of its own ([guard] in the config). Never acts while the console lives, never opens anything. What it did, the next
    console shows, latched.
    """
    from core.runtime.config_file import config_path, load_config
    from core.runtime.guard_program import GuardOrder, run_guard

    with refusals():
        path = config_path(config_name, os.environ)
        code = run_guard(GuardOrder(load_config(path), str(path), child_of=child_of))
    # At once: the interpreter's own end waits for threads without a bound.
    os._exit(code)

"""`hip3-tui stop`: the emergency stop without a console. Never asks."""

from __future__ import annotations

import os

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option(
    "--within", "within_s", default=60.0, show_default=True, type=click.FloatRange(5, 3600), help="Seconds, at most."
)
@click.option("--json", "as_json", is_flag=True, help="Each step as one line of JSON, the verdict last.")
def stop(config_name: str | None, within_s: float, as_json: bool) -> None:
    """Emergency stop: cancel every order and close every position of the account, on every dex, whoever placed them.

    Works beside a running console, which latches first, and without one. Never asks. Exit code 0: the exchange itself said twice that
    nothing is open; 75: NOT CONFIRMED, with what is left.
    """
    from core.runtime.config_file import config_path, load_config
    from core.runtime.stop_program import StopOrder, run_stop

    with refusals():
        path = config_path(config_name, os.environ)
        code = run_stop(StopOrder(load_config(path), str(path), within_s, as_json))
    # At once: the interpreter's own end waits for threads without a bound.
    os._exit(code)

"""`hip3-tui view`: a window beside a running console, for looking."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hip3_tui.commands.common import CONFIG_HELP, end_console, operators_keys, refusals, require_terminal, user


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option(
    "--allow-control", is_flag=True, help="May flatten, cancel, pause and hard stop too. The rest stays at the console."
)
def view(config_name: str | None, allow_control: bool) -> None:
    """Look at the console that runs with this config, from another terminal.

    It asks for no key, sends nothing, and can be closed at any time: the console goes on. While none runs it waits for one.
    """
    from core.runtime.config_file import config_path, load_config

    in_browser = "TEXTUAL_DRIVER" in os.environ
    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        keymap = operators_keys(config, str(path))
        if not in_browser:
            require_terminal()

    from core.messages.records import RecordsError
    from core.runtime.view_client import ViewClient
    from core.runtime.view_place import find_running, nothing_runs
    from core.runtime.view_program import ViewLifecycle
    from hip3_tui.app import ConsoleApp
    from hip3_tui.commands.beside import LaterRecords
    from hip3_tui.console import Outside
    from hip3_tui.driver import UnblockingDriver
    from hip3_tui.web_driver import WindowDriver

    def journal() -> Path:
        """Of the program that is looked at; read only, like everything here."""
        places = find_running(config)
        if not places:
            raise RecordsError(nothing_runs(config))
        return Path(places[0].journal)

    client = ViewClient(lambda: find_running(config), nothing_runs(config), may_act=allow_control)
    lifecycle = ViewLifecycle()
    app = ConsoleApp(
        client,
        lifecycle,
        outside=Outside(window=client, records=LaterRecords(journal)),
        settings=config.console,
        keymap=keymap,
        who=f"{user()} (window)",
        driver_class=WindowDriver if in_browser else UnblockingDriver,
    )
    lifecycle.install(lambda code: end_console(app, code))
    client.start()
    app.run()
    client.stop()
    sys.exit(app.return_code or 0)

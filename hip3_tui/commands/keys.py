"""`hip3-tui keys`: every action by its name in a config, with its keys, and whether a config's own can be used."""

from __future__ import annotations

import os

import click

from hip3_tui.commands.common import CONFIG_HELP, operators_keys, refusals


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=f"{CONFIG_HELP} Its own keys are shown.")
def keys(config_name: str | None) -> None:
    """Name every action of the console and its keys."""
    from hip3_tui.operator_actions import DEFAULT_KEYMAP, OPERATOR_ACTIONS

    keymap = DEFAULT_KEYMAP
    if config_name or os.environ.get("HIP3_CONFIG"):
        from core.runtime.config_file import config_path, load_config

        with refusals():
            path = config_path(config_name, os.environ)
            keymap = operators_keys(load_config(path), str(path)) or DEFAULT_KEYMAP
    for action in OPERATOR_ACTIONS:
        names = " ".join(keymap.keys(action.id)) or "(none)"
        click.echo(f"{action.id:<16} {names:<18} {action.title}")

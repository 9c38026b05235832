"""`hip3-tui run`: trade, with the console on this terminal.

Easy to get wrong: the simulator's process is started before anything slow, because it has its own imports to do meanwhile.
"""

from __future__ import annotations

import os

import click

from hip3_tui.commands.common import CONFIG_HELP, draw, operators_keys, refusals, refuse, require_terminal


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
def run(config_name: str | None) -> None:
    """Trade, with the console on this terminal."""
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import SimProcessError, own_simulator

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        keymap = operators_keys(config, str(path))
        require_terminal()
        try:
            simulator = own_simulator(config)
        except SimProcessError as e:
            refuse(str(e))
        try:
            from core.runtime.assembly import assemble
            from hip3_tui.terminal import SavedTerminal

            program = assemble(config, str(path), simulator, SavedTerminal().restore)
        except BaseException:
            if simulator is not None:
                simulator.stop()
            raise
    draw(program, config.console, keymap)

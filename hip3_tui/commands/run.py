"""`hip3-tui run`: trade, with the console on this terminal.

Easy to get wrong: the simulator's process is started before anything slow, because it has its own imports to do meanwhile.
"""

from __future__ import annotations

import os

import click

from hip3_tui.commands.common import CONFIG_HELP, draw, operators_keys, refusals, refuse, require_terminal


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--guard", "with_guard", is_flag=True, help="Start a guard beside it (on our own simulator alone).")
def run(config_name: str | None, with_guard: bool) -> None:
    """Trade, with the console on this terminal."""
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import SimProcessError, own_simulator

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        keymap = operators_keys(config, str(path))
        if with_guard and not config.runs_own_simulator:
            refuse("--guard: only for a simulator of our own; elsewhere start `hip3-tui guard` by itself, as a service")
        require_terminal()
        try:
            simulator = own_simulator(config)
        except SimProcessError as e:
            refuse(str(e))
        guards_env: dict[str, str] | None = None
        try:
            if simulator is not None and (with_guard or config.guard.enabled):
                from core.runtime.guard_process import guards_environment, start_guard

                guards_env = guards_environment(config, os.environ)
            from core.runtime.assembly import assemble
            from hip3_tui.terminal import SavedTerminal

            program = assemble(config, str(path), simulator, SavedTerminal().restore)
            if simulator is not None and guards_env is not None:
                start_guard(program.lifecycle.start_child, path, program.paths.journal, simulator, guards_env)
        except BaseException:
            if simulator is not None:
                simulator.stop()
            raise
    draw(program, config.console, keymap)

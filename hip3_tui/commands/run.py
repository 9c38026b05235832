"""`hip3-tui run`: trade, with the console on this terminal or without a screen.

Easy to get wrong: the simulator's process is started before anything slow, because it has its own imports to do meanwhile; and without a
screen nobody is there to type the word that mainnet asks for, so it must be given, never assumed.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from hip3_tui.commands.common import (
    CONFIG_HELP,
    draw,
    load_console,
    operators_keys,
    refusals,
    refuse,
    require_terminal,
    user,
)


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--guard", "with_guard", is_flag=True, help="Start a guard beside it (on our own simulator alone).")
@click.option("--headless", is_flag=True, help="Without a screen: lines on stdout and in the log.")
@click.option("--for", "for_s", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End in order after this time.")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="JSON of the end.")
@click.option("--yes-real-money", is_flag=True, help="The word that mainnet's rules ask for, where nobody can type it.")
@click.option("--cancel-foreign", is_flag=True, help="Cancel the orders found open; else they are left.")
@click.option("--close-found", is_flag=True, help="Close the positions found open; else they are taken over or left.")
@click.option("--go-on-beyond", type=click.IntRange(min=1), metavar="TRADES", help="Decide: beyond this checkpoint.")
@click.option("--because", metavar="TEXT", help="Why, for --go-on-beyond; goes into the journal.")
def run(
    config_name: str | None,
    with_guard: bool,
    headless: bool,
    for_s: float | None,
    summary: Path | None,
    yes_real_money: bool,
    cancel_foreign: bool,
    close_found: bool,
    go_on_beyond: int | None,
    because: str | None,
) -> None:
    """Trade, with the console on this terminal.

    The options from --for on are for --headless; at the console they are asked or seen.
    """
    if not headless and any((for_s, summary, yes_real_money, cancel_foreign, close_found, go_on_beyond, because)):
        raise click.UsageError("the options from --for on go with --headless")
    if (go_on_beyond is None) != (not (because or "").strip()):
        raise click.UsageError("--go-on-beyond and --because go together: a decision needs its reason")
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import SimProcessError, own_simulator

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        keymap = operators_keys(config, str(path))
        if with_guard and not config.runs_own_simulator:
            refuse("--guard: only for a simulator of our own; elsewhere start `hip3-tui guard` by itself, as a service")
        if not headless:
            require_terminal()
        elif summary is not None and not os.access(summary.absolute().parent, os.W_OK):
            refuse(f"--summary {summary}: its folder is not there, or cannot be written to")
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

            if headless:
                program = assemble(config, str(path), simulator, what="headless run")
            else:
                restore = SavedTerminal().restore
                program = assemble(config, str(path), simulator, restore, meanwhile=load_console)
            if simulator is not None and guards_env is not None:
                start_guard(program.lifecycle.start_child, path, program.paths.journal, simulator, guards_env)
        except BaseException:
            if simulator is not None:
                simulator.stop()
            raise
    if headless:
        from core.messages.preflight import WORD
        from core.runtime.headless import run_headless

        if go_on_beyond is not None:
            from core.messages.commands import DecideCheckpoint

            reason = (because or "").strip()
            decision = DecideCheckpoint(
                command_id="decision", who=user(), trades=go_on_beyond, go_on=True, reason=reason
            )
            program.engine.send(decision)  # waits there until there is an engine
        run_headless(
            program,
            who=user(),
            word=WORD if yes_real_money else "",
            cancel_foreign=cancel_foreign,
            close_found=close_found,
            for_s=for_s,
            summary=summary,
        )
    from hip3_tui.commands.beside import beside

    draw(program, config.console, keymap, beside(program, config, str(path)))

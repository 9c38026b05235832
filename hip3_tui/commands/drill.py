"""`hip3-tui drill`: a scenario rehearsed with the real program and judged by the exchange's truth; and the program its judge starts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hip3_tui.commands.common import draw, refusals, refuse, require_terminal


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--headless", is_flag=True, help="Without the console.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one line of JSON.")
def drill(file: Path, headless: bool, as_json: bool) -> None:
    """Rehearse a scenario with the real program on the simulated exchange, and judge how it ended.

    FILE is a scenario, such as those in config/scenarios. Exit code 0: as expected, 1: not, 2: nothing could be judged.
    """
    from core.config import ConfigError
    from core.runtime.drill import DrillError, run_drill, verdict_json, verdict_lines

    if not headless:
        require_terminal(code=2)
    try:
        report = run_drill(file, headless=headless)
    except (ConfigError, DrillError) as e:
        refuse(str(e), code=2)
    click.echo(verdict_json(report) if as_json else "\n".join(verdict_lines(report)))
    sys.exit(0 if report.passed else 1)


@click.command("drill-program", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def drill_program(folder: Path) -> None:
    """The program of a drill, started by its judge."""
    from core.runtime.drill_program import assemble_drill, read_order, run_headless

    with refusals():
        order = read_order(folder)
        if order.headless:
            run_headless(order)
        from hip3_tui.terminal import SavedTerminal

        program, _ = assemble_drill(order, SavedTerminal().restore)
        draw(program)

"""`hip3-tui drill`: a scenario rehearsed with the real program and judged by the exchange's truth; and the program its judge starts.

Without a file there is a page to choose from, and after a drill with the console a page with the verdict. Easy to get wrong: those pages and the
rehearsed program share one terminal, one after the other, so each ends before the next begins.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hip3_tui.commands.common import draw, refusals, refuse, require_terminal

if TYPE_CHECKING:
    from core.runtime.drill import Report

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "scenarios"


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--headless", is_flag=True, help="Without the console.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one line of JSON.")
def drill(file: Path | None, headless: bool, as_json: bool) -> None:
    """Rehearse a scenario with the real program on the simulated exchange, and judge how it ended.

    FILE is a scenario, such as those in config/scenarios; without it there is a page to choose one. Exit code 0: as expected, 1: not, 2: nothing could
    be judged; of the last one, where several were rehearsed.
    """
    if file is None and headless:
        refuse("drill --headless needs a FILE, such as config/scenarios/quiet_day.toml", code=2)
    if not headless:
        require_terminal(code=2)
    report: Report | None = None
    chosen = file if file is not None else _choose(None)
    while chosen is not None:
        report = _rehearse(chosen, headless=headless, shown=not headless)
        if headless:
            break
        chosen = _after(report, chosen)
    if report is None:
        sys.exit(0)
    _tell(report, as_json)


def _rehearse(file: Path, *, headless: bool, shown: bool) -> Report:
    from core.config import ConfigError
    from core.runtime.drill import DrillError, run_drill

    try:
        return run_drill(file, headless=headless)
    except (ConfigError, DrillError) as e:
        refuse(str(e), code=2)


def _tell(report: Report, as_json: bool) -> None:
    from core.runtime.drill import verdict_json, verdict_lines

    click.echo(verdict_json(report) if as_json else "\n".join(verdict_lines(report)))
    sys.exit(0 if report.passed else 1)


def _choose(last: Path | None) -> Path | None:
    """The page to choose from; None: leave."""
    from core.runtime.drill_story import stories_in
    from hip3_tui.drill_app import DrillLobby

    chosen = DrillLobby(stories_in(SHIPPED), None if last is None else str(last)).run()
    return None if not chosen else Path(chosen)


def _after(report: Report, file: Path) -> Path | None:
    """The page with the verdict, and what the operator wants next: the same again, another, or nothing."""
    from core.messages.drill import DrillVerdict
    from core.runtime.drill_story import finding_of, story_of
    from core.runtime.scenario_file import load_scenario
    from hip3_tui.drill_app import AGAIN, ANOTHER, DrillVerdictApp

    verdict = DrillVerdict(
        story=story_of(load_scenario(file), str(file)),
        findings=tuple(finding_of(finding) for finding in report.findings),
        seconds=report.seconds,
        folder=report.folder,
    )
    match DrillVerdictApp(verdict).run():
        case value if value == AGAIN:
            return file
        case value if value == ANOTHER:
            return _choose(file)
    return None


@click.command("drill-program", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def drill_program(folder: Path) -> None:
    """The program of a drill, started by its judge."""
    from core.runtime.drill_program import assemble_drill, read_order, run_headless

    with refusals():
        order = read_order(folder)
        if order.headless:
            run_headless(order)
        from hip3_tui.commands.beside import beside
        from hip3_tui.terminal import SavedTerminal

        program, watch = assemble_drill(order, SavedTerminal().restore)
        draw(program, beside=beside(program, order.config, order.source, watch))

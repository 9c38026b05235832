"""`hip3-tui replay`: a recorded run played through a fresh engine."""

from __future__ import annotations

import sys

import click

from hip3_tui.commands.common import refuse


@click.command()
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--run", "run_id", type=click.IntRange(min=1), help="Which run of a journal; default its last one.")
@click.option(
    "--until", metavar="TURN", type=click.IntRange(min=1), help="Stop after this turn, and tell the last ones."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def replay(file: str, run_id: int | None, until: int | None, as_json: bool) -> None:
    """Play a recorded run through a fresh engine and say where it first differs.

    FILE is a journal, also one that a console is writing to, or a plain tape. Exit code 0: identical, 1: different, 2: nothing to replay.
    """
    from pathlib import Path

    from core.runtime.replay_program import UnreadableTape, replay_file

    try:
        result = replay_file(Path(file), run_id, until)
    except UnreadableTape as e:
        refuse(str(e), code=2)
    click.echo(result.json if as_json else result.text)
    sys.exit(0 if result.is_identical else 1)

"""The command line: arguments, config, and who is started in which order. The only part of the console that knows core.runtime.

Everything that the operator can mend ends as one line on stderr and exit code 78, never as a traceback. Easy to get wrong: an import at
the top of this file is paid by every command and delays the first frame, so each command imports what it needs, when it needs it; and
`run` starts the simulator's process before anything slow, because that process has its own imports to do meanwhile.

SPEC 9.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

import core
from core.messages.exit_codes import ExitCode

if TYPE_CHECKING:
    from core.config import SimConfig
    from core.runtime.assembly import Program
    from hip3_tui.app import ConsoleApp

CONFIG_HELP = "Config file (TOML). Beats the variable HIP3_CONFIG."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(core.__version__, prog_name="hip3-tui")
def main() -> None:
    """Operator console for a HIP-3 perps trading engine on Hyperliquid."""


@main.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
def run(config_name: str | None) -> None:
    """Trade, with the console on this terminal."""
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import SimProcessError, own_simulator

    with _refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        _require_terminal()
        try:
            simulator = own_simulator(config)
        except SimProcessError as e:
            _refuse(str(e))
        try:
            from core.runtime.assembly import assemble
            from hip3_tui.terminal import SavedTerminal

            program = assemble(config, str(path), simulator, SavedTerminal().restore)
        except BaseException:
            if simulator is not None:
                simulator.stop()
            raise
    _draw(program)


def _draw(program: Program) -> NoReturn:
    """The console on this terminal, until the end of the program."""
    from hip3_tui.app import ConsoleApp
    from hip3_tui.driver import UnblockingDriver

    app = ConsoleApp(
        program.engine,
        program.lifecycle,
        who=_user(),
        on_first_frame=program.first_frame.set,
        driver_class=UnblockingDriver,
    )
    program.lifecycle.register_app(lambda code: _end_console(app, code))

    def run_app() -> int:
        app.run()
        return app.return_code or 0

    program.lifecycle.run_console(run_app)


def _user() -> str:
    """The name that goes into the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list
        return "operator"


def _end_console(app: ConsoleApp, code: int) -> None:
    """From the life cycle's thread, so without waiting: a console that is stuck is the life cycle's to end."""
    loop = app._loop
    if loop is not None:  # None: it is not running yet, and the life cycle ends the program after its grace
        loop.call_soon_threadsafe(app.exit, None, code)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on, of this machine alone.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--config", "config_name", metavar="FILE", help=f"{CONFIG_HELP} Its [sim] and its account are used.")
@click.option("--seed", type=click.IntRange(min=0), help="Everything that moves follows from it.")
@click.option("--network", type=click.Choice(["testnet", "mainnet"]), help="Whose signatures it accepts.")
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 1000), help="Times as fast as ours."
)
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="Where /control saves; what is there goes on."
)
@click.option("--allow-remote", is_flag=True, help="Let --host be another than loopback's.")
@click.option(
    "--fault",
    "faults",
    metavar="NAME[:key=value,...]",
    multiple=True,
    help="Something that goes wrong on purpose; may be repeated.",
)
@click.option("--list-faults", is_flag=True, help="Explain every fault and its settings, and end.")
@click.option("--scenario", "scenario_name", metavar="FILE", help="Play this scenario (config/scenarios has a dozen).")
@click.option("--child", is_flag=True, hidden=True, help="The settings are the first line of stdin; its end is ours.")
def sim(
    host: str,
    port: int,
    config_name: str | None,
    seed: int | None,
    network: str | None,
    speed: float,
    state: Path | None,
    allow_remote: bool,
    faults: tuple[str, ...],
    list_faults: bool,
    scenario_name: str | None,
    child: bool,
) -> None:
    """Serve our own simulated exchange: /info, /exchange and /ws on one port."""
    import msgspec

    from core.runtime.sim_settings import faults_told, with_faults

    if list_faults:
        click.echo(faults_told())
        return
    from core.runtime.scenario_file import load_scenario
    from core.runtime.sim_program import run_sim
    from core.runtime.sim_server import SimServerError

    with _refusals():
        settings = _settings_from_stdin() if child else _settings_from_file(config_name)
        scenario = None if scenario_name is None else load_scenario(Path(scenario_name))
        if scenario is not None:
            settings = msgspec.structs.replace(scenario.sim, accounts=settings.accounts)
        settings = with_faults(settings, faults)
        chosen = {"seed": seed, "network": network}
        settings = msgspec.structs.replace(settings, **{k: v for k, v in chosen.items() if v is not None})
        try:
            run_sim(
                settings,
                host,
                port,
                watch_stdin=child,
                allow_remote=allow_remote,
                speed=speed,
                state=state,
                scenario=scenario,
            )
        except SimServerError as e:
            _refuse(f"{e}; --port 0 takes any free port" if port else str(e))


def _settings_from_file(config_name: str | None) -> SimConfig:
    from core.config import SimConfig
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import simulator_settings

    if not config_name and not os.environ.get("HIP3_CONFIG"):
        return SimConfig()
    return simulator_settings(load_config(config_path(config_name, os.environ)))


def _settings_from_stdin() -> SimConfig:
    import msgspec

    from core.config import SimConfig

    return msgspec.json.decode(sys.stdin.buffer.readline(), type=SimConfig)


@main.command()
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
        _require_terminal(code=2)
    try:
        report = run_drill(file, headless=headless)
    except (ConfigError, DrillError) as e:
        _refuse(str(e), code=2)
    click.echo(verdict_json(report) if as_json else "\n".join(verdict_lines(report)))
    sys.exit(0 if report.passed else 1)


@main.command("drill-program", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def drill_program(folder: Path) -> None:
    """The program of a drill, started by its judge."""
    from core.runtime.drill_program import assemble_drill, read_order, run_headless

    with _refusals():
        order = read_order(folder)
        if order.headless:
            run_headless(order)
        from hip3_tui.terminal import SavedTerminal

        _draw(assemble_drill(order, SavedTerminal().restore))


@main.command()
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
        _refuse(str(e), code=2)
    click.echo(result.json if as_json else result.text)
    sys.exit(0 if result.is_identical else 1)


def _require_terminal(code: int = ExitCode.REFUSED) -> None:
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None or not stream.isatty():
            _refuse(
                f"{name} is not a terminal: the console needs one; run it without redirecting, or inside tmux or ssh -t",
                code,
            )


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the operator can mend becomes one line and an exit code."""
    from core.config import ConfigError

    try:
        yield
    except ConfigError as e:
        _refuse(str(e))


def _refuse(text: str, code: int = ExitCode.REFUSED) -> NoReturn:
    click.echo(f"hip3-tui: {' '.join(text.split())}", err=True)
    sys.exit(code)

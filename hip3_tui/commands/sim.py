"""`hip3-tui sim`: our own simulated exchange alone, for any client."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse

if TYPE_CHECKING:
    from core.config import SimConfig


@click.command()
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
    # First of all: it comes when whoever started us has time for what we load next.
    told = sys.stdin.buffer.readline() if child else b""
    if child and not told:
        return  # the end came first
    import msgspec

    from core.runtime.sim_settings import faults_told, with_faults

    if list_faults:
        click.echo(faults_told())
        return
    from core.config import SimConfig
    from core.runtime.scenario_file import load_scenario
    from core.runtime.sim_program import run_sim
    from core.runtime.sim_server import SimServerError

    with refusals():
        settings = msgspec.json.decode(told, type=SimConfig) if child else _settings_from_file(config_name)
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
            refuse(f"{e}; --port 0 takes any free port" if port else str(e))


def _settings_from_file(config_name: str | None) -> SimConfig:
    from core.config import SimConfig
    from core.runtime.config_file import config_path, load_config
    from core.runtime.sim_process import simulator_settings

    if not config_name and not os.environ.get("HIP3_CONFIG"):
        return SimConfig()
    return simulator_settings(load_config(config_path(config_name, os.environ)))

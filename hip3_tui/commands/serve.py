"""`hip3-tui serve`: the console in a browser, as a window beside the running one.

The server trades nothing and holds no engine: each tab is a `hip3-tui view` of its own, so closing a tab, the server or the browser ends nothing but
what was closed. Easy to get wrong: a key that the config names in the environment must not reach processes that have no use for it.
"""

from __future__ import annotations

import os
import socket
import sys

import click

from hip3_tui.commands.common import CONFIG_HELP, operators_keys, refusals, refuse


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8300, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option(
    "--allow-control",
    is_flag=True,
    help="Keys that flatten, cancel, pause and hard stop act, on this machine alone; without it a window only looks.",
)
def serve(config_name: str | None, host: str, port: int, allow_control: bool) -> None:
    """Show the console that runs with this config in a browser. For looking: it asks for no key and trades nothing."""
    from core.config import LOOPBACK_HOSTS, EnvVarKey
    from core.runtime.config_file import config_path, load_config

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        operators_keys(config, str(path))  # refused here, not in every tab
    if allow_control and host not in LOOPBACK_HOSTS:
        refuse(
            f"--allow-control: refused on --host {host}: whoever reaches that address could stop your trading; "
            f"allowed on {', '.join(LOOPBACK_HOSTS)} (from elsewhere: ssh -L {port}:127.0.0.1:{port})"
        )
    source = config.signer.key_source if config.signer is not None else None
    if isinstance(source, EnvVarKey):
        os.environ.pop(source.var_name, None)
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as e:
        refuse(f"cannot listen on {host}, port {port}: {e.strerror or e}; --port 0 takes any free port")

    from hip3_tui.browser import serve_windows

    command = [sys.executable, "-m", "hip3_tui", "view", "--config", str(path.absolute())]
    if allow_control:
        command.append("--allow-control")
    serve_windows(command, listener, lambda line: click.echo(line))

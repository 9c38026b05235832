"""What every command does the same way: one line for what the operator can mend, the terminal it needs, the console it draws."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click

from core.messages.exit_codes import ExitCode
from hip3_tui.crash import Crash

if TYPE_CHECKING:
    from core.config import Config
    from core.config_console import ConsoleConfig
    from core.messages.commands import PlaceOrder
    from core.messages.snapshot import Snapshot
    from core.messages.ticket import OrderPreview
    from core.runtime.assembly import Program
    from hip3_tui.app import ConsoleApp
    from hip3_tui.keymap import Keymap

NOTHING_MORE: Mapping[str, Any] = {}
CONFIG_HELP = "Config file (TOML). Beats the variable HIP3_CONFIG."


def require_terminal(code: int = ExitCode.REFUSED) -> None:
    if os.environ.get("TERM") == "dumb":
        refuse(
            "TERM is 'dumb': the console draws on a whole screen; use a terminal that can, or set TERM to what it is",
            code,
        )
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None or not stream.isatty():
            refuse(
                f"{name} is not a terminal: the console needs one; run it without redirecting, or inside tmux or ssh -t",
                code,
            )


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What the operator can mend becomes one line and an exit code."""
    from core.config import ConfigError

    try:
        yield
    except ConfigError as e:
        refuse(str(e))


def refuse(text: str, code: int = ExitCode.REFUSED) -> NoReturn:
    click.echo(f"hip3-tui: {' '.join(text.split())}", err=True)
    sys.exit(code)


def operators_keys(config: Config, source: str) -> Keymap | None:
    """Our keys with those of the config in their place; None where it has none, which loads nothing.

    Raises:
        ConfigError: An action or a key that does not exist, one key for two actions, no key for what must have one.
    """
    if not config.console.keys:
        return None
    from core.config import ConfigError
    from hip3_tui.keymap import KeysError
    from hip3_tui.operator_actions import DEFAULT_KEYMAP

    try:
        return DEFAULT_KEYMAP.remapped(config.console.keys)
    except KeysError as e:
        raise ConfigError(f"{source}: console.keys: {e}") from None


def draw(
    program: Program,
    settings: ConsoleConfig | None = None,
    keymap: Keymap | None = None,
    beside: Mapping[str, Any] = NOTHING_MORE,
) -> NoReturn:
    """The console on this terminal, until the end of the program; after a crash of the console, the bare screen."""
    from core.config_console import ConsoleConfig
    from core.runtime.precedence import give_way
    from hip3_tui.app import ConsoleApp
    from hip3_tui.console import Outside
    from hip3_tui.driver import UnblockingDriver

    outside = Outside(folder=program.paths.log.parent, preview=_preview, run=program.run, preflight=program.preflight)
    crash = Crash(program.paths.log.with_name("console-crash.txt"), program.lifecycle)
    app = ConsoleApp(
        program.engine,
        program.lifecycle,
        outside=outside,
        settings=settings or ConsoleConfig(),
        keymap=keymap,
        who=user(),
        on_first_frame=program.first_frame.set,
        on_crash=crash.noted,
        driver_class=UnblockingDriver,
    )
    app.lend(beside)
    program.lifecycle.register_app(lambda code: end_console(app, code))

    def run_app() -> int:
        give_way()
        try:
            app.run()
        except Exception as e:
            crash.noted(e)
        if not crash.why or program.lifecycle.exiting:
            return app.return_code or 0
        from hip3_tui.bare import BareScreen

        bare = BareScreen(program.engine, program.lifecycle, why=crash.why, report=crash.report, who=user())
        program.lifecycle.register_app(bare.end)
        crash.taken_over()
        return bare.run()

    program.lifecycle.run_console(run_app)


def load_console() -> None:
    """What `draw` needs, ahead of it."""
    for name in ("hip3_tui.app", "hip3_tui.driver"):
        importlib.import_module(name)


def _preview(command: PlaceOrder, snapshot: Snapshot) -> OrderPreview | None:
    """Loaded when the first order by hand is written: the first frame has no use for it."""
    from core.runtime.order_preview import preview_order

    return preview_order(command, snapshot)


def user() -> str:
    """The name that goes into the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list
        return "operator"


def end_console(app: ConsoleApp, code: int) -> None:
    """From the life cycle's thread, so without waiting: a console that is stuck is the life cycle's to end."""
    loop = app._loop
    if loop is not None:  # None: it is not running yet, and the life cycle ends the program after its grace
        loop.call_soon_threadsafe(app.exit, None, code)

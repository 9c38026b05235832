"""The command line's table of contents: which commands there are, and where each one lives. Nothing of a command is loaded before it is called.

Everything that the operator can mend ends as one line on stderr and exit code 78, never as a traceback. Easy to get wrong: an import at
the top of this file is paid by every command and delays the first frame.

SPEC 9.
"""

from __future__ import annotations

import importlib

import click

import core

COMMANDS: dict[str, str] = {
    "run": "run:run",
    "stop": "stop:stop",
    "guard": "guard:guard",
    "config": "config:config",
    "preflight": "preflight:preflight",
    "order": "order:order",
    "verify": "verify:verify",
    "sim": "sim:sim",
    "drill": "drill:drill",
    "drill-program": "drill:drill_program",
    "replay": "replay:replay",
    "report": "report:report",
    "journal": "journal:journal",
    "alert-test": "alert_test:alert_test",
    "view": "view:view",
    "serve": "serve:serve",
    "keys": "keys:keys",
}
"""Name on the command line -> file in hip3_tui/commands and the command in it."""


class _Commands(click.Group):
    """Loads a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"hip3_tui.commands.{module}"), name)
        assert isinstance(command, click.Command), f"{cmd_name}: {COMMANDS[cmd_name]} is no command"
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(core.__version__, prog_name="hip3-tui")
def main() -> None:
    """Operator console for a HIP-3 perps trading engine on Hyperliquid."""

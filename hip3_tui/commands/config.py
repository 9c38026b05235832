"""`hip3-tui config`: is a file right, what is in force, and a new one from a few questions. Talks to nobody and starts nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hip3_tui.commands.common import CONFIG_HELP, operators_keys, refusals, refuse

if TYPE_CHECKING:
    from core.config import Config


@click.group()
def config() -> None:
    """Check a config, show what is in force, or write a new one."""


@config.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
def check(config_name: str | None) -> None:
    """Say whether a config can be used, and what in it is worth a second look.

    Exit code 0: it can, perhaps with warnings; 78: it cannot. Whether the exchange agrees is for `hip3-tui preflight`.
    """
    from core.config_warnings import unfinished, warnings
    from core.runtime.keys import SigningKeyError, open_keys

    with refusals():
        path, read = _read(config_name)
        if missing := unfinished(read):
            refuse(f"{path}: {missing}")
        operators_keys(read, str(path))
        try:
            keys = open_keys(read)
        except SigningKeyError as e:
            refuse(f"{path}: {e}")
    rehearsal = "" if read.rules is read.network else f", rehearsing {read.rules.value}"
    click.echo(f"{path}: can be used: {read.mode} on {read.network.value}{rehearsal}, {len(read.markets)} markets")
    if keys.address:
        click.echo(f"signer: {keys.address}")
    for warning in (*warnings(read), *keys.warnings):
        click.echo(f"warning: {warning}")


@config.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(config_name: str | None, as_json: bool) -> None:
    """Show every setting in force, defaults among them. What may be a secret is left out."""
    import tomllib

    from core.config_text import config_text
    from core.runtime.config_file import read_text

    with refusals():
        path, read = _read(config_name)
        text = config_text(read, tomllib.loads(read_text(path)))
    if as_json:
        import json

        click.echo(json.dumps(tomllib.loads(text), indent=2))
        return
    click.echo(f"# in force with {path}", nl=True)
    click.echo(text, nl=False)


@config.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--network", type=click.Choice(["testnet", "mainnet"]), help="Whose rules.")
@click.option("--account", metavar="0x...", help="The account to trade: the master's address, not the agent's.")
@click.option("--key-env", metavar="NAME", help="Environment variable that will hold the key.")
@click.option("--key-file", metavar="PATH", help="File that holds the key.")
@click.option("--signer", metavar="0x...", help="The key's own address, to be checked.")
@click.option("--market", "markets", multiple=True, metavar="COIN[=ID]", help="May be repeated; ID pins the asset id.")
@click.option("--rehearse", type=click.IntRange(1, 65535), metavar="PORT", help="On our own simulator, at this port.")
def init(
    file: Path,
    network: str | None,
    account: str | None,
    key_env: str | None,
    key_file: str | None,
    signer: str | None,
    markets: tuple[str, ...],
    rehearse: int | None,
) -> None:
    """Write a commented config to FILE, asking for what no option says. Never overwrites.

    The key itself is not asked for: it goes into an environment variable or a file of its own.
    """
    from core.config import Network, parse_config
    from core.config_template import MARKETS, Answers, template

    if file.exists():
        refuse(f"{file}: is there already, and is left as it is; name another file")
    rules = Network(network or click.prompt("Network", type=click.Choice(["testnet", "mainnet"]), default="testnet"))
    account = account or click.prompt(
        "Address of the account to trade (the master's, not the agent's)", value_proc=_address
    )
    if key_env is None and key_file is None:
        key_env, key_file = _ask_key(rules)
    _refuse_a_key(key_env, key_file, signer)
    if signer is None:
        signer = click.prompt(
            "Address of the key (empty: not checked)", default="", show_default=False, value_proc=_address_or_none
        )
    with refusals():
        text = template(
            Answers(
                rules=rules,
                account=account,
                markets=tuple(_market(m) for m in markets) or MARKETS[rules],
                key_variable=key_env or "",
                key_file=key_file or "",
                signer=signer,
                rehearse_on=rehearse or 0,
            )
        )
        parse_config(text, str(file))
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        refuse(f"{file}: is there already, and is left as it is; name another file")
    except OSError as e:
        refuse(f"{file}: cannot be written: {e.strerror}")
    click.echo(f"{file}: written. Next: hip3-tui config check --config {file}")


def _read(config_name: str | None) -> tuple[Path, Config]:
    from core.runtime.config_file import config_path, load_config

    path = config_path(config_name, os.environ)
    return path, load_config(path)


def _ask_key(rules: Any) -> tuple[str | None, str | None]:
    from core.config_template import KEY_VARIABLE

    place = click.prompt("Where will the key be", type=click.Choice(["variable", "file"]), default="variable")
    if place == "variable":
        return click.prompt("Name of the environment variable", default=KEY_VARIABLE[rules]), None
    return None, click.prompt(
        "Path of the key file, from the config's folder", default=f"secrets/{rules.value}_key.hex"
    )


def _refuse_a_key(*given: str | None) -> None:
    """The key itself where its place is asked for: it is not written to a file, nor to the screen."""
    if any(len("".join(c for c in text if c in "0123456789abcdefABCDEF")) >= 48 for text in given if text):
        refuse(
            "this looks like the key itself; give the name of the variable or file that holds it. Nothing was written"
        )


def _market(text: str) -> tuple[str, int | None]:
    coin, _, asset_id = text.partition("=")
    if asset_id and not asset_id.isdecimal():
        refuse(f"--market {text}: expected COIN or COIN=ID, such as xyz:SNDK=110016")
    return coin, int(asset_id) if asset_id else None


def _address(text: str) -> str:
    """For a prompt: asks again instead of failing at the end."""
    digits = text.strip().removeprefix("0x")
    if len(digits) != 40 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        # The text itself is not repeated: a key is easily pasted here.
        raise click.BadParameter("expected an address, 0x and 40 hex digits")
    return f"0x{digits}"


def _address_or_none(text: str) -> str:
    return _address(text) if text.strip() else ""

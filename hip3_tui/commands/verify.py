"""`hip3-tui verify`: the ten checks of the verification against the configured network, each with its verdict and figures, and a summary on disk.

Easy to get wrong: it trades. It starts from a flat account only, and leaves it flat.

SPEC 9 (verification).
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse, user

SOMETHING_FAILED, NOTHING_JUDGED = 1, 2


@click.command()
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--only", type=click.IntRange(1, 10), metavar="N", help="One check, with what it stands on.")
@click.option("--market", metavar="MARKET", help="Default: the first market that may be traded.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the summary. [default: beside the journal]",
)
@click.option("--yes-real-money", is_flag=True, help="Instead of typing REAL MONEY under mainnet's rules.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
def verify(
    config_name: str | None,
    only: int | None,
    market: str | None,
    out: Path | None,
    yes_real_money: bool,
    as_json: bool,
) -> None:
    """Run the ten checks with the shipped engine, with orders of about 11 USD, from flat to flat.

    Exit code 0: no check failed; 1: one did; 75: the exchange did not confirm flat at the end; 78: refused to start.
    """
    from core.config import ConfigError, Network
    from core.messages.exit_codes import ExitCode
    from core.messages.preflight import WORD
    from core.messages.verification import VerificationReport
    from core.runtime.assembly import assemble
    from core.runtime.config_file import config_path, load_config
    from core.runtime.keys import TEST_ADDRESS
    from core.runtime.verify_desk import NoAnswer
    from core.runtime.verify_program import Verification, begin, what_is_held
    from core.runtime.verify_report import as_data, write
    from hip3_tui.commands.order import ask_for_the_word

    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
        if config.mode != "trading":
            refuse(f"{path}: mode = {config.mode!r} sends nothing; a verification needs mode = 'trading'")
        if config.runs_own_simulator:
            refuse(f"{path}: port 0 asks for a simulator of its own; verify one that runs: hip3-tui sim --port N")
        allowed = config.safety.allowed_markets or tuple(m.coin for m in config.markets)
        chosen = market if market is not None else allowed[0]
        keys = {m.coin: m.key for m in config.markets}
        if chosen not in keys or chosen not in allowed:
            refuse(f"{path}: {chosen} is not among the markets that may be traded: {', '.join(allowed)}")
        if not yes_real_money:
            ask_for_the_word(config, f"Ten checks with orders of about 11 USD on {chosen}, {config.network.value}")
        account = config.account.address if config.account is not None else TEST_ADDRESS
        try:
            held = what_is_held(config, account)
        except NoAnswer as e:
            raise ConfigError(f"{path}: the exchange does not answer: {e}") from None
        if held:
            refuse(f"the account is not flat, a verification starts from flat only: {', '.join(held)}")
        program = assemble(config, str(path), what="verify")
    program.first_frame.set()  # there is none
    refusal = begin(program, user(), WORD if config.rules is Network.MAINNET else "")
    if refusal:
        click.echo(f"hip3-tui: not begun: {refusal}", err=True)
        program.lifecycle.begin_exit(ExitCode.REFUSED, "preflight")
        program.lifecycle.finish(ExitCode.REFUSED)
    checks = Verification(
        program,
        config,
        keys[chosen],
        lambda r: None if as_json else click.echo(_line(r.number, r.name, r.verdict.value, r.reason)),
    ).run(only)
    import core

    latest = program.engine.latest
    report = VerificationReport(
        at_ms=latest.at_ms if latest is not None else 0,
        network=config.network.value,
        rules=config.rules.value,
        place=config.ws_url,
        account=account,
        signer=latest.run.signer if latest is not None else "",
        market=chosen,
        versions=(("hip3-tui", core.__version__), ("python", platform.python_version())),
        checks=checks,
    )
    try:
        written = write(report, out or program.paths.journal.parent / "verification")
        said = f"summary: {written[0]} and {written[1].name}"
    except ConfigError as e:
        said = str(e)
    if as_json:
        import json

        click.echo(json.dumps(as_data(report)))
    click.echo(said, err=as_json)
    sys.stdout.flush()
    code = SOMETHING_FAILED if report.failed else 0
    program.lifecycle.begin_exit(code, "the verification is over")
    program.engine.wait_done(config.execution.stop_grace_ms / 1000)
    program.lifecycle.finish(code)


def _line(number: int, name: str, verdict: str, reason: str) -> str:
    return f"{number:>2}  {name:<35}  {verdict:<8} {reason}"

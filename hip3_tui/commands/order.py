"""`hip3-tui order`: one order by hand, without a screen, every step printed as it happens.

Easy to get wrong: the lock of the account is the console's too, so beside a running console this is refused, and that console is named;
and what the order opens stays open, which the last lines say.

SPEC 11 (order ticket).
"""

from __future__ import annotations

import os
import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from hip3_tui.commands.common import CONFIG_HELP, refusals, refuse, user

if TYPE_CHECKING:
    from core.config import Config
    from core.messages.commands import PlaceOrder
    from core.runtime.order_program import Said

from core.messages.preflight import WORD


class _Number(click.ParamType[Decimal]):
    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not number.is_finite() or number < 0 or (number == 0 and param is not None and param.name != "slippage"):
            self.fail(f"{value!r}: expected a positive number", param, ctx)
        return number


NUMBER = _Number()


@click.command()
@click.argument("market")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.option("--config", "config_name", metavar="FILE", help=CONFIG_HELP)
@click.option("--usd", type=NUMBER, metavar="USD", help="How much: size x limit price, at most.")
@click.option("--size", type=NUMBER, metavar="SIZE", help="How much, in coin.")
@click.option("--tif", type=click.Choice(["ioc", "gtc", "alo"]), default="ioc", show_default=True)
@click.option(
    "--price", type=NUMBER, metavar="PRICE", help="Limit price; rounded to the market's tick, never beyond it."
)
@click.option(
    "--slippage", type=NUMBER, metavar="BPS", help="From the best price on the other side, for IOC. [default: 50]"
)
@click.option("--reduce-only", is_flag=True, help="Only make the position smaller.")
@click.option(
    "--flatten-after",
    type=click.FloatRange(0, 86_400),
    metavar="SECONDS",
    help="Close the market again after the fill.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--yes-real-money", is_flag=True, help=f"Instead of typing {WORD} under mainnet's rules.")
@click.option("--json", "as_json", is_flag=True, help="Each step as a line of JSON, the result last.")
def order(
    market: str,
    side: str,
    config_name: str | None,
    usd: Decimal | None,
    size: Decimal | None,
    tif: str,
    price: Decimal | None,
    slippage: Decimal | None,
    reduce_only: bool,
    flatten_after: float | None,
    dry_run: bool,
    yes_real_money: bool,
    as_json: bool,
) -> None:
    """Place one order by hand on MARKET (xyz:SNDK, BTC) and follow it to its end.

    The position that it opens stays open (see --flatten-after). Exit code 0: filled, in part too, or resting; 3: the exchange refused it or an IOC
    found nobody; 4: refused by us, nothing was sent; 5: --flatten-after did not get flat; 75: the outcome is not known; 78: not started.
    """
    if (usd is None) == (size is None):
        raise click.UsageError("give either --usd or --size")
    if price is not None and slippage is not None:
        raise click.UsageError("give either --price or --slippage")
    if price is None and tif != "ioc":
        raise click.UsageError(f"--tif {tif} needs a --price; a slippage is for ioc")
    from core.messages.commands import PlaceOrder
    from core.model.market import MarketKey
    from core.model.order import OrderSide, TimeInForce
    from core.runtime.config_file import config_path, load_config

    try:
        key = MarketKey.parse(market)
    except ValueError as e:
        raise click.UsageError(str(e)) from None
    wish = PlaceOrder(
        command_id="order",
        who=user(),
        market=key,
        side=OrderSide(side),
        size=size,
        usd=usd,
        limit_px=price,
        slippage_bps=Decimal(50) if price is None and slippage is None else slippage,
        tif=TimeInForce[tif.upper()],
        reduce_only=reduce_only,
    )
    with refusals():
        path = config_path(config_name, os.environ)
        config = load_config(path)
    if key not in [m.key for m in config.markets]:
        refuse(f"{path}: {market} is not among [[markets]]: {', '.join(m.coin for m in config.markets)}")
    if config.mode != "trading":
        refuse(f"{path}: mode = {config.mode!r} sends nothing; an order needs mode = 'trading'")
    if not dry_run and not yes_real_money:
        how_much = f"{wish.size} {wish.market.coin}" if wish.size is not None else f"${wish.usd}"
        ask_for_the_word(config, f"{wish.side.value} {how_much} of {wish.market} on {config.network.value}")
    _place(config, str(path), wish, flatten_after, dry_run, as_json)


def ask_for_the_word(config: Config, what: str) -> None:
    """Under mainnet's rules, once, before anything is connected."""
    from core.config import Network

    if config.rules is not Network.MAINNET:
        return
    if not sys.stdin.isatty():
        refuse(
            f"under mainnet's rules this asks for the words {WORD}, and stdin is no terminal; or give --yes-real-money"
        )
    click.echo(f"{what}, under mainnet's rules.", err=True)
    if click.prompt(f"Type {WORD} to go on", default="", show_default=False, err=True) != WORD:
        refuse("not sent: the words were not typed")


def _place(
    config: Config, source: str, wish: PlaceOrder, flatten_after: float | None, dry_run: bool, as_json: bool
) -> None:
    from core.runtime.assembly import assemble
    from core.runtime.order_program import OrderRun, leave, what_stays_open, wish_of
    from core.runtime.sim_process import SimProcessError, own_simulator

    with refusals():
        try:
            simulator = own_simulator(config)
        except SimProcessError as e:
            refuse(str(e))
        try:
            program = assemble(config, source, simulator, what="order", by_hand=True)
        except BaseException:
            if simulator is not None:
                simulator.stop()
            raise
    program.first_frame.set()  # there is none
    printer = _Printer(as_json)
    result = OrderRun(program, wish_of(wish), printer.step, flatten_after_s=flatten_after, dry_run=dry_run).run()
    if result is not None:
        printer.result(result)
        for line in what_stays_open(program):
            printer.note(line)
    leave(program, result)


class _Printer:
    """Lines on stdout, flushed one by one: whoever reads a pipe sees each step as it happens."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._first_ms: int | None = None

    def step(self, said: Said) -> None:
        if self._first_ms is None and said.at_ms:
            self._first_ms = said.at_ms
        if self._as_json:
            self._line({"at_ms": said.at_ms, "step": said.step, "text": said.text})
        else:
            since = (said.at_ms - self._first_ms) / 1000 if said.at_ms and self._first_ms is not None else 0.0
            self._line(f"{since:8.3f} s  {said.step:<12}  {said.text}".rstrip())

    def note(self, text: str) -> None:
        self._line({"open": text} if self._as_json else f"{'':10}  {'open':<12}  {text}")

    def result(self, result: object) -> None:
        import msgspec

        as_dict = msgspec.to_builtins(result)
        self._line(as_dict if self._as_json else f"{'':10}  {as_dict['result'].upper():<12}  {as_dict['text']}")

    def _line(self, what: dict[str, object] | str) -> None:
        import json

        click.echo(what if isinstance(what, str) else json.dumps(what))
        sys.stdout.flush()

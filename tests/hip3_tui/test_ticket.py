"""The order ticket through its keys: what it shows before an order is sent, what is sent, and the life that follows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from console_desk import Desk
from engine_rig import BUY, SNDK, D, Rig, make_config, make_run, order_of
from msgspec.structs import replace
from snapshots_for_tests import FakeHandle, FakeLifecycle
from textual.widgets import Button, Input

from core.hyperliquid.actions import order_action
from core.messages.commands import CancelOrder, PlaceOrder, TripHardStop
from core.messages.events import OrderOutcome, Outcome
from core.messages.handle import OrderPreviewer
from core.model.order import TimeInForce
from core.runtime.order_preview import preview_order
from hip3_tui.app import ConsoleApp
from hip3_tui.console import Outside
from hip3_tui.screens.choice import Choice
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.ticket import TicketScreen

SIZES = [(80, 24), (120, 40)]


@asynccontextmanager
async def ticket(
    rig: Rig, size: tuple[int, int] = (80, 24), preview: OrderPreviewer | None = preview_order
) -> AsyncIterator[Desk]:
    """The ticket over a console of a real engine's snapshots."""
    handle, life, now = FakeHandle(rig.snapshot()), FakeLifecycle(), [rig.now]
    app = ConsoleApp(handle, life, outside=Outside(preview=preview), who="ada", clock=lambda: now[0], own_gc=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        it = Desk(app, handle, life, pilot, now, [])
        await it.see()
        await it.press("o")
        assert isinstance(app.screen, TicketScreen)
        await it.see()
        yield it


async def type_into(it: Desk, field: str, words: str) -> None:
    box = it.app.screen.query_one(f"#{field}", Input)
    box.focus()
    box.value = ""
    await it.press(*words)


async def choose(it: Desk, name: str, option: str) -> None:
    choice = it.app.screen.query_one(f"#{name}", Choice)
    choice.focus()
    while choice.value != option:
        await it.press("right")


async def send(it: Desk) -> None:
    it.app.screen.query_one("#go", Button).focus()
    await it.press("enter")


def sent(it: Desk) -> PlaceOrder:
    (command,) = it.handle.sent
    assert isinstance(command, PlaceOrder)
    return command


def complaint(it: Desk) -> str:
    return str(it.app.screen.query_one("#complaint").render())


@pytest.mark.parametrize("size", SIZES)
async def test_everything_that_matters_is_seen_before_it_is_sent(size: tuple[int, int]) -> None:
    rig = Rig()
    async with ticket(rig, size) as it:
        await type_into(it, "amount", "20")
        text = it.flowing()
        for words in (
            "xyz:SNDK",
            "mark 200",
            "bid 199.98 ask 200.02",
            "BUY 0.099 @ 201.03 IOC $19.90 fee $0.0090 no builder fee",
            "14 GATES PASS",
            "xyz:SNDK = asset 110016",
            '"a":110016,"b":true,"p":"201.03","s":"0.099',
            "closed by the time stop after 30 s",
            "Send",
            "Close",
        ):
            assert words in text, words


async def test_enter_goes_to_the_button_and_the_button_sends_what_was_shown() -> None:
    rig = Rig()
    async with ticket(rig) as it:
        await type_into(it, "amount", "20")
        assert isinstance(it.app.screen, TicketScreen)
        shown = "".join(words for line in it.app.screen._shown for words, _ in line)
        await it.press("enter")
        assert it.handle.sent == []
        assert it.app.focused is it.app.screen.query_one("#go")
        await it.press("enter")
        command = sent(it)
        assert (command.market, command.side, command.usd, command.slippage_bps) == (SNDK, BUY, D(20), D(50))
        assert command.who == "ada"
        rig.handle(command)
        action = json.dumps(order_action([order_of(rig.posts[-1])], rig.engine.asset_id), separators=(",", ":"))
        assert action in shown


@pytest.mark.parametrize("size", SIZES)
async def test_the_life_is_told_step_by_step(size: tuple[int, int]) -> None:
    rig = Rig()
    async with ticket(rig, size) as it:
        await type_into(it, "amount", "20")
        await send(it)
        assert "handed to the engine" in it.text()
        rig.handle(sent(it))
        await it.see(rig.snapshot())
        assert "UNDER WAY" in it.text()
        rig.now += 120
        rig.fill_post(rig.posts[-1])
        await it.see(rig.snapshot())
        text = it.flowing()
        for words in ("FILLED", "0.000 s queued", "0.000 s sent", "0.120 s answered", "filled 0.099 of 0.099", "fee $"):
            assert words in text, words
        assert not it.app.screen.query_one("#cancel_it").display
        assert it.app.focused is it.app.screen.query_one("#close")


async def test_a_resting_order_is_cancelled_from_its_ticket() -> None:
    rig = Rig()
    async with ticket(rig) as it:
        await choose(it, "priced", "limit price")
        await choose(it, "tif", "ALO")
        await type_into(it, "price", "190")
        await type_into(it, "amount", "20")
        await send(it)
        command = sent(it)
        assert (command.tif, command.limit_px, command.slippage_bps) == (TimeInForce.ALO, D(190), None)
        rig.handle(command)
        rig.reply(rig.posts[-1], OrderOutcome(Outcome.RESTING, 77))
        await it.see(rig.snapshot())
        assert "RESTING" in it.text()
        it.app.screen.query_one("#cancel_it", Button).press()
        await it.pilot.pause()
        cancel = it.handle.sent[-1]
        assert isinstance(cancel, CancelOrder)
        assert cancel.cloid == command.cloid


async def test_what_would_be_denied_is_not_sent_and_says_why_in_the_engines_words() -> None:
    rig = Rig()
    async with ticket(rig) as it:
        await type_into(it, "amount", "5")
        assert "WOULD BE DENIED" in it.text()
        assert "size: $4.82 is under the exchange's minimum of $10" in it.flowing()
        await send(it)
        assert it.handle.sent == []
        assert complaint(it).startswith("It would be denied: size: $4.82")


async def test_what_reduces_is_sent_although_the_picture_is_against_it() -> None:
    async with ticket(Rig()) as it:
        await choose(it, "reduce", "yes")
        await send(it)
        assert sent(it).reduce_only


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("amount", "abc", "Amount: 'abc' is not a number"),
        ("amount", "0", "Amount: '0': expected a positive number"),
        ("amount", "", "Amount: '' is not a number"),
        ("price", "-1", "Price: '-1': expected a number of zero or more"),
        ("price", "nan", "Price: 'nan': expected a number of zero or more"),
    ],
)
async def test_bad_input_is_one_clear_message_at_the_field(field: str, typed: str, words: str) -> None:
    async with ticket(Rig()) as it:
        await type_into(it, field, typed)
        assert words in it.text()
        await send(it)
        assert it.handle.sent == []
        assert complaint(it) == words
        assert it.app.focused is it.app.screen.query_one(f"#{field}")
        await type_into(it, field, "20")
        assert complaint(it) == ""


async def test_a_resting_order_without_a_limit_price_is_explained_at_the_price() -> None:
    async with ticket(Rig()) as it:
        await choose(it, "tif", "GTC")
        await send(it)
        assert complaint(it) == "Price: GTC needs a limit price; bps from the touch are for IOC"
        it.app.screen.query_one("#amount", Input).focus()
        await it.press("enter")
        assert it.app.focused is it.app.screen.query_one("#price")


async def test_under_mainnets_rules_it_asks_once_with_the_focus_on_cancel() -> None:
    config = make_config()
    rig = Rig(config, run=replace(make_run(config), rules="mainnet"))
    async with ticket(rig) as it:
        await type_into(it, "amount", "20")
        await send(it)
        assert isinstance(it.app.screen, ConfirmScreen)
        text = it.flowing()
        assert "Send this order?" in text
        assert "BUY IOC 0.099 xyz:SNDK at 201.03 $19.90 asset 110016" in text
        assert "no builder fee" in text
        await it.press("enter")
        assert it.handle.sent == [], "Enter is Cancel"
        await send(it)
        await it.press("tab", "enter")
        assert sent(it).usd == D(20)


async def test_coin_and_sell_and_another_market() -> None:
    rig = Rig()
    async with ticket(rig) as it:
        await choose(it, "market", "BTC")
        await choose(it, "side", "SELL")
        await choose(it, "unit", "coin")
        await type_into(it, "amount", "0.0002")
        assert "BTC = asset 0" in it.flowing()
        await send(it)
        command = sent(it)
        assert (str(command.market), command.side.value, command.size, command.usd) == (
            "BTC",
            "sell",
            D("0.0002"),
            None,
        )


async def test_choices_are_taken_with_the_mouse_too() -> None:
    async with ticket(Rig()) as it:
        await it.pilot.click("#side", offset=(8, 0))
        assert it.app.screen.query_one("#side", Choice).value == "SELL"
        await it.pilot.click("#market", offset=(3, 0))
        assert it.app.screen.query_one("#market", Choice).value == "xyz:NVDA"
        await it.pilot.click("#side", offset=(2, 0))
        await it.pilot.click("#side", offset=(2, 0))
        assert it.app.screen.query_one("#side", Choice).value == "BUY"
        await it.pilot.click("#close")
        assert not isinstance(it.app.screen, TicketScreen)


async def test_a_new_order_has_a_new_id_and_the_last_one_can_be_looked_at_again() -> None:
    rig = Rig()
    async with ticket(rig) as it:
        await type_into(it, "amount", "20")
        await send(it)
        first = sent(it)
        rig.handle(first)
        rig.fill_post(rig.posts[-1])
        await it.see(rig.snapshot())
        it.app.screen.query_one("#new", Button).press()
        await it.pilot.pause()
        assert it.app.screen.query_one("#amount", Input).value == "20"
        rig.advance(200)
        await it.see(rig.snapshot())
        await send(it)
        second = it.handle.sent[-1]
        assert isinstance(second, PlaceOrder)
        assert second.cloid != first.cloid
        await it.press("escape")
        await it.press("o")
        it.app.screen.query_one("#last", Button).press()
        await it.pilot.pause()
        assert "FILLED" in it.text()


async def test_the_hard_stop_acts_but_where_text_is_typed() -> None:
    async with ticket(Rig()) as it:
        it.app.screen.query_one("#amount", Input).focus()
        await it.press("x")
        assert it.handle.sent == []
        it.app.screen.query_one("#side", Choice).focus()
        await it.press("x")
        assert isinstance(it.handle.sent[0], TripHardStop)


async def test_without_a_previewer_the_engine_judges() -> None:
    async with ticket(Rig(), preview=None) as it:
        assert "no preview here" in it.text()
        await send(it)
        assert sent(it).usd == D(11)


async def test_a_stale_picture_is_marked() -> None:
    async with ticket(Rig()) as it:
        it.now[0] += 5_000
        await it.see()
        assert "STALE: seen 5.0s ago" in it.text()

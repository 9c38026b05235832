"""Every key of the table through the pilot, and what the mouse does instead of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import pytest
import snapshots_for_tests as made
from console_desk import Desk, desk
from msgspec.structs import replace
from snapshots_for_tests import T0

from core.config_console import ConsoleConfig
from core.messages.commands import (
    CancelAll,
    CancelExternal,
    CancelOrder,
    FlattenAll,
    FlattenMarket,
    PauseEntries,
    TripHardStop,
)
from core.messages.effects import Severity
from core.messages.snapshot import Snapshot
from core.model.order import OrderStatus
from hip3_tui.console import Outside
from hip3_tui.operator_actions import OPERATOR_ACTIONS
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.details import DetailsScreen
from hip3_tui.screens.help import HelpScreen
from hip3_tui.screens.shutdown import ShutdownScreen
from hip3_tui.screens.trading import TradingScreen

WIDE = (120, 40)


def busy() -> Snapshot:
    """Three positions and five orders, so that there is something to move in."""
    return made.snapshot(
        positions=tuple(made.position(name) for name in ("xyz:SNDK", "SOL", "BTC")),
        orders=(
            made.order(1, status=OrderStatus.OPEN),
            made.order(2, "xyz:NVDA"),
            made.order(3, "SOL", is_external=True, cloid=None),
            made.order(4, "BTC", status=OrderStatus.UNKNOWN),
            made.order(5, status=OrderStatus.FILLED, is_settled=True),
        ),
    )


def row(it: Desk) -> str:
    """The chosen row as the screen shows it: the line that is reversed over more than any plate is."""
    for strip in it.app.screen._compositor.render_strips()[1:]:
        reversed_part = "".join(s.text for s in strip if s.style and s.style.reverse and s.style.bold)
        if len(reversed_part) > 40:
            return reversed_part.strip()
    return ""


def chosen(it: Desk) -> str:
    selected = it.app._trading.selected
    return "" if selected is None else f"{selected.list} {selected.key}"


# --- each key does its thing ---------------------------------------------------------------------------------------------

SENDS = {
    "flatten_all": FlattenAll,
    "cancel_all": CancelAll,
    "pause_entries": PauseEntries,
    "hard_stop": TripHardStop,
}
MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "next_list": ((), "positions xyz:SNDK"),
    "previous_list": ((), "fills fill xyz:SNDK 900001 1763870576400"),
    "down": (("tab",), "positions SOL"),
    "up": (("tab", "G"), "positions SOL"),
    "half_down": (("tab",), "positions BTC"),
    "half_up": (("tab", "G"), "positions xyz:SNDK"),
    "first": (("tab", "G"), "positions xyz:SNDK"),
    "last": (("tab",), "positions BTC"),
    "leave_list": (("tab",), ""),
}
"""What is pressed before, and which row is chosen after."""


async def does_close_row(it: Desk, key: str) -> None:
    await it.press("tab", "j", key)
    (command,) = it.handle.sent
    assert isinstance(command, FlattenMarket)
    assert command.market.name == "SOL"


async def does_reset(it: Desk, key: str) -> None:
    await it.press(key)
    assert any("not tripped" in toast for toast in it.toasts)


async def does_quit(it: Desk, key: str) -> None:
    await it.press(key)
    assert isinstance(it.app.screen, ShutdownScreen)


async def does_details(it: Desk, key: str) -> None:
    await it.press("tab", key)
    assert isinstance(it.app.screen, DetailsScreen)


async def does_filter(it: Desk, key: str) -> None:
    await it.press(key)
    assert "Filter the audit trail" in it.text()


async def does_copy(it: Desk, key: str) -> None:
    await it.press("tab", key)
    assert it.app.clipboard == "xyz:SNDK"


async def does_export(it: Desk, key: str) -> None:
    await it.press(key)
    assert await said(it, "Export: 3 positions, 5 orders")


async def does_screenshot(it: Desk, key: str) -> None:
    await it.press(key)
    assert await said(it, "Screenshot: ")


async def does_theme(it: Desk, key: str) -> None:
    await it.press(key)
    assert it.app.theme == "hip3-light"


async def does_palette(it: Desk, key: str) -> None:
    await it.press(key)
    assert type(it.app.screen).__name__ == "CommandPalette"


async def does_help(it: Desk, key: str) -> None:
    await it.press(key)
    assert isinstance(it.app.screen, HelpScreen)


OURS = [
    (action.id, key)
    for action in OPERATOR_ACTIONS
    if action.id in SENDS or action.id in MOVES or f"does_{action.id}" in globals()
    for key in action.keys
]


@pytest.mark.parametrize(("action_id", "key"), OURS, ids=lambda part: part)
async def test_every_key_does_what_the_table_says(action_id: str, key: str, tmp_path: Path) -> None:
    async with desk(busy(), WIDE, Outside(folder=tmp_path)) as it:
        if action_id in SENDS:
            await it.press(key)
            assert [type(command) for command in it.handle.sent] == [SENDS[action_id]]
        elif action_id in MOVES:
            before, after = MOVES[action_id]
            await it.press(*before, key)
            assert chosen(it) == after
            assert it.handle.sent == []
        else:
            does: Callable[[Desk, str], object] = globals()[f"does_{action_id}"]
            await does(it, key)  # type: ignore[misc]


async def said(it: Desk, words: str) -> str:
    """Wait for a toast from a thread."""
    for _ in range(400):
        await it.pilot.pause()
        if found := [toast for toast in it.toasts if toast.startswith(words)]:
            return found[0]
        await asyncio.sleep(0.01)
    return ""


# --- lists ---------------------------------------------------------------------------------------------------------------


async def test_the_chosen_row_stands_out_and_its_list_says_what_can_be_done() -> None:
    async with desk(busy(), WIDE) as it:
        await it.press("j")
        assert row(it).startswith("xyz:SNDK")
        assert "1 of 3  D flatten it  Enter details" in it.text()
        await it.press("tab")
        assert chosen(it) == "markets xyz:SNDK"
        assert "1 of 7  Enter details" in it.text()
        await it.press("escape")
        assert row(it) == ""


@pytest.mark.parametrize("size", [(80, 24), WIDE, (200, 60)])
async def test_every_row_can_be_reached_however_little_is_shown(size: tuple[int, int]) -> None:
    many = made.snapshot(
        orders=tuple(made.order(n, status=OrderStatus.OPEN) for n in range(1, 41)),
        markets=tuple(made.market(f"xyz:M{n}") for n in range(30)),
        audit=tuple(made.audit(n, f"word{n} " * 20) for n in range(1, 60)),
        fills=tuple(made.fill(n) for n in range(1, 40)),
        trades=(),
    )
    async with desk(many, size) as it:
        for name, count in (("orders", 40), ("markets", 30), ("audit", 59), ("fills", 39)):
            it.app._trading.activate(name)
            await it.press("g")
            first = chosen(it)
            seen = {first}
            for _ in range(count):
                assert row(it), f"{name}: {chosen(it)} is in sight"
                await it.pilot.press("j")
                seen.add(chosen(it))
            assert len(seen) == count
            assert f"{count} of {count}" in it.text()
            await it.press("g")
            assert chosen(it) == first


async def test_a_position_that_closes_under_the_cursor_takes_no_key_to_its_neighbour() -> None:
    async with desk(busy(), WIDE) as it:
        await it.press("j", "j")
        assert chosen(it) == "positions SOL"
        await it.see(made.snapshot(positions=tuple(made.position(n) for n in ("xyz:SNDK", "BTC"))))
        assert "none of 2" in it.text()
        await it.press("d")
        assert it.handle.sent == []
        assert any("Choose a position or an order first" in toast for toast in it.toasts)
        await it.press("j", "d")
        (command,) = it.handle.sent
        assert command.market.name == "BTC"  # type: ignore[union-attr]


async def test_it_closes_between_the_look_and_the_key() -> None:
    async with desk(busy(), WIDE) as it:
        await it.press("j", "j")
        it.handle.latest = made.snapshot(positions=(made.position("BTC"),))
        await it.press("d")
        assert it.handle.sent == []


async def test_d_on_an_order_cancels_that_one_and_says_what_was_sent() -> None:
    async with desk(busy(), WIDE) as it:
        it.app._trading.activate("orders")
        await it.press("j", "d")
        assert it.handle.sent == [CancelOrder(command_id="c-1", who="ada", cloid=made.order(2).cloid)]
        assert "Cancel order 000002 on xyz:NVDA: CANCEL BUY 0.012 xyz:NVDA at 1,235.2 ($14.82)" in it.toasts
        await it.press("j", "d")
        assert it.handle.sent[1] == CancelExternal(command_id="c-2", who="ada", oid=it.handle.latest.orders[2].oid)
        await it.press("G", "d")
        assert len(it.handle.sent) == 2
        assert any("This order is over: filled." in toast for toast in it.toasts)


async def test_off_mainnet_the_toast_says_what_was_sent() -> None:
    async with desk(busy(), WIDE) as it:
        await it.press("f")
        assert any(t.startswith("Flatten all: SELL 0.012 xyz:SNDK down to 1,223.7 ($14.83); ") for t in it.toasts)
        await it.press("c")
        assert any(t.startswith("Cancel all orders: CANCEL BUY 0.012 xyz:SNDK") for t in it.toasts)


async def test_on_mainnets_rules_a_row_asks_once_and_means_the_row_of_the_key_press() -> None:
    async with desk(replace(busy(), run=made.run_info(rules="mainnet")), WIDE) as it:
        await it.press("j", "j", "d")
        assert isinstance(it.app.screen, ConfirmScreen)
        assert it.app.focused is not None
        assert it.app.focused.id == "cancel"
        text = it.flowing()
        assert "Flatten SOL?" in text
        assert "SELL 0.012 SOL down to 1,223.7 $14.83" in text
        assert "xyz:SNDK down to" not in text
        await it.press("right", "enter")
        (command,) = it.handle.sent
        assert isinstance(command, FlattenMarket)
        assert command.market.name == "SOL"


# --- details, copy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("positions", ("Position xyz:SNDK", "time stop in 23.4s", "uPnL net +$0.01 after both fees", "Flatten it")),
        ("orders", ("Order on xyz:SNDK", "cloid 0x68697033000000030000000000000001", "Copy cloid", "Cancel it")),
        ("markets", ("Market xyz:SNDK", "gate has position", "asset id 110016", "index 16", "Copy asset id")),
        ("fills", ("Fill on xyz:SNDK", "tid 900001", "fee $0.0067", "Copy oid")),
        ("audit", ("Line 8 of the audit trail", "text entries resumed", "command id c-2")),
    ],
)
async def test_details_say_everything_on_the_smallest_screen(name: str, words: tuple[str, ...]) -> None:
    async with desk(busy(), (80, 24)) as it:
        it.app._trading.activate(name)
        await it.press("enter")
        text = it.flowing()
        assert [w for w in words if w not in text] == []
        assert it.app.focused is not None
        assert it.app.focused.id == "shut"
        await it.press("enter")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.handle.sent == []


async def test_details_close_the_row_by_the_same_road_as_the_key() -> None:
    async with desk(made.on_mainnet(busy()), WIDE) as it:
        await it.press("j", "enter")
        it.app.screen.query_one("#go").focus()
        await it.press("enter")
        assert isinstance(it.app.screen, ConfirmScreen)
        await it.press("escape")
        assert it.handle.sent == []


async def test_details_of_a_row_that_goes_away_say_so() -> None:
    async with desk(busy(), WIDE) as it:
        await it.press("j", "enter")
        await it.see(made.flat())
        assert "It is gone" in it.text()
        assert it.app.screen.query_one("#go").disabled


async def test_an_id_goes_to_the_clipboard_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(busy(), WIDE) as it:
        out: list[str] = []
        monkeypatch.setattr(it.app._driver, "write", out.append)
        it.app._trading.activate("orders")
        await it.press("y")
        cloid = str(made.order(1).cloid)
        assert f"\x1b]52;c;{base64.b64encode(cloid.encode()).decode()}\a" in out
        assert f"cloid {cloid}: sent to the clipboard of your terminal" in it.toasts
        await it.press("enter")
        it.app.screen.query_one("#copy-1").focus()
        await it.press("enter")
        assert it.app.clipboard == "81234500001"


# --- filter --------------------------------------------------------------------------------------------------------------


async def test_the_trail_can_be_narrowed_to_words_and_severities_and_says_so() -> None:
    async with desk(made.snapshot(), WIDE) as it:
        await it.press("slash", *"nvda", "enter")
        assert 'ONLY "nvda": 1' in it.text()
        assert "entries resumed" not in it.text()
        assert chosen(it) == "audit 6"
        await it.press("slash", "down", "down", "enter")
        assert 'ONLY CRIT with "nvda": 0' in it.text()
        assert "no line passes the filter" in it.text()
        await it.see(
            made.snapshot(audit=(*made.trail(), made.audit(9, "NVDA failed", severity=Severity.CRITICAL, kind="alert")))
        )
        assert "CRIT NVDA failed" in it.text()
        await it.press("slash", "tab", "enter")
        assert "ONLY" not in it.text()
        assert "entries resumed" in it.text()


async def test_escape_leaves_the_filter_as_it_was() -> None:
    async with desk(made.snapshot(), WIDE) as it:
        await it.press("slash", *"x", "escape")
        assert "ONLY" not in it.text()
        assert it.handle.sent == [], "a letter in a text field is no key"


# --- files ---------------------------------------------------------------------------------------------------------------


async def test_the_list_that_has_the_keys_is_exported_alone(tmp_path: Path) -> None:
    async with desk(busy(), WIDE, Outside(folder=tmp_path)) as it:
        it.app._trading.activate("orders")
        await it.press("e")
        assert await said(it, "Export: 5 orders in ")
        (path,) = (tmp_path / "exports").iterdir()
        assert path.name == "20251123-040304-orders.csv"
        assert path.read_text().count("\n") == 6


async def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "screenshots").write_text("in the way")
    async with desk(busy(), WIDE, Outside(folder=tmp_path)) as it:
        await it.press("s")
        assert "not written" in await said(it, "Screenshot: not written: ")
    async with desk(busy(), WIDE) as it:
        await it.press("e")
        assert "Export: This run has no folder to keep files in." in it.toasts


async def test_a_screenshot_is_the_screen(tmp_path: Path) -> None:
    async with desk(busy(), WIDE, Outside(folder=tmp_path)) as it:
        await it.press("s")
        told = await said(it, "Screenshot: ")
        (path,) = (tmp_path / "screenshots").iterdir()
        assert told == f"Screenshot: {path}"
        svg = path.read_text()
        assert "AT&#160;RISK" in svg
        assert "HARD&#160;STOP" in svg


# --- the operator's own keys ---------------------------------------------------------------------------------------------


async def test_remapped_keys_act_are_shown_and_the_old_ones_do_not() -> None:
    settings = ConsoleConfig(
        refresh_hz=1, keys={"flatten_all": ["z"], "hard_stop": ["ctrl+k"], "quit": ["ctrl+e"], "pause_entries": []}
    )
    async with desk(busy(), (130, 40), settings=settings) as it:
        bar = it.text().splitlines()[-1]
        assert " z  Flatten" in bar
        assert " ^K  HARD STOP" in bar
        assert "Pause" not in bar
        await it.press("f", "x", "p")
        assert it.handle.sent == []
        await it.press("question_mark", "ctrl+k")
        assert [type(c) for c in it.handle.sent] == [TripHardStop], "in a dialog too"
        await it.press("escape", "z")
        assert [type(c) for c in it.handle.sent] == [TripHardStop, FlattenAll]
        await it.press("slash", "ctrl+e")
        assert it.lifecycle.exiting, "and from a text field"


# --- mouse ---------------------------------------------------------------------------------------------------------------


def place_of(it: Desk, words: str, nth: int = 0) -> tuple[int, int]:
    found = [(line.index(words), y) for y, line in enumerate(it.text().splitlines()) if words in line]
    return found[nth]


async def test_a_click_chooses_a_row_and_two_open_it() -> None:
    async with desk(busy(), WIDE) as it:
        at = place_of(it, "SOL")
        await it.pilot.click(offset=at)
        await it.pilot.pause()
        assert chosen(it) == "positions SOL"
        await it.pilot.double_click(offset=at)
        await it.pilot.pause()
        assert isinstance(it.app.screen, DetailsScreen)


async def test_a_click_on_a_title_gives_the_list_the_keys() -> None:
    async with desk(busy(), WIDE) as it:
        await it.pilot.click(offset=place_of(it, "Orders 4 live"))
        await it.pilot.pause()
        assert chosen(it) == "orders 0x68697033000000030000000000000001"


async def test_the_wheel_moves_in_the_list_under_it() -> None:
    async with desk(busy(), WIDE) as it:
        pane = it.app._trading.panes["markets"]
        pane.on_mouse_scroll_down(None)  # type: ignore[attr-defined]
        await it.pilot.pause()
        assert chosen(it) == "markets xyz:SNDK", "the first notch only shows where one is"
        pane.on_mouse_scroll_down(None)  # type: ignore[attr-defined]
        await it.pilot.pause()
        assert chosen(it) == "markets xyz:HOOD"
        pane.on_mouse_scroll_up(None)  # type: ignore[attr-defined]
        await it.pilot.pause()
        assert chosen(it) == "markets xyz:SNDK"


# --- what reaches an operator who does not look -----------------------------------------------------------------------------


async def test_the_title_follows_the_state() -> None:
    async with desk(made.snapshot(), WIDE) as it:
        assert any("ACTIVE | AT RISK $15" in words for words in it.written)
        await it.see(made.hard_stopped())
        assert it.written[-1].startswith("\x1b]2;HARD STOP | AT RISK $15")
        before = len(it.written)
        await it.see(made.hard_stopped(number=101))
        assert len(it.written) == before


async def test_alarms_ring_and_reach_the_desktop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TMUX", raising=False)
    for settings, rings, words in (
        (ConsoleConfig(refresh_hz=1), 1, 1),
        (ConsoleConfig(refresh_hz=1, bell=False, desktop=False), 0, 0),
    ):
        rung: list[int] = []
        async with desk(made.snapshot(), WIDE, settings=settings) as it:
            monkeypatch.setattr(it.app, "bell", lambda rung=rung: rung.append(1))
            alert = made.audit(9, "xyz:SNDK still open: held for 61 s", severity=Severity.CRITICAL, kind="alert")
            for number in range(3):
                await it.see(made.snapshot(number=101 + number, audit=(*made.trail(), alert)))
            assert len(rung) == rings
            assert sum("still open" in words for words in it.written) == words


async def test_toasts_can_be_switched_off_but_not_the_answers() -> None:
    settings = ConsoleConfig(refresh_hz=1, toasts=False)
    async with desk(made.snapshot(), WIDE, settings=settings) as it:
        alert = made.audit(9, "out of patience", severity=Severity.CRITICAL, kind="alert")
        await it.see(made.snapshot(audit=(*made.trail(), alert)))
        assert it.toasts == []
        await it.press("p")
        answer = made.audit(10, "entries paused", command_id="c-1")
        await it.see(made.snapshot(audit=(*made.trail(), alert, answer)))
        assert it.toasts == ["Pause or resume entries: entries paused"]
        it.now[0] = T0 + 200

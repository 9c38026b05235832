"""The console through its keys: what is on the screen at each size, and which command each key sends."""

from __future__ import annotations

import pytest
import snapshots_for_tests as made
from console_desk import desk
from msgspec.structs import replace
from snapshots_for_tests import T0, FakeHandle, FakeLifecycle
from textual.widgets import Input

from core.messages.commands import CancelAll, FlattenAll, PauseEntries, ResetHardStop, TripHardStop
from core.messages.exit_codes import ExitCode
from hip3_tui import gc_policy
from hip3_tui.app import ConsoleApp
from hip3_tui.console import Outside
from hip3_tui.operator_actions import DEFAULT_KEYMAP, OPERATOR_ACTIONS
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.help import WORDS, HelpScreen
from hip3_tui.screens.reset import ResetScreen
from hip3_tui.screens.shutdown import LeaveScreen, ShutdownScreen
from hip3_tui.screens.trading import TradingScreen

# --- what is on the screen -----------------------------------------------------------------------------------------------

ESSENTIALS = (
    "SIMULATOR", "ACTIVE", "READY", "AT RISK $14.83", "0.0s old", "LIVE 12m03s", "37/100", "0/200", "3/500", "120/1000",
    "1,234/10,000", "max 82", "order 231ms", "tick late p99", "xyz:SNDK", "LONG", "23.4s", "4/5", "$1.23/$20", "PnL -$1.23", "entries resumed",
    "HARD STOP", "Flatten", "Quit",
)  # fmt: skip
ALL_PANES = (
    "Positions", "Signals", "Risk and PnL", "Markets", "Orders", "Load", "Audit trail", "Fills and trades", "denied: not ready 12",
    "!buy +15.2", "has position", "in flight", "TRADE -$0.03 time stop", "12 trades, 5 won",
)  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_essentials_without_a_key_press(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size) as it:
        text = it.text()
        assert [words for words in ESSENTIALS if words not in text] == []


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_every_pane_from_120x40_on(size: tuple[int, int]) -> None:
    async with desk(made.snapshot(), size) as it:
        text = it.text()
        assert [words for words in ALL_PANES if words not in text] == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_hard_stop_is_seen_at_every_size(size: tuple[int, int]) -> None:
    async with desk(made.hard_stopped(), size) as it:
        text = it.flowing()
        for words in (
            "REDUCING",
            "6 losses in a row > 5",
            "waits for: 1 order and 1 position",
            "refused now: 1 order and 1 position are still open",
        ):
            assert words in text
        assert "TRY 2 4.2s" in text
        assert "UNKNOWN" in text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_before_the_first_snapshot_it_says_what_it_waits_for(size: tuple[int, int]) -> None:
    async with desk(None, size) as it:
        assert "STARTING" in it.text()
        await it.see(made.connecting())
        assert "CONNECTING" in it.text()
        assert "RISK NOT KNOWN" in it.text()
        assert "waits for market data of 7 markets; open orders; fills; positions" in it.flowing()


async def test_the_first_picture_names_the_network_it_was_started_for() -> None:
    async with desk(None, (80, 24), Outside(run=made.run_info(network="mainnet"))) as it:
        assert "*** MAINNET ***" in it.text()
        await it.see(made.snapshot())
        assert "MAINNET" not in it.text(), "the engine's own word counts as soon as there is one"


async def test_a_screen_that_is_too_small_says_what_it_needs_and_its_keys_act() -> None:
    async with desk(made.snapshot(), (40, 10)) as it:
        assert "needs 80x24, is 40x10" in it.text()
        assert "AT RISK $14.83" in it.text()
        await it.press("x")
        assert isinstance(it.handle.sent[0], TripHardStop)


async def test_any_size_may_follow_any_other() -> None:
    async with desk(made.hard_stopped(), (120, 40)) as it:
        for size in ((20, 5), (200, 60), (80, 24), (1, 1), (79, 24), (112, 38), (80, 23), (120, 40)):
            await it.pilot.resize_terminal(*size)
            await it.see()
            assert len(it.text().splitlines()) == size[1]
        assert "Markets" in it.text()
        assert "6 losses in a row > 5" in it.text()


async def test_stale_is_marked_and_a_fresh_snapshot_clears_it() -> None:
    async with desk(made.snapshot(), (120, 40)) as it:
        it.now[0] = T0 + 4_300
        await it.see()
        assert "STALE 4.2s" in it.text()
        assert "OLD PICTURE" in it.text()
        await it.see(made.snapshot(at_ms=it.now[0]))
        assert "STALE" not in it.text()
        assert "OLD PICTURE" not in it.text()


async def test_a_dead_engine_is_unmistakable_and_takes_no_keys() -> None:
    async with desk(made.snapshot(), (80, 24)) as it:
        it.handle.error, it.handle.is_done = "RuntimeError: journal unwritable", True
        await it.see()
        assert "ENGINE DEAD" in it.text()
        assert "RuntimeError: journal unwritable" in it.text()
        await it.press("f", "c", "p", "x")
        assert it.handle.sent == []
        assert any("engine is dead" in toast for toast in it.toasts)


async def test_a_gap_in_the_trail_is_marked() -> None:
    async with desk(made.snapshot(), (120, 40)) as it:
        await it.see(made.snapshot(audit=(made.audit(20, "later"),)))
        assert "11 lines missing: 9 to 19" in it.text()


async def test_tab_walks_through_the_lists_of_a_small_screen() -> None:
    async with desk(made.snapshot(), (80, 24)) as it:
        assert "Audit trail" in it.text()
        seen = []
        for _ in range(6):
            await it.press("tab")
            seen.append(it.app._trading.active)
            name = {"audit": "Audit trail", "markets": "Markets ─", "orders": "Orders 1", "fills": "Fills and"}
            assert name.get(seen[-1], "Positions 1") in it.text()
        assert seen == ["markets", "orders", "fills", "signals", "positions", "audit"]
        await it.press("shift+tab")
        assert it.app._trading.active == "positions"


# --- cost ----------------------------------------------------------------------------------------------------------------


async def test_only_changed_rows_are_drawn_again() -> None:
    async with desk(made.snapshot(), (120, 40)) as it:
        panes = it.app._trading.panes
        before = {name: pane.redrawn for name, pane in panes.items()}
        await it.see()
        assert {name: pane.redrawn for name, pane in panes.items()} == before, "the same picture draws nothing"
        markets = list(made.markets())
        markets[3] = replace(markets[3], gate="no bbo for 11 s")
        await it.see(made.snapshot(number=101, markets=tuple(markets)))
        drawn = {name: pane.redrawn - before[name] for name, pane in panes.items() if pane.redrawn != before[name]}
        assert drawn == {"markets": 1}
        assert "no bbo for 11 s" in it.text()


async def test_no_work_while_the_terminal_is_stalled() -> None:
    async with desk(made.snapshot()) as it:
        it.app._driver.stalled = True  # type: ignore[union-attr]
        await it.see(made.hard_stopped())
        assert "6 losses in a row" not in it.text()
        it.app._driver.stalled = False  # type: ignore[union-attr]
        it.app.repaint_all()
        await it.pilot.pause()
        assert "6 losses in a row" in it.text()


async def test_garbage_collection_is_taken_over_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(gc_policy, "start", lambda: started.append("start"))
    for own_gc in (False, True):
        app = ConsoleApp(FakeHandle(made.snapshot()), FakeLifecycle(), clock=lambda: T0, own_gc=own_gc)
        async with app.run_test() as pilot:
            await pilot.pause()
        assert started == (["start"] if own_gc else [])


# --- keys ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["f", "F", "c", "C", "p", "P", "x", "X"])
async def test_off_mainnet_a_key_acts_at_once(key: str) -> None:
    async with desk(made.snapshot()) as it:
        await it.press(key)
        (command,) = it.handle.sent
        assert type(command) is {"f": FlattenAll, "c": CancelAll, "p": PauseEntries, "x": TripHardStop}[key.lower()]
        assert (command.command_id, command.who) == ("c-1", "ada")
        assert isinstance(it.app.screen, TradingScreen)


async def test_every_command_has_its_own_id() -> None:
    async with desk(made.snapshot()) as it:
        await it.press("f", "c", "p", "x", "f")
        assert [command.command_id for command in it.handle.sent] == ["c-1", "c-2", "c-3", "c-4", "c-5"]


async def test_p_resumes_when_paused_and_the_key_bar_says_so() -> None:
    async with desk(made.snapshot(paused=True)) as it:
        assert "Resume" in it.text()
        assert "ENTRIES PAUSED" in it.text()
        await it.press("p")
        assert it.handle.sent == [PauseEntries(command_id="c-1", who="ada", paused=False)]


async def test_f_is_dim_while_flat_and_explains_itself() -> None:
    async with desk(made.flat()) as it:
        assert "(Flatten)" in it.text()
        await it.press("f")
        assert it.handle.sent == []
        assert any("Flat already" in toast for toast in it.toasts)


async def test_f_is_not_held_back_by_old_or_missing_knowledge() -> None:
    async with desk(made.flat()) as it:
        it.now[0] = T0 + 5_000
        await it.press("f")
        assert [type(command) for command in it.handle.sent] == [FlattenAll], "a stale picture of flat proves nothing"
        it.now[0] = T0
        unsynced = replace(made.flat().ready, position_synced=False)
        await it.see(made.flat(ready=unsynced))
        await it.press("f")
        await it.see(made.flat(orders=(made.order(),)))
        await it.press("f")
        assert len(it.handle.sent) == 3


async def test_r_is_dim_while_not_tripped_and_explains_itself() -> None:
    async with desk(made.snapshot()) as it:
        assert "(Reset)" in it.text()
        await it.press("r")
        assert isinstance(it.app.screen, TradingScreen)
        assert any("not tripped" in toast for toast in it.toasts)


async def test_a_click_in_the_key_bar_is_the_key() -> None:
    async with desk(made.snapshot()) as it:
        last = it.text().splitlines()[-1]
        await it.pilot.click(offset=(last.index("HARD STOP") + 2, 23))
        await it.pilot.pause()
        assert [type(command) for command in it.handle.sent] == [TripHardStop]


# --- mainnet asks --------------------------------------------------------------------------------------------------------


async def test_on_mainnet_f_asks_shows_what_is_sent_and_focuses_cancel() -> None:
    async with desk(made.on_mainnet(made.snapshot()), (80, 24)) as it:
        await it.press("F")
        assert it.handle.sent == []
        assert isinstance(it.app.screen, ConfirmScreen)
        assert it.app.focused is not None
        assert it.app.focused.id == "cancel"
        text = it.flowing()
        for words in ("*** MAINNET ***", "SELL 0.012 xyz:SNDK down to 1,223.7 $14.83", "reduce-only"):
            assert words in text
        await it.press("enter")
        assert it.handle.sent == []
        assert isinstance(it.app.screen, TradingScreen)


async def test_on_mainnet_the_second_button_sends() -> None:
    async with desk(made.on_mainnet(made.snapshot())) as it:
        await it.press("f", "right", "enter")
        assert it.handle.sent == [FlattenAll(command_id="c-1", who="ada")]


async def test_a_rehearsal_of_mainnet_asks_as_well() -> None:
    rehearsal = made.snapshot(run=made.run_info(rules="mainnet"))
    async with desk(rehearsal) as it:
        await it.press("f")
        assert isinstance(it.app.screen, ConfirmScreen)
        assert "real money" not in it.flowing()
        assert it.handle.sent == []


async def test_on_mainnet_c_shows_our_entries_and_leaves_exits_alone() -> None:
    orders = (
        made.order(7, "xyz:NVDA"),
        made.order(8, "BTC", reduce_only=True, purpose="exit"),
        made.order(9, "SOL", is_external=True, cloid=None),
    )
    async with desk(made.on_mainnet(made.snapshot(orders=orders))) as it:
        await it.press("c")
        assert "CANCEL BUY 0.012 xyz:NVDA at 1,235.2 $14.82" in it.flowing()
        assert it.flowing().count("CANCEL BUY") == 1
        await it.press("escape")
        assert it.handle.sent == []


async def test_the_question_follows_the_positions() -> None:
    async with desk(made.on_mainnet(made.snapshot())) as it:
        await it.press("f")
        await it.see(made.on_mainnet(made.snapshot(positions=(made.position(), made.position("SOL")))))
        assert "SELL 0.012 SOL" in it.flowing()


@pytest.mark.parametrize("first", [(), ("f",), ("question_mark",), ("q",), ("q", "q")])
async def test_x_never_asks_wherever_it_is_pressed(first: tuple[str, ...]) -> None:
    async with desk(made.on_mainnet(made.snapshot())) as it:
        await it.press(*first, "x")
        assert [type(command) for command in it.handle.sent] == [TripHardStop]


# --- reset ---------------------------------------------------------------------------------------------------------------


async def test_a_refused_reset_shows_why_and_needs_a_reason_and_the_word() -> None:
    async with desk(made.hard_stopped(), (80, 24)) as it:
        await it.press("r")
        text = it.flowing()
        for words in (
            "WOULD BE REFUSED",
            "1 order and 1 position are still open",
            "Does not:",
            "6 losses in a row > 5",
            "Leave it tripped",
        ):
            assert words in text
        await it.press("enter")
        assert "Say why" in it.text()
        await it.press(*"flat x", "enter")
        assert "Type OVERRIDE" in it.flowing()
        it.app.screen.query_one("#word", Input).value = "override"
        await it.press("enter")
        assert it.handle.sent == [], "capitals are meant; and letters typed into a field are not keys"
        it.app.screen.query_one("#word", Input).value = "OVERRIDE"
        await it.press("enter")
        assert it.handle.sent == [ResetHardStop(command_id="c-1", who="ada", reason="flat x", override=True)]
        assert isinstance(it.app.screen, TradingScreen)


async def test_a_reset_that_would_pass_needs_only_a_reason() -> None:
    stop = replace(made.hard_stopped().hard_stop, orders_left=0, positions_left=0, reset_refusal="")
    async with desk(made.hard_stopped(hard_stop=stop, positions=(), orders=())) as it:
        await it.press("R")
        assert isinstance(it.app.screen, ResetScreen)
        assert not it.app.screen.query_one("#word", Input).display
        await it.press(*"ok", "enter")
        assert it.handle.sent == [ResetHardStop(command_id="c-1", who="ada", reason="ok", override=False)]


async def test_a_reset_that_becomes_refused_while_asked_wants_the_word() -> None:
    stop = replace(made.hard_stopped().hard_stop, reset_refusal="")
    async with desk(made.hard_stopped(hard_stop=stop)) as it:
        await it.press("r", *"ok")
        await it.see(made.hard_stopped())
        await it.press("enter")
        assert it.handle.sent == []
        await it.press("escape")
        assert isinstance(it.app.screen, TradingScreen)


# --- leaving -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["q", "Q", "ctrl+c", "ctrl+q"])
async def test_quit_is_flat_first_and_shown(key: str) -> None:
    async with desk(made.snapshot(), (80, 24)) as it:
        await it.press(key)
        assert it.lifecycle.asked == [(0, "ada quit")]
        assert it.app.is_running, "the life cycle ends the program, not the key"
        assert isinstance(it.app.screen, ShutdownScreen)
        await it.see(made.leaving())
        text = it.flowing()
        for words in (
            "flattening 1 position",
            "1 order, 1 position",
            "12.0s to the deadline",
            "stays open at the exchange",
        ):
            assert words in text
        assert "23.4s" in text, "positions stay in sight"


async def test_a_second_q_says_what_stays_open_and_the_focus_is_on_stay() -> None:
    async with desk(made.leaving(), (80, 24), lifecycle=FakeLifecycle(exiting=True)) as it:
        await it.press("q")
        assert isinstance(it.app.screen, LeaveScreen)
        assert it.app.focused is not None
        assert it.app.focused.id == "stay"
        assert "STAYS OPEN xyz:SNDK LONG 0.012" in it.flowing()
        await it.press("enter")
        assert it.lifecycle.insisted == 0
        await it.press("ctrl+c", "right", "enter")
        assert it.lifecycle.insisted == 1
        assert it.lifecycle.asked == []


async def test_a_stop_asked_for_by_a_signal_is_shown_too() -> None:
    async with desk(made.snapshot()) as it:
        it.lifecycle.exiting = True
        await it.see()
        assert isinstance(it.app.screen, ShutdownScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, ShutdownScreen)


async def test_a_dead_terminal_leaves_in_good_order() -> None:
    async with desk(made.snapshot()) as it:
        it.app.on_terminal_dead()
        assert it.lifecycle.asked == [(ExitCode.TERMINAL_LOST, "the terminal is gone")]


# --- help, palette, notices ----------------------------------------------------------------------------------------------


async def test_help_lists_every_action_and_word() -> None:
    async with desk(made.snapshot(), (120, 180)) as it:
        await it.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        box = it.app.screen.query_one("#dialog").region
        rows = it.text().splitlines()[box.y : box.bottom]
        text = " ".join(" ".join(row[box.x + 1 : box.right - 1] for row in rows).split())
        for action in OPERATOR_ACTIONS:
            assert (action.title in text) is action.exists(it.app.look())
            assert (action.help in text) is action.exists(it.app.look())
        assert [word for word, _ in WORDS if word not in text] == []
        await it.press("q")
        assert isinstance(it.app.screen, TradingScreen)
        assert it.lifecycle.asked == []


async def test_the_key_bar_shows_every_action_when_there_is_room() -> None:
    async with desk(made.snapshot(), (130, 30)) as it:
        bar = it.text().splitlines()[-1]
        assert [a.id for a in OPERATOR_ACTIONS if a.label and f" {DEFAULT_KEYMAP.name(a.id)} " not in bar] == []


async def test_the_palette_offers_every_action_and_runs_it() -> None:
    async with desk(made.snapshot()) as it:
        offered = {command.title for command in it.app.get_system_commands(it.app.screen)}
        names = {a: DEFAULT_KEYMAP.name(a.id) for a in OPERATOR_ACTIONS if a.in_palette and a.exists(it.app.look())}
        assert offered == {f"{a.title} ({key})" if key else a.title for a, key in names.items()}
        await it.press("ctrl+p")
        await it.pilot.press(*"hard stop now")
        await it.pilot.pause(0.3)
        await it.press("enter")
        assert [type(command) for command in it.handle.sent] == [TripHardStop]


async def test_keys_of_the_table_do_not_collide() -> None:
    keys = [key for action in OPERATOR_ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


async def test_the_answer_to_a_command_is_a_toast() -> None:
    async with desk(made.snapshot()) as it:
        await it.press("f")
        await it.see(
            made.snapshot(audit=(*made.trail(), made.audit(9, "accepted: flatten 1 position", command_id="c-1")))
        )
        assert "Flatten all: accepted: flatten 1 position" in it.toasts


async def test_a_hard_stop_rings_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    async with desk(made.snapshot()) as it:
        monkeypatch.setattr(it.app, "bell", lambda: rung.append(1))
        await it.see(made.hard_stopped())
        await it.see()
        assert rung == [1]
        assert it.toasts == [], "the banner says it, and a toast would hide a part of the screen"


async def test_a_hard_stop_behind_a_dialog_is_a_toast() -> None:
    async with desk(made.snapshot()) as it:
        await it.press("question_mark")
        await it.see(made.hard_stopped())
        assert "HARD STOP: 6 losses in a row > 5" in it.toasts

"""The console: looks at the engine's newest snapshot several times a second, and sends the operator's commands.

It keeps nothing about trading, calls nothing of the engine but its handle, and never waits for it. Rules that are easy to get wrong: while the
terminal is stalled it does no work at all; quitting goes through the life cycle, never straight to `exit`, so that the engine gets flat first.

DESIGN "One key press" and "Hosting", SPEC 11.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingsMap
from textual.notifications import SeverityLevel
from textual.screen import Screen

from core.config_console import ConsoleConfig
from core.messages.commands import AnyCommand
from core.messages.effects import Severity
from core.messages.exit_codes import ExitCode
from core.messages.handle import EngineHandle, LifecycleHandle
from core.messages.snapshot import Snapshot
from core.messages.view import only_brakes
from hip3_tui import format as f
from hip3_tui import gc_policy, glyphs
from hip3_tui.attention import Attention
from hip3_tui.console import NOTHING_BESIDE, Follows, Outside, names_of
from hip3_tui.deeds import Deeds
from hip3_tui.drill_clock import drill_now
from hip3_tui.keymap import Keymap
from hip3_tui.notices import Notice, Notices
from hip3_tui.operator_action import OperatorAction
from hip3_tui.operator_actions import ACTIONS, DEFAULT_KEYMAP, OPERATOR_ACTIONS
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.picture import Picture, Window
from hip3_tui.previews import told
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.dialog import Dialog
from hip3_tui.screens.room import Room
from hip3_tui.screens.shutdown import LeaveScreen, ShutdownScreen
from hip3_tui.screens.trading import TradingScreen
from hip3_tui.themes import THEMES

_AS_SHIPPED = ConsoleConfig()
_TOAST_S = 6.0
_ALARM_TOAST_S = 8.0
"""The banner stays for as long as it is true; a toast tells it only to those who cannot see the banner, behind a dialog."""
_SEVERITY: dict[Severity, SeverityLevel] = {
    Severity.INFO: "information",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "error",
}


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def bindings(keymap: Keymap) -> BindingsMap:
    """One binding for each key of the table. Those of ``in_text`` with Ctrl act before any text field sees them."""
    return BindingsMap(
        Binding(
            key,
            f"operate('{action.id}')",
            action.title,
            show=False,
            priority=action.in_text and key.startswith("ctrl+"),
        )
        for action in OPERATOR_ACTIONS
        for key in keymap.keys(action.id)
    )


class ConsoleApp(App[int], inherit_bindings=False):
    """The operator's screen over one engine.

    Args:
        handle: The engine, as the console may see it.
        lifecycle: The one way out of the program.
        outside: What else a screen may use: files, the journal.
        settings: Of the screen itself.
        keymap: The operator's keys; ours if there are none.
        who: The operator's name, written into every command.
        clock: Milliseconds that never go back. Only differences count, so that a step of the wall clock ages nothing.
        own_gc: Take Python's garbage collection into our hands after the first frame. For the real program; not for tests.
        on_first_frame: Told once, when it is painted.
        on_crash: Told of an exception that takes the console down, before it goes; whoever is told sees to what the operator has then. None:
            the crash is the end of the program.
    """

    CSS_PATH = "console.tcss"
    TITLE = "hip3-tui"
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self,
        handle: EngineHandle,
        lifecycle: LifecycleHandle,
        *,
        outside: Outside = NOTHING_BESIDE,
        settings: ConsoleConfig = _AS_SHIPPED,
        keymap: Keymap | None = None,
        who: str = "operator",
        clock: Callable[[], int] = _monotonic_ms,
        own_gc: bool = True,
        on_first_frame: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] | None = None,
        **textual: Any,
    ) -> None:
        self.plain_glyphs = glyphs.table(settings.glyphs, os.environ)  # for the driver, which is made with the app
        super().__init__(**textual)
        self._handle = handle
        self._lifecycle = lifecycle
        self._outside = outside
        self._given = names_of(outside)
        self._settings = settings
        self._keymap_of_operator = keymap or DEFAULT_KEYMAP
        self._bindings = bindings(self._keymap_of_operator)
        self._who = who
        self._clock = clock
        self._own_gc = own_gc
        self._on_first_frame = on_first_frame
        self._on_crash = on_crash
        self._commands_sent = 0
        self._deeds = Deeds(self)
        self._notices = Notices()
        self._attention = Attention(os.environ, title=settings.title, desktop=settings.desktop)
        self._trading: TradingScreen | None = None
        self._seen: Snapshot | None = None
        self._seen_at_ms = 0
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES[settings.theme].name
        self.animation_level = "none"  # nothing moves on this screen but the numbers

    # --- life --------------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        self._trading = TradingScreen(self.look(), self._reshow)
        return self._trading

    def on_mount(self) -> None:
        self._to_terminal(self._attention.begin())
        self.set_interval(1 / self._settings.refresh_hz, self.refresh_picture)
        if self._outside.preflight is not None:
            self._show_preflight()
        self.call_after_refresh(self._first_frame)

    def _show_preflight(self) -> None:
        from hip3_tui.screens.preflight import PreflightScreen  # where nothing waits, nothing is loaded

        self.push_screen(PreflightScreen(self.look(), self, self._who))

    def _first_frame(self) -> None:
        self._on_first_frame()
        if self._outside.greeted is not None:
            self.push_screen(self._screen("greeting:GreetingScreen", self.look()))
        if self._own_gc:
            gc_policy.start()
            self.set_interval(gc_policy.COLLECT_EVERY_S, gc_policy.collect)

    def on_unmount(self) -> None:
        """However the screen went down: the engine gets flat, whether or not anything here still returns. Unless it crashed: then a bare
        screen takes its place."""
        self._to_terminal(self._attention.end())
        if self._exception is None or self._on_crash is None:
            self._lifecycle.begin_exit(self.return_code or ExitCode.OK, "the console ended")

    def _fatal_error(self) -> None:
        """Textual's own prints a traceback with the values of every variable, which takes seconds. Here the exception goes to who can do
        something with it, and the screen goes down at once."""
        if self._on_crash is None:
            super()._fatal_error()
            return
        assert self._exception is not None, "Textual notes the exception before it calls this"
        self._on_crash(self._exception)
        self._close_messages_no_wait()

    def repaint_all(self) -> None:
        """Draw everything again: the terminal lost what it had. Called on the app's loop."""
        if self._trading is not None:
            self._attention.again()
            self.refresh_picture()
            self.screen.refresh(layout=True)

    def on_terminal_dead(self) -> None:
        """Nobody can see or press anything any more: leave, in good order. Called on the app's loop."""
        self._lifecycle.begin_exit(ExitCode.TERMINAL_LOST, "the terminal is gone")

    # --- looking -----------------------------------------------------------------------------------------------------

    def look(self) -> Picture:
        # The end is read before the snapshot: the last snapshot of an orderly end is then never missed.
        error, is_done = self._handle.error, self._handle.is_done
        snapshot, now_ms = self._handle.latest, self._clock()
        if snapshot is not self._seen:
            self._seen, self._seen_at_ms = snapshot, now_ms
        if snapshot is not None:  # from here on in engine time, as far as we have seen it go on
            now_ms = snapshot.at_ms + now_ms - self._seen_at_ms
        window = (
            None if self._outside.window is None else Window(self._outside.window.may_brake, self._outside.window.note)
        )
        selected = None if self._trading is None else self._trading.selected
        return Picture(
            snapshot,
            now_ms,
            error,
            is_done,
            selected,
            self._keymap_of_operator,
            beside=self._given,
            drill=None if self._outside.drill is None else drill_now(self._outside.drill),
            window=window,
            run=self._outside.run,
        )

    def refresh_picture(self) -> None:
        """The beat: newest picture to every screen. Nothing at all while the terminal does not take output."""
        if getattr(self._driver, "stalled", False):
            return
        picture = self.look()
        assert self._trading is not None, "the timer starts after the screen"
        self._trading.show(picture)
        for screen in self.screen_stack:
            if screen is not self._trading and isinstance(screen, Follows):
                screen.show(picture)
        for notice in self._notices.of(picture, self._clock()):
            self._tell(notice)
        self._to_terminal(self._attention.title(picture))
        if self._is_leaving(picture):
            self._show_leaving(picture)

    def _reshow(self) -> None:
        """Something of the console itself changed: the row that is chosen."""
        if self._trading is not None and self._trading.is_mounted:
            self._trading.show(self.look())

    def _tell(self, notice: Notice) -> None:
        words = f.harmless(f"{notice.title}: {notice.text}")
        if notice.bell and self._settings.bell:
            self.bell()
        if notice.severity is Severity.CRITICAL:
            self._to_terminal(self._attention.critical(words))
        if not (self._settings.toasts or notice.asked) or (notice.in_banner and not self._banner_is_covered):
            return
        timeout = _ALARM_TOAST_S if notice.severity is Severity.CRITICAL else _TOAST_S
        # In one line and without a title of its own: a toast covers part of the lists.
        self.notify(words, severity=_SEVERITY[notice.severity], timeout=timeout, markup=False)

    def _to_terminal(self, sequence: str) -> None:
        """Through the driver, which never blocks and drops what nobody reads."""
        if sequence and self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    @property
    def _banner_is_covered(self) -> bool:
        """By any dialog but that of leaving, which stays at the bottom."""
        return isinstance(self.screen, Dialog) and not isinstance(self.screen, ShutdownScreen)

    # --- acting ------------------------------------------------------------------------------------------------------

    def action_operate(self, action_id: str) -> None:
        """Do what a key, a click or the palette asks for."""
        action = ACTIONS[action_id]
        picture = self.look()
        if not action.exists(picture):
            return
        if reason := action.refusal(picture):
            self.say(reason, title=action.title_for(picture))
        elif action.screen:
            self._open(self._screen(action.screen, picture))
        elif action.does:
            self._do(action)
        elif action.asks and picture.asks_first:
            self.push_screen(ConfirmScreen(action, picture), lambda go: self._command(action, picture) if go else None)
        else:
            self._command(action, picture)
            if action.preview is not None and (sent := told(action.preview(picture))):
                self.say(sent, title=action.title_for(picture))

    async def action_quit(self) -> None:
        """Textual's own way out, taken over: flat first."""
        self.action_operate("quit")

    def on_key_bar_chosen(self, event: KeyBar.Chosen) -> None:
        self.action_operate(event.action.id)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        picture = self.look()
        for action in OPERATOR_ACTIONS:
            if action.in_palette and action.exists(picture):
                key = self._keymap_of_operator.name(action.id)
                title = action.title_for(picture) + (f" ({key})" if key else "")
                yield SystemCommand(title, action.help, lambda i=action.id: self.action_operate(i))

    def _command(self, action: OperatorAction, picture: Picture) -> None:
        """``picture`` is that of the key press: what was selected then is meant, whatever is selected now."""
        make = action.command
        assert make is not None, f"{action.id} sends nothing"
        self.send(lambda command_id, who: make(picture, command_id, who), action.title_for(picture))

    def _screen(self, where: str, picture: Picture) -> Screen[Any]:
        file, name = where.split(":")
        screen = getattr(importlib.import_module(f"hip3_tui.screens.{file}"), name)(picture, self)
        assert isinstance(screen, Screen), f"{where} is no screen"
        return screen

    def _open(self, screen: Screen[Any]) -> None:
        """On top; but one room takes the place of another, so that one Escape leads back to the main screen."""
        if isinstance(screen, Room) and isinstance(self.screen, Room):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def _do(self, action: OperatorAction) -> None:
        for doer in (self.screen, self, self._deeds):
            deed = getattr(doer, f"do_{action.does}", None)
            if deed is not None:
                deed()
                return
        self.say("Not on this screen.", title=action.title)

    # --- what a screen may ask (see console.Console) -----------------------------------------------------------------

    @property
    def trading(self) -> TradingScreen:
        assert self._trading is not None, "asked before the first screen"
        return self._trading

    @property
    def outside(self) -> Outside:
        return self._outside

    def lend(self, more: Mapping[str, Any]) -> None:
        """Fields of `Outside` that were not known when the console was made. Before it runs."""
        self._outside = dataclasses.replace(self._outside, **more)
        self._given = names_of(self._outside)

    def send(self, make: Callable[[str, str], AnyCommand], title: str) -> str:
        self._commands_sent += 1
        window = self._outside.window
        command_id = f"{'c' if window is None else window.name}-{self._commands_sent}"
        command = make(command_id, self._who)
        if window is not None and not (window.may_brake and only_brakes(command)):
            self.say("This window may not do that. Act at the console itself.", title=title, warn=True)
            return command_id
        self._handle.send(command)
        self._notices.expect(command_id, title, self._clock())
        return command_id

    def say(self, words: str, *, title: str = "", warn: bool = False) -> None:
        # In one line and without a title of its own: a toast covers part of the lists.
        told = f.harmless(f"{title}: {words}" if title else words)
        self.notify(told, severity="warning" if warn else "information", timeout=_TOAST_S, markup=False)

    def operate(self, action_id: str) -> None:
        self.action_operate(action_id)

    def copy(self, words: str, what: str) -> None:
        self.copy_to_clipboard(words)
        self.say(f"{what} {words}: sent to the clipboard of your terminal")

    # --- deeds -------------------------------------------------------------------------------------------------------

    def do_quit(self) -> None:
        self._quit(self.look())

    def do_palette(self) -> None:
        self.action_command_palette()

    # --- leaving -----------------------------------------------------------------------------------------------------

    def _quit(self, picture: Picture) -> None:
        """The first time: flat first. Again: the operator is told what stays open, and may insist."""
        if self._outside.window is not None:
            self._lifecycle.begin_exit(ExitCode.OK, "the window was closed")
        elif not self._lifecycle.exiting:
            self._lifecycle.begin_exit(0, f"{self._who} quit")
            self._show_leaving(picture)
        elif not isinstance(self.screen, LeaveScreen):
            self.push_screen(LeaveScreen(picture), lambda go: self._lifecycle.insist() if go else None)

    def _is_leaving(self, picture: Picture) -> bool:
        return (self._lifecycle.exiting and self._outside.window is None) or (
            picture.snapshot is not None and picture.snapshot.shutdown is not None
        )

    def _show_leaving(self, picture: Picture) -> None:
        if any(isinstance(screen, ShutdownScreen) for screen in self.screen_stack):
            return
        self.push_screen(ShutdownScreen(picture))

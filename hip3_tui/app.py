"""The console: looks at the engine's newest snapshot several times a second, and sends the operator's commands.

It keeps nothing about trading, calls nothing of the engine but its handle, and never waits for it. Rules that are easy to get wrong: while the
terminal is stalled it does no work at all; quitting goes through the life cycle, never straight to `exit`, so that the engine gets flat first.

DESIGN "One key press" and "Hosting", SPEC 11.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from core.messages.commands import ResetHardStop
from core.messages.effects import Severity
from core.messages.exit_codes import ExitCode
from core.messages.handle import EngineHandle, LifecycleHandle
from core.messages.snapshot import Snapshot
from hip3_tui import gc_policy
from hip3_tui.notices import Notice, Notices
from hip3_tui.operator_actions import ACTIONS, OPERATOR_ACTIONS, Opens, OperatorAction
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.picture import MAINNET, Picture
from hip3_tui.screens.confirm import ConfirmScreen
from hip3_tui.screens.dialog import Dialog
from hip3_tui.screens.help import HelpScreen
from hip3_tui.screens.reset import ResetRequest, ResetScreen
from hip3_tui.screens.shutdown import LeaveScreen, ShutdownScreen
from hip3_tui.screens.trading import TradingScreen
from hip3_tui.themes import NIGHT

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


def _bindings() -> list[BindingType]:
    """One binding for each key of the table. Keys of ``priority`` act before any text field sees them."""
    bindings: list[BindingType] = []
    for action in OPERATOR_ACTIONS:
        for key in action.keys:
            bindings.append(
                Binding(key, f"operate('{action.id}')", action.title, show=False, priority=key in action.priority)
            )
    return bindings


class ConsoleApp(App[int], inherit_bindings=False):
    """The operator's screen over one engine.

    Args:
        handle: The engine, as the console may see it.
        lifecycle: The one way out of the program.
        refresh_hz: How often the newest snapshot is drawn.
        who: The operator's name, written into every command.
        clock: Milliseconds that never go back. Only differences count, so that a step of the wall clock ages nothing.
        own_gc: Take Python's garbage collection into our hands after the first frame. For the real program; not for tests.
        on_first_frame: Told once, when it is painted.
        on_crash: Told of an exception that takes the console down, before it goes; whoever is told sees to what the operator has then. None:
            the crash is the end of the program.
    """

    CSS_PATH = "console.tcss"
    TITLE = "hip3-tui"
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self,
        handle: EngineHandle,
        lifecycle: LifecycleHandle,
        *,
        refresh_hz: int = 4,
        who: str = "operator",
        clock: Callable[[], int] = _monotonic_ms,
        own_gc: bool = True,
        on_first_frame: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] | None = None,
        **textual: Any,
    ) -> None:
        super().__init__(**textual)
        assert 1 <= refresh_hz <= 30, f"refresh_hz {refresh_hz}: 1 to 30"
        self._handle = handle
        self._lifecycle = lifecycle
        self._refresh_hz = refresh_hz
        self._who = who
        self._clock = clock
        self._own_gc = own_gc
        self._on_first_frame = on_first_frame
        self._on_crash = on_crash
        self._commands_sent = 0
        self._notices = Notices()
        self._trading: TradingScreen | None = None
        self._seen: Snapshot | None = None
        self._seen_at_ms = 0
        self.register_theme(NIGHT)
        self.theme = NIGHT.name
        self.animation_level = "none"  # nothing moves on this screen but the numbers

    # --- life --------------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        self._trading = TradingScreen(self.look())
        return self._trading

    def on_mount(self) -> None:
        self.set_interval(1 / self._refresh_hz, self.refresh_picture)
        self.call_after_refresh(self._first_frame)

    def _first_frame(self) -> None:
        self._on_first_frame()
        if self._own_gc:
            gc_policy.start()
            self.set_interval(gc_policy.COLLECT_EVERY_S, gc_policy.collect)

    def on_unmount(self) -> None:
        """However the screen went down: the engine gets flat, whether or not anything here still returns. Unless it crashed: then a bare
        screen takes its place."""
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
        return Picture(snapshot, now_ms, error, is_done)

    def refresh_picture(self) -> None:
        """The beat: newest picture to every screen. Nothing at all while the terminal does not take output."""
        if getattr(self._driver, "stalled", False):
            return
        picture = self.look()
        assert self._trading is not None, "the timer starts after the screen"
        self._trading.show(picture)
        for screen in self.screen_stack:
            if isinstance(screen, Dialog):
                screen.show(picture)
        for notice in self._notices.of(picture, self._clock()):
            self._tell(notice)
        if self._is_leaving(picture):
            self._show_leaving(picture)

    def _tell(self, notice: Notice) -> None:
        if notice.bell:
            self.bell()
        if notice.in_banner and not self._banner_is_covered:
            return
        timeout = _ALARM_TOAST_S if notice.severity is Severity.CRITICAL else _TOAST_S
        # In one line and without a title of its own: a toast covers part of the lists.
        words = f"{notice.title}: {notice.text}"
        self.notify(words, severity=_SEVERITY[notice.severity], timeout=timeout, markup=False)

    @property
    def _banner_is_covered(self) -> bool:
        """By any dialog but that of leaving, which stays at the bottom."""
        return isinstance(self.screen, Dialog) and not isinstance(self.screen, ShutdownScreen)

    # --- acting ------------------------------------------------------------------------------------------------------

    def action_operate(self, action_id: str) -> None:
        """Do what a key, a click or the palette asks for."""
        action = ACTIONS[action_id]
        picture = self.look()
        if reason := action.unavailable(picture):
            self.notify(reason, title=action.title, timeout=_TOAST_S, markup=False)
        elif action.opens is not None:
            self._open(action.opens, picture)
        elif action.asks_on_mainnet and picture.snapshot is not None and picture.snapshot.run.rules == MAINNET:
            self.push_screen(ConfirmScreen(action, picture), lambda go: self._send(action) if go else None)
        else:
            self._send(action)

    async def action_quit(self) -> None:
        """Textual's own way out, taken over: flat first."""
        self.action_operate("quit")

    def on_key_bar_chosen(self, event: KeyBar.Chosen) -> None:
        self.action_operate(event.action.id)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for action in OPERATOR_ACTIONS:
            if action.opens is not Opens.PALETTE:
                yield SystemCommand(
                    f"{action.title} ({action.key})", action.help, lambda i=action.id: self.action_operate(i)
                )

    def _send(self, action: OperatorAction) -> None:
        assert action.command is not None, f"{action.id} sends nothing"
        command_id = self._next_command_id()
        self._handle.send(action.command(self.look(), command_id, self._who))
        self._notices.expect(command_id, action.title, self._clock())

    def _next_command_id(self) -> str:
        self._commands_sent += 1
        return f"c-{self._commands_sent}"

    def _open(self, what: Opens, picture: Picture) -> None:
        match what:
            case Opens.QUIT:
                self._quit(picture)
            case Opens.RESET_DIALOG:
                self.push_screen(ResetScreen(picture), self._reset)
            case Opens.HELP:
                self.push_screen(HelpScreen(picture))
            case Opens.PALETTE:
                self.action_command_palette()
            case Opens.NEXT_VIEW:
                assert self._trading is not None, "keys act after the screen is there"
                if not self._trading.next_view():
                    self.notify(
                        "Every list is on the screen already.", title=ACTIONS["next_view"].title, timeout=_TOAST_S
                    )

    def _reset(self, request: ResetRequest | None) -> None:
        if request is None:
            return
        command_id = self._next_command_id()
        self._handle.send(
            ResetHardStop(command_id=command_id, who=self._who, reason=request.reason, override=request.override)
        )
        self._notices.expect(command_id, ACTIONS["reset"].title, self._clock())

    # --- leaving -----------------------------------------------------------------------------------------------------

    def _quit(self, picture: Picture) -> None:
        """The first time: flat first. Again: the operator is told what stays open, and may insist."""
        if not self._lifecycle.exiting:
            self._lifecycle.begin_exit(0, f"{self._who} quit")
            self._show_leaving(picture)
        elif not isinstance(self.screen, LeaveScreen):
            self.push_screen(LeaveScreen(picture), lambda go: self._lifecycle.insist() if go else None)

    def _is_leaving(self, picture: Picture) -> bool:
        return self._lifecycle.exiting or (picture.snapshot is not None and picture.snapshot.shutdown is not None)

    def _show_leaving(self, picture: Picture) -> None:
        if any(isinstance(screen, ShutdownScreen) for screen in self.screen_stack):
            return
        self.push_screen(ShutdownScreen(picture))

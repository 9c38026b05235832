"""The simulator's room: let something go wrong at our own exchange, and see on the same screen what the engine makes of it.

Asks the exchange through `SimulatorHandle` in a thread of its own. Rule that is easy to get wrong: there is no such room on any other network
(operator_actions), and the handle refuses there too.

SPEC 11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable, Input, Static

from core.messages.simulator import FaultInfo, FaultInForce, SimulatorHandle
from hip3_tui import format as f
from hip3_tui.console import Console
from hip3_tui.panes.live_lines import Line, join, text
from hip3_tui.panes.picture import Picture
from hip3_tui.screens.room import Room, failure
from hip3_tui.screens.room_table import RoomTable, Shape

JUMP_BPS = 100
"""Beyond fee, slippage and the edge asked for, so that a jump makes a signal."""
_LOOK_EVERY_MS = 1_000
_SETTINGS_LINES = 4


class SimulatorScreen(Room):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "drop", show=False),
        Binding("2", f"jump({JUMP_BPS})", show=False),
        Binding("3", f"jump({-JUMP_BPS})", show=False),
        Binding("4", "release", show=False),
        Binding("0", "clear", show=False),
        Binding("left", "market(-1)", show=False),
        Binding("right,l", "market(1)", show=False),
        Binding("tab", "settings", show=False),
    ]
    CLOSED_BY = ("quit", "simulator")
    NAME = "FAULTS"

    def __init__(self, picture: Picture, console: Console) -> None:
        super().__init__(picture, console)
        self._faults: tuple[FaultInfo, ...] = ()
        self._in_force: tuple[FaultInForce, ...] = ()
        self._said: tuple[str, str] = ("", "")
        self._market = 0
        self._asked_ms = 0
        self._shapes: list[Shape] = []

    # --- drawing -----------------------------------------------------------------------------------------------------

    def content(self) -> ComposeResult:
        yield RoomTable(id="faults")
        yield Static("", id="settings", markup=False)
        box = Input(placeholder="settings: key=value,key=value   (Enter: let it happen)", id="box")
        box.cursor_blink = False
        yield box

    def on_mount(self) -> None:
        super().on_mount()
        handle = self._handle
        if handle is not None:
            self._faults = handle.faults()
            self._fill()
        self.set_focus(self._table)
        self.look()

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        if self._faults:
            self._fill()

    def title_line(self) -> Line:
        coin = self._coin
        return join(
            [
                text("let something go wrong", "strong"),
                (("market ", "dim"), (f"< {coin} >" if coin else "none yet", "accent")),
            ]
        )

    def note_line(self) -> Line:
        words, style = self._said
        force = ", ".join(_told(fault, self.picture.now_ms) for fault in self._in_force)
        return join(
            [
                text(words, style) if words else (),
                (("in force: ", "dim"), (force or "nothing", "warn" if force else "dim")),
            ]
        )

    def hint(self) -> str:
        if self.size.width < 100:
            return "Enter: fault  1: drop  2/3: oracle up/down  4: let go  0: clear  Tab: settings"
        return (
            f"Enter: let it happen  Tab: settings  1: drop connections  2, 3: oracle +{JUMP_BPS}, -{JUMP_BPS} bps  "
            "4: let it go  0: clear  Esc: back"
        )

    @property
    def _table(self) -> RoomTable:
        return self.query_one("#faults", RoomTable)

    @property
    def _handle(self) -> SimulatorHandle | None:
        return self.console.outside.simulator

    @property
    def _coin(self) -> str:
        snapshot = self.picture.snapshot
        markets = () if snapshot is None else snapshot.markets
        return markets[self._market % len(markets)].market.name if markets else ""

    def _fill(self) -> None:
        width = max(20, self.size.width - 1 - 22 - 2)
        self._shapes = [Shape("FAULT", 20, False), Shape("WHAT IT DOES", width - 2, False)]
        self._table.fill(self._shapes, [[(fault.name, "strong"), (fault.says, "")] for fault in self._faults])

    def _show_settings(self) -> None:
        fault = self._chosen
        if fault is None:
            return
        width = max(40, self.size.width - 2)
        settings = ", ".join(s.name + (f"={s.default}" if s.default else "") for s in fault.settings)
        head = f"{fault.name}: {fault.says}. Strikes {'once' if fault.lasts == 'once' else fault.lasts}."
        lines = [*f.wrap(head, width), *f.wrap(f"settings: {settings}", width)][:_SETTINGS_LINES]
        self.query_one("#settings", Static).update(Content("\n".join(lines)))

    @property
    def _chosen(self) -> FaultInfo | None:
        at = self._table.cursor_row
        return self._faults[at] if 0 <= at < len(self._faults) else None

    # --- asking ------------------------------------------------------------------------------------------------------

    def followed(self) -> None:
        if self.picture.now_ms - self._asked_ms >= _LOOK_EVERY_MS:
            self.look()

    def look(self) -> None:
        """What is in force now."""
        handle = self._handle
        if handle is not None:
            self._asked_ms = self.picture.now_ms
            self.fetch(handle.in_force, self._seen, lane="look")

    def _seen(self, answer: tuple[FaultInForce, ...] | Exception) -> None:
        if isinstance(answer, Exception):
            self._said = (failure(answer), "bad")
        else:
            self._in_force = answer
        self.refresh_bars()

    def _do(self, words: str, work: Callable[[SimulatorHandle], object]) -> None:
        handle = self._handle
        if handle is None:
            return

        def done(answer: object | Exception) -> None:
            if isinstance(answer, Exception):
                self._said = (failure(answer), "bad")
            else:
                self._said = (words.format(answer), "good")
            self.look()
            self.refresh_bars()

        self.fetch(lambda: work(handle), done, lane="do")

    # --- keys --------------------------------------------------------------------------------------------------------

    def action_drop(self) -> None:
        self._do("{} connections dropped", lambda handle: handle.drop_connections())

    def action_jump(self, bps: int) -> None:
        coin = self._coin
        if coin:
            self._do(f"the oracle of {coin} is {bps:+} bps off its book", lambda handle: handle.jump_oracle(coin, bps))

    def action_release(self) -> None:
        coin = self._coin
        if coin:
            self._do(f"{coin} moves by itself again", lambda handle: handle.release(coin))

    def action_clear(self) -> None:
        self._do("every fault is cleared", lambda handle: handle.clear_faults())

    def action_market(self, by: int) -> None:
        self._market += by
        self.refresh_bars()

    def action_settings(self) -> None:
        box = self.query_one("#box", Input)
        self.set_focus(self._table if self.focused is box else box)

    def action_leave(self) -> None:
        if self.focused is self.query_one("#box", Input):
            self.set_focus(self._table)
        else:
            super().action_leave()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._show_settings()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self._strike()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._strike()

    def _strike(self) -> None:
        fault = self._chosen
        if fault is not None:
            settings = self.query_one("#box", Input).value.strip()
            with_settings = f" with {settings}" if settings else ""
            self._do(f"{fault.name}{with_settings} is on its way", lambda handle: handle.strike(fault.name, settings))


def _told(fault: FaultInForce, now_ms: int) -> str:
    left = "" if fault.left is None else f" ({fault.left} left)"
    until = "" if fault.until_ms is None else f" ({f.age(max(0, fault.until_ms - now_ms))} left)"
    return f"{fault.name}{left or until}"

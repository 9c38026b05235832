"""The main screen: all panes, each told the newest picture, and their places for this size of terminal.

SPEC 11; the places are `layout`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from hip3_tui.chosen_row import row_deed
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.alarm import AlarmPane, alarm_lines
from hip3_tui.panes.alerts import AlertsPane
from hip3_tui.panes.audit import AuditPane, Filter
from hip3_tui.panes.fills import FillsPane
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.list_pane import ListPane
from hip3_tui.panes.live_lines import LiveLines
from hip3_tui.panes.load import LoadPane
from hip3_tui.panes.markets import MarketsPane
from hip3_tui.panes.orders import OrdersPane
from hip3_tui.panes.picture import Picture, Selected
from hip3_tui.panes.positions import PositionsPane
from hip3_tui.panes.risk import RiskPane
from hip3_tui.panes.signals import SignalsPane
from hip3_tui.panes.status import StatusPane
from hip3_tui.panes.too_small import TooSmallPane
from hip3_tui.panes.trends import TrendsPane
from hip3_tui.screens.layout import VIEWS, Rect, is_full, place

_MARKETS_AT_FIRST = 7
"""Until the engine has said how many there are."""


class TradingScreen(Screen[None], inherit_bindings=False):
    AUTO_FOCUS = None

    def __init__(self, picture: Picture, reshow: Callable[[], None]) -> None:
        """
        Args:
            picture: The first one.
            reshow: Asks for a new picture after a row was chosen, since what is chosen is part of it.
        """
        super().__init__()
        self._picture = picture
        self._reshow = reshow
        self._view = 0
        self._active = ""
        """Name of the list that has the keys, empty: none."""
        self._places: dict[str, Rect] = {}
        self.audit = AuditPane(id="audit")
        self.lists: dict[str, ListPane] = {
            "positions": PositionsPane(id="positions"),
            "audit": self.audit,
            "markets": MarketsPane(id="markets"),
            "orders": OrdersPane(id="orders"),
            "fills": FillsPane(id="fills"),
        }
        self.panes: dict[str, LiveLines] = {
            "status": StatusPane(id="status"),
            "alarm": AlarmPane(id="alarm"),
            **self.lists,
            "signals": SignalsPane(id="signals"),
            "risk": RiskPane(id="risk"),
            "load": LoadPane(id="load"),
            "trends": TrendsPane(id="trends"),
            "alerts": AlertsPane(id="alerts"),
            "keys": KeyBar(id="keys"),
            "too_small": TooSmallPane(id="too_small"),
        }

    def compose(self) -> ComposeResult:
        yield from self.panes.values()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width, event.size.height)
        self._tell()

    def show(self, picture: Picture) -> None:
        self._picture = picture
        self._arrange(*self.size)
        self._tell()

    # --- the list that has the keys ----------------------------------------------------------------------------------

    @property
    def selected(self) -> Selected | None:
        """The row under the cursor."""
        pane = self.lists.get(self._active)
        if pane is None or not pane.cursor.key:
            return None
        return Selected(
            self._active, pane.cursor.key, self.audit.entry(pane.cursor.key) if pane is self.audit else None
        )

    @property
    def active(self) -> str:
        """Name of the list that has the keys; empty: none."""
        return self._active

    def activate(self, name: str) -> None:
        """Give a list the keys; on a small screen it is brought into sight. Empty: none has them."""
        if self._active != name and self._active in self.lists:
            self.lists[self._active].leave()
        self._active = name
        if name in _VIEW_NAMES and not is_full(*self.size):
            self._view = _VIEW_NAMES.index(name)
        if name in self.lists:
            self.lists[name].enter(self._picture)
        self._reshow()

    def do_next_list(self) -> None:
        self._go(1)

    def do_previous_list(self) -> None:
        self._go(-1)

    def do_leave_list(self) -> None:
        self.activate("")

    def do_down(self) -> None:
        self._move(lambda pane: pane.move(1, self._picture))

    def do_up(self) -> None:
        self._move(lambda pane: pane.move(-1, self._picture))

    def do_half_down(self) -> None:
        self._move(lambda pane: pane.move(pane.page, self._picture))

    def do_half_up(self) -> None:
        self._move(lambda pane: pane.move(-pane.page, self._picture))

    def do_first(self) -> None:
        self._move(lambda pane: pane.to_end(self._picture, last=False))

    def do_last(self) -> None:
        self._move(lambda pane: pane.to_end(self._picture, last=True))

    def on_list_pane_chosen(self, event: ListPane.Chosen) -> None:
        name = next(name for name, pane in self.lists.items() if pane is event.pane)
        if self._active != name:
            self.activate(name)
        if event.key:
            event.pane.cursor.key = event.key
            self._reshow()
        if event.twice and self.selected is not None:
            self.app.call_later(self.app.run_action, "operate('details')")

    def do_filter(self) -> None:
        from hip3_tui.screens.audit_filter import AuditFilterScreen  # text fields, which the first frame can do without

        self.app.push_screen(AuditFilterScreen(self._picture, self.audit.filter), self._set_filter)

    def _set_filter(self, chosen: Filter | None) -> None:
        if chosen is not None:
            self.audit.filter = chosen
            self.activate("audit")

    def _move(self, how: Callable[[ListPane], None]) -> None:
        """The first press only shows where one is."""
        pane = self.lists.get(self._active)
        if pane is None:
            small = "audit" if self._active or is_full(*self.size) else _VIEW_NAMES[self._view]
            has_positions = self._picture.snapshot is not None and self._picture.snapshot.positions
            self.activate("positions" if has_positions or small not in self.lists else small)
            return
        how(pane)
        self._reshow()

    def _go(self, by: int) -> None:
        order = _FULL_ORDER if is_full(*self.size) else ("positions", *_VIEW_NAMES)
        here = self._active or ("" if is_full(*self.size) else _VIEW_NAMES[self._view])
        at = order.index(here) + by if here in order else (0 if by > 0 else -1)
        self.activate(order[at % len(order)])

    # --- places ------------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        for pane in self.panes.values():
            pane.show(self._picture)

    def _arrange(self, width: int, height: int) -> None:
        if width <= 0 or height <= 0:
            return
        snapshot = self._picture.snapshot
        markets = len(snapshot.markets) if snapshot is not None and snapshot.markets else _MARKETS_AT_FIRST
        alerts = 0 if snapshot is None else len(snapshot.alerts)
        places = place(width, height, len(alarm_lines(self._picture, width)), self._view, markets, alerts)
        self._tell_hints(is_full(width, height))
        if places == self._places:
            return
        self._places = places
        for name, pane in self.panes.items():
            rect = places.get(name)
            pane.display = rect is not None
            if rect is not None:
                pane.take_place(*rect)

    def _tell_hints(self, full: bool) -> None:
        """What the next key would show, in the key bar and, for a screen too narrow to have it there, at the list that it changes; and what
        can be done with the chosen row, at its list."""
        name = "" if full else VIEWS[(self._view + 1) % len(VIEWS)][1]
        keys = self.panes["keys"]
        assert isinstance(keys, KeyBar)
        keys.next_view = name
        for number, (pane, _, _) in enumerate(VIEWS):
            is_next = name and number == self._view
            self.panes[pane].hint = f"{key_of(self._picture, 'next_list')}: {name}" if is_next else ""
        for own, each in self.lists.items():
            each.row_hint = row_hint(self._picture, own) if own == self._active else ""


_VIEW_NAMES = tuple(name for name, _, _ in VIEWS)
_FULL_ORDER = ("positions", "markets", "orders", "audit", "fills")


def row_hint(picture: Picture, name: str) -> str:
    """``D flatten it  Enter details``"""
    deed = row_deed(picture) if name in ("positions", "orders") else ""
    details = f"{key_of(picture, 'details')} details"
    return f"{key_of(picture, 'close_row')} {deed}  {details}" if deed else details

"""The main screen: all panes, each told the newest picture, and their places for this size of terminal.

SPEC 11; the places are `layout`'s.
"""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from hip3_tui.operator_actions import key_of
from hip3_tui.panes.alarm import AlarmPane, alarm_lines
from hip3_tui.panes.audit import AuditPane
from hip3_tui.panes.fills import FillsPane
from hip3_tui.panes.key_bar import KeyBar
from hip3_tui.panes.live_lines import LiveLines
from hip3_tui.panes.load import LoadPane
from hip3_tui.panes.markets import MarketsPane
from hip3_tui.panes.orders import OrdersPane
from hip3_tui.panes.picture import Picture
from hip3_tui.panes.positions import PositionsPane
from hip3_tui.panes.risk import RiskPane
from hip3_tui.panes.signals import SignalsPane
from hip3_tui.panes.status import StatusPane
from hip3_tui.panes.too_small import TooSmallPane
from hip3_tui.screens.layout import VIEWS, Rect, is_full, place

_MARKETS_AT_FIRST = 7
"""Until the engine has said how many there are."""


class TradingScreen(Screen[None], inherit_bindings=False):
    AUTO_FOCUS = None

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._view = 0
        self._places: dict[str, Rect] = {}
        self.panes: dict[str, LiveLines] = {
            "status": StatusPane(id="status"),
            "alarm": AlarmPane(id="alarm"),
            "positions": PositionsPane(id="positions"),
            "signals": SignalsPane(id="signals"),
            "risk": RiskPane(id="risk"),
            "markets": MarketsPane(id="markets"),
            "orders": OrdersPane(id="orders"),
            "audit": AuditPane(id="audit"),
            "load": LoadPane(id="load"),
            "fills": FillsPane(id="fills"),
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

    def do_next_list(self) -> None:
        """On a small screen, begin the lists with the next one."""
        if is_full(*self.size):
            return
        self._view = (self._view + 1) % len(VIEWS)
        self.show(self._picture)

    def _tell(self) -> None:
        for pane in self.panes.values():
            pane.show(self._picture)

    def _arrange(self, width: int, height: int) -> None:
        if width <= 0 or height <= 0:
            return
        snapshot = self._picture.snapshot
        markets = len(snapshot.markets) if snapshot is not None and snapshot.markets else _MARKETS_AT_FIRST
        places = place(width, height, len(alarm_lines(self._picture, width)), self._view, markets)
        self._name_next_view(is_full(width, height))
        if places == self._places:
            return
        self._places = places
        for name, pane in self.panes.items():
            rect = places.get(name)
            pane.display = rect is not None
            if rect is not None:
                pane.take_place(*rect)

    def _name_next_view(self, full: bool) -> None:
        """In the key bar, and at the list that the key changes, for a screen too narrow to have it in the key bar."""
        name = "" if full else VIEWS[(self._view + 1) % len(VIEWS)][1]
        keys = self.panes["keys"]
        assert isinstance(keys, KeyBar)
        keys.next_view = name
        for number, (pane, _, _) in enumerate(VIEWS):
            self.panes[pane].hint = (
                f"{key_of(self._picture, 'next_list')}: {name}" if name and number == self._view else ""
            )

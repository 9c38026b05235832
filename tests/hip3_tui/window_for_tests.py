"""A window as the browser server starts it, without anything to look at: shows its keys and its size. Run by test_browser.py."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

from hip3_tui.web_driver import WindowDriver


class Window(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("nothing pressed", id="said")

    def on_key(self, event: events.Key) -> None:
        self.query_one(Static).update(f"pressed {event.key} in {self.size.width}x{self.size.height}")


if __name__ == "__main__":
    Window(driver_class=WindowDriver).run()

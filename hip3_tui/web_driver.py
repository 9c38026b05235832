"""The driver of a window in a browser: textual-serve's own, and the window ends when its server is gone.

Easy to get wrong: the server may be killed, and then nobody says goodbye; what is left is the end of our standard input.

SPEC 11.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual.drivers.web_driver import WebDriver


class WindowDriver(WebDriver):
    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._key_thread.daemon = True

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            with suppress(RuntimeError):  # the app's loop has ended
                self._loop.call_soon_threadsafe(self._app.exit, None, 0)

"""What an action does to the console itself, beside moving about: theme, clipboard, files.

Never waits for a disk: files are written in a thread that nobody waits for, and what came of it is told. Easy to get wrong: the picture for a
screenshot is taken on the app's loop, where nothing else draws, and turned into a file elsewhere.

SPEC 11.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hip3_tui import keeping
from hip3_tui.chosen_row import chosen_row, ids_of
from hip3_tui.themes import THEMES, after

if TYPE_CHECKING:
    from hip3_tui.app import ConsoleApp


class Deeds:
    """Each ``do_...`` is what the table of actions calls by that name."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app

    def do_theme(self) -> None:
        now = next(name for name, theme in THEMES.items() if theme.name == self._app.theme)
        self._app.theme = THEMES[after(now)].name
        self._app.say(after(now), title="Theme")

    def do_copy(self) -> None:
        row = chosen_row(self._app.look())
        if row is not None and (ids := ids_of(row)):
            self._app.copy(ids[0][1], ids[0][0])

    def do_export(self) -> None:
        """The list that has the keys, or all of them."""
        picture, trading = self._app.look(), self._app.trading
        if picture.snapshot is None:
            self._app.say("The engine has not reported yet: there is nothing to export.", title="Export")
            return
        at_ms = picture.snapshot.at_ms
        found = keeping.tables(picture.snapshot, trading.audit.entries())
        wanted = {"fills": ("fills", "trades")}.get(trading.active, (trading.active,))
        chosen = [table for table in found if table.name in wanted] or found
        self._keep("Export", lambda folder: keeping.export(folder, chosen, at_ms))

    def do_screenshot(self) -> None:
        """The picture is taken here and now; turning it into a file is slow and left to a thread."""
        size, snapshot = self._app.size, self._app.look().snapshot
        at_ms = time.time_ns() // 1_000_000 if snapshot is None else snapshot.at_ms
        update = self._app.screen._compositor.render_update(full=True, screen_stack=self._app._background_screens)
        self._keep("Screenshot", lambda folder: keeping.keep_svg(folder, keeping.to_svg(update, size), at_ms))

    def _keep(self, title: str, write: Callable[[Path], str]) -> None:
        """Write something into the folder of the run, in a thread that nobody waits for."""
        folder, loop = self._app.outside.folder, self._app._loop
        if folder is None or loop is None:
            self._app.say("This run has no folder to keep files in.", title=title, warn=True)
            return

        def work() -> None:
            try:
                words, failed = write(folder), False
            except OSError as e:
                words, failed = f"not written: {e}", True
            with suppress(RuntimeError):  # the console has ended
                loop.call_soon_threadsafe(lambda: self._app.say(words, title=title, warn=failed))

        threading.Thread(target=work, name="keeping", daemon=True).start()

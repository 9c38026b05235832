"""Where the simulated exchange keeps a venue between two runs: one file, named at its start.

Writes a whole file or none. Easy to get wrong: /control may say when, never where; a client on this machine must not choose our paths.

Issue 4 part 6.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from core.sim.control import ControlError
from core.sim.exchange import Exchange
from core.sim.saved import SavedError, restore, save


class StateFile:
    """Args: path: None when no file was named; then nothing can be saved."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def save(self, exchange: Exchange) -> int:
        """Write the venue down; returns how many bytes.

        Raises:
            ControlError: No file was named, or it cannot be written.
        """
        path = self._named()
        data = save(exchange)
        fresh = path.with_name(path.name + ".new")
        try:
            with open(fresh, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as e:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise ControlError(f"save: {path}: {e.strerror}") from None
        return len(data)

    def load(self) -> Exchange:
        """The venue as it was written down.

        Raises:
            ControlError: No file was named, it cannot be read, or it is no venue of this version.
        """
        path = self._named()
        try:
            return restore(path.read_bytes())
        except OSError as e:
            raise ControlError(f"load: {path}: {e.strerror}") from None
        except SavedError as e:
            raise ControlError(f"load: {path}: {e}") from None

    def _named(self) -> Path:
        if self._path is None:
            raise ControlError("no file was named at the start: hip3-tui sim --state FILE")
        return self._path

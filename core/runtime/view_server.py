"""Shows the engine's newest snapshot to the operator's other windows, over a socket in the file system; takes their brakes, nothing else.

One daemon thread; the engine does not know of it. It costs nothing while nobody looks, and it decides nothing about trading. Easy to get wrong: a viewer
that does not read must cost the others nothing, so each has at most one frame waiting and then gets the newest; and nothing that goes wrong
here may end the program, because trading does not need to be watched from elsewhere.

SPEC 11.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import core
from core.messages.commands import AnyCommand
from core.messages.snapshot import Snapshot
from core.messages.view import MOST_COMMAND_BYTES, Frames, Greeting, ViewError, frame, read_command
from core.runtime.view_place import ViewPlace, file_beside, remove_place, socket_beside, write_place

_log = logging.getLogger(__name__)

MOST_VIEWERS = 8
"""More windows than anybody looks at; a loop that connects again and again must not take the program's descriptors."""
_LOOK_EVERY_S = 0.1
"""The engine publishes five times a second."""
_IDLE_S = 1.0
_STUCK_AFTER_LOOKS = 300
"""Looks at a viewer that has not read for half a minute: it is gone or stopped."""
_STOP_S = 1.0


class ViewServer:
    """
    Args:
        latest: The engine's newest snapshot.
        send: Hands a command to the engine.
        journal: Beside it the place is announced.
        account: Whose program it is, for those who look for it.
    """

    def __init__(
        self,
        latest: Callable[[], Snapshot | None],
        send: Callable[[AnyCommand], None],
        journal: Path,
        account: str,
    ) -> None:
        self._latest = latest
        self._send = send
        self._journal = journal
        self._account = account
        self._viewers: dict[socket.socket, _Viewer] = {}
        self._seen: Snapshot | None = None
        self._frame = b""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen and announce. What is wrong is a line in the log, and the program goes on unwatched."""
        try:
            path = socket_beside(self._journal)
            path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.setblocking(False)
            self._listener.bind(str(path))
            os.chmod(path, 0o600)
            self._listener.listen(MOST_VIEWERS)
            self._path, self._file = path, file_beside(self._journal)
            write_place(self._file, ViewPlace(os.getpid(), str(path), self._account, str(self._journal.absolute())))
        except OSError as e:
            _log.warning("no other window can look at this run: %s", e)
            return
        self._bell, self._hears_bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._hears_bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._thread.start()
        _log.info("other windows may look at this run at %s", path)

    def stop(self) -> None:
        """Show the last snapshot, end, and take the announcement back. Within a bound."""
        self._stopping.set()
        if self._thread is None:
            return
        self._bell.send(b"x")
        self._thread.join(_STOP_S)

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wait()
                self._publish()
            self._publish()
        except Exception as e:
            _log.error("other windows cannot look at this run any more: %s: %s", type(e).__name__, e)
        finally:
            for viewer in list(self._viewers.values()):
                self._drop(viewer)
            self._listener.close()
            remove_place(self._file, self._path)

    def _wait(self) -> None:
        for key, mask in self._selector.select(_LOOK_EVERY_S if self._viewers else _IDLE_S):
            if key.fileobj is self._listener:
                self._welcome()
            elif isinstance(key.data, _Viewer):
                if mask & selectors.EVENT_READ:
                    self._hear(key.data)
                if mask & selectors.EVENT_WRITE:
                    self._write(key.data)

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            theirs, _ = self._listener.accept()
            if len(self._viewers) >= MOST_VIEWERS:
                theirs.close()
                return
            theirs.setblocking(False)
            viewer = self._viewers[theirs] = _Viewer(theirs)
            viewer.waiting = frame(Greeting(core.__version__, os.getpid()))
            self._selector.register(theirs, selectors.EVENT_READ, viewer)
            self._write(viewer)

    def _publish(self) -> None:
        if not self._viewers:
            return
        latest = self._latest()
        if latest is not None and latest is not self._seen:
            self._seen, self._frame = latest, frame(latest)
        for viewer in list(self._viewers.values()):
            if viewer.waiting:
                viewer.stuck += 1
                if viewer.stuck > _STUCK_AFTER_LOOKS:
                    self._drop(viewer)
            elif self._seen is not None and viewer.seen is not self._seen:
                viewer.seen, viewer.waiting, viewer.stuck = self._seen, self._frame, 0
                self._write(viewer)

    def _write(self, viewer: _Viewer) -> None:
        try:
            sent = viewer.socket.send(viewer.waiting)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(viewer)
            return
        viewer.waiting = viewer.waiting[sent:]
        self._listen_to(viewer)

    def _hear(self, viewer: _Viewer) -> None:
        try:
            data = viewer.socket.recv(MOST_COMMAND_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._drop(viewer)
            return
        if not data:  # it will never ask for anything, and may look on
            viewer.is_mute = True
            self._listen_to(viewer)
            return
        try:
            for piece in viewer.frames.feed(data):
                command = read_command(piece)
                _log.info("another window asks for %s (%s)", type(command).__name__, command.command_id)
                self._send(command)
        except ViewError as e:
            _log.warning("another window was cut off: %s", e)
            self._drop(viewer)

    def _listen_to(self, viewer: _Viewer) -> None:
        wanted = (0 if viewer.is_mute else selectors.EVENT_READ) | (selectors.EVENT_WRITE if viewer.waiting else 0)
        known: Any = self._selector.get_map().get(viewer.socket.fileno())
        if known is not None and known.events == wanted:
            return
        if known is not None:
            self._selector.unregister(viewer.socket)
        if wanted:
            self._selector.register(viewer.socket, wanted, viewer)

    def _drop(self, viewer: _Viewer) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(viewer.socket)
        viewer.socket.close()
        self._viewers.pop(viewer.socket, None)


class _Viewer:
    """One window that looks."""

    def __init__(self, theirs: socket.socket) -> None:
        self.socket = theirs
        self.frames = Frames(MOST_COMMAND_BYTES)
        self.waiting = b""
        self.seen: Snapshot | None = None
        self.stuck = 0
        self.is_mute = False

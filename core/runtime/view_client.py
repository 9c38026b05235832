"""The engine's handle for a window beside the running program: its snapshots as they come over the socket. Implements core.messages.handle.EngineHandle and WindowHandle.

Looks for a running program, reads, and looks again when it has gone. Easy to get wrong: a window for looking alone closes its half of the
connection at once, so that nothing in this process could ask for anything, whatever a key or a mistake of ours does.

SPEC 11.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable

import core
from core.messages.commands import AnyCommand
from core.messages.snapshot import Snapshot
from core.messages.view import Frames, ViewError, frame, only_brakes, read_greeting, read_snapshot
from core.runtime.view_place import ViewPlace

_log = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.5
_SILENCE_S = 5.0
"""The program publishes several times a second; one that is stopped or hangs is looked for anew."""
_READ_BYTES = 1 << 16


class ViewClient:
    """
    Args:
        find: The running programs, the one to look at first.
        nothing: What to say while there is none.
        may_act: Keep the way back open. Without it the kernel refuses whatever this process would send.
    """

    def __init__(self, find: Callable[[], list[ViewPlace]], nothing: str, *, may_act: bool = False) -> None:
        self._find = find
        self._nothing = nothing
        self._may_act = may_act
        self._socket: socket.socket | None = None
        self._latest: Snapshot | None = None
        self._note = nothing
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._hang_up()

    # --- the engine's handle -------------------------------------------------------------------------------------------

    @property
    def latest(self) -> Snapshot | None:
        return self._latest

    @property
    def is_done(self) -> bool:
        """Whoever looks cannot know: a program that has gone may come back."""
        return self._latest is not None and self._latest.finished

    @property
    def error(self) -> str:
        return ""

    @property
    def name(self) -> str:
        return f"w{os.getpid()}"

    @property
    def may_brake(self) -> bool:
        return self._may_act

    @property
    def note(self) -> str:
        """Why there is nothing new; empty while snapshots come."""
        return self._note

    def send(self, command: AnyCommand) -> None:
        assert self._may_act, "a window for looking sends nothing"
        assert only_brakes(command), f"{type(command).__name__} is asked at the console itself"
        theirs = self._socket
        if theirs is None:
            return  # the console says that no answer came
        with contextlib.suppress(OSError):
            theirs.send(frame(command), socket.MSG_DONTWAIT)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            places = self._find()
            if places:
                self._look_at(places[0])
            else:
                self._note = self._nothing if self._latest is None else f"the console has gone; {self._nothing}"
            self._stopping.wait(LOOK_AGAIN_S)

    def _look_at(self, place: ViewPlace) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as theirs:
                theirs.settimeout(_SILENCE_S)
                theirs.connect(place.socket)
                if not self._may_act:
                    theirs.shutdown(socket.SHUT_WR)
                self._socket = theirs
                self._read(theirs)
                self._note = "the console has ended"
        except TimeoutError:
            self._note = f"the console (process {place.pid}) has not said anything for {_SILENCE_S:.0f} s"
        except ViewError as e:
            self._note = str(e)
        except OSError as e:
            self._note = f"the console (process {place.pid}) cannot be reached: {e.strerror or e}"
        finally:
            self._socket = None

    def _read(self, theirs: socket.socket) -> None:
        """Until its end."""
        frames, greeted = Frames(), False
        while data := theirs.recv(_READ_BYTES):
            pieces = frames.feed(data)
            if pieces and not greeted:
                read_greeting(pieces.pop(0), core.__version__)
                greeted = True
            if pieces:  # the newest of those that came at once
                self._latest = read_snapshot(pieces[-1])
                self._note = ""

    def _hang_up(self) -> None:
        theirs = self._socket
        if theirs is not None:
            with contextlib.suppress(OSError):
                theirs.shutdown(socket.SHUT_RDWR)

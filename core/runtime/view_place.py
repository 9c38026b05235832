"""Where a running program can be looked at: a socket of the operator's own, and a small file beside the journal that tells where it is.

Knows paths, no socket. Easy to get wrong: the name of a socket may have a hundred bytes or so, a state directory may have more, so the file
beside the journal has a fixed name and the socket may live elsewhere; and what was left by a program that was killed is nobody's.

SPEC 11.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from core.config import Config, Network
from core.runtime.heartbeat import is_process
from core.runtime.paths import state_folder

_MOST_SOCKET_BYTES = 100
"""Of a socket's path: 108 on Linux, 104 elsewhere, less the end mark."""
_SUFFIX = ".view"


class ViewPlace(Struct, frozen=True):
    """Contents of the file."""

    pid: int
    socket: str
    account: str
    journal: str = ""

    @property
    def is_alive(self) -> bool:
        return is_process(self.pid)


def file_beside(journal: Path) -> Path:
    return journal.with_suffix(_SUFFIX)


def socket_beside(journal: Path) -> Path:
    """A path for the socket that is not taken. Its folder exists and is the operator's alone."""
    path = journal.with_suffix(".sock").absolute()
    if len(os.fsencode(path)) <= _MOST_SOCKET_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="hip3-"), "view.sock")


def write_place(file: Path, place: ViewPlace) -> None:
    """In one step: a reader sees the old file or the new one."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(place))
    draft.replace(file)


def read_place(file: Path) -> ViewPlace | None:
    """None: there is none, or it says nothing that can be used."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=ViewPlace)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def remove_place(file: Path, socket: Path) -> None:
    """Ours, when we end. Another program's file of the same name is left alone."""
    place = read_place(file)
    if place is None or place.pid == os.getpid():
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        socket.unlink(missing_ok=True)
        if socket.parent.name.startswith("hip3-"):
            socket.parent.rmdir()


def find_running(config: Config, state_dir: Path | None = None) -> list[ViewPlace]:
    """The programs that run with this config's journal, account or network, the one started last first. Asks for no key."""
    found = []
    for file in _candidates(config, state_dir):
        place = read_place(file)
        if place is not None and place.is_alive:
            found.append(place)
    return found


def _candidates(config: Config, state_dir: Path | None) -> list[Path]:
    if config.journal.path is not None:
        return [file_beside(Path(config.journal.path))]
    folder = state_folder(state_dir) / config.network.value
    if config.runs_own_simulator:
        pattern = f"runs/*/journal{_SUFFIX}"
    elif config.account is not None:
        pattern = f"{config.account.address.lower()}/journal{_SUFFIX}"
    else:
        pattern = f"*/journal{_SUFFIX}"
    # By time, not by name: on a network the folders are named by account.
    return sorted(folder.glob(pattern), key=_changed, reverse=True)


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def nothing_runs(config: Config) -> str:
    """What to tell somebody who looks for a console that is not there."""
    where = "our own simulator" if config.network is Network.SIMULATOR else config.network.value
    return f"no console is running on {where} with this config; waiting for one"

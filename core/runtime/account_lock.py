"""One console per account and key: a lock file in the state directory that says who holds it.

Two programs on one key collide in their nonces, and two on one account count the same positions twice. The lock is `flock`'s, so the operating
system gives it back whatever way a program ends; what stands in the file is for the eyes of a second start: process, machine, since when.
Easy to get wrong: a file left behind is no lock. On this machine, a lock that can be taken belongs to nobody alive and is taken over, and
that is said; but a file that names another machine lies on a shared disk, where flock may not reach across: then nobody can tell from here,
and the start is refused. `stop` and `guard` never take it: they must work beside a console.

SPEC 9 (preflight); lesson L17.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from core.config import Config, ConfigError, Network
from core.runtime.paths import state_folder

_LONGEST = 300
_MAX_BYTES = 4_096
_TRIES = 5
"""A file that was unlinked between our opening and our locking is no longer the one that others look at."""


class AccountBusy(ConfigError):
    """Another program has this account or this key; the text says which one."""


class Holder(Struct, frozen=True):
    """Who holds a lock, or held it last."""

    pid: int
    host: str
    since_ms: int
    what: str
    """The program, in a word or two."""
    subject: str
    """The account or key, in words."""

    @property
    def text(self) -> str:
        try:
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.since_ms / 1000))
        except (OverflowError, ValueError, OSError):
            since = "a time that makes no sense"
        return shown(f"{self.what}, process {self.pid} on {self.host}, since {since}")


def shown(text: str) -> str:
    """On one line of bounded length: a file that others can damage is quoted here."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."


@dataclass(frozen=True)
class _Subject:
    file: str
    words: str


class AccountLock:
    """Held from `take` to `release`, or to the end of the process."""

    def __init__(self) -> None:
        self._held: list[tuple[Path, int]] = []
        self.found: list[str] = []
        """What a program that did not end in order left behind, in words."""

    @classmethod
    def take(
        cls, config: Config, account: str, signer: str, now_ms: int, *, what: str = "console", state: Path | None = None
    ) -> AccountLock:
        """Take the locks of the account and, if it is another address, of the key.

        Args:
            config: Names the network. A simulator of our own, which nobody else can reach, needs no lock.
            account: Whose orders and positions.
            signer: The key's address; empty without one.
            now_ms: For those who ask since when.
            what: The program, for those who ask who.
            state: Where state goes; default the user's own state directory.

        Raises:
            AccountBusy: Somebody has one of them.
            ConfigError: The lock file cannot be made.
        """
        lock = cls()
        try:
            for subject in _subjects(config, account, signer):
                mine = Holder(os.getpid(), socket.gethostname(), now_ms, what, subject.words)
                lock._take_one(_folder(state) / subject.file, mine)
        except BaseException:
            lock.release()
            raise
        return lock

    def release(self) -> None:
        """Give everything back, in order: nothing is left for the next start to wonder about."""
        while self._held:
            path, fd = self._held.pop()
            with contextlib.suppress(OSError):
                path.unlink()  # while it is still locked: whoever opened it meanwhile looks again
            os.close(fd)

    def _take_one(self, path: Path, mine: Holder) -> None:
        for _ in range(_TRIES):
            fd = _open(path)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read(fd)
                os.close(fd)
                raise AccountBusy(_held_by(mine, holder)) from None
            except OSError as e:
                os.close(fd)
                raise ConfigError(
                    f"lock {path}: cannot be locked: {e.strerror}; set XDG_STATE_HOME to a local disk"
                ) from None
            if not _is_still_there(path, fd):
                os.close(fd)
                continue
            before = _read(fd)
            if before is not None and before.host != mine.host:
                os.close(fd)
                raise AccountBusy(
                    f"{mine.subject} is marked as held by {before.text}: this state directory is shared between machines, and from here "
                    f"nobody can tell whether that program still runs; if it does not, remove {path}"
                )
            if before is not None:
                self.found.append(f"{mine.subject}: {before.text}, did not end in order; its lock was taken over")
            self._held.append((path, fd))
            _write(fd, mine)
            return
        raise AccountBusy(f"{mine.subject}: its lock {path} changes hands all the time; try again")


def holder_of(config: Config, account: str, signer: str, state: Path | None = None) -> Holder | None:
    """Who holds the account or the key now; None: nobody on this machine. Takes nothing.

    A file that names another machine counts as held, as in `AccountLock.take`.
    """
    for subject in _subjects(config, account, signer):
        try:
            fd = os.open(_folder(state) / subject.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(fd) or Holder(0, "this machine", 0, "a program", subject.words)
        except OSError:
            continue
        else:
            before = _read(fd)
            if before is not None and before.host != socket.gethostname():
                return before
        finally:
            os.close(fd)
    return None


def _subjects(config: Config, account: str, signer: str) -> list[_Subject]:
    if config.runs_own_simulator:
        return []
    place = config.network.value
    if config.network is Network.SIMULATOR:
        place += f"-{urlsplit(config.ws_url).port}"  # each port is an exchange of its own
    subjects = [_Subject(f"{place}-account-{account.lower()}.lock", f"account {account.lower()} on {place}")]
    if signer:
        subjects.append(_Subject(f"{place}-key-{signer.lower()}.lock", f"the key of {signer.lower()} on {place}"))
    return subjects


def _folder(state: Path | None) -> Path:
    return state_folder(state) / "locks"


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise ConfigError(
            f"lock {path}: cannot be made: {e.strerror}; set XDG_STATE_HOME to a folder of yours"
        ) from None


def _is_still_there(path: Path, fd: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(fd).st_ino
    except OSError:
        return False


def _read(fd: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(fd, _MAX_BYTES, 0), type=Holder)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None  # just made, or not ours: the lock is what counts


def _write(fd: int, holder: Holder) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(holder) + b"\n", 0)
    except OSError:
        pass  # a full disk: the lock holds all the same, it only cannot say who we are


def _held_by(mine: Holder, holder: Holder | None) -> str:
    who = holder.text if holder is not None else "a program that has not said who it is"
    return (
        f"{mine.subject} is held by {who}; two programs on one account or key would collide in their nonces and positions. "
        f"End that one first; `hip3-tui stop` works beside it"
    )

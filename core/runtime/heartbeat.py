"""The console's heartbeat: a small file beside the journal from which another process sees that the engine's loop turns; and the console's
ear for a stop from outside.

The loop does nothing but count its ticks; a small thread writes the count once a second, and looks ten times a second whether somebody
left a stop record. So a loop that hangs is a count that stands still, whatever the rest of the process does, and a slow disk holds up
nobody. Easy to get wrong: the reader must not compare clocks of two processes; a count that moves is life, and how long it has stood still
is for the reader's own clock to say.

SPEC 8, 11.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from core.config import Config
from core.messages.commands import TripHardStop
from core.messages.snapshot import RunInfo, Snapshot
from core.runtime.clock import Clock
from core.runtime.small_files import beside, read_file, replace_file
from core.runtime.stop_record import find_record, remove_record, stop_file

_log = logging.getLogger(__name__)

BEAT_EVERY_S = 1.0
LOOK_EVERY_S = 0.1
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_JOIN_WITHIN_S = 1.0


class Beat(Struct, frozen=True):
    """What the file holds."""

    pid: int
    boot_id: str
    """Of the machine's run; empty where it has none. A process id means nothing after a reboot."""
    started_ms: int
    run_id: int
    account: str
    network: str
    info_url: str
    dexes: tuple[str, ...]
    trades: bool = True
    """An observer leaves nothing behind: what lies on its account is not the console's."""
    post_timeout_ms: int = 5_000
    """For so long may an entry still arrive that was on its way when the console stopped speaking."""
    number: int = 0
    ticks: int = 0
    """Turns of the engine's loop. Moves as long as it lives."""
    at_ms: int = 0
    """The console's own time, for people."""
    latched: bool = False
    answered: str = ""
    """Id of the stop record that was taken last: latched, and the latch is on the disk."""
    ended: bool = False
    """The engine ended in order. What it said of the account: `confirmed`, `text`."""
    confirmed: bool = False
    text: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether its process may still be there. True proves nothing: it may hang, or another may have its number."""
        return self.boot_id == this_boot() and is_process(self.pid) and not _is_zombie(self.pid)


def first_beat(run: RunInfo, config: Config) -> Beat:
    """What does not change while a console runs."""
    return Beat(
        pid=os.getpid(),
        boot_id=this_boot(),
        started_ms=run.started_ms,
        run_id=run.run_id,
        account=run.account,
        network=run.network,
        info_url=config.info_url,
        dexes=config.dexes,
        trades=config.mode == "trading",
        post_timeout_ms=config.execution.post_timeout_ms,
    )


def beat_file(journal: Path) -> Path:
    return beside(journal, "heartbeat")


def read_beat(journal: Path) -> Beat | None:
    """The newest beat; None: there never was one, or it cannot be read now."""
    try:
        return read_file(beat_file(journal), Beat)
    except ValueError:
        return None


def is_process(pid: int) -> bool:
    """Whether there is one of that number. A number that a damaged file made up is none: 0 and below mean groups of them."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def this_boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _is_zombie(pid: int) -> bool:
    """Dead, and its parent has not noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


class Heart:
    """One console's heartbeat. `tick` is the loop's; the rest happens in a thread of its own."""

    def __init__(
        self,
        journal: Path,
        first: Beat,
        clock: Clock,
        *,
        latest: Callable[[], Snapshot | None],
        send: Callable[[TripHardStop], None],
        is_latch_on_disk: Callable[[], bool],
        on_look: Callable[[int], None] = lambda ticks: None,
    ) -> None:
        """
        Args:
            journal: Beside it the file is kept.
            first: Everything that does not change.
            latest: The newest snapshot.
            send: Hands a command to the engine; from another thread, never waits.
            is_latch_on_disk: Whether the latch that the snapshot shows would survive us.
            on_look: Told the count of turns, ten times a second, in our thread.
        """
        self._journal = journal
        self._beat = first
        self._clock = clock
        self._latest = latest
        self._send = send
        self._is_latch_on_disk = is_latch_on_disk
        self._on_look = on_look
        self._ticks = 0
        self._tripped = ""
        self._failed = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tick(self) -> None:
        """The loop turned."""
        self._ticks += 1

    def end(self, *, confirmed: bool, text: str) -> None:
        """The engine ended in order. Waits for the file, with a bound; without this, whoever watches takes us for dead."""
        self._beat = msgspec.structs.replace(self._beat, ended=True, confirmed=confirmed, text=text)
        self._stopping.set()
        self._thread.join(_JOIN_WITHIN_S)

    def stop(self) -> None:
        """The engine died: the file stays as it is."""
        self._stopping.set()

    # --- the thread ----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        due = 0.0
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self._on_look(self._ticks)
                answered = self._look()
                if answered or self._clock.monotonic() >= due:
                    due = self._clock.monotonic() + BEAT_EVERY_S
                    self._write()
            except Exception as e:  # whatever it is, the next beat is tried: without one the console is taken for dead
                self._complain(e)
        if self._beat.ended:
            try:
                self._write()
            except Exception as e:
                self._complain(e)

    def _complain(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            _log.error("heartbeat %s: %s: %s", beat_file(self._journal), type(error).__name__, error)

    def _look(self) -> bool:
        """Whether a stop from outside was taken just now."""
        if not stop_file(self._journal).exists():
            return False
        record = find_record(self._journal)
        if record is None:
            return False
        if self._tripped != record.id:
            self._tripped = record.id
            self._send(TripHardStop(command_id=f"stop-{record.id}", who=record.by, reason=record.reason))
        snapshot = self._latest()
        if snapshot is None or not snapshot.hard_stop.tripped or not self._is_latch_on_disk():
            return False
        if not any(entry.command_id == f"stop-{record.id}" for entry in snapshot.audit):
            return False  # latched for another reason; this stop comes with the next turn
        remove_record(self._journal, record.id)
        self._beat = msgspec.structs.replace(self._beat, answered=record.id)
        return True

    def _write(self) -> None:
        snapshot = self._latest()
        self._beat = msgspec.structs.replace(
            self._beat,
            number=self._beat.number + 1,
            ticks=self._ticks,
            at_ms=self._clock.now_ms(),
            latched=snapshot is not None and snapshot.hard_stop.tripped,
        )
        replace_file(beat_file(self._journal), self._beat, durable=False)
        self._failed = False

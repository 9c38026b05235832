"""Hostile files and frames of what runs beside the engine: heartbeat, records of guard and stop, locks, other windows.

Easy to get wrong in what is tried here: a heartbeat that cannot be read is no life and no death; a stop record that cannot be read is still a
stop; and a window does nothing but brake.
"""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from file_rooms import attempts, hurt, one_line
from hostile_input import as_bytes, spoil

from core.config import Config, ConfigError, parse_config
from core.engine.guard_watch import Life, Watch
from core.messages.commands import FlattenAll, PauseEntries, StartTrading, TripHardStop
from core.messages.view import (
    MOST_COMMAND_BYTES,
    Frames,
    Greeting,
    ViewError,
    frame,
    only_brakes,
    read_command,
    read_greeting,
    read_snapshot,
)
from core.runtime.account_lock import AccountBusy, AccountLock, holder_of
from core.runtime.guard import Handled, _seen
from core.runtime.heartbeat import Beat, beat_file, read_beat, this_boot
from core.runtime.keys import TEST_ADDRESS
from core.runtime.small_files import beside, read_file
from core.runtime.stop_record import StopRecord, find_record, stop_file
from core.runtime.view_place import ViewPlace, file_beside, find_running, read_place

NOW = 1_700_000_000_000
TEXT = """
ws_url = "ws://127.0.0.1:9/ws"
info_url = "http://127.0.0.1:9/info"
mode = "trading"
[[markets]]
coin = "xyz:SNDK"
[[markets]]
coin = "BTC"
[signer]
key_source = { type = "simulator" }
[journal]
path = "JOURNAL"
"""
BEAT = Beat(
    7, this_boot(), NOW, 1, TEST_ADDRESS, "simulator", "http://127.0.0.1:9/info", ("", "xyz"), number=3, ticks=30
)


def a_config(folder: Path) -> Config:
    return parse_config(TEXT.replace("JOURNAL", str(folder / "journal.db")), "c.toml")


def spoilt(value: Any, dice: random.Random) -> bytes:
    """A file of JSON with its values or its bytes hurt."""
    return as_bytes(spoil(msgspec.to_builtins(value), dice), dice)


# --- files -------------------------------------------------------------------------------------------------------------


def heartbeat(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """What cannot be read is nothing that was seen: the guard never acts on rubbish alone."""
    journal = folder / "journal.db"
    count: Counter[str] = Counter()
    for _ in range(cases):
        count["cases"] += 1
        beat_file(journal).write_bytes(spoilt(BEAT, dice))
        beat, watch = read_beat(journal), Watch(4_000)
        if beat is None:
            count["refused"] += 1
            assert watch.look(None, 0, NOW) is Life.NONE
            assert watch.look(None, 60_000, NOW) is Life.NONE
            continue
        count["understood"] += 1
        for at_ms in (0, 1_000, 10_000):
            count[watch.look(_seen(beat), at_ms, NOW).value] += 1
    return count


def guard_record(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    journal = folder / "journal.db"

    def attempt() -> None:
        beside(journal, "guard").write_bytes(spoilt(Handled("boot-7-1", "flat"), dice))
        assert isinstance(read_file(beside(journal, "guard"), Handled), Handled)

    return attempts(cases, (ValueError,), attempt)


def stop_record(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Whatever is in it, it is a stop."""
    journal = folder / "journal.db"
    count: Counter[str] = Counter()
    for _ in range(cases):
        stop_file(journal).write_bytes(spoilt(StopRecord("1-2", NOW, "hip3-tui stop", "emergency stop", "flat"), dice))
        record = find_record(journal)
        assert record is not None, "a stop was lost"
        assert len(record.reason) <= 300
        count["cases"] += 1
        count["refused" if record.id == "unreadable" else "understood"] += 1
    return count


def locks(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """What a dead program left in a lock's file keeps nobody out, and makes no name of a holder."""
    config = a_config(folder)
    held = AccountLock.take(config, TEST_ADDRESS, TEST_ADDRESS, NOW, state=folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    good = {path: path.read_bytes() for path in files}
    held.release()
    count: Counter[str] = Counter()
    for _ in range(cases):
        for path in files:
            data = json.loads(good[path]) if good[path].strip() else {}
            path.write_bytes(spoilt(data, dice))
        try:
            AccountLock.take(config, TEST_ADDRESS, TEST_ADDRESS, NOW, state=folder).release()
        except AccountBusy as e:  # it names another machine that shares this folder
            one_line(e)
            assert "this state directory is shared" in str(e)  # noqa: PT017
            count["of another machine"] += 1
        for path in files:
            path.write_bytes(hurt(good[path], dice))
        holder = holder_of(config, TEST_ADDRESS, TEST_ADDRESS, folder)
        assert holder is None or holder.host != socket.gethostname(), "nobody holds it"
        for path in files:
            path.write_bytes(b"")
        held = AccountLock.take(config, TEST_ADDRESS, TEST_ADDRESS, NOW, state=folder)
        for path in files:
            path.write_bytes(spoilt(json.loads(good[path]) if good[path].strip() else {}, dice))
        try:
            AccountLock.take(config, TEST_ADDRESS, TEST_ADDRESS, NOW, state=folder)
        except ConfigError as e:
            one_line(e)
            count["refused"] += 1
        held.release()
        count["cases"] += 1
        count["understood"] += 1
    return count


def view_place(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    config = a_config(folder)
    file = file_beside(folder / "journal.db")
    count: Counter[str] = Counter()
    for _ in range(cases):
        file.write_bytes(spoilt(ViewPlace(7, str(folder / "s.sock"), TEST_ADDRESS), dice))
        count["cases"] += 1
        count["refused" if read_place(file) is None else "understood"] += 1
        find_running(config, folder)
    return count


# --- other windows -------------------------------------------------------------------------------------------------------


def commands_of_windows(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Bytes from a window: brakes, or nothing."""
    asked: list[Any] = [
        FlattenAll(command_id="f"),
        TripHardStop(command_id="x", reason="r"),
        PauseEntries(command_id="p", paused=True),
        PauseEntries(command_id="p", paused=False),
        StartTrading(command_id="s", text="t"),
    ]

    def attempt() -> None:
        stream = b"".join(frame(dice.choice(asked)) for _ in range(dice.choice([1, 2, 5])))
        frames = Frames(MOST_COMMAND_BYTES)
        stream = hurt(stream, dice) if dice.random() < 0.7 else stream
        understood = 0
        while stream:
            cut = 1 + dice.randrange(40)
            for each in frames.feed(stream[:cut]):
                assert only_brakes(read_command(each)), "a window did more than brake"
                understood += 1
            stream = stream[cut:]
        if not understood:
            raise ViewError("no frame became whole")

    return attempts(cases, (ViewError,), attempt)


def snapshots_of_programs(dice: random.Random, cases: int, folder: Path) -> Counter[str]:
    """Bytes from whatever listens where a console should."""
    from engine_rig import Rig

    rig = Rig()
    rig.open_position()
    good = [frame(Greeting("1", 7)), frame(rig.snapshot())]

    def attempt() -> None:
        number = dice.randrange(2)
        data = good[number][4:]
        data = hurt(data, dice) if dice.random() < 0.8 else data
        read_greeting(data, "1") if number == 0 else read_snapshot(data)

    return attempts(cases, (ViewError,), attempt)


ROOMS: dict[str, Callable[[random.Random, int, Path], Counter[str]]] = {
    "heartbeat": heartbeat,
    "guard's record": guard_record,
    "stop record": stop_record,
    "lock records": locks,
    "place of a view": view_place,
    "windows' commands": commands_of_windows,
    "programs' snapshots": snapshots_of_programs,
}

"""A program that shows itself and windows that look at it: real sockets, one process."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import snapshots_for_tests as made

import core
from core.messages.commands import AnyCommand, FlattenAll, ResetHardStop, TripHardStop
from core.messages.snapshot import Snapshot
from core.messages.view import Frames, frame, read_greeting, read_snapshot
from core.runtime import view_server
from core.runtime.view_client import ViewClient
from core.runtime.view_place import ViewPlace, file_beside, read_place
from core.runtime.view_server import MOST_VIEWERS, ViewServer

ACCOUNT = "0x" + "ab" * 20


def until(holds: Callable[[], Any], what: str, timeout_s: float = 20.0) -> None:
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if holds():
            return
        tick.wait(0.01)
    raise AssertionError(f"not within {timeout_s} s: {what}")


class Engine:
    """What the server is told of the engine."""

    def __init__(self) -> None:
        self.latest: Snapshot | None = made.snapshot(number=1)
        self.sent: list[AnyCommand] = []


@contextmanager
def serving(tmp_path: Path) -> Iterator[tuple[Engine, ViewServer, Callable[[], list[ViewPlace]]]]:
    engine = Engine()
    journal = tmp_path / "journal.db"
    server = ViewServer(lambda: engine.latest, engine.sent.append, journal, ACCOUNT)
    server.start()

    def find() -> list[ViewPlace]:
        place = read_place(file_beside(journal))
        return [] if place is None else [place]

    try:
        yield engine, server, find
    finally:
        server.stop()


@contextmanager
def looking(find: Callable[[], list[ViewPlace]], *, may_act: bool = False) -> Iterator[ViewClient]:
    client = ViewClient(find, "no console is running", may_act=may_act)
    client.start()
    try:
        yield client
    finally:
        client.stop()


def plug(find: Callable[[], list[ViewPlace]]) -> socket.socket:
    theirs = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    theirs.settimeout(20)
    theirs.connect(find()[0].socket)
    return theirs


def test_a_window_sees_what_the_engine_shows_and_each_change_of_it(tmp_path):
    with serving(tmp_path) as (engine, _, find), looking(find) as client:
        until(lambda: client.latest == engine.latest, "the first snapshot")
        assert client.note == ""
        engine.latest = made.hard_stopped()
        until(lambda: client.latest == engine.latest, "the next one")
        assert (client.is_done, client.error) == (False, "")


def test_the_socket_and_its_announcement_are_for_the_owner_alone_and_go_with_the_program(tmp_path):
    with serving(tmp_path) as (_, _, find):
        place = find()[0]
        assert (place.pid, place.account) == (os.getpid(), ACCOUNT)
        assert stat.S_IMODE(Path(place.socket).stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_the_last_snapshot_is_seen_although_the_program_ends_at_once(tmp_path):
    with serving(tmp_path) as (engine, server, find), looking(find) as client:
        until(lambda: client.latest is not None, "the first snapshot")
        engine.latest = made.snapshot(number=99, finished=True)
        server.stop()
        until(lambda: client.is_done, "the end")
        until(lambda: "the console has gone" in client.note, "that nothing runs any more")


def test_a_window_for_looking_cannot_send_at_all(tmp_path):
    with serving(tmp_path) as (engine, _, find), looking(find) as client:
        until(lambda: client.latest is not None, "the first snapshot")
        with pytest.raises(AssertionError, match="for looking"):
            client.send(FlattenAll(command_id="w-1"))
        theirs = client._socket
        assert theirs is not None
        with pytest.raises(BrokenPipeError):
            theirs.send(frame(FlattenAll(command_id="w-1")))
        engine.latest = made.snapshot(number=2)
        until(lambda: client.latest == engine.latest, "that it looks on")
        assert engine.sent == []


def test_a_window_with_control_brakes(tmp_path):
    trip = TripHardStop(command_id="w-1", who="ada", reason="seen from the train")
    with serving(tmp_path) as (engine, _, find), looking(find, may_act=True) as client:
        until(lambda: client.latest is not None, "the first snapshot")
        client.send(trip)
        until(lambda: engine.sent == [trip], "the command")
        with pytest.raises(AssertionError, match="at the console itself"):
            client.send(ResetHardStop(command_id="w-2", reason="x"))


def test_whoever_asks_for_more_than_a_brake_is_cut_off(tmp_path):
    with serving(tmp_path) as (engine, server, find), plug(find) as theirs:
        theirs.sendall(frame(ResetHardStop(command_id="w-2", reason="x", override=True)))
        until(lambda: server.viewers == 0, "that it is cut off")
        assert engine.sent == []


def test_bytes_of_anything_cut_only_their_sender_off(tmp_path):
    with serving(tmp_path) as (engine, server, find), looking(find) as client, plug(find) as theirs:
        until(lambda: server.viewers == 2, "both")
        theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until(lambda: server.viewers == 1, "that it is cut off")
        engine.latest = made.snapshot(number=2)
        until(lambda: client.latest == engine.latest, "that the other looks on")


def test_a_window_that_does_not_read_holds_up_nobody_and_then_gets_the_newest(tmp_path):
    with serving(tmp_path) as (engine, server, find), looking(find) as client, plug(find) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        many = tuple(made.fill(n) for n in range(3_000))
        for number in range(2, 12):
            engine.latest = made.snapshot(number=number, fills=many)
            until(lambda: client.latest is engine.latest or client.latest == engine.latest, "the reader")
        until(lambda: server.viewers == 2, "that the slow one is still there")
        frames, seen = Frames(), []
        while not seen or seen[-1] != 11:
            seen += [number for data in frames.feed(slow.recv(1 << 20)) if (number := _number(data)) is not None]
        assert len(seen) < 10, "what was old by the time it read was left out"


def _number(data: bytes) -> int | None:
    try:
        read_greeting(data, core.__version__)
    except ValueError:
        return read_snapshot(data).number
    return None


def test_a_window_that_never_reads_is_dropped_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(view_server, "_STUCK_AFTER_LOOKS", 3)
    with serving(tmp_path) as (engine, server, find), plug(find) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        until(lambda: server.viewers == 1, "the window")
        engine.latest = made.snapshot(fills=tuple(made.fill(n) for n in range(9_000)))
        until(lambda: server.viewers == 0, "that it is dropped")


def test_there_is_a_bound_on_windows(tmp_path):
    with serving(tmp_path) as (engine, server, find):
        plugs = [plug(find) for _ in range(MOST_VIEWERS)]
        until(lambda: server.viewers == MOST_VIEWERS, "all")
        with plug(find) as one_more:
            assert one_more.recv(1 << 16) == b""
        for each in plugs:
            each.close()
        engine.latest = made.snapshot(number=2)
        until(lambda: server.viewers == 0, "that they are gone")


def test_a_program_of_another_version_is_told_apart(tmp_path, monkeypatch):
    with serving(tmp_path) as (_, _, find):
        monkeypatch.setattr(view_server.core, "__version__", "9.9.9")
        # Both sides read the same attribute: the greeting says 9.9.9, the window is what it was.
        monkeypatch.setattr("core.runtime.view_client.core", type("c", (), {"__version__": "0.1.0"}))
        with looking(find) as client:
            until(lambda: "they cannot be mixed" in client.note, "the complaint")
            assert client.latest is None


def test_a_window_waits_for_a_program_and_finds_the_next_one(tmp_path):
    running: list[ViewPlace] = []
    with looking(lambda: list(running)) as client:
        until(lambda: client.note == "no console is running", "that it says so")
        for number in (1, 2):
            with serving(tmp_path) as (engine, _, find):
                engine.latest = made.snapshot(number=number)
                running[:] = find()
                until(lambda engine=engine: client.latest == engine.latest, "its snapshot")
                running.clear()


def test_a_place_that_cannot_be_made_leaves_the_program_alone(tmp_path, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(view_server._log, "warning", lambda words, *_: said.append(words))
    server = ViewServer(lambda: None, lambda command: None, tmp_path / "none" / "journal.db", ACCOUNT)
    server.start()
    assert "no other window can look at this run" in said[0]
    server.stop()

"""Writing to a terminal within a bound."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from hip3_tui.terminal import RESET, PatientFile, open_unblocking, write_within


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(what the terminal reads, a non-blocking descriptor to write to)"""
    master, slave = os.openpty()
    tty.setraw(slave)
    fd = open_unblocking(slave)
    yield master, fd
    for each in (master, slave, fd):
        os.close(each)


def test_the_flag_does_not_fall_on_those_who_share_the_terminal() -> None:
    master, slave = os.openpty()
    fd = open_unblocking(slave)
    assert os.get_blocking(slave)
    assert not os.get_blocking(fd)
    for each in (master, slave, fd):
        os.close(each)


def test_only_a_terminal_can_be_opened() -> None:
    read_end, write_end = os.pipe()
    with pytest.raises(OSError, match="ioctl"):
        open_unblocking(write_end)
    os.close(read_end)
    os.close(write_end)


def test_writing_gives_up_in_time(terminal: tuple[int, int]) -> None:
    master, fd = terminal
    assert write_within(fd, b"hello", 0.1)
    assert os.read(master, 100) == b"hello"
    began = time.monotonic()
    assert not write_within(fd, b"x" * 1_000_000, 0.1)
    assert 0.1 <= time.monotonic() - began < 1.0


def test_a_patient_file_gives_up_once_for_all(terminal: tuple[int, int]) -> None:
    master, fd = terminal
    file = PatientFile(fd, 0.2, in_all=5)
    assert file.write("é") == 1
    assert os.read(master, 100) == "é".encode()
    began = time.monotonic()
    for _ in range(50):
        file.write("x" * 100_000)
    assert time.monotonic() - began < 1.0


def test_a_patient_file_is_not_held_for_ever_by_a_slow_reader(terminal: tuple[int, int]) -> None:
    master, fd = terminal
    stop = threading.Event()

    def read_slowly() -> None:
        while not stop.wait(0.01):
            os.read(master, 100)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    began = time.monotonic()
    PatientFile(fd, 10, in_all=0.5).write("x" * 1_000_000)
    took = time.monotonic() - began
    stop.set()
    reader.join()
    assert 0.4 < took < 1.5


def test_a_lost_terminal_is_no_error() -> None:
    master, slave = os.openpty()
    fd = open_unblocking(slave)
    os.close(master)
    assert not write_within(fd, RESET, 0.1)
    os.close(slave)
    os.close(fd)

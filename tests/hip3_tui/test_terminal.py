"""Writing to a terminal within a bound."""

from __future__ import annotations

import os
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


def test_a_patient_file_has_one_bound_for_everything(terminal: tuple[int, int]) -> None:
    master, fd = terminal
    file = PatientFile(fd, 0.2)
    assert file.write("é") == 1
    assert os.read(master, 100) == "é".encode()
    began = time.monotonic()
    for _ in range(50):
        file.write("x" * 100_000)
    assert time.monotonic() - began < 1.0


def test_a_lost_terminal_is_no_error() -> None:
    master, slave = os.openpty()
    fd = open_unblocking(slave)
    os.close(master)
    assert not write_within(fd, RESET, 0.1)
    os.close(slave)
    os.close(fd)

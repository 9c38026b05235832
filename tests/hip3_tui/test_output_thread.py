"""The writing thread on a bare pseudo-terminal or pipe whose other end the test holds."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator

import pytest

from hip3_tui.output_thread import BACKLOG_BYTES, RESUME, OutputThread
from hip3_tui.terminal import RESET

FRAME = "x" * 2000


class Bench:
    """One output thread; ``read_end`` is what the terminal would read."""

    def __init__(self, read_end: int, write_end: int) -> None:
        self.read_end, self.write_end = read_end, write_end
        self.drained, self.died = threading.Event(), threading.Event()
        self.drains = self.deaths = 0
        self.output = OutputThread(write_end, self._drained, self._dead)
        self.output.start()

    def _drained(self) -> None:
        self.drains += 1
        self.drained.set()

    def _dead(self) -> None:
        self.deaths += 1
        self.died.set()

    def stall(self) -> int:
        """Write without reading until it counts as stalled. Returns how many frames were accepted."""
        frames = 0
        end = time.monotonic() + 10
        while not self.output.stalled:
            assert time.monotonic() < end, "never stalled"
            self.output.write(FRAME)
            frames += 1
            self.drained.wait(0.01)
        return frames - bool(self.output.dropped_bytes)

    def read(self, until: Callable[[bytes], bool], seconds: float = 5.0) -> bytes:
        data, end = b"", time.monotonic() + seconds
        while not until(data):
            if not select.select([self.read_end], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"only {len(data)} bytes: ...{data[-100:]!r}")
            data += os.read(self.read_end, 65536)
        return data


@pytest.fixture(params=["terminal", "pipe"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "terminal":
        read_end, write_end = os.openpty()
        tty.setraw(write_end)
    else:
        read_end, write_end = os.pipe()
    b = Bench(read_end, write_end)
    yield b
    b.output.stop()
    os.close(write_end)
    if b.read_end >= 0:
        os.close(read_end)


def test_what_is_written_arrives_in_order(bench: Bench) -> None:
    for i in range(100):
        bench.output.write(f"{i} é\n")
    expected = "".join(f"{i} é\n" for i in range(100)).encode()
    assert bench.read(lambda data: len(data) >= len(expected)) == expected
    assert bench.output.dropped_bytes == 0
    assert not bench.output.stalled


def test_nobody_reads_and_writing_still_takes_no_time(bench: Bench) -> None:
    bench.stall()
    began = time.monotonic()
    for _ in range(1000):
        bench.output.write(FRAME)
    assert time.monotonic() - began < 0.5
    assert bench.output.dropped_bytes >= 1000 * len(FRAME)
    assert bench.output.stalls == 1
    assert bench.drains == 0


def test_after_a_stall_all_that_was_queued_arrives_whole_then_one_repaint_is_asked_for(bench: Bench) -> None:
    frames = bench.stall()
    for _ in range(50):
        bench.output.write("dropped")
    data = bench.read(lambda data: data.endswith(RESUME.encode()))
    assert bench.drained.wait(5)
    assert data == (FRAME * frames + RESUME).encode()
    assert not bench.output.stalled
    bench.output.write("afterwards")
    assert bench.read(lambda data: len(data) >= 10) == b"afterwards"
    assert bench.drains == 1


def test_each_stall_has_its_own_repaint(bench: Bench) -> None:
    for n in (1, 2):
        bench.drained.clear()
        bench.stall()
        bench.read(lambda data: data.endswith(RESUME.encode()))
        assert bench.drained.wait(5)
        assert (bench.output.stalls, bench.drains) == (n, n)


def test_a_link_slower_than_the_drawing_counts_as_stalled(bench: Bench) -> None:
    began = time.monotonic()
    for _ in range(BACKLOG_BYTES // len(FRAME) + 60):
        bench.output.write(FRAME)
    assert bench.output.stalled
    assert time.monotonic() - began < 0.4  # by its backlog, before the time that makes a stall has passed


def test_stopping_writes_out_what_is_queued(bench: Bench) -> None:
    bench.output.write("last words")
    bench.output.stop()
    assert not bench.output.is_alive()
    assert bench.read(lambda data: len(data) >= 10) == b"last words"
    bench.output.write("too late")
    assert not select.select([bench.read_end], [], [], 0.05)[0]


def test_stopping_a_stalled_output_is_bounded_and_resets_a_terminal(bench: Bench) -> None:
    bench.stall()
    began = time.monotonic()
    bench.output.stop()
    assert time.monotonic() - began < 1.0
    assert not bench.output.is_alive()
    if bench.output.is_terminal:
        assert bench.read(lambda data: data.endswith(RESET)).endswith(RESET)


def test_a_terminal_that_is_gone_is_told_once(bench: Bench) -> None:
    os.close(bench.read_end)
    bench.read_end = -1
    for _ in range(3):
        bench.output.write(FRAME)
    assert bench.died.wait(5)
    bench.output.write(FRAME)
    assert bench.output.dead
    assert bench.deaths == 1
    began = time.monotonic()
    bench.output.stop()
    assert time.monotonic() - began < 0.5

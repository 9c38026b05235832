"""The console's thread makes room for the engine's, and for nobody else's sake is anything changed; the engine's does not wait for its turn."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.runtime import precedence
from core.runtime.precedence import (
    SLICE_NS,
    STEPS,
    SWITCH_INTERVAL_S,
    WAKING_INTERVAL_S,
    EngineSelector,
    give_way,
    wake_at_once,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="priorities of single threads are Linux's own")


def nice_of(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def in_a_thread(work: Callable[[], Any]) -> Any:
    """A thread of its own: what was lowered stays lowered, and these tests go on in the one they are in."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def lower_and_look(times: int = 1) -> tuple[int, int]:
    before = nice_of(threading.get_native_id())
    for _ in range(times):
        give_way()
    return before, nice_of(threading.get_native_id())


@linux
def test_this_thread_alone_and_what_it_starts() -> None:
    main = nice_of(os.getpid())

    def work() -> tuple[int, int, int]:
        before, after = lower_and_look()
        return before, after, in_a_thread(lambda: nice_of(threading.get_native_id()))

    before, after, started_by_it = in_a_thread(work)
    assert after == min(19, before + STEPS)
    assert started_by_it == after
    assert nice_of(os.getpid()) == main
    assert in_a_thread(lambda: nice_of(threading.get_native_id())) == main


@linux
def test_never_beyond_the_lowest() -> None:
    _, after = in_a_thread(lambda: lower_and_look(times=9))
    assert after == 19


@linux
def test_where_it_is_refused_they_share_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    before, after = in_a_thread(lower_and_look)
    assert before == after


def test_elsewhere_the_whole_program_is_not_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(precedence.sys, "platform", "darwin")
    monkeypatch.setattr(os, "setpriority", lambda *a: asked.append(a))
    give_way()
    assert asked == []


# --- slices ---------------------------------------------------------------------------------------------------------------

_GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275}
KERNEL = tuple(int(n) for n in re.findall(r"\d+", platform.release())[:2])
has_slices = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in _GET_ATTRIBUTES or KERNEL < (6, 12),
    reason="slices of single threads came with Linux 6.12",
)


def attributes() -> precedence._Attributes:
    found = precedence._Attributes()
    size = ctypes.sizeof(found)
    assert ctypes.CDLL(None).syscall(_GET_ATTRIBUTES[platform.machine()], 0, ctypes.byref(found), size, 0) == 0
    return found


@has_slices
def test_a_thread_that_has_to_wake_at_once_has_short_slices_and_its_old_priority() -> None:
    def work() -> tuple[int, int, int]:
        give_way()
        before = attributes()
        wake_at_once()
        after = attributes()
        assert (after.policy, after.priority) == (before.policy, before.priority)
        return before.nice, after.nice, after.runtime

    before, after, slice_ns = in_a_thread(work)
    assert before == after
    assert slice_ns == SLICE_NS
    assert in_a_thread(lambda: attributes().runtime) != SLICE_NS  # nobody else's


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "riscv64")])
def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(precedence.sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("the kernel was asked"))
    wake_at_once()


# --- the interpreter ------------------------------------------------------------------------------------------------------


def test_asleep_the_engine_asks_soon_and_awake_it_keeps_the_interpreter() -> None:
    before, seen = sys.getswitchinterval(), []
    near, far = socket.socketpair()
    watching = threading.Thread(target=lambda: (seen.append(sys.getswitchinterval()), far.send(b"x")))
    with EngineSelector() as selector, near, far:
        selector.register(near, selectors.EVENT_READ)
        try:
            sys.setswitchinterval(0.05)
            ready = threading.Timer(0.05, watching.start)
            ready.start()
            assert [key.fileobj for key, _ in selector.select(30)] == [near]
            assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
            assert selector.select(0)
        finally:
            sys.setswitchinterval(before)
            ready.join()
            watching.join()
    assert seen == [pytest.approx(WAKING_INTERVAL_S)]


@pytest.mark.skipif(not hasattr(selectors, "EpollSelector"), reason="the wait of other systems has another form")
def test_the_short_time_ends_with_the_wait_itself_and_not_a_moment_later() -> None:
    """In the turn in which it was still set after it, the console took the interpreter back at once."""
    before = sys.getswitchinterval()
    seen: list[tuple[str, float]] = []
    near, far = socket.socketpair()

    def see(frame: Any, event: str, arg: Any) -> None:
        if event.startswith("c_") and arg.__name__ == "poll":
            seen.append((event, sys.getswitchinterval()))
        elif event == "return" and frame.f_code.co_name in ("poll", "select"):
            seen.append((frame.f_code.co_name, sys.getswitchinterval()))

    with EngineSelector() as selector, near, far:
        selector.register(near, selectors.EVENT_READ)
        far.send(b"x")
        try:
            sys.setprofile(see)
            selector.select(1)
        finally:
            sys.setprofile(None)
            sys.setswitchinterval(before)
    short, long = pytest.approx(WAKING_INTERVAL_S), pytest.approx(SWITCH_INTERVAL_S)
    # The library's own work on what the wait found, between our `poll` and our `select`, is done with the long time.
    assert seen == [("c_call", short), ("c_return", short), ("poll", long), ("select", long), ("select", long)]


def test_where_the_wait_has_another_form_the_whole_selection_has_the_short_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, seen = sys.getswitchinterval(), []
    monkeypatch.setattr(selectors, "EpollSelector", type("Nothing", (), {}), raising=False)
    with EngineSelector() as selector:
        monkeypatch.setattr(
            selectors.DefaultSelector, "select", lambda *_: seen.append(sys.getswitchinterval()) or [], raising=True
        )
        try:
            assert selector.select(0) == []
            assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
        finally:
            sys.setswitchinterval(before)
    assert seen == [pytest.approx(WAKING_INTERVAL_S)]

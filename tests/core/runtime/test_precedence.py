"""The console's thread makes room for the engine's, and for nobody else's sake is anything changed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.runtime import precedence
from core.runtime.precedence import STEPS, give_way

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

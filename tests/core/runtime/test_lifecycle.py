"""The way out: order, bounds, exit codes and last words. The cases with a terminal are in tests/hip3_tui/test_driver.py."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NoReturn

import msgspec
import pytest
from test_engine_thread import a_snapshot

from core.messages.exit_codes import ExitCode, exit_code_of_signal
from core.messages.snapshot import ReadyView
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.runtime.engine_thread import Ending, EngineThread
from core.runtime.lifecycle import INSISTENT, Lifecycle, what_is_open
from core.runtime.signals import StopSignals


class Left(BaseException):
    """Stands for the end of the process."""


class Program:
    """A life cycle in this process: signals are handed in by the test, and leaving raises in the main thread's place."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        ending: Ending | None,
        *,
        grace_s: float = 5.0,
        ui_grace_s: float = 0.2,
        leaves_open: bool = False,
    ) -> None:
        monkeypatch.setattr(StopSignals, "install", lambda self: None)
        self.ending, self.codes, self.restored = ending, [], 0
        self.running, self.let_go, self.left = threading.Event(), threading.Event(), threading.Event()
        self.engine = EngineThread(self._main)
        self.life = Lifecycle(
            self.engine,
            grace_s=grace_s,
            ui_grace_s=ui_grace_s,
            restore_terminal=self._restore,
            leaves_open=leaves_open,
            leave=self._leave,
        )
        self.life.install()

    async def _main(self, host: EngineThread, stop: asyncio.Event) -> None:
        self.running.set()
        await stop.wait()
        if self.ending is None:
            raise ValueError("engine fault")
        await asyncio.to_thread(self.let_go.wait, 20)
        host.conclude(self.ending)

    def _restore(self) -> None:
        self.restored += 1

    def _leave(self, code: int) -> NoReturn:
        self.codes.append(code)
        self.left.set()
        raise Left

    def start(self) -> None:
        self.engine.start()
        assert self.running.wait(5)

    def finish(self, code: int = 0) -> int:
        with pytest.raises(Left):
            self.life.finish(code)
        return self.codes[-1]


FLAT = Ending(confirmed=True, text="nothing open")


@pytest.mark.parametrize(
    ("ending", "asked", "left_with"),
    [
        (FLAT, 0, 0),
        (FLAT, 1, 1),
        (FLAT, 74, 74),
        (FLAT, exit_code_of_signal(signal.SIGTERM), 143),
        (Ending(confirmed=False, text="xyz:SNDK still open"), 143, ExitCode.NOT_CONFIRMED),
        (Ending(confirmed=True, refused=True, text="asset_idx"), 0, ExitCode.REFUSED),
        (None, 0, ExitCode.CRASH),
        (None, 143, ExitCode.CRASH),
    ],
)
def test_the_exit_code_tells_the_worst_that_is_known(
    monkeypatch: pytest.MonkeyPatch, ending: Ending | None, asked: int, left_with: int
) -> None:
    p = Program(monkeypatch, ending)
    p.let_go.set()
    p.start()
    p.life.begin_exit(asked, "test")
    assert p.finish() == left_with


@pytest.mark.parametrize("outcome", [None, 0, 3, RuntimeError("no screen")])
def test_a_console_that_ends_takes_the_engine_down_in_order(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], outcome: int | Exception | None
) -> None:
    def run() -> int | None:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    with pytest.raises(Left):
        p.life.run_console(run)
    assert p.engine.ending == FLAT
    assert p.codes == [ExitCode.CRASH if isinstance(outcome, Exception) else outcome or 0]
    assert ("RuntimeError: no screen" in capfd.readouterr().err) == isinstance(outcome, Exception)


def test_a_run_by_hand_promises_nothing_of_what_it_leaves_open(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    p = Program(monkeypatch, Ending(confirmed=True, text="left open as asked: xyz:SNDK buy 0.006"), leaves_open=True)
    p.start()
    p.life.begin_exit(0, "the order is done")
    p.let_go.set()
    assert p.finish() == 0
    said = capfd.readouterr().err
    assert "flat" not in said
    assert "left open as asked" in said


def test_an_engine_that_does_not_end_is_wedged(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT, grace_s=0.1)
    p.start()
    p.life.begin_exit(0, "test")
    assert p.finish() == ExitCode.WEDGED
    p.let_go.set()


def test_the_engine_ends_first_then_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    told: list[tuple[int, bool]] = []
    told_event = threading.Event()

    def exit_app(code: int) -> None:
        told.append((code, p.engine.is_done))
        told_event.set()

    p.life.register_app(exit_app)
    p.start()
    assert not p.life.exiting
    p.life.begin_exit(143, "SIGTERM")
    assert p.life.exiting
    assert not told_event.wait(0.05)
    p.let_go.set()
    assert told_event.wait(5)
    assert p.finish(143) == 143
    assert set(told) == {(143, True)}
    assert p.restored == 0  # the console did that itself


def test_a_console_that_was_not_ready_to_be_told_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT, ui_grace_s=5.0)
    p.let_go.set()
    p.start()
    calls: list[int] = []
    told = threading.Event()

    def exit_app(code: int) -> None:
        calls.append(code)
        if len(calls) == 1:
            raise RuntimeError("no loop yet")
        told.set()

    p.life.register_app(exit_app)
    p.life.begin_exit(0, "test")
    assert told.wait(5)
    assert p.finish() == 0


def test_a_console_that_does_not_end_is_left_behind_and_the_terminal_restored(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)  # Left ends the life cycle's thread here
    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    p.life.register_app(lambda code: None)
    p.life.begin_exit(130, "SIGINT")
    assert p.left.wait(5)
    assert p.codes == [130]
    assert p.restored == 1
    assert "the console was stuck: flat confirmed: nothing open" in capfd.readouterr().err


def test_the_first_code_counts_unless_it_was_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    p.life.begin_exit(0, "q")
    p.life.begin_exit(74, "terminal lost")
    assert p.engine.stop_reason == "q"
    assert p.finish(1) == 74


def test_signals_the_first_asks_the_last_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    p.start()
    for _ in range(INSISTENT - 1):
        p.life._on_signal(signal.SIGTERM)
    assert p.engine.stop_reason == "SIGTERM"
    assert p.codes == []
    with pytest.raises(Left):
        p.life._on_signal(signal.SIGTERM)
    assert p.codes == [ExitCode.NOT_CONFIRMED]
    assert p.restored == 1
    p.let_go.set()


def test_insisting_leaves_without_cleaning_up(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    p.start()
    cleaned: list[int] = []
    p.life.before_leaving(lambda: cleaned.append(1))
    with pytest.raises(Left):
        p.life.insist()
    assert p.codes == [ExitCode.NOT_CONFIRMED]
    assert cleaned == []
    p.let_go.set()
    p.engine.request_stop("end of the test")


def test_clean_up_runs_last_first_and_a_failure_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    done: list[str] = []

    def fail() -> None:
        done.append("failed")
        raise OSError("gone")

    p.life.before_leaving(lambda: done.append("log"))
    p.life.before_leaving(fail)
    p.life.before_leaving(lambda: done.append("child"))
    assert p.finish() == 0
    assert done == ["child", "failed", "log"]


def test_a_signal_before_the_start_promises_nothing_about_the_exchange(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    p = Program(monkeypatch, FLAT)
    p.life.begin_exit(143, "SIGTERM")
    p.engine.start()
    assert p.engine.wait_done(5)
    assert p.finish() == 143
    assert (
        capfd.readouterr().err == "hip3-tui: stopped (SIGTERM): the engine had not started, this run traded nothing\n"
    )


def test_an_engine_that_never_started_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    p = Program(monkeypatch, FLAT)
    began = time.monotonic()
    assert p.finish(78) == 78
    assert time.monotonic() - began < 2


def test_what_is_open_names_positions_and_live_orders() -> None:
    sndk, btc = MarketKey("xyz", "SNDK"), MarketKey("", "BTC")
    position: Any = SimpleNamespace(market=sndk, side=OrderSide.BUY, size=Decimal("0.5"))

    def order(market: MarketKey, status: OrderStatus) -> Any:
        return SimpleNamespace(market=market, side=OrderSide.SELL, size=Decimal(1), status=status)

    orders = (order(btc, OrderStatus.UNKNOWN), order(sndk, OrderStatus.FILLED))
    text = what_is_open(a_snapshot(1, (position,), orders))
    assert text == "last known: positions xyz:SNDK buy 0.5; orders BTC sell 1"
    read = ReadyView(md_ready=True, order_snapshot=True, fills_snapshot=True, position_synced=True, missing=())
    empty = msgspec.structs.replace(a_snapshot(), ready=read)
    assert what_is_open(empty) == "last known: positions none; orders none"
    never_read = msgspec.structs.replace(empty, ready=msgspec.structs.replace(read, position_synced=False))
    assert what_is_open(never_read) == "what is open is not known"
    assert what_is_open(None) == "what is open is not known"


# --- real signals, in a process of their own -------------------------------------------------------------------------------

HEADLESS = """
import asyncio, os, signal, subprocess, sys, threading, time
from core.runtime.engine_thread import Ending, EngineThread
from core.runtime.lifecycle import Lifecycle

async def main(host, stop):
    print("up", flush=True)
    await stop.wait()
    host.conclude(Ending(confirmed=True, text="test"))

engine = EngineThread(main)
life = Lifecycle(engine, grace_s=5)
"""


def _start(body: str, *, ignored: tuple[int, ...] = ()) -> subprocess.Popen[str]:
    code = textwrap.dedent(HEADLESS) + textwrap.dedent(body)
    set_up = "".join(f"import signal; signal.signal({int(n)}, signal.SIG_IGN)\n" for n in ignored)
    # Ignored before the program looks, as nohup or a shell's & would have it.
    return subprocess.Popen(
        [sys.executable, "-c", set_up + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


RUN = """
life.install()
engine.start()
engine.done.wait()
life.finish()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_is_an_orderly_end(number: signal.Signals) -> None:
    with _start(RUN) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert err.splitlines() == [f"hip3-tui: stopped ({number.name}): flat confirmed: test"]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_what_was_ignored_at_launch_stays_ignored_but_not_term(number: signal.Signals) -> None:
    with _start(RUN, ignored=(number, signal.SIGTERM)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 143
    assert "SIGTERM" in err


def test_a_signal_while_children_are_started_is_not_lost_and_does_not_kill() -> None:
    # The mask is undone in this thread again and again while signals come in; each of them must be counted.
    body = """
    seen = []
    life._signals._on_signal = lambda n: seen.append(n)
    life.install()
    stop = threading.Event()
    def start_children():
        while not stop.is_set():
            life.start_child(["true"]).wait()
    children = threading.Thread(target=start_children)
    children.start()
    for i in range(200):
        os.kill(os.getpid(), signal.SIGTERM)
        end = time.monotonic() + 5
        while len(seen) <= i and time.monotonic() < end:
            time.sleep(0.0005)
    stop.set(); children.join()
    print(len(seen), flush=True)
    """
    with _start(body) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out == "200\n"


def test_a_child_has_no_mask_and_a_session_of_its_own() -> None:
    body = """
    life.install()
    child = life.start_child(
        [sys.executable, "-c", "import os,signal; print(len(signal.pthread_sigmask(0, ())), os.getsid(0) == os.getpid())"],
        stdout=subprocess.PIPE, text=True)
    print(child.communicate()[0].strip(), len(signal.pthread_sigmask(0, ())), flush=True)
    """
    with _start(body) as process:
        out, err = process.communicate(timeout=10)
    assert out == "0 True 4\n", err


def test_last_words_do_not_wait_for_a_reader() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while True:
            os.write(write_end, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    code = textwrap.dedent(HEADLESS) + textwrap.dedent(RUN)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=write_end) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
    os.close(read_end)
    os.close(write_end)


def test_what_a_clean_up_could_not_do_is_said_before_the_last_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    left: list[tuple[int, str]] = []
    p.life.on_leaving = lambda code, words: left.append((code, words))
    p.life.before_leaving(lambda: ("1 alert not delivered",))
    p.life.before_leaving(lambda: None)
    p.life.begin_exit(0, "test")
    assert p.finish() == 0
    lines = capfd.readouterr().err.splitlines()
    assert lines[-2] == "hip3-tui: 1 alert not delivered"
    assert lines[-1].startswith("hip3-tui: stopped (test): flat confirmed")
    assert left == [(0, "flat confirmed: nothing open")]


def test_who_is_told_of_the_end_cannot_spoil_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: int, words: str) -> None:
        raise ValueError("no")

    p = Program(monkeypatch, FLAT)
    p.let_go.set()
    p.start()
    p.life.on_leaving = fail
    p.life.begin_exit(0, "test")
    assert p.finish() == 0


def test_a_clean_up_that_needs_longer_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runtime.lifecycle.CLEANUP_S", 0.0)
    p = Program(monkeypatch, FLAT)
    p.life._cleanup_s = 0.0
    done = threading.Event()
    may_end = threading.Event()
    threading.Timer(0.3, may_end.set).start()

    def slow() -> None:
        may_end.wait(10)
        done.set()

    p.let_go.set()
    p.start()
    p.life.before_leaving(slow, more_s=10.0)
    p.life.begin_exit(0, "test")
    assert p.finish() == 0
    assert done.is_set()

"""A small console on the real driver, engine thread and life cycle, with an engine that only ticks; run by test_driver.py on a pty.

Each tick of the engine, each beat of the console and each turning point is a line "monotonic-time kind" in the log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from core.messages.commands import AnyCommand, Shutdown
from core.messages.exit_codes import ExitCode
from core.runtime.engine_thread import Ending, EngineThread
from core.runtime.lifecycle import Lifecycle
from hip3_tui.driver import UnblockingDriver
from hip3_tui.terminal import SavedTerminal

parser = argparse.ArgumentParser()
parser.add_argument("--log", required=True)
parser.add_argument("--grace", type=float, default=5.0)
parser.add_argument("--ui-grace", type=float, default=3.0)
parser.add_argument("--shutdown-s", type=float, default=0.3)
parser.add_argument("--wedge", action="store_true", help="the engine's thread hangs when asked to stop")
parser.add_argument("--not-flat", action="store_true", help="the engine ends without a confirmation")
parser.add_argument("--engine-dies", action="store_true", help="an exception in the engine after 1 s")
parser.add_argument("--ui-hangs", action="store_true", help="the key h blocks the console's loop for good")
parser.add_argument("--no-console", action="store_true")
options = parser.parse_args()

log_fd = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def record(kind: str) -> None:
    os.write(log_fd, f"{time.monotonic():.6f} {kind}\n".encode())


async def engine_main(host: EngineThread, stop: asyncio.Event) -> None:
    def receive(command: AnyCommand) -> None:
        record(f"COMMAND-{type(command).__name__}")
        if isinstance(command, Shutdown):
            shutdown.set()

    shutdown = asyncio.Event()
    host.receive_commands(receive)
    started = time.monotonic()
    ends_at = None
    while ends_at is None or time.monotonic() < ends_at:
        record("eng")
        await asyncio.sleep(0.05)
        if options.engine_dies and time.monotonic() > started + 1:
            raise ValueError("the engine's own fault")
        if shutdown.is_set() and ends_at is None:
            assert stop.is_set()
            if options.wedge:
                time.sleep(600)  # noqa: ASYNC251  the very fault under test
            ends_at = time.monotonic() + options.shutdown_s
    record("SHUTDOWN-DONE")
    host.conclude(Ending(confirmed=not options.not_flat, text="dummy engine"))


class Console(App[None]):
    CSS = "Static { height: 1; }"

    def __init__(self, life: Lifecycle) -> None:
        super().__init__(driver_class=UnblockingDriver)
        self.life, self.beats, self.frozen, self.was_stalled = life, 0, False, False

    def compose(self) -> ComposeResult:
        for i in range(40):
            yield Static(f"line {i}", id=f"r{i}")

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        self.life.register_app(lambda code: loop.call_soon_threadsafe(lambda: self.exit(return_code=code)) and None)
        self.set_interval(0.1, self.beat)
        record("MOUNTED")

    def beat(self) -> None:
        # Draws on while stalled, on purpose: what is dropped must be made good by the repaint.
        if self.driver.stalled != self.was_stalled:
            self.was_stalled = self.driver.stalled
            record("STALLED" if self.was_stalled else "DRAINED")
        if self.frozen:
            return
        self.beats += 1
        record("ui")
        for i in range(self.beats % 3, 40, 3):
            cells = " ".join(f"[{'red' if (i + k) % 2 else 'cyan'}]{self.beats * 7 + i + k}[/]" for k in range(18))
            self.query_one(f"#r{i}", Static).update(f"line {i} {cells}")

    @property
    def driver(self) -> UnblockingDriver:
        assert isinstance(self._driver, UnblockingDriver)
        return self._driver

    def repaint_all(self) -> None:
        record("REPAINT")
        self.screen.refresh(layout=True)

    def on_terminal_dead(self) -> None:
        record("TERMINAL-DEAD")
        self.life.begin_exit(ExitCode.TERMINAL_LOST, "terminal lost")

    def key_f(self) -> None:
        """Freeze, and tell what the screen must look like."""
        self.frozen = True
        self.call_after_refresh(self.dump)

    def dump(self) -> None:
        strips = self.screen._compositor.render_strips()
        text = "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
        Path(options.log + ".screen").write_text(text)
        record("DUMPED")

    def on_unmount(self) -> None:
        # As soon as the console goes down: a hanging thread can keep `run` from returning.
        self.life.begin_exit(self.return_code or 0, "the console ended")

    def key_t(self) -> None:
        """Crash with a thread that hangs: the loop's own end waits for it."""
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
        raise RuntimeError("the console's own fault")

    def key_q(self) -> None:
        self.life.begin_exit(0, "quit")

    def key_i(self) -> None:
        self.life.insist()

    def key_x(self) -> None:
        self.crash(14)

    def crash(self, depth: int) -> None:
        """Deep, so that the traceback is larger than what a terminal's buffer takes unread."""
        if depth:
            self.crash(depth - 1)
        raise RuntimeError("the console's own fault")

    def key_h(self) -> None:
        record("HANGING")
        time.sleep(600)

    def key_c(self) -> None:
        child = self.life.start_child(["sh", "-c", "grep SigBlk /proc/self/status; sleep 600"], stdout=-1)
        assert child.stdout is not None
        record("CHILD-" + child.stdout.readline().decode().split()[1])
        child.terminate()
        record(f"CHILD-CODE-{child.wait(5)}")


engine = EngineThread(engine_main)
life = Lifecycle(engine, grace_s=options.grace, ui_grace_s=options.ui_grace, restore_terminal=SavedTerminal().restore)
life.install()
life.before_leaving(lambda: record("CLEANED-UP"))
engine.start()
if options.no_console:
    engine.done.wait()
    life.finish()
console = Console(life)


def run() -> int | None:
    console.run()
    record("MAIN-BACK")
    return console.return_code


life.run_console(run)

"""The simulated exchange as a program: serves in the foreground until a signal, or until its stdin ends.

A child of the console watches its stdin: when the console is killed outright the kernel closes the pipe, and the simulator ends by
itself. SPEC 9; PROTOCOL 14.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from core.config import SimConfig
from core.runtime.sim_server import SimServer, SimServerError
from core.sim.scenario import Scenario

_COLLECT_EVERY_S = 60.0
"""A collection takes some tens of milliseconds, which one block in a thousand is late for."""


async def serve(
    config: SimConfig,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    stop: asyncio.Event,
    on_listening: Callable[[str], None] | None = None,
    allow_remote: bool = False,
    speed: float = 1.0,
    state: Path | None = None,
    scenario: Scenario | None = None,
) -> None:
    """Serve until `stop` is set.

    Raises:
        SimServerError: It cannot listen, or it failed while running.
    """
    server = SimServer(config, host, port, allow_remote=allow_remote, speed=speed, state=state)
    if scenario is not None:
        server.play(scenario, _say)
    await server.start()
    collecting = asyncio.create_task(_collect_now_and_then())
    try:
        if on_listening is not None:
            on_listening(server.url)
        stopped = asyncio.create_task(stop.wait())
        living = asyncio.create_task(server.wait())
        done, pending = await asyncio.wait((stopped, living), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if living in done and living.cancelled():
            raise SimServerError("the simulator ended by a mistake of its own")
        if living in done:
            living.result()
    finally:
        collecting.cancel()
        await server.stop()


def run_sim(
    config: SimConfig,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    watch_stdin: bool = False,
    allow_remote: bool = False,
    speed: float = 1.0,
    state: Path | None = None,
    scenario: Scenario | None = None,
) -> None:
    """Serve in the foreground until told to end: SIGINT, SIGTERM, or the end of stdin (when watched).

    Prints `listening on http://HOST:PORT` once bound.

    Raises:
        SimServerError: It cannot listen, or it failed while running.
    """

    async def until_told(stop: asyncio.Event) -> None:
        await serve(
            config,
            host,
            port,
            stop=stop,
            on_listening=_say_listening,
            allow_remote=allow_remote,
            speed=speed,
            state=state,
            scenario=scenario,
        )

    keep_collector_calm()
    asyncio.run(_run(until_told, watch_stdin))


def keep_collector_calm() -> None:
    """What a venue makes it mostly keeps, so looking for garbage as often as Python does is a tenth of its time for nothing.

    What is left of connections and requests is found all the same, once a minute: else it hardly ever would be.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def _collect_now_and_then() -> None:
    while True:
        await asyncio.sleep(_COLLECT_EVERY_S)
        gc.collect()


async def _run(serve_until: Callable[[asyncio.Event], Coroutine[Any, Any, None]], watch_stdin: bool) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def set_stop() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    if watch_stdin:
        threading.Thread(target=_await_end_of_stdin, args=(set_stop,), daemon=True, name="stdin").start()
    await serve_until(stop)


def _say_listening(url: str) -> None:
    _say(f"listening on {url}")


def _say(line: str) -> None:
    print(line, flush=True)


def _await_end_of_stdin(then: Callable[[], None]) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # a stdin that cannot be read has ended too
    then()

"""The simulator as a program of its own: how it begins, ends, and fails."""

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
import weakref

import msgspec
import pytest

from core.config import SimConfig
from core.runtime.sim_program import serve

CONFIG = SimConfig(seed=7, latency_min_ms=0, latency_max_ms=5)
WAIT_S = 10


async def test_a_mistake_of_ours_ends_the_server_instead_of_silencing_it(monkeypatch):
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(CONFIG, stop=stop, on_listening=url.set_result))
    await url
    monkeypatch.setattr("core.sim.exchange.Exchange.advance", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, WAIT_S)


async def test_what_only_leads_back_to_itself_is_found_while_it_serves(monkeypatch):
    class Left:
        pass

    monkeypatch.setattr("core.runtime.sim_program._COLLECT_EVERY_S", 0.01)
    left, found = Left(), asyncio.Event()
    left.itself = left
    loop = asyncio.get_running_loop()
    weakref.finalize(left, loop.call_soon_threadsafe, found.set)
    gc.disable()
    try:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(SimConfig(seed=1, markets=()), stop=stop))
        del left
        await asyncio.wait_for(found.wait(), 60)
        stop.set()
        await serving
    finally:
        gc.enable()


@contextlib.contextmanager
def program(**how):
    command = [sys.executable, "-m", "hip3_tui", "sim", "--port", "0", "--seed", "7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def test_the_program_ends_when_its_stdin_ends():
    command = [sys.executable, "-m", "hip3_tui", "sim", "--child"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(msgspec.json.encode(SimConfig()) + b"\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"listening on ")
    process.stdin.close()
    assert process.wait(WAIT_S) == 0
    process.stdout.close()


def test_the_program_ends_on_a_signal():
    with program(stdin=subprocess.DEVNULL) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0

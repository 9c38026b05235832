"""Draws screenshots/ again: the real engine trading on the real simulator with a fixed seed, and every other state from hand-made snapshots.

screenshots/ has what the README shows, SVG and PNG; screenshots/states/, which git ignores, gets every screen and state at three sizes, as SVG
(``--states``: those alone). PNG only where a Chromium and Fira Code are installed (Debian: chromium
fonts-firacode). Takes some minutes: it waits for the states it shows. Run by ``make screenshots``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from chromium import find_chromium, tab
from hand_made_pictures import SIZES, draw
from hand_made_pictures import settle as settle_keys
from picture_files import draw_pngs, write_svg

from core.messages.commands import ResetHardStop
from core.messages.snapshot import Snapshot
from core.runtime.assembly import Program, assemble
from core.runtime.config_file import load_config
from core.runtime.sim_process import own_simulator
from hip3_tui.app import ConsoleApp
from hip3_tui.commands.beside import beside
from hip3_tui.console import Outside

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "screenshots"
STATES = TARGET / "states"
PATIENCE_S = 180.0
FROM_STATES = ("preflight-120x40", "ticket-typed-120x40", "verification-run-120x40")
"""Hand-made ones that the README shows."""
CONFIG = ROOT / "config" / "sim.toml"


def main() -> None:
    os.environ["HIP3_GREETING"] = "off"
    STATES.mkdir(parents=True, exist_ok=True)
    only_states = "--states" in sys.argv[1:]
    if not only_states:
        live()
    asyncio.run(draw(STATES))
    if not only_states:
        for name in FROM_STATES:
            shutil.copyfile(STATES / f"{name}.svg", TARGET / f"{name}.svg")
        asyncio.run(draw_pngs(sorted(TARGET.glob("*.svg"))))


def live() -> None:
    config = load_config(CONFIG)
    config = msgspec.structs.replace(config, sim=msgspec.structs.replace(config.sim, seed=7))
    simulator = own_simulator(config)
    with tempfile.TemporaryDirectory() as state:
        program = assemble(config, "config/sim.toml", simulator, state_dir=Path(state, "hip3-tui"))
        program.first_frame.set()
        try:
            asyncio.run(shoot(program, Outside(**beside(program, config, str(CONFIG))), state))
        finally:
            program.engine.request_stop("screenshots are done")
            program.engine.wait_done(20)
            if simulator is not None:
                simulator.stop()


async def shoot(program: Program, outside: Outside, state: str) -> None:
    """The states worth seeing, in the order in which a run comes to them."""
    await until(program, "two positions and six closed trades", lambda s: len(s.positions) >= 2 and s.pnl.trades >= 6)
    for name in SIZES:
        await picture(program, outside, f"console-{name}", name)
    for name, keys in (
        ("history", ("h",)),
        ("history-details", ("h", "enter")),
        ("report", ("w",)),
        ("report-plots", ("w", "4")),
        ("faults", ("i",)),
        ("help", ("question_mark",)),
    ):
        await picture(program, outside, f"{name}-120x40", "120x40", *keys)
    await browser(state)
    await picture(program, outside, "hard-stop-120x40", "120x40", "x")
    await until(program, "flat after the hard stop", lambda s: not s.positions and s.hard_stop.tripped)
    await picture(program, outside, "hard-stop-80x24", "80x24")
    await picture(program, outside, "reset-120x40", "120x40", "r")
    program.engine.send(ResetHardStop(command_id="screenshots", reason="screenshots are taken"))


class Staying:
    """A life cycle for a console that comes and goes while the engine trades on."""

    exiting = False

    def begin_exit(self, code: int, reason: str) -> None:
        pass

    def insist(self) -> None:
        pass


async def picture(program: Program, outside: Outside, name: str, size: str, *keys: str) -> None:
    app = ConsoleApp(program.engine, Staying(), outside=outside, own_gc=False)
    async with app.run_test(size=SIZES[size]) as pilot:
        await pilot.pause(0.8)  # a few beats, so that it shows what the engine last said
        await settle_keys(pilot, keys)
        await pilot.pause(0.8)
        write_svg(app, TARGET / f"{name}.svg")


async def browser(state: str) -> None:
    """The same console in a real browser, through the real server."""
    chromium = find_chromium()
    if chromium is None:
        return
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hip3_tui", "serve", "--config", str(CONFIG), "--port", "0",
        cwd=ROOT, env={**os.environ, "XDG_STATE_HOME": state}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = (await server.stdout.readline()).decode().split()[-1]
        async with tab(chromium, 1120, 760) as page:
            await page.open(address)
            await page.until("document.body && document.body.classList.contains('-first-byte')")
            await asyncio.sleep(4)
            (TARGET / "browser.png").write_bytes(await page.picture())
        print("browser.png")
    finally:
        server.terminate()
        await server.wait()


async def until(program: Program, what: str, holds: Callable[[Snapshot], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        snapshot = program.engine.latest
        if snapshot is not None and holds(snapshot):
            return
        if time.monotonic() > end or program.engine.is_done:
            raise SystemExit(f"screenshots: not seen within {PATIENCE_S:.0f} s: {what}; {program.engine.error}")
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    main()
    sys.stdout.flush()

"""Draws screenshots/ again: the real engine trading on the real simulator with a fixed seed, seen through the console at several sizes.

SVG always; PNG beside it where a Chromium and Fira Code are installed (Debian: chromium fonts-firacode), because nothing else draws these
SVGs as a terminal does. Takes about a minute: it waits for the states it shows. Run by ``make screenshots``.
"""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
from textual.pilot import Pilot

from core.messages.commands import ResetHardStop
from core.messages.snapshot import Snapshot
from core.runtime.assembly import Program, assemble
from core.runtime.config_file import load_config
from core.runtime.sim_process import own_simulator
from hip3_tui.app import ConsoleApp

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "screenshots"
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
PATIENCE_S = 120.0


def main() -> None:
    source = ROOT / "config" / "sim.toml"
    config = load_config(source)
    config = msgspec.structs.replace(config, sim=msgspec.structs.replace(config.sim, seed=7))
    simulator = own_simulator(config)
    with tempfile.TemporaryDirectory() as state:
        program = assemble(config, "config/sim.toml", simulator, state_dir=Path(state))
        try:
            asyncio.run(shoot(program))
        finally:
            program.engine.request_stop("screenshots are done")
            program.engine.wait_done(20)
            if simulator is not None:
                simulator.stop()
    draw_pngs()


async def shoot(program: Program) -> None:
    """The states worth seeing, in the order in which a run comes to them."""
    await until(program, "two positions and a closed trade", lambda s: len(s.positions) >= 2 and len(s.trades) >= 1)
    for name, size in SIZES.items():
        await picture(program, f"console-{name}", size)
    await picture(program, "help-120x40", SIZES["120x40"], "question_mark")
    await picture(program, "hard-stop-120x40", SIZES["120x40"], "x")
    await until(program, "flat after the hard stop", lambda s: not s.positions and s.hard_stop.tripped)
    await picture(program, "hard-stop-80x24", SIZES["80x24"])
    await picture(program, "reset-120x40", SIZES["120x40"], "r")
    program.engine.send(ResetHardStop(command_id="screenshots", reason="screenshots are taken"))


class Staying:
    """A life cycle for a console that comes and goes while the engine trades on."""

    exiting = False

    def begin_exit(self, code: int, reason: str) -> None:
        pass

    def insist(self) -> None:
        pass


async def picture(program: Program, name: str, size: tuple[int, int], *keys: str) -> None:
    app = ConsoleApp(program.engine, Staying(), own_gc=False)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        if keys:
            await pilot.press(*keys)
            await settle(pilot)
        svg = app.export_screenshot(title="hip3-tui")
    # Textual numbers its style classes by chance; fixed names keep unchanged pictures unchanged.
    TARGET.mkdir(exist_ok=True)
    (TARGET / f"{name}.svg").write_text(re.sub(r"terminal-\d+-", "terminal-", svg))
    print(f"screenshots/{name}.svg")


async def settle(pilot: Pilot[int]) -> None:
    """Let a few beats of the screen pass, so that it shows what the engine last said."""
    await pilot.pause(0.8)


async def until(program: Program, what: str, holds: object) -> None:
    assert callable(holds)
    end = time.monotonic() + PATIENCE_S
    while True:
        snapshot: Snapshot | None = program.engine.latest
        if snapshot is not None and holds(snapshot):
            return
        if time.monotonic() > end or program.engine.is_done:
            raise SystemExit(f"screenshots: not seen within {PATIENCE_S:.0f} s: {what}; {program.engine.error}")
        await asyncio.sleep(0.1)


def draw_pngs() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium here: the SVGs are new, the PNGs are as they were")
        return
    for svg in sorted(TARGET.glob("*.svg")):
        draw_png(chromium, svg)
        print(f"screenshots/{svg.stem}.png")


def draw_png(chromium: str, svg: Path) -> None:
    """Through a page without margins: a bare SVG would be drawn with letter boxes."""
    text = svg.read_text()
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert box is not None, f"{svg.name} has no viewBox"
    width, height = math.ceil(float(box[1])), math.ceil(float(box[2]))
    style = f"html,body{{margin:0;background:#000}}svg{{display:block;width:{width}px;height:{height}px}}"
    with tempfile.TemporaryDirectory() as tmp:
        page = Path(tmp, "page.html")
        page.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>{text}")
        command = [
            *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(
                f"--window-size={width},{height}",
                f"--user-data-dir={tmp}/profile",
                f"--screenshot={svg.with_suffix('.png')}",
            ),
            page.as_uri(),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    main()
    sys.stdout.flush()

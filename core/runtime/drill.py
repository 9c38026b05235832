"""A drill: the simulator plays a scenario, the shipped program trades on it in a process of its own, and the venue's truth is the judge.

Starts both, waits for the end of the scenario within a bound, asks the exchange what is true, and compares it with what the scenario expects.
Trades nothing and decides nothing about trading. Easy to get wrong: the judge must outlive what it judges, so neither the exchange nor the
program lives in this process; and nothing is judged that was broken off, because a drill that was left early proves nothing.

Issue 4 part 5.
"""

from __future__ import annotations

import json
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.config import AccountConfig, Config, FileKey, JournalConfig, MarketConfig, SignerConfig, check_config
from core.hyperliquid.signing_key import SigningKey
from core.messages.exit_codes import ExitCode
from core.runtime.drill_program import ORDER_FILE, DrillOrder
from core.runtime.drill_story import story_of
from core.runtime.keys import TEST_KEY
from core.runtime.paths import drill_folder
from core.runtime.scenario_file import load_scenario
from core.runtime.sim_process import CHILD_COMMAND, SimProcess, SimProcessError
from core.sim.exchange import PUBLIC_TEST_ACCOUNT
from core.sim.scenario import Scenario
from core.sim.scenario_judge import Finding, Outcome, judge, told

PROGRAM_COMMAND = (sys.executable, "-m", "hip3_tui", "drill-program")
_START_S = 40.0
"""From the program's start to READY, on a machine that is busy with other things."""
_BEYOND_STOP_S = 30.0
"""Beyond what an orderly stop may take."""
_ANSWER_S = 10.0


class DrillError(Exception):
    """Nothing could be judged. One line for the operator."""


class Report(Struct, frozen=True):
    """What came of a drill."""

    name: str
    findings: tuple[Finding, ...]
    seconds: float
    """Between READY and the end of the scenario or, earlier, of the program."""
    folder: str
    """Where the program's journal and log are."""

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


def run_drill(path: Path, *, headless: bool, state_dir: Path | None = None) -> Report:
    """Play a scenario against the shipped program.

    Args:
        headless: Without the console; else it takes this terminal.
        state_dir: Where state goes; default the user's own state directory.

    Raises:
        ConfigError: The scenario cannot be used.
        DrillError: It could not be played to its end.
    """
    scenario = load_scenario(path)
    folder = drill_folder(int(time.time() * 1000), state_dir)
    settings = msgspec.json.encode(scenario.sim)
    try:
        simulator = SimProcess(settings, (*CHILD_COMMAND, "--scenario", str(path.absolute())))
        try:
            host, port = simulator.wait_listening()
            return _play(scenario, path, folder, f"{host}:{port}", headless)
        finally:
            simulator.stop()
    except SimProcessError as e:
        raise DrillError(str(e)) from None


def _play(scenario: Scenario, path: Path, folder: Path, address: str, headless: bool) -> Report:
    control = f"http://{address}/control"
    config = program_config(scenario, address, folder, control, str(path))
    order = DrillOrder(
        config=config, control_url=control, source=str(path), headless=headless, story=story_of(scenario, str(path))
    )
    (folder / ORDER_FILE).write_bytes(msgspec.json.encode(order))
    most_s = _START_S + scenario.length_s + config.execution.stop_grace_ms / 1000 + _BEYOND_STOP_S
    words = folder / "words.txt"
    code = _run_program(folder, most_s, words if headless else None)
    last_words = words.read_text(errors="replace").strip() if headless else ""
    said = f": {last_words.splitlines()[-1]}" if last_words else ""
    if code is None:
        raise DrillError(f"the program did not end within {most_s:.0f} s and was killed; its journal: {folder}")
    clock = ask(control, {"do": "scenario"})
    if clock["elapsedMs"] is None:
        raise DrillError(f"the program was never ready (exit code {code}{said}); its journal: {folder}")
    if not clock["isOver"] and code != ExitCode.CRASH:
        raise DrillError(
            f"broken off {clock['elapsedMs'] / 1000:.0f} s after READY, of {scenario.length_s} s (exit code {code}{said}); not judged"
        )
    truth = ask(control, {"do": "truth"})
    outcome = Outcome(latch_reason(folder / "journal.db"), code, ended_in_order=code == ExitCode.OK)
    findings = judge(scenario, truth, PUBLIC_TEST_ACCOUNT, outcome)
    return Report(scenario.name, tuple(findings), min(clock["elapsedMs"] / 1000, scenario.length_s), str(folder))


def program_config(scenario: Scenario, address: str, folder: Path, control: str, source: str) -> Config:
    """What the program is configured with.

    Raises:
        ConfigError: Settings of the scenario's [program] contradict each other.
    """
    key_file = folder / "key"
    secret = secrets.token_hex(32) if scenario.agent else TEST_KEY.removeprefix("0x")
    key_file.touch(mode=0o600)
    key_file.write_text(secret)
    if scenario.agent:
        agent = SigningKey(bytes.fromhex(secret)).address
        ask(control, {"do": "approve_agent", "user": PUBLIC_TEST_ACCOUNT, "agent": agent, "name": "drill"})
    safety = scenario.program.safety
    config = Config(
        ws_url=f"ws://{address}/ws",
        info_url=f"http://{address}/info",
        mode="trading",
        markets=tuple(MarketConfig(coin) for coin in scenario.markets),
        signer=SignerConfig(FileKey(str(key_file))),
        account=AccountConfig(PUBLIC_TEST_ACCOUNT),
        safety=replace(safety, mainnet=safety.mainnet or scenario.network == "mainnet"),
        execution=scenario.program.execution,
        risk=scenario.program.risk,
        journal=JournalConfig(path=str(folder / "journal.db")),
        sim=scenario.sim,
    )
    check_config(config, f"{source}: program")
    return config


def _run_program(folder: Path, most_s: float, words: Path | None) -> int | None:
    """Its exit code; None when it had to be killed. The terminal's Ctrl+C is the program's to hear, and we wait for what it makes of it."""
    command = [*PROGRAM_COMMAND, str(folder)]
    taken: dict[int, Any] = {}
    if words is None:
        process = subprocess.Popen(command)
    else:
        with words.open("wb") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def pass_on(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            process.send_signal(number)

    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            taken[number] = signal.signal(number, pass_on)
        return process.wait(most_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    finally:
        for taken_number, handler in taken.items():
            signal.signal(taken_number, handler)


def ask(url: str, command: dict[str, Any]) -> dict[str, Any]:
    """One /control command.

    Raises:
        DrillError: The simulator does not answer, or refuses.
    """
    request = urllib.request.Request(url, json.dumps(command).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
            result: dict[str, Any] = json.loads(answer.read())
            return result
    except urllib.error.HTTPError as e:
        raise DrillError(f"the simulator refuses {command['do']}: {e.read().decode(errors='replace')}") from None
    except OSError as e:
        raise DrillError(f"the simulator does not answer: {e}") from None


def latch_reason(journal: Path) -> str | None:
    """What the latch on disk says; None when it is not tripped."""
    try:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT tripped_at_ms, reason FROM latch").fetchone()
    except sqlite3.Error as e:
        raise DrillError(f"journal {journal}: the latch cannot be read: {e}") from None
    return None if row is None or row[0] is None else str(row[1])


def verdict_lines(report: Report) -> list[str]:
    """The report for a person."""
    word = "PASS" if report.passed else "FAIL"
    where = [] if report.passed else [f"journal and log: {report.folder}"]
    return [*told(list(report.findings)), f"{word}: {report.name}, {report.seconds:.0f} s", *where]


def verdict_json(report: Report) -> str:
    """The report for a program, in one line."""
    fields = {
        "name": report.name,
        "passed": report.passed,
        "seconds": report.seconds,
        "findings": list(report.findings),
        "folder": report.folder,
    }
    return msgspec.json.encode(fields).decode()
